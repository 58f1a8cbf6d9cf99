"""One statement on a connection of its own: made for it (a millisecond), so that nothing of a statement stays behind.

Everything here blocks and belongs into a worker thread, one thread at a time for one object.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sixfold.local.clickhouse.errors import QueryError, from_engine, refused
from sixfold.local.clickhouse.formats import Joiner, joinable, native_head
from sixfold.local.clickhouse.statement import from_file

SMALL_ROWS: Final = 20_000
"""So many rows may be a whole answer without its size being known before."""
TOO_MANY_ROWS: Final = 396


@dataclass(frozen=True, slots=True)
class Job:
    """identity: by which it is killed. streams: its answer may come in pieces. bare: `sql` without FORMAT."""

    sql: str
    format: str
    identity: str
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    readonly: int = 0
    streams: bool = False
    bare: str = ""
    whole_bytes: int | None = None
    """The most for an answer that is not in pieces."""

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

    def _open(self, settings: Mapping[str, str] = MappingProxyType({})) -> Any:
        """Of a new connection, with `settings` in place of the job's."""
        import chdb

        job = self._job
        connection = self._connection = chdb.connect(str(self._path))
        pairs = {**job.settings, **settings, "log_comment": job.identity}
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
            if not job.in_pieces:
                self._ended = True
                return self._whole()
            self._stream = self._open().send_query(job.sql, job.format, params=dict(job.parameters))
            self._joiner = Joiner(job.format)
        joiner = self._joiner
        assert joiner is not None
        result = self._fetch()
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

    def _fetch(self) -> Any:
        # Not StreamingResult.fetch: that forgets the head of an answer without rows.
        return self._stream._conn.streaming_fetch_result(self._stream._result)

    def _whole(self) -> bytes:
        """The engine holds such an answer outside of the memory that it limits, whatever its size.

        So a large one is made once more before, piece by piece, only to know how large it is.
        """
        job = self._job
        if job.whole_bytes is not None and job.streams:
            rows = int(job.settings.get("max_result_rows", "0"))
            if not 0 < rows <= SMALL_ROWS:
                small = {"max_result_rows": str(SMALL_ROWS), "result_overflow_mode": "throw"}
                try:
                    return self._answer(small)
                except RuntimeError as error:
                    if from_engine(error).code != TOO_MANY_ROWS:
                        raise
                self.close()
                self._measure(job.whole_bytes)
                self.close()
        return self._answer({})

    def _answer(self, settings: Mapping[str, str]) -> bytes:
        result = self._open(settings).query(
            self._job.sql, self._job.format, params=dict(self._job.parameters)
        )
        self._count(result)
        return result.bytes()

    def _measure(self, most: int) -> None:
        job = self._job
        self._stream = self._open().send_query(job.sql, job.format, params=dict(job.parameters))
        size = 0
        while (result := self._fetch()) is not None and result.rows_read():
            size += result.size()
            if size > most:
                raise refused(
                    TOO_MANY_ROWS,
                    "TOO_MANY_ROWS_OR_BYTES",
                    f"Limit for result exceeded: more than {most >> 20} MiB as {job.format}, which is sent whole. "
                    "Ask for fewer rows, or for a format that is sent in pieces (CSV, TSV, JSONEachRow, "
                    "Native, ArrowStream)",
                )

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
        """Insert what `pieces` hold, whose format is the job's. Nothing of it is stored where `pieces` raises.

        Through a file that is memory: the engine's streaming insert says nothing of too many parts, a full disk or a
        failing view, and ends as if all were stored.
        """
        try:
            with os.fdopen(os.memfd_create("insert"), "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                sql = from_file(self._job.sql, f"/proc/self/fd/{file.fileno()}", self._job.format)
                # An insert from a file reads what it writes.
                self.progress.written_rows = self._open().query(sql, "Null").rows_read()
        except (RuntimeError, UnicodeDecodeError) as error:
            if "codec can't decode" in str(error):
                # The engine's own words quote the data, and Python cannot read them.
                raise refused(
                    27,
                    "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
                    f"The data cannot be read as {self._job.format}: they hold bytes that are no text "
                    "(are they compressed, without a Content-Encoding header?)",
                ) from error
            raise error if isinstance(error, QueryError) else from_engine(error) from error

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):
            if self._stream is not None:
                self._stream.close()
        self._stream = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
