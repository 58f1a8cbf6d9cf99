"""One line for every sealed batch, for whoever wants to check that the warehouse has them all, once.

    time  kind  epoch  sequence  rows  bytes  lost

separated by tabs. bytes: the sum of the column `bytes`, 0 where a kind has none. lost: what the exporters' numbers
say is missing, from the first start of this state directory up to this batch. A line is written before its batch is
kept; of two lines with the same kind, epoch and sequence the later one is true (the agent was killed between the two,
or the batch was divided, which a later line with 0 rows says).
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sixfold.agent.counters import Counters

NAME: Final = "sealed.log"
_UNWRITTEN: Final = 10_000
"""Lines that are kept in memory while the disk takes none."""


@dataclass(frozen=True, slots=True)
class Line:
    kind: str
    epoch: str
    sequence: int
    rows: int
    bytes: int
    lost: int


class SealedLog:
    """`limit`: bytes of the file; at that size it becomes `sealed.log.1`, whose place it takes. For one thread."""

    def __init__(self, folder: Path, limit: int, counters: Counters) -> None:
        self._path = folder / NAME
        self._limit = limit
        self._counters = counters
        self._unwritten: deque[bytes] = deque(maxlen=_UNWRITTEN)
        self._file: int | None = None
        self._size = 0

    def write(self, lines: Iterable[Line]) -> None:
        """Never raises OSError: what the disk does not take is written with the next lines."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._unwritten.extend(
            f"{now}\t{one.kind}\t{one.epoch}\t{one.sequence}\t{one.rows}\t{one.bytes}\t{one.lost}\n".encode()
            for one in lines
        )
        text = b"".join(self._unwritten)
        if not text:
            return
        try:
            written = os.write(self._open(), text)
            self._size += written
            if written != len(text):
                # A torn line is no line to a reader: a line break ends it, and all of it is written again.
                self._unwritten.appendleft(b"\n")
                raise OSError(0, "the disk took a part only")
            self._unwritten.clear()
        except OSError:
            self._counters.add("state_errors", 1, cause="sealed-log")

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is not None and self._size > self._limit:
            self.close()
            self._path.replace(self._path.with_name(NAME + ".1"))
        if self._file is None:
            self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            self._size = os.fstat(self._file).st_size
            if self._size and not _ends_a_line(self._path, self._size):
                self._size += os.write(self._file, b"\n")
        return self._file


def _ends_a_line(path: Path, size: int) -> bool:
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"


def read_sealed(folder: Path) -> Iterator[Line]:
    """Every batch once, as its last line says, in the order of those lines; batches of 0 rows are left out."""
    found: dict[tuple[str, str, int], Line] = {}
    for name in (NAME + ".1", NAME):
        path = folder / name
        if not path.exists():
            continue
        for text in path.read_text(errors="replace").split("\n")[:-1]:
            parts = text.split("\t")
            if len(parts) != 7 or not all(part.removeprefix("-").isdigit() for part in parts[3:]):
                continue
            line = Line(parts[1], parts[2], *(int(part) for part in parts[3:]))
            found.pop((line.kind, line.epoch, line.sequence), None)
            found[line.kind, line.epoch, line.sequence] = line
    return (line for line in found.values() if line.rows)
