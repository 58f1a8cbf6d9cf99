"""A hash table from 64-bit keys to small numbers whose look-up takes a whole array of keys."""

import secrets
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_EMPTY: Final = -1
_GONE: Final = -2


class KeyIndex:
    """Open addressing with linear probes, never more than half full. The hash has a random key of its own,
    so nobody who sends datagrams can choose keys that collide.
    """

    def __init__(self) -> None:
        self._multiplier = np.uint64(secrets.randbits(64) | 1)
        self._at: dict[int, int] = {}
        self._clear(64)

    def _clear(self, capacity: int) -> None:
        self._keys = np.zeros(capacity, dtype=np.uint64)
        self._values = np.full(capacity, _EMPTY, dtype=np.int32)
        self._shift = np.uint64(64 - (capacity.bit_length() - 1))
        self._filled = 0

    def __len__(self) -> int:
        return len(self._at)

    def put(self, key: int, value: int) -> None:
        """key: 0 to 2^64 - 1. value: 0 to 2^31 - 1."""
        slot = self._at.get(key)
        if slot is not None:
            self._values[slot] = value
            return
        if 2 * (self._filled + 1) > len(self._keys):
            self._rebuild()
        mask = len(self._keys) - 1
        slot = ((key * int(self._multiplier)) & 0xFFFF_FFFF_FFFF_FFFF) >> int(self._shift)
        while self._values[slot] != _EMPTY:
            slot = (slot + 1) & mask
        self._keys[slot] = key
        self._values[slot] = value
        self._at[key] = slot
        self._filled += 1

    def remove(self, key: int) -> None:
        slot = self._at.pop(key, None)
        if slot is not None:
            self._values[slot] = _GONE

    def _rebuild(self) -> None:
        entries = [(key, int(self._values[slot])) for key, slot in self._at.items()]
        capacity = 64
        while capacity < 4 * (len(entries) + 1):
            capacity *= 2
        self._clear(capacity)
        self._at = {}
        for key, value in entries:
            self.put(key, value)

    def find(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """The value of each key, -1 where it is absent."""
        mask = len(self._keys) - 1
        slot = ((keys * self._multiplier) >> self._shift).astype(np.intp)
        found = self._values[slot]
        searching = (found != _EMPTY) & ((self._keys[slot] != keys) | (found == _GONE))
        if searching.any():
            self._probe(keys, slot, found, np.flatnonzero(searching), mask)
        return found

    def _probe(self, keys: Any, slot: Any, found: Any, searching: Any, mask: int) -> None:
        while len(searching):
            at = slot[searching] = (slot[searching] + 1) & mask
            value = self._values[at]
            done = (value == _EMPTY) | ((value != _GONE) & (self._keys[at] == keys[searching]))
            found[searching] = value
            searching = searching[~done]
