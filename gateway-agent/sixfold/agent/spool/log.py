"""An append-only log of segments. Every sealed batch is written here before it is published, and forgotten when the bus
has it; so a killed agent loses nothing that was sealed, and an agent without a bus simply has a longer log.

    append -> (read -> acknowledge)…      in order of sealing; a segment whose records are all acknowledged is deleted

What was written but not acknowledged is read again after a restart. Past `max_bytes` the oldest segment is given up,
its unacknowledged records counted. Written and read by different threads.
"""

import errno
import json
import os
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sixfold.agent.config import SpoolSettings
from sixfold.agent.counters import Counters
from sixfold.agent.spool.record import HEAD, Record, check_of, decode_meta, head_of, read_head

_ACK: Final = 4


@dataclass(slots=True)
class _Segment:
    number: int
    path: Path
    size: int = 0
    offsets: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)

    @property
    def acks_path(self) -> Path:
        return self.path.with_suffix(".ack")

    @property
    def waiting(self) -> int:
        return len(self.offsets) - len(self.acknowledged)


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """batches, rows, bytes that wait; what was given up since the start."""

    batches: int
    bytes: int
    limit_bytes: int
    dropped_batches: int
    dropped_rows: int


class Spool:
    """Raises OSError where the directory cannot be made or read."""

    def __init__(self, folder: Path, settings: SpoolSettings, counters: Counters) -> None:
        self._folder = folder
        self._settings = settings
        self._counters = counters
        self._lock = threading.Lock()
        self._segments: deque[_Segment] = deque()
        self._memory: deque[Record] = deque()
        self._memory_bytes = 0
        self._memory_number = 0
        self._file: int | None = None
        self._cursor = (0, 0)
        self._dropped_batches = self._dropped_rows = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._recover()

    # Writing

    def append(self, meta: Mapping[str, Any], data: bytes, rows: int) -> None:
        """Keep one batch. Where the disk takes nothing it is held in memory, within bounds; never raises OSError."""
        encoded = json.dumps(meta, separators=(",", ":")).encode()
        with self._lock:
            try:
                self._write(encoded, data, rows)
            except OSError as error:
                self._counters.add(
                    "spool_write_errors", 1, error=errno.errorcode.get(error.errno or 0, "EIO")
                )
                self._hold(meta, data, rows)
            self._bound()

    def _write(self, meta: bytes, data: bytes, rows: int) -> None:
        if self._file is None or self._segments[-1].size >= self._settings.segment_bytes:
            self._begin_segment()
        assert self._file is not None
        segment = self._segments[-1]
        parts = [head_of(meta, data, rows), meta, data]
        total = sum(map(len, parts))
        try:
            written = os.writev(self._file, parts)
            if written != total:
                raise OSError(errno.ENOSPC, "the disk took a part only")
            if self._settings.fsync:
                os.fsync(self._file)
        except OSError:
            # What was written of it must not stand between two good records.
            os.ftruncate(self._file, segment.size)
            os.lseek(self._file, segment.size, os.SEEK_SET)
            raise
        segment.offsets.append(segment.size)
        segment.rows.append(rows)
        segment.size += total

    def _begin_segment(self) -> None:
        number = self._segments[-1].number + 1 if self._segments else self._cursor[0] + 1
        path = self._folder / f"{number:012d}.log"
        opened = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        if self._file is not None:
            os.close(self._file)
        self._file = opened
        done = self._segments[-1] if self._segments else None
        self._segments.append(_Segment(number, path))
        if done is not None and not done.waiting:
            self._delete(done)

    def _hold(self, meta: Mapping[str, Any], data: bytes, rows: int) -> None:
        self._memory_number += 1
        self._memory.append(Record(meta, data, rows, (-1, self._memory_number)))
        self._memory_bytes += len(data)
        while self._memory and self._memory_bytes > self._settings.memory_bytes:
            given_up = self._memory.popleft()
            self._memory_bytes -= given_up.size
            self._give_up("disk-full", 1, given_up.rows)

    def _bound(self) -> None:
        while len(self._segments) > 1 and sum(one.size for one in self._segments) > self._settings.max_bytes:
            oldest = self._segments[0]
            lost = [rows for number, rows in enumerate(oldest.rows) if number not in oldest.acknowledged]
            self._give_up("spool-full", len(lost), sum(lost))
            self._delete(oldest)

    def _give_up(self, cause: str, batches: int, rows: int) -> None:
        self._dropped_batches += batches
        self._dropped_rows += rows
        if batches:
            self._counters.add("batches_lost", batches, cause=cause)
            self._counters.add("rows_lost", rows, cause=cause)

    def _delete(self, segment: _Segment) -> None:
        self._segments.remove(segment)
        segment.path.unlink(missing_ok=True)
        segment.acks_path.unlink(missing_ok=True)

    # Reading

    def read(self) -> Record | None:
        """The next record that was not read yet, in order; None when there is none."""
        while True:
            with self._lock:
                found = self._next()
                if found is None:
                    if self._memory:
                        record = self._memory.popleft()
                        self._memory_bytes -= record.size
                        return record
                    return None
                segment, number = found
                offset = segment.offsets[number]
                self._cursor = (segment.number, number + 1)
                path, rows = segment.path, segment.rows[number]
            record = self._read_at(path, offset, (segment.number, number))
            if record is not None:
                return record
            self._counters.add("spool_records_damaged", 1, cause="unreadable")
            with self._lock:
                self._give_up("damaged", 1, rows)
            self.acknowledge((segment.number, number))

    def _next(self) -> tuple[_Segment, int] | None:
        for segment in self._segments:
            if segment.number < self._cursor[0]:
                continue
            start = self._cursor[1] if segment.number == self._cursor[0] else 0
            for number in range(start, len(segment.offsets)):
                if number not in segment.acknowledged:
                    return segment, number
        return None

    def _read_at(self, path: Path, offset: int, position: tuple[int, int]) -> Record | None:
        try:
            with path.open("rb") as file:
                file.seek(offset)
                head = read_head(file.read(HEAD.size))
                if head is None:
                    return None
                meta, data = file.read(head[0]), file.read(head[1])
        except OSError:
            # The segment may have been given up in this moment.
            return None
        decoded = decode_meta(meta)
        if decoded is None or len(data) != head[1] or check_of(meta, data) != head[3]:
            return None
        return Record(decoded, data, head[2], position)

    def acknowledge(self, position: tuple[int, int]) -> None:
        """The bus has this record: it is not read again, also not after a restart."""
        number, index = position
        with self._lock:
            for segment in self._segments:
                if segment.number == number:
                    break
            else:
                return
            segment.acknowledged.add(index)
            last = segment is self._segments[-1]
            if segment.waiting == 0 and not last:
                self._delete(segment)
                return
            if segment.waiting == 0 and segment.size >= self._settings.segment_bytes // 4:
                # All is told: begin anew before the segment grows old.
                self._end_segment(segment)
                return
        try:
            with segment.acks_path.open("ab", buffering=0) as file:
                file.write(index.to_bytes(_ACK, "little"))
        except OSError:
            # Then it is published again after a restart, and the reader knows it already.
            self._counters.add("spool_write_errors", 1, error="ack")

    def _end_segment(self, segment: _Segment) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._cursor = (segment.number, len(segment.offsets))
        self._delete(segment)

    def status(self) -> SpoolStatus:
        with self._lock:
            waiting = sum(segment.waiting for segment in self._segments) + len(self._memory)
            held = sum(segment.size for segment in self._segments if segment.waiting) + self._memory_bytes
            return SpoolStatus(
                waiting, held, self._settings.max_bytes, self._dropped_batches, self._dropped_rows
            )

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    # After a restart

    def _recover(self) -> None:
        """Index what is there. What stands after the last whole record of a segment is a torn write: counted."""
        for path in sorted(self._folder.glob("*.log")):
            if not path.stem.isdigit():
                continue
            segment = _Segment(int(path.stem), path)
            self._index(segment)
            self._cursor = (max(self._cursor[0], segment.number), 0)
            if segment.waiting:
                self._segments.append(segment)
            else:
                path.unlink(missing_ok=True)
                segment.acks_path.unlink(missing_ok=True)
        if self._segments:
            self._cursor = (self._segments[0].number, 0)
            # New records go into a segment of their own: the old ones are only read.
            self._begin_segment()

    def _index(self, segment: _Segment) -> None:
        size = segment.path.stat().st_size
        with segment.path.open("rb") as file:
            while segment.size + HEAD.size <= size:
                file.seek(segment.size)
                head = read_head(file.read(HEAD.size))
                if head is None:
                    break
                end = segment.size + HEAD.size + head[0] + head[1]
                if end > size:
                    break
                segment.offsets.append(segment.size)
                segment.rows.append(head[2])
                segment.size = end
        if segment.size != size:
            self._counters.add("spool_records_damaged", 1, cause="torn")
        try:
            told = segment.acks_path.read_bytes()
        except OSError:
            told = b""
        whole = len(told) // _ACK * _ACK
        numbers = (int.from_bytes(told[at : at + _ACK], "little") for at in range(0, whole, _ACK))
        segment.acknowledged = {number for number in numbers if number < len(segment.offsets)}
