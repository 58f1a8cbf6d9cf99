"""Columns of many decodes put together into batches, in buffers that are used over and over.

A batch is sealed when it is full, in rows or in bytes, or old enough. Optional columns that only some exporters
give are filled up with their default in the rows of the others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.datagrams import address_text
from sixfold.api.flow.codec import MAX_ROWS
from sixfold.api.flow.schema import ADDRESS, BatchSchema, Columns

_DEFAULTS: Final[Mapping[str, int]] = {"direction": 255}
_Buffers = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch to encode. columns: valid until `release`, which gives their memory back to the batcher.

    exporter: the one exporter of all rows, or `*`. time_first, time_last: ms UTC, earliest and latest time in it.
    """

    schema: BatchSchema
    columns: Columns
    count: int
    exporter: str
    time_first: int
    time_last: int
    release: Callable[[], None]


class Batcher:
    """max_bytes: of the columns as they lie in memory, which bounds the encoded batch too (it adds a few KB of
    headers). Not thread-safe. `clock` values are ms, any epoch.
    """

    def __init__(
        self, schema: BatchSchema, max_rows: int = MAX_ROWS, max_age_ms: int = 250, max_bytes: int = 16 << 20
    ) -> None:
        if not 0 < max_rows <= MAX_ROWS:
            raise ValueError(f"max_rows must be between 1 and {MAX_ROWS}, not {max_rows}")
        self._schema = schema
        self._max_rows, self._max_age, self._max_bytes = max_rows, max_age_ms, max_bytes
        self._widths = {
            column.name: 16 if column.kind == ADDRESS else column.dtype.itemsize for column in schema.columns
        }
        if max_bytes < sum(self._widths.values()):
            raise ValueError(f"max_bytes {max_bytes} does not hold one row of {schema.name}")
        self._times = [name for name in ("time_start", "time_end", "time") if name in self._widths]
        self._spare: list[_Buffers] = []
        self._sealed: list[Sealed] = []
        self._begin()

    def _begin(self) -> None:
        self._buffers: _Buffers = {}
        self._present: dict[str, None] = {}
        self._rows = 0
        self._limit = self._max_rows
        self._since: int | None = None
        self._exporter: bytes | None = None
        self._mixed = False

    @property
    def rows(self) -> int:
        """Rows in the batch that is not yet sealed."""
        return self._rows

    @property
    def room(self) -> int:
        """Rows that it still takes, of the columns that it has."""
        return self._limit - self._rows

    @property
    def full(self) -> bool:
        """Whether a batch is sealed and was not taken yet."""
        return bool(self._sealed)

    def add(self, columns: Columns, now: int | None = None) -> None:
        """Copy the columns in. now: when, for the age of the batch; without it the age begins with the next `poll`.

        Raises ValueError for columns that are not the schema's, and adds none of them then.
        """
        total = self._check(columns)
        done = 0
        while done < total:
            self._join(columns)
            room = self._limit - self._rows
            if room <= 0:
                self._seal()
                continue
            n = min(room, total - done)
            self._copy(columns, done, n)
            if self._since is None:
                self._since = now
            done += n
            if self._rows >= self._limit:
                self._seal()

    def poll(self, now: int) -> list[Sealed]:
        """The batches that are full, and the open one if it is old enough."""
        if self._rows:
            if self._since is None:
                self._since = now
            elif now - self._since >= self._max_age:
                self._seal()
        return self._handed()

    def flush(self) -> list[Sealed]:
        """All there is, whatever its age."""
        self._seal()
        return self._handed()

    def _handed(self) -> list[Sealed]:
        handed, self._sealed = self._sealed, []
        return handed

    def _check(self, columns: Columns) -> int:
        missing = [name for name in self._schema.required if name not in columns]
        unknown = [name for name in columns if name not in self._widths]
        if missing or unknown:
            raise ValueError(
                f"{self._schema.name} columns: missing {', '.join(missing) or 'none'}, "
                f"unknown {', '.join(unknown) or 'none'}"
            )
        lengths = {len(values) for values in columns.values()}
        if len(lengths) != 1:
            raise ValueError(f"{self._schema.name} columns of different lengths: {sorted(lengths)}")
        return lengths.pop()

    def _join(self, columns: Columns) -> None:
        """Make place for columns that the batch has not had yet."""
        new = [name for name in columns if name not in self._present]
        if not new:
            return
        width = sum(self._widths[name] for name in (*self._present, *new))
        limit = min(self._max_rows, self._max_bytes // width)
        if self._rows >= limit:
            self._seal()
            return self._join(columns)
        self._limit = limit
        if not self._present and self._spare:
            self._buffers = self._spare.pop()
        for name in new:
            self._buffer(name)[: self._rows] = _DEFAULTS.get(name, 0)
            self._present[name] = None

    def _buffer(self, name: str) -> npt.NDArray[Any]:
        buffer = self._buffers.get(name)
        if buffer is None:
            column = self._schema.column(name)
            shape = (self._max_rows, 16) if column.kind == ADDRESS else (self._max_rows,)
            buffer = self._buffers[name] = np.empty(shape, dtype=column.dtype)
        return buffer

    def _copy(self, columns: Columns, first: int, n: int) -> None:
        start, stop = self._rows, self._rows + n
        for name in self._present:
            values = columns.get(name)
            self._buffers[name][start:stop] = (
                _DEFAULTS.get(name, 0) if values is None else values[first : first + n]
            )
        if not self._mixed:
            exporter = self._buffers["exporter"][start:stop]
            one = self._exporter = self._exporter or exporter[0].tobytes()
            words = np.frombuffer(one, dtype=np.uint64)
            self._mixed = not bool((exporter.view(np.uint64) == words).all())
        self._rows = stop

    def _seal(self) -> None:
        if not self._rows:
            return
        buffers = self._buffers
        columns = {
            column.name: buffers[column.name][: self._rows]
            for column in self._schema.columns
            if column.name in self._present
        }
        times = [columns[name] for name in self._times]
        released = False

        def release() -> None:
            nonlocal released
            if not released:
                released = True
                self._spare.append(buffers)

        self._sealed.append(
            Sealed(
                schema=self._schema,
                columns=columns,
                count=self._rows,
                exporter="*" if self._mixed or self._exporter is None else address_text(self._exporter),
                time_first=min(int(some.min()) for some in times),
                time_last=max(int(some.max()) for some in times),
                release=release,
            )
        )
        self._begin()
