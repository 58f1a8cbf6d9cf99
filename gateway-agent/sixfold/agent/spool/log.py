"""The log of one kind of batches: write-ahead log and spool in one.

Every sealed batch is written here before it is published, and forgotten when the bus has it. So a killed agent loses
nothing that was sealed, and an agent without a bus simply has a longer log.

    append -> (read -> acknowledge)…      in order of sealing, numbered here

A segment whose records are all acknowledged is used again for new ones. What was written but not acknowledged is
read again after a restart (what was acknowledged out of turn, too: the bus knows it by its id). Where the disk takes
nothing, batches are held in memory, within a bound, under an epoch that ends with the process.

One thread appends, another reads and acknowledges; the lock is never held over a write or a read of the disk.
"""

import errno
import logging
import os
import struct
import threading
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from sixfold.agent.counters import Counters
from sixfold.agent.spool.record import Data, Record, encode_meta, record_head, segment_head
from sixfold.agent.spool.segment import Segment, recover

log = logging.getLogger(__name__)
_CURSOR: Final = struct.Struct("<QQI")
_SPARES: Final = 2
_VOLATILE: Final = -1
Position = tuple[int, int]


class Log:
    """Raises OSError where the folder cannot be made or read.

    epoch: of the records to come; None begins anew unless the newest segment tells the epoch to go on with.
    lost: called with (cause, batches, rows) for what is given up.
    """

    def __init__(
        self,
        folder: Path,
        *,
        epoch: str,
        volatile_epoch: str,
        segment_bytes: int,
        memory_bytes: int,
        fsync: bool,
        counters: Counters,
        lost: Callable[[str, int, int], None],
    ) -> None:
        self._folder = folder
        self._epoch, self._volatile_epoch = epoch, volatile_epoch
        self._segment_bytes, self._memory_bytes, self._fsync = segment_bytes, memory_bytes, fsync
        self._counters = counters
        self._lost = lost
        self._lock = threading.Lock()
        self._segments: deque[Segment] = deque()
        self._spares: list[Path] = []
        self._file: int | None = None
        self._read_to: Position = (0, 0)
        self._newest = 0
        self._sequence = 1
        self._fresh: OrderedDict[Position, Record] = OrderedDict()
        self._fresh_bytes = 0
        self._held: deque[Record] = deque()
        self._held_in_flight: dict[Position, int] = {}
        self._held_bytes = self._volatile_number = 0
        self._hidden: int | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._recover()
        self._cursor = os.open(folder / "cursor", os.O_CREAT | os.O_RDWR, 0o600)

    # What there is

    @property
    def waiting(self) -> int:
        with self._lock:
            return sum(one.waiting for one in self._segments) + len(self._held) + len(self._held_in_flight)

    @property
    def held(self) -> int:
        """Batches that are in memory only, because the disk took them not."""
        with self._lock:
            return len(self._held) + len(self._held_in_flight)

    @property
    def waiting_bytes(self) -> int:
        with self._lock:
            return sum(one.waiting_bytes for one in self._segments) + self._held_bytes

    @property
    def disk_bytes(self) -> int:
        """What the segments in use take of the disk."""
        with self._lock:
            return sum(one.size for one in self._segments)

    @property
    def segments(self) -> int:
        return len(self._segments)

    @property
    def next_sequence(self) -> int:
        return self._sequence

    def floor(self, epoch: str) -> int:
        """The lowest sequence of the epoch that is not acknowledged: below it nothing will come any more."""
        with self._lock:
            if epoch == self._volatile_epoch:
                flying = [*self._held_in_flight.values(), *(one.meta["sequence"] for one in self._held)]
                return min(flying, default=self._volatile_number + 1)
            for segment in self._segments:
                if segment.epoch == epoch and segment.done < len(segment):
                    return segment.first + segment.done
            return self._sequence

    # Writing

    def hide(self) -> None:
        """What is appended from now on is not read before `show`: it is part of something that is not whole yet."""
        with self._lock:
            self._hidden = self._sequence

    def show(self) -> None:
        with self._lock:
            self._hidden = None

    def forget_from(self, sequence: int) -> None:
        """Take back what was appended last, down to this number, and was not shown. Before anything is read."""
        with self._lock:
            while self._segments and sequence < self._sequence and self._segments[-1].epoch == self._epoch:
                newest = self._segments[-1]
                newest.forget_from(max(0, sequence - newest.first))
                self._sequence = newest.next_sequence
                if len(newest) or len(self._segments) == 1:
                    break
                self._segments.pop()
                newest.path.unlink(missing_ok=True)

    def append(self, meta: Mapping[str, Any], data: Data, rows: int) -> Record:
        """Number and keep one batch. Where the disk takes nothing it is held in memory; never raises OSError."""
        numbered = {**meta, "epoch": self._epoch, "sequence": self._sequence}
        try:
            position = self._write(encode_meta(numbered), data, rows)
        except OSError as error:
            self._counters.add("spool_write_errors", 1, error=errno.errorcode.get(error.errno or 0, "EIO"))
            return self._hold(meta, data, rows)
        record = Record(numbered, data, rows, position)
        with self._lock:
            self._fresh[position] = record
            self._fresh_bytes += record.size
            while self._fresh_bytes > self._memory_bytes:
                _, oldest = self._fresh.popitem(last=False)
                self._fresh_bytes -= oldest.size
        return record

    def _write(self, meta: bytes, data: Data, rows: int) -> Position:
        if self._file is None or self._segments[-1].size >= self._segment_bytes:
            self._begin_segment()
        assert self._file is not None
        segment = self._segments[-1]
        head = record_head(segment.number, meta, data, rows)
        total = len(head) + len(meta) + len(data)
        # What a failed write leaves is overwritten by the next record: nothing is taken for written before it is whole.
        if os.pwritev(self._file, [head, meta, data], segment.size) != total:
            raise OSError(errno.ENOSPC, "the disk took a part only")
        if self._fsync:
            os.fdatasync(self._file)
        with self._lock:
            self._sequence += 1
            return segment.number, segment.add(total, rows)

    def _begin_segment(self) -> None:
        self._recycle()
        number = self._newest + 1
        path = self._folder / f"{number:012d}.log"
        if self._spares:
            self._spares.pop().replace(path)
        opened = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        head = segment_head(number, self._epoch, self._sequence)
        try:
            if os.pwrite(opened, head, 0) != len(head):
                raise OSError(errno.ENOSPC, "the disk took a part only")
        except OSError:
            os.close(opened)
            path.unlink(missing_ok=True)
            raise
        if self._file is not None:
            os.close(self._file)
        self._file, self._newest = opened, number
        with self._lock:
            self._segments.append(Segment(number, path, self._epoch, self._sequence))

    def _recycle(self) -> None:
        """Keep the files of the oldest segments that are done with, a few for new ones. Never the newest."""
        while len(self._segments) > 1 and not self._segments[0].waiting:
            with self._lock:
                oldest = self._segments.popleft()
            if len(self._spares) < _SPARES and oldest.size < 2 * self._segment_bytes:
                spare = oldest.path.with_suffix(".spare")
                oldest.path.replace(spare)
                self._spares.append(spare)
            else:
                oldest.path.unlink(missing_ok=True)

    def _hold(self, meta: Mapping[str, Any], data: Data, rows: int) -> Record:
        with self._lock:
            self._volatile_number += 1
            numbered = {**meta, "epoch": self._volatile_epoch, "sequence": self._volatile_number}
            record = Record(numbered, data, rows, (_VOLATILE, self._volatile_number))
            self._held.append(record)
            self._held_bytes += record.size
            given_up = []
            while self._held and self._held_bytes > self._memory_bytes:
                given_up.append(self._held.popleft())
                self._held_bytes -= given_up[-1].size
        if given_up:
            self._lost("disk-full", len(given_up), sum(one.rows for one in given_up))
        return record

    def drop_oldest(self) -> bool:
        """Give up the oldest segment, for the bound of the spool; False where only the newest is left."""
        self._recycle()
        with self._lock:
            if len(self._segments) < 2:
                return False
            oldest = self._segments.popleft()
            for position in [one for one in self._fresh if one[0] == oldest.number]:
                self._fresh_bytes -= self._fresh.pop(position).size
        oldest.path.unlink(missing_ok=True)
        self._lost("spool-full", *oldest.lost())
        return True

    # Reading

    def next_is_fresh(self) -> bool:
        """Whether `read` will find the next record, or that there is none, without the disk."""
        with self._lock:
            found = self._next()
            return found is None or (found[0].number, found[1]) in self._fresh

    def read(self) -> Record | None:
        """The next record that was not read yet, in order; None when there is none."""
        while True:
            with self._lock:
                found = self._next()
                if found is None:
                    return self._next_held()
                segment, number = found
                position = (segment.number, number)
                self._read_to = (segment.number, number + 1)
                fresh = self._fresh.pop(position, None)
                if fresh is not None:
                    self._fresh_bytes -= fresh.size
                    return fresh
            record = segment.read(number)
            if record is not None:
                return record
            if self._is_held(segment):
                self._counters.add("spool_records_damaged", 1, cause="unreadable")
                self._lost("damaged", 1, segment.rows[number])
                self.acknowledge(position)

    def _is_held(self, segment: Segment) -> bool:
        with self._lock:
            return segment in self._segments

    def _next(self) -> tuple[Segment, int] | None:
        for segment in self._segments:
            if segment.number < self._read_to[0]:
                continue
            number = self._read_to[1] if segment.number == self._read_to[0] else segment.done
            if number < len(segment):
                shown = (
                    self._hidden is None
                    or segment.epoch != self._epoch
                    or segment.first + number < self._hidden
                )
                return (segment, number) if shown else None
        return None

    def _next_held(self) -> Record | None:
        if not self._held or self._hidden is not None:
            return None
        record = self._held.popleft()
        self._held_in_flight[record.position] = record.meta["sequence"]
        self._held_bytes -= record.size
        return record

    def acknowledge(self, position: Position) -> None:
        """The bus has this record: it is not read again, also not after a restart."""
        number, index = position
        with self._lock:
            self._held_in_flight.pop(position, None)
            segment = next((one for one in self._segments if one.number == number), None)
            if segment is None:
                return
            segment.acknowledge(index)
            first = next((one for one in self._segments if one.waiting), self._segments[-1])
            cursor = (first.number, first.done)
        body = _CURSOR.pack(*cursor, 0)[:-4]
        try:
            os.pwrite(self._cursor, body + struct.pack("<I", zlib.crc32(body)), 0)
        except OSError as error:
            # Then more is published again after a restart, and the reader knows it already.
            self._counters.add("spool_write_errors", 1, error=errno.errorcode.get(error.errno or 0, "EIO"))

    def close(self, *, sync: bool) -> None:
        """sync: what waits shall survive a loss of power, too."""
        if sync:
            for path in [one.path for one in self._segments if one.waiting or one is self._segments[-1]]:
                descriptor = os.open(path, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)
            os.fsync(self._cursor)
        os.close(self._cursor)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    # After a restart

    def _recover(self) -> None:
        for spare in self._folder.glob("*.spare"):
            spare.unlink(missing_ok=True)
        paths = sorted(path for path in self._folder.glob("*.log") if path.stem.isdigit())
        cursor = self._told()
        for path in paths:
            number = int(path.stem)
            self._newest = max(self._newest, number)
            segment, torn = recover(path, number, thorough=path is paths[-1])
            if torn:
                self._counters.add("spool_records_damaged", 1, cause="torn")
            if segment is None:
                # Begun and killed before its head was written: there is nothing in it.
                path.unlink(missing_ok=True)
                continue
            if number < cursor[0]:
                segment.done = len(segment)
            elif number == cursor[0]:
                segment.done = min(cursor[1], len(segment))
            if segment.epoch == self._epoch:
                self._sequence = max(self._sequence, segment.next_sequence)
            self._segments.append(segment)
        if self._segments:
            self._read_to = (self._segments[0].number, self._segments[0].done)

    def _told(self) -> Position:
        try:
            told = (self._folder / "cursor").read_bytes()[: _CURSOR.size]
        except OSError:
            return (0, 0)
        if len(told) != _CURSOR.size or zlib.crc32(told[:-4]) != _CURSOR.unpack(told)[2]:
            return (0, 0)
        number, index, _ = _CURSOR.unpack(told)
        return number, index
