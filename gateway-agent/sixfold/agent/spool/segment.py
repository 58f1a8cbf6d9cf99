"""One file of a log: where its records begin, which of them are acknowledged."""

import os
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from sixfold.agent.spool.record import (
    HEAD_BYTES,
    SEGMENT_BYTES,
    Record,
    check_of,
    decode_meta,
    read_record_head,
    read_segment_head,
)


@dataclass(slots=True)
class Segment:
    """size: bytes up to the end of the last record. first: sequence of the first record; the others follow."""

    number: int
    path: Path
    epoch: str
    first: int
    size: int = SEGMENT_BYTES
    offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    rows: "array[int]" = field(default_factory=lambda: array("L"))
    done: int = 0
    """All records below this one are acknowledged."""
    ahead: set[int] = field(default_factory=set)
    """Acknowledged records above `done`."""

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def waiting(self) -> int:
        return len(self.offsets) - self.done - len(self.ahead)

    @property
    def waiting_bytes(self) -> int:
        """What is not acknowledged yet, up to what was acknowledged out of turn."""
        return self.size - self.offsets[self.done] if self.done < len(self.offsets) else 0

    @property
    def next_sequence(self) -> int:
        return self.first + len(self.offsets)

    def add(self, size: int, rows: int) -> int:
        """A record was written at the end: its number."""
        self.offsets.append(self.size)
        self.rows.append(rows)
        self.size += size
        return len(self.offsets) - 1

    def forget_from(self, number: int) -> None:
        """The records from this one on were never there. Raises OSError where the file cannot be cut."""
        if number < len(self.offsets):
            os.truncate(self.path, self.offsets[number])
            self.size = self.offsets[number]
            del self.offsets[number:], self.rows[number:]
            self.done = min(self.done, number)

    def acknowledge(self, number: int) -> None:
        if number < self.done or number >= len(self.offsets):
            return
        self.ahead.add(number)
        while self.done in self.ahead:
            self.ahead.discard(self.done)
            self.done += 1

    def lost(self) -> tuple[int, int]:
        """(batches, rows) that are not acknowledged."""
        numbers = [number for number in range(self.done, len(self.offsets)) if number not in self.ahead]
        return len(numbers), sum(self.rows[number] for number in numbers)

    def read(self, number: int) -> Record | None:
        """None where the file is gone or the record is damaged."""
        try:
            with self.path.open("rb", buffering=0) as file:
                offset = self.offsets[number]
                head = read_record_head(os.pread(file.fileno(), HEAD_BYTES, offset), self.number)
                if head is None:
                    return None
                body = os.pread(file.fileno(), head.meta + head.data, offset + HEAD_BYTES)
        except OSError:
            return None
        meta, data = body[: head.meta], memoryview(body)[head.meta :]
        decoded = decode_meta(meta)
        if decoded is None or len(data) != head.data or check_of(meta, data) != head.check:
            return None
        return Record(decoded, data, head.rows, (self.number, number))


def recover(path: Path, number: int, *, thorough: bool) -> tuple[Segment | None, bool]:
    """The segment that a killed agent left, and whether its last record was torn.

    thorough: check the records themselves, not only their heads; the newest segment's may be half written.
    """
    torn = False
    with path.open("rb", buffering=0) as file:
        descriptor = file.fileno()
        end = os.fstat(descriptor).st_size
        begin = read_segment_head(os.pread(descriptor, SEGMENT_BYTES, 0), number)
        if begin is None:
            return None, False
        segment = Segment(number, path, begin[0], begin[1])
        while head := read_record_head(os.pread(descriptor, HEAD_BYTES, segment.size), number):
            if segment.size + head.size > end:
                torn = True
                break
            if thorough:
                body = memoryview(os.pread(descriptor, head.meta + head.data, segment.size + HEAD_BYTES))
                if check_of(bytes(body[: head.meta]), body[head.meta :]) != head.check:
                    torn = True
                    break
            segment.add(head.size, head.rows)
    return segment, torn
