"""The flows under way: a fixed number of slots, found by hash through a sorted index."""

from typing import Any

import numpy as np
import numpy.typing as npt

from sixfold.agent.meter.groups import Hashes, Keys

Slots = npt.NDArray[np.int64]


class FlowTable:
    """At most `capacity` flows. The columns hold one flow a slot; rows of free slots mean nothing.

    first, last: int64 ns. flags: union of TCP flags. vlan, tos, label: of the first packet.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.keys: Keys = np.zeros((capacity, 5), dtype=np.uint64)
        self.first = np.zeros(capacity, dtype=np.int64)
        self.last = np.zeros(capacity, dtype=np.int64)
        self.packets = np.zeros(capacity, dtype=np.uint64)
        self.octets = np.zeros(capacity, dtype=np.uint64)
        self.flags = np.zeros(capacity, dtype=np.uint16)
        self.vlan = np.zeros(capacity, dtype=np.uint16)
        self.tos = np.zeros(capacity, dtype=np.uint8)
        self.label = np.zeros(capacity, dtype=np.uint32)
        self._free = np.arange(capacity, dtype=np.int64)
        self._free_count = capacity
        self._hashes: Hashes = np.zeros(0, dtype=np.uint64)
        self._slots: Slots = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return self.capacity - self._free_count

    @property
    def free(self) -> int:
        return self._free_count

    @property
    def slots(self) -> Slots:
        """All slots in use, in no order that means anything."""
        return self._slots

    def find(self, keys: Keys, hashes: Hashes) -> Slots:
        """The slot of each key, -1 where it has none."""
        found = np.full(len(keys), -1, dtype=np.int64)
        if not len(self._hashes):
            return found
        open_rows = np.arange(len(keys))
        place = np.searchsorted(self._hashes, hashes)
        while len(open_rows):
            inside = place[open_rows] < len(self._hashes)
            open_rows = open_rows[inside]
            at = place[open_rows]
            equal = self._hashes[at] == hashes[open_rows]
            open_rows, at = open_rows[equal], at[equal]
            slot = self._slots[at]
            right = (self.keys[slot] == keys[open_rows]).all(axis=1)
            found[open_rows[right]] = slot[right]
            # Another key of the same hash stands beside it in the index.
            open_rows = open_rows[~right]
            place[open_rows] += 1
        return found

    def add(self, keys: Keys, hashes: Hashes) -> Slots:
        """Slots for new keys (none of them in the table); the caller has made room and fills the columns."""
        count = len(keys)
        if count > self._free_count:
            raise ValueError(f"{count} flows do not fit in {self._free_count} free slots")
        self._free_count -= count
        slots = self._free[self._free_count : self._free_count + count].copy()
        self.keys[slots] = keys
        order = np.argsort(hashes, kind="stable")
        place = np.searchsorted(self._hashes, hashes[order])
        self._hashes = np.insert(self._hashes, place, hashes[order])
        self._slots = np.insert(self._slots, place, slots[order])
        return slots

    def remove(self, slots: Slots) -> None:
        gone = np.zeros(self.capacity, dtype=bool)
        gone[slots] = True
        keep = ~gone[self._slots]
        self._hashes, self._slots = self._hashes[keep], self._slots[keep]
        self._free[self._free_count : self._free_count + len(slots)] = slots
        self._free_count += len(slots)

    def oldest(self, count: int) -> Slots:
        """The `count` slots whose last packet is longest ago."""
        if count >= len(self._slots):
            return self._slots.copy()
        return self._slots[np.argpartition(self.last[self._slots], count)[:count]]

    def rows(self, slots: Slots) -> dict[str, npt.NDArray[Any]]:
        """Copies of the columns at `slots`."""
        names = ("keys", "first", "last", "packets", "octets", "flags", "vlan", "tos", "label")
        return {name: getattr(self, name)[slots] for name in names}
