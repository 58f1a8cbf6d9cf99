"""HTTP to the outside with the standard library, in a thread: bounded in time and size, http and https alone."""

import http.client
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

CHUNK: Final = 1 << 18


class WebError(Exception):
    """No usable answer; `status` is 0 where there was none at all."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """Follows redirects on one host only, so that credentials go nowhere else."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            raise urllib.error.HTTPError(req.full_url, code, f"redirects to {new.netloc}", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


@contextmanager
def request(
    url: str,
    *,
    headers: Mapping[str, str],
    timeout: float,
    most_bytes: int,
    body: bytes | None = None,
    patience: float = 600.0,
) -> Iterator[Answer]:
    """GET, or POST with a body. A status of 300 and more (but 304) raises WebError, as does whatever else goes wrong
    while the answer is read; gzip is undone. `timeout` seconds for each step, `patience` for all.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise WebError(f"{url!r} is no http or https address")
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        *(() if body is not None else (_SameOrigin(),)),  # what was posted is not got elsewhere
    ):
        opener.add_handler(handler)
    asked = urllib.request.Request(url, data=body, headers=dict(headers))  # noqa: S310 - the scheme is checked
    try:
        answer = opener.open(asked, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 304:
                yield Answer(304, dict(error.headers.items()), iter(()))
                return
            said = error.read(200).decode("utf-8", "replace").strip()
        raise WebError(
            f"HTTP {error.code} {error.reason}{': ' + said if said else ''}", error.code
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WebError(str(error) or type(error).__name__) from error
    with answer:
        yield Answer(
            answer.status,
            dict(answer.headers.items()),
            _bounded(answer, most_bytes, time.monotonic() + patience),
        )


def _bounded(answer: Any, most_bytes: int, deadline: float) -> Iterator[bytes]:
    unpack = zlib.decompressobj(31) if answer.headers.get("Content-Encoding") == "gzip" else None
    total = 0
    try:
        while chunk := answer.read1(CHUNK):
            if time.monotonic() > deadline:
                raise WebError("it takes too long")
            plain = chunk
            while plain:
                piece = unpack.decompress(plain, CHUNK * 4) if unpack is not None else plain
                plain = unpack.unconsumed_tail if unpack is not None else b""
                total += len(piece)
                if total > most_bytes:
                    raise WebError(f"more than {most_bytes:,} bytes")
                yield piece
    except (OSError, http.client.HTTPException, zlib.error) as error:
        raise WebError(f"broken off: {error or type(error).__name__}") from error
