"""An answer on its way: status and headers with the first piece, then piece by piece; a client that goes is noticed."""

import asyncio
import contextlib
import json
import secrets
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import IO, Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sixfold.local.clickhouse.compression import Encoder
from sixfold.local.clickhouse.connection import Progress
from sixfold.local.clickhouse.errors import QueryError
from sixfold.local.clickhouse.formats import content_type

SEND_TIMEOUT: Final = 30.0
"""Seconds that a client may leave a piece unread."""
_IN_MEMORY: Final = 8 << 20
_PIECE: Final = 1 << 20
_INLINE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class About:
    """What the headers say."""

    server: str
    version: str
    query_id: str
    timezone: str

    def headers(self) -> dict[str, str]:
        return {
            "X-ClickHouse-Server-Display-Name": self.server,
            "X-ClickHouse-Query-Id": self.query_id,
            "X-ClickHouse-Timezone": self.timezone,
        }

    def error(self, error: QueryError) -> Response:
        headers = {**self.headers(), "X-ClickHouse-Exception-Code": str(error.code)}
        if error.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        text = str(error)
        if "(version " not in text and self.version:
            text += f" (version {self.version})"
        return Response(text + "\n", error.status, headers, "text/plain; charset=UTF-8")


def summary(progress: Progress, seconds: float) -> str:
    counts = {
        "read_rows": progress.read_rows,
        "read_bytes": progress.read_bytes,
        "written_rows": progress.written_rows,
        "written_bytes": 0,
        "total_rows_to_read": 0,
        "result_rows": progress.result_rows,
        "result_bytes": progress.result_bytes,
        "elapsed_ns": int(seconds * 1e9),
    }
    return json.dumps({name: str(count) for name, count in counts.items()})


Pieces = Callable[[Callable[[Progress], None]], AsyncGenerator[bytes]]


class _BrokenOffError(Exception):
    """The answer ended in an error that its reader has got."""


class Answer(Response):
    """`wait`: nothing is sent before the last piece is there, so that an error has its own status.

    `format`: None for a statement without a result: clients tell by the missing header.
    """

    def __init__(
        self, pieces: Pieces, about: About, *, format: str | None, encoder: Encoder, wait: bool
    ) -> None:
        self.background = None
        self._pieces = pieces
        self._about = about
        self._format = format
        self._encoder = encoder
        self._wait = wait
        self._progress = Progress()
        self._started = time.perf_counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_disconnected(receive))
        work = asyncio.create_task(self._serve(scope, receive, send))
        try:
            await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not work.done():
                work.cancel()
            await asyncio.wait({gone, work})
        if (
            not work.cancelled()
            and (error := work.exception()) is not None
            and not isinstance(error, OSError)
        ):
            raise error

    def _note(self, progress: Progress) -> None:
        self._progress = progress

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(self._pieces(self._note)) as pieces:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
                try:
                    first = await anext(pieces, b"")
                    if self._wait:
                        await self._collect(first, pieces, spool)
                except QueryError as error:
                    await self._about.error(error)(scope, receive, send)
                    return
                tag = secrets.token_hex(8)
                await send(self._start(tag))
                if self._wait:
                    await self._send_all(send, _read(spool))
                else:
                    await self._send_all(send, self._encoded(first, pieces, tag))

    async def _collect(self, first: bytes, pieces: AsyncIterator[bytes], spool: IO[bytes]) -> None:
        spool.write(await self._encode(first))
        async for piece in pieces:
            spool.write(await self._encode(piece))
        spool.write(self._encoder.end())
        spool.seek(0)

    async def _encoded(self, first: bytes, pieces: AsyncIterator[bytes], tag: str) -> AsyncIterator[bytes]:
        yield await self._encode(first)
        try:
            async for piece in pieces:
                yield await self._encode(piece)
        except QueryError as error:
            # Too late for another status: the text goes where the clients of a server look for it.
            text = f"{error}\n".encode()
            yield self._encoder.encode(
                b"__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n"
                % (tag.encode(), text, len(text), tag.encode())
            )
            yield self._encoder.end()
            raise _BrokenOffError from error
        yield self._encoder.end()

    async def _encode(self, piece: bytes) -> bytes:
        if len(piece) < _INLINE:
            return self._encoder.encode(piece) if piece else b""
        return await asyncio.to_thread(self._encoder.encode, piece)

    def _start(self, tag: str) -> dict[str, Any]:
        headers = {
            **self._about.headers(),
            "X-ClickHouse-Summary": summary(self._progress, time.perf_counter() - self._started),
            "X-ClickHouse-Exception-Tag": tag,
            "Content-Type": content_type(self._format or "TabSeparated"),
        }
        if self._format:
            headers["X-ClickHouse-Format"] = self._format
        if self._encoder.encoding:
            headers["Content-Encoding"] = self._encoder.encoding
        raw = [
            (name.lower().encode("latin-1"), text.encode("latin-1", "replace"))
            for name, text in headers.items()
        ]
        return {"type": "http.response.start", "status": 200, "headers": raw}

    async def _send_all(self, send: Send, pieces: AsyncIterator[bytes]) -> None:
        try:
            async for piece in pieces:
                for at in range(0, len(piece), _PIECE):
                    data = piece[at : at + _PIECE]
                    await _in_time(send({"type": "http.response.body", "body": data, "more_body": True}))
        except _BrokenOffError:
            # As a server does: the body has no end, so that nobody takes a part for the whole.
            return
        await _in_time(send({"type": "http.response.body", "body": b"", "more_body": False}))


async def _in_time(sending: Any) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT):
            await sending
    except TimeoutError as error:
        raise ConnectionError(f"the client reads nothing for {SEND_TIMEOUT:g} seconds") from error


async def _read(spool: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := spool.read(_PIECE):
        yield piece


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
