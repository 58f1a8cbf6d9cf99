"""One statement on a connection of its own: made for it (a millisecond), so that nothing of a statement stays behind.

Everything here blocks and belongs into a worker thread, one thread at a time for one object.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sixfold.local.clickhouse.errors import QueryError, from_engine
from sixfold.local.clickhouse.formats import Joiner, joinable, native_head


@dataclass(frozen=True, slots=True)
class Job:
    """identity: by which it is killed. streams: its answer may come in pieces. bare: without FORMAT."""

    sql: str
    format: str
    identity: str
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    readonly: int = 0
    streams: bool = False
    bare: str = ""

    @property
    def in_pieces(self) -> bool:
        return self.streams and joinable(self.format)


@dataclass(slots=True)
class Progress:
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    result_rows: int = 0
    result_bytes: int = 0


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Statement:
    """A job being done. Its methods raise QueryError."""

    def __init__(self, path: Path, usual_database: str, job: Job) -> None:
        self.progress = Progress()
        self._path = path
        self._usual = usual_database
        self._job = job
        self._connection: Any = None
        self._stream: Any = None
        self._joiner: Joiner | None = None
        self._ended = False

    def _open(self) -> Any:
        import chdb

        job = self._job
        connection = self._connection = chdb.connect(str(self._path))
        pairs = {**job.settings, "log_comment": job.identity}
        connection.query("SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in pairs.items()))
        try:
            connection.query(f"USE `{(job.database or self._usual).replace('`', '``')}`")
        except RuntimeError:
            # The usual database is there after the first migrations.
            if job.database:
                raise
        if job.readonly:
            connection.query(f"SET readonly = {job.readonly}")
        return connection

    def next(self) -> bytes | None:
        """The next piece of the answer; None at its end. The first call runs the statement."""
        try:
            return self._next()
        except RuntimeError as error:
            self._ended = True
            raise error if isinstance(error, QueryError) else from_engine(error) from error

    def _next(self) -> bytes | None:
        job = self._job
        if self._ended:
            return None
        if self._connection is None:
            connection = self._open()
            if not job.in_pieces:
                self._ended = True
                result = connection.query(job.sql, job.format, params=dict(job.parameters))
                self._count(result)
                return result.bytes()
            self._stream = connection.send_query(job.sql, job.format, params=dict(job.parameters))
            self._joiner = Joiner(job.format)
        # Not StreamingResult.fetch: that forgets the head of an answer without rows.
        joiner = self._joiner
        assert joiner is not None
        result = self._stream._conn.streaming_fetch_result(self._stream._result)
        data = b"" if result is None else result.bytes()
        if result is not None:
            self._count(result)
        if result is not None and result.rows_read():
            return joiner.join(data)
        self._ended = True
        if self.progress.result_rows == 0:
            data = joiner.join(data) if data else self._head_of_nothing()
            return data + joiner.end()
        return joiner.end()

    def _head_of_nothing(self) -> bytes:
        """A server says the columns also of a Native answer without rows; the embedded engine does not."""
        if self._job.format.lower() != "native":
            return b""
        self._stream.close()
        described = self._connection.query(
            f"DESCRIBE TABLE ({self._job.bare}\n)", "TabSeparatedRaw", params=dict(self._job.parameters)
        )
        columns = [line.split("\t")[:2] for line in described.bytes().decode().splitlines()]
        return native_head([(name, kind) for name, kind in columns])

    def _count(self, result: Any) -> None:
        one = self.progress
        one.read_rows = max(one.read_rows, result.storage_rows_read())
        one.read_bytes = max(one.read_bytes, result.storage_bytes_read())
        one.written_rows = max(one.written_rows, result.rows_written())
        one.result_rows += result.rows_read()
        one.result_bytes += result.bytes_read()

    def insert(self, pieces: Iterable[bytes]) -> None:
        """Insert what `pieces` hold, whose format is the job's. Nothing of it is stored where `pieces` raises."""
        try:
            inserter = self._open().send_insert(self._job.sql, self._job.format)
            try:
                for piece in pieces:
                    inserter.append(piece)
                written = inserter.finish()
            except BaseException:
                with contextlib.suppress(RuntimeError):
                    inserter.cancel()
                raise
            self.progress.written_rows = written.rows_written
        except RuntimeError as error:
            raise error if isinstance(error, QueryError) else from_engine(error) from error

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):
            if self._stream is not None:
                self._stream.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
