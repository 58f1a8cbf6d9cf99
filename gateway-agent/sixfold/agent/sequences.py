"""What the exporters' numbers were when the newest sealed batch was sealed, kept over a kill.

The file has two slots that are written in turn, each before the batches that it goes with are appended to the spool.
A slot says which numbers the spool has given once they are there; so the next start sees which slot is true, wherever
the agent was killed. The first message of each exporter then tells exactly what came while the agent was dead, or was
not sealed yet. The page cache is enough for that, and the disk's space is taken beforehand.
"""

import os
import struct
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sixfold.agent.counters import Counters

SLOT: Final = 1 << 20
_MAGIC: Final = b"SFQ1"
_HEAD: Final = struct.Struct("<4sIQ32sqqB")
"""magic, bytes that follow, generation, epoch, lost, written (ms UTC), number of kinds."""
_ENTRY: Final = struct.Struct("<B31sQ")
"""length of the name, name, sequence or length of the data."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """numbers: by protocol, as its decoder packs them. lost: units missed so far, over all lives of the agent.

    written: ms UTC.
    """

    numbers: Mapping[str, bytes]
    lost: int
    written: int = 0


@dataclass(frozen=True, slots=True)
class _Slot:
    generation: int
    epoch: str
    due: Mapping[str, int]
    snapshot: Snapshot


class SequenceFile:
    """Raises OSError where the file cannot be made."""

    def __init__(self, path: Path, counters: Counters) -> None:
        self._counters = counters
        self._file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(self._file, 0, 2 * SLOT)
        except OSError:
            # Written when there is room again; until then a kill is counted from an older slot, or not at all.
            counters.add("state_errors", 1, cause="sequences")
        self._generation = max((slot.generation for slot in self._slots()), default=0)

    def write(self, epoch: str, due: Mapping[str, int], snapshot: Snapshot) -> None:
        """due: by kind, the sequence that the spool gives next once the batches of this snapshot are in it."""
        self._generation += 1
        names = [*due.items(), *((name, len(data)) for name, data in snapshot.numbers.items())]
        body = b"".join(
            [
                *(_ENTRY.pack(len(name), name.encode(), number) for name, number in names),
                *snapshot.numbers.values(),
            ]
        )
        head = _HEAD.pack(
            _MAGIC, len(body), self._generation, epoch.encode(), snapshot.lost, _now(), len(due)
        )
        whole = head + body
        whole += struct.pack("<I", zlib.crc32(whole))
        try:
            if len(whole) > SLOT or os.pwrite(self._file, whole, self._generation % 2 * SLOT) != len(whole):
                raise OSError(0, "the slot does not take it")
        except OSError:
            self._counters.add("state_errors", 1, cause="sequences")

    def read(self, epoch: str, given: Mapping[str, int]) -> Snapshot | None:
        """The newest that is true of a spool that gives these sequences next; None where there is none."""
        true = [
            slot
            for slot in self._slots()
            if slot.epoch == epoch and all(given.get(kind, 0) >= due for kind, due in slot.due.items())
        ]
        return max(true, key=lambda slot: slot.generation).snapshot if true else None

    def close(self) -> None:
        os.close(self._file)

    def _slots(self) -> list[_Slot]:
        try:
            found = [_read(os.pread(self._file, SLOT, number * SLOT)) for number in (0, 1)]
        except OSError:
            self._counters.add("state_errors", 1, cause="sequences")
            return []
        return [slot for slot in found if slot is not None]


def _read(data: bytes) -> _Slot | None:
    """None for what was never written, or not to its end."""
    if len(data) < _HEAD.size or data[:4] != _MAGIC:
        return None
    _, length, generation, epoch, lost, written, kinds = _HEAD.unpack_from(data)
    end = _HEAD.size + length
    if end + 4 > len(data) or zlib.crc32(data[:end]) != struct.unpack_from("<I", data, end)[0]:
        return None
    due: dict[str, int] = {}
    sizes: dict[str, int] = {}
    at = _HEAD.size
    while at + sum(sizes.values()) < end:
        size, name, number = _ENTRY.unpack_from(data, at)
        (due if len(due) < kinds else sizes)[name[:size].decode()] = number
        at += _ENTRY.size
    numbers: dict[str, bytes] = {}
    for name, size in sizes.items():
        numbers[name] = data[at : at + size]
        at += size
    return _Slot(
        generation, epoch.rstrip(b"\0").decode(errors="replace"), due, Snapshot(numbers, lost, written)
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
