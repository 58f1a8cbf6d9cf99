"""The body of a request: received whole before the engine is asked, in memory or on disk, within a bound."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from email.parser import BytesParser
from typing import IO, Final

from starlette.requests import ClientDisconnect, Request

from sixfold.local.clickhouse.errors import refused

_IN_MEMORY: Final = 4 << 20
_PIECE: Final = 1 << 20
_MAX_FORM: Final = 4 << 20
_PATIENCE: Final = 30.0
"""Seconds that the rest of a body which is too large may take."""


class Body:
    """As it was sent, compressed or not. A context manager: its file is gone afterwards."""

    def __init__(self) -> None:
        self.size = 0
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    async def receive(self, request: Request, most: int) -> None:
        """Raises QueryError (307) past `most` bytes."""
        announced = request.headers.get("content-length", "0")
        size = int(announced) if announced.isdigit() else 0
        try:
            if size > 2 * most:
                raise _too_large(most)
            parts = request.stream()
            async for part in parts:
                self.size += len(part)
                if max(self.size, size) > most:
                    await _let_it_end(parts, most)
                    raise _too_large(most)
                self._file.write(part)
        except ClientDisconnect as error:
            raise refused(210, "NETWORK_ERROR", "The client went away while it sent the body") from error
        self._file.seek(0)

    def pieces(self) -> Iterator[bytes]:
        while piece := self._file.read(_PIECE):
            yield piece


async def _let_it_end(parts: AsyncIterator[bytes], most: int) -> None:
    """A client that still sends would see a broken connection in place of the reason: read on, within bounds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            async for part in parts:
                most -= len(part)
                if most < 0:
                    return


def _too_large(most: int) -> Exception:
    return refused(307, "TOO_MANY_BYTES", f"The body is larger than {most} bytes, the most for this user")


def form_fields(content_type: str, data: bytes) -> Mapping[str, bytes]:
    """The fields of a multipart/form-data body. Raises QueryError for files: external tables are not known here."""
    if len(data) > _MAX_FORM:
        raise _too_large(_MAX_FORM)
    message = BytesParser().parsebytes(
        b"content-type: " + content_type.encode("latin-1") + b"\r\n\r\n" + data
    )
    fields: dict[str, bytes] = {}
    for part in message.get_payload() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")  # pyright: ignore
        if part.get_filename() is not None:  # pyright: ignore
            raise refused(48, "NOT_IMPLEMENTED", "External data are not supported: insert them into a table")
        if isinstance(name, str):
            fields[name] = part.get_payload(decode=True) or b""  # pyright: ignore
    return fields
