"""What the exporters' numbers were when the newest sealed batch was sealed, kept over a kill.

The file has two slots that are written in turn, each before the batches that it goes with are appended to the spool.
A slot says which numbers the spool gave before them and gives after them; so the next start sees which slot is true,
and which batches are a part of something that is not whole, wherever the agent was killed. The first message of each
exporter then tells exactly what came while the agent was dead, or was not sealed yet. The page cache is enough for
that, and the disk's space is taken beforehand.
"""

import contextlib
import os
import struct
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
    written: int


@dataclass(frozen=True, slots=True)
class Slot:
    """before, after: by kind, the sequence that the spool gives next without the batches of the snapshot, and with."""

    generation: int
    epoch: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    snapshot: Snapshot
    place: int = 0

    def is_true(self, epoch: str, given: Mapping[str, int]) -> bool:
        return self.epoch == epoch and all(given.get(kind, 0) >= n for kind, n in self.after.items())


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
        slots = self._slots()
        self._generation = max((slot.generation for slot in slots), default=0)
        self._place = next((slot.place for slot in slots if slot.generation == self._generation), 0)

    def write(
        self, epoch: str, before: Mapping[str, int], after: Mapping[str, int], snapshot: Snapshot
    ) -> None:
        """Put a snapshot into the place of the older one."""
        self._generation += 1
        self._place ^= 1
        names = [
            *before.items(),
            *after.items(),
            *((name, len(data)) for name, data in snapshot.numbers.items()),
        ]
        body = b"".join(
            [
                *(_ENTRY.pack(len(name), name.encode(), number) for name, number in names),
                *snapshot.numbers.values(),
            ]
        )
        head = _HEAD.pack(
            _MAGIC, len(body), self._generation, epoch.encode(), snapshot.lost, snapshot.written, len(after)
        )
        whole = head + body
        whole += struct.pack("<I", zlib.crc32(whole))
        try:
            if len(whole) > SLOT or os.pwrite(self._file, whole, self._place * SLOT) != len(whole):
                raise OSError(0, "the slot does not take it")
        except OSError:
            self._counters.add("state_errors", 1, cause="sequences")
            # An older slot must not be taken for the newest: rather none.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)

    def newest(self) -> Slot | None:
        return max(self._slots(), key=lambda slot: slot.generation, default=None)

    def resume(self, epoch: str, given: Mapping[str, int]) -> Snapshot | None:
        """The newest snapshot that is true of a spool that gives these sequences next; None where there is none.

        Whatever else stands in the file is replaced: it must not come true by and by.
        """
        true = [slot for slot in self._slots() if slot.is_true(epoch, given)]
        chosen = max(true, key=lambda slot: slot.generation, default=None)
        if chosen is None:
            for _ in (0, 1):
                self.write(epoch, given, given, Snapshot({}, 0, 0))
            return None
        self._place = chosen.place
        self.write(epoch, given, given, chosen.snapshot)
        return chosen.snapshot

    def close(self) -> None:
        os.close(self._file)

    def _slots(self) -> list[Slot]:
        try:
            found = [_read(os.pread(self._file, SLOT, place * SLOT), place) for place in (0, 1)]
        except OSError:
            self._counters.add("state_errors", 1, cause="sequences")
            return []
        return [slot for slot in found if slot is not None]


def _read(data: bytes, place: int) -> Slot | None:
    """None for what was never written, or not to its end."""
    if len(data) < _HEAD.size or data[:4] != _MAGIC:
        return None
    _, length, generation, epoch, lost, written, kinds = _HEAD.unpack_from(data)
    end = _HEAD.size + length
    if end + 4 > len(data) or zlib.crc32(data[:end]) != struct.unpack_from("<I", data, end)[0]:
        return None
    at = _HEAD.size
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    sizes: dict[str, int] = {}
    while at + sum(sizes.values()) < end:
        size, name, number = _ENTRY.unpack_from(data, at)
        where = before if len(before) < kinds else after if len(after) < kinds else sizes
        where[name[:size].decode()] = number
        at += _ENTRY.size
    numbers: dict[str, bytes] = {}
    for name, size in sizes.items():
        numbers[name] = data[at : at + size]
        at += size
    known = epoch.rstrip(b"\0").decode(errors="replace")
    return Slot(generation, known, before, after, Snapshot(numbers, lost, written), place)
