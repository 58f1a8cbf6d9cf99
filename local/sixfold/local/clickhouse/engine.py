"""Sessions of the embedded engine: several over the same data, each one statement at a time, in threads."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

log = logging.getLogger(__name__)
MAX_WAITING: Final = 64


class EngineError(RuntimeError):
    """What the engine says against a statement; `code` is ClickHouse's."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class EngineBusyError(EngineError):
    def __init__(self) -> None:
        super().__init__(
            f"Code: 202. DB::Exception: {MAX_WAITING} statements wait already: try again. "
            "(TOO_MANY_SIMULTANEOUS_QUERIES)",
            202,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    data: bytes
    rows_read: int
    seconds: float


def _error(error: Exception) -> EngineError:
    text = str(error).strip()
    digits = text.partition("Code: ")[2].partition(".")[0]
    return EngineError(text, int(digits) if digits.isdigit() else 1002)


class Session:
    """One connection. Settings of a single statement are set before it and taken back after it."""

    def __init__(self, path: Path, lasting: Mapping[str, str], database: str) -> None:
        self._path = path
        self._database = database
        self._lasting = dict(lasting)
        self._connection: Any = None

    def open(self) -> None:
        import chdb

        self._connection = chdb.connect(str(self._path))
        for name, value in self._lasting.items():
            self._connection.query(f"SET {name} = {value}")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def use(self, database: str) -> None:
        """Enter `database`; where none is named the usual one, if it is there already. Raises EngineError."""
        try:
            self._connection.query(f"USE `{(database or self._database).replace('`', '')}`")
        except RuntimeError as error:
            if database:
                raise _error(error) from error
            self._connection.query("USE default")

    def run(
        self,
        sql: str,
        output: str,
        settings: Mapping[str, str],
        parameters: Mapping[str, str],
        data: bytes | None,
    ) -> Answer:
        """Raises EngineError."""
        try:
            self._set(settings)
            if data is not None:
                return self._insert(sql, output, data)
            result = self._connection.query(sql, output, params=dict(parameters))
            return Answer(result.bytes(), result.rows_read(), result.elapsed())
        except RuntimeError as error:
            raise _error(error) from error
        finally:
            self._reset(settings)

    def _insert(self, sql: str, input_format: str, data: bytes) -> Answer:
        with self._connection.send_insert(sql, input_format) as inserter:
            inserter.append(data)
            written = inserter.finish()
        return Answer(b"", written.rows_written, written.elapsed)

    def _set(self, settings: Mapping[str, str]) -> None:
        if settings:
            pairs = ", ".join(f"{name} = '{_quoted(value)}'" for name, value in settings.items())
            self._connection.query(f"SET {pairs}")

    def _reset(self, settings: Mapping[str, str]) -> None:
        for name in settings:
            value = self._lasting.get(name, "DEFAULT")
            try:
                self._connection.query(f"SET {name} = {value}")
            except RuntimeError as error:
                log.debug("%s: %s", name, error)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


class Sessions:
    """A bounded number of sessions with equal rights."""

    def __init__(self, path: Path, *, size: int, lasting: Mapping[str, str], database: str) -> None:
        self._all = [Session(path, lasting, database) for _ in range(size)]
        self._free: asyncio.Queue[Session] = asyncio.Queue()
        self._waiting = 0

    async def start(self) -> None:
        for session in self._all:
            await asyncio.to_thread(session.open)
            self._free.put_nowait(session)

    async def stop(self) -> None:
        for session in self._all:
            await asyncio.to_thread(session.close)

    async def run(
        self,
        sql: str,
        output: str,
        *,
        settings: Mapping[str, str],
        parameters: Mapping[str, str],
        database: str = "",
        data: bytes | None = None,
    ) -> Answer:
        """Raises EngineError, EngineBusyError."""
        if self._free.empty() and self._waiting >= MAX_WAITING:
            raise EngineBusyError
        self._waiting += 1
        try:
            session = await self._free.get()
        finally:
            self._waiting -= 1

        def work() -> Answer:
            session.use(database)
            return session.run(sql, output, settings, parameters, data)

        try:
            # A caller that goes away must not take the session with it: the statement ends first.
            return await asyncio.shield(asyncio.create_task(self._work(session, work)))
        except asyncio.CancelledError:
            log.info("a client went away before its answer")
            raise

    async def _work(self, session: Session, work: Any) -> Answer:
        try:
            return await asyncio.to_thread(work)
        finally:
            self._free.put_nowait(session)
