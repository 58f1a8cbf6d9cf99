"""A request of ClickHouse's HTTP interface as a statement, and an answer with its headers."""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import lz4.frame
from backports import zstd
from starlette.requests import Request

from sixfold.local.clickhouse.users import denied

MAX_BODY: Final = 256 << 20
_FORMAT: Final = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_INSERT: Final = re.compile(
    rb"^\s*(INSERT\s+INTO\s+.*?)\s+FORMAT\s+(\w+)[ \t]*(?:\r?\n|;|$)", re.IGNORECASE | re.DOTALL
)
_INSERT_START: Final = re.compile(rb"^\s*INSERT\b", re.IGNORECASE)
CONTENT_TYPES: Final = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
}
STATUS: Final = {
    **dict.fromkeys((516, 193, 192), 401),
    **dict.fromkeys((164, 497, 291), 403),
    **dict.fromkeys((60, 81, 36, 46, 47, 115), 404),
    **dict.fromkeys((159, 160), 408),
    **dict.fromkeys((202, 241), 503),
    **dict.fromkeys((62, 6, 26, 27, 38, 41, 42, 43, 53, 69, 70, 72, 131, 386, 396, 456), 400),
    307: 413,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """format: of the output, or of `data` in an insert. data: None where it is no insert of data."""

    sql: str
    format: str
    data: bytes | None
    database: str
    query_id: str


def credentials(request: Request) -> tuple[str, str]:
    """(user, password) of the headers or the parameters."""
    header = request.headers.get("authorization", "")
    if header.lower().startswith("basic "):
        try:
            user, _, password = base64.b64decode(header[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise denied("the Authorization header cannot be read", "AUTHENTICATION_FAILED", 516) from error
        return user, password
    name = request.headers.get("x-clickhouse-user") or request.query_params.get("user", "")
    return name, request.headers.get("x-clickhouse-key") or request.query_params.get("password", "")


async def body_of(request: Request) -> bytes:
    """The body, decompressed, within MAX_BODY."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise denied(f"the body is larger than {MAX_BODY} bytes", "TOO_MANY_BYTES", 307)
        parts.append(part)
    return _decompressed(b"".join(parts), request.headers.get("content-encoding", ""))


def _decompressed(body: bytes, encoding: str) -> bytes:
    try:
        match encoding:
            case "" | "identity":
                return body
            case "lz4":
                plain = lz4.frame.LZ4FrameDecompressor().decompress(body, MAX_BODY + 1)
            case "zstd":
                plain = zstd.ZstdDecompressor().decompress(body, MAX_BODY + 1)
            case "gzip" | "deflate":
                plain = zlib.decompressobj(wbits=47).decompress(body, MAX_BODY + 1)
            case _:
                raise denied(f"content encoding {encoding!r} is not known", "UNKNOWN_COMPRESSION_METHOD", 89)
    except (RuntimeError, zlib.error, zstd.ZstdError) as error:
        raise denied(f"the body is no {encoding}: {error}", "CANNOT_DECOMPRESS", 271) from error
    if len(plain) > MAX_BODY:
        raise denied(f"the body is larger than {MAX_BODY} bytes", "TOO_MANY_BYTES", 307)
    return plain


def statement_of(parameters: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Statement:
    """The query parameter and the body together, as ClickHouse joins them."""
    query = parameters.get("query", "").encode()
    text = query + b"\n" + body if query and body else query or body
    database = headers.get("x-clickhouse-database") or parameters.get("database", "")
    output = parameters.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated"
    query_id = parameters.get("query_id", "")
    if _INSERT_START.match(text) and (insert := _INSERT.match(text)):
        data = text[insert.end() :]
        return Statement(insert.group(1).decode(), insert.group(2).decode(), data, database, query_id)
    sql = text.decode(errors="replace").strip().rstrip(";")
    if named := _FORMAT.search(sql):
        output = named.group(1)
    return Statement(sql, output, None, database, query_id)
