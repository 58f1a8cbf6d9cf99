"""Sums by key and time slot for a bounded number of keys, and how many different items each key saw.

A key is (lane, hi, lo): an address with 32 bits beside it, or any 160 bits. What does not fit is pruned: the keys
that have most of any metric stay, and `error` bounds what a pruned key may have lost (lossy counting, Manku and
Motwani 2002).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sixfold.security.domain.hosts import HostRegister, Lanes32, Numbers
from sixfold.security.domain.sketch import REGISTERS, estimate, observe

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


class Keyed:
    """At most `limit` keys of `metrics` sums each over the last `slots` slots. Not thread-safe.

    Memory: 8 bytes * metrics * slots * keys, with `distinct` 128 bytes * slots * keys more.
    """

    def __init__(self, *, metrics: int, slots: int, limit: int, distinct: bool = False) -> None:
        self.limit = limit
        self.slots = slots
        self.metrics = metrics
        self.head = 0
        """Newest slot, 0 before the first."""
        self.error: F64 = np.zeros(metrics)
        self._distinct = distinct
        self.keys = HostRegister(np.random.default_rng())
        self._make()

    def _make(self) -> None:
        capacity = self.keys.capacity
        self._volumes: F64 = np.zeros((self.metrics, self.slots, capacity))
        self._seen = np.zeros((self.slots, capacity if self._distinct else 0, REGISTERS), np.uint8)

    @property
    def size(self) -> int:
        return self.keys.size

    def advance(self, head: int) -> None:
        """Make `head` the newest slot, if it is newer, and forget what falls out."""
        if head <= self.head:
            return
        gone = range(max(self.head + 1, head - self.slots + 1), head + 1)
        rows = [slot % self.slots for slot in gone]
        self._volumes[:, rows] = 0
        self._seen[rows] = 0
        self.head = head

    def add(
        self,
        lane: Lanes32,
        hi: U64,
        lo: U64,
        slot: I64,
        values: Sequence[F64],
        items: U64 | None = None,
    ) -> None:
        """Add one value of each metric to keys in slots (within the last `slots`, others are left out).

        `items` are digests (`sketch.digest`) of what is counted as different.
        """
        if not len(slot):
            return
        self.advance(int(slot.max()))
        kept = slot > self.head - self.slots
        if not kept.all():
            lane, hi, lo, slot = lane[kept], hi[kept], lo[kept], slot[kept]
            values = [value[kept] for value in values]
            items = None if items is None else items[kept]
        numbers = self.keys.numbers(hi, lo, lane)
        self._grow()
        capacity = self.keys.capacity
        cell = (slot % self.slots) * capacity + numbers
        for metric, value in zip(self._volumes, values, strict=True):
            np.add.at(metric.reshape(-1), cell, value)
        if items is not None:
            observe(self._seen.reshape(-1, REGISTERS), cell, items)
        if self.keys.size > self.limit:
            self._prune()

    def _grow(self) -> None:
        if self.keys.capacity > self._volumes.shape[2]:
            volumes, seen = self._volumes, self._seen
            self._make()
            self._volumes[:, :, : volumes.shape[2]] = volumes
            if self._distinct:
                self._seen[:, : seen.shape[1]] = seen

    def _prune(self) -> None:
        """Keep the keys with most of any metric, at most half of `limit`."""
        sums = self._volumes[:, :, : self.size].sum(axis=1)
        each = max(self.limit // 2 // self.metrics, 1)
        keep = np.zeros(self.size, bool)
        for metric in sums:
            keep[np.argpartition(metric, len(metric) - each)[-each:]] = True
        keep &= sums.any(axis=0)
        self.error = self.error + sums[:, ~keep].max(axis=1, initial=0.0)
        self._keep(np.flatnonzero(keep))

    def _keep(self, chosen: Numbers) -> None:
        lane, hi, lo = self.keys.lane[chosen], self.keys.hi[chosen], self.keys.lo[chosen]
        volumes, seen = self._volumes[:, :, chosen], self._seen[:, chosen] if self._distinct else None
        self.keys.clear()
        numbers = self.keys.numbers(hi, lo, lane)
        self._make()
        self._volumes[:, :, numbers] = volumes
        if seen is not None:
            self._seen[:, numbers] = seen

    def sums(self, first: int, last: int) -> F64:
        """By metric and key number over the slots `first` to `last`."""
        rows = self._rows(first, last)
        return self._volumes[:, rows, : self.size].sum(axis=1)

    def different(self, numbers: Numbers, first: int, last: int) -> F64:
        """How many different items each of these keys saw over the slots, within sketch.ERROR."""
        return estimate(self.seen(numbers, first, last))

    def seen(self, numbers: Numbers, first: int, last: int) -> npt.NDArray[np.uint8]:
        """The registers of these keys, to be joined with others' by their maximum."""
        registers = np.zeros((len(numbers), REGISTERS), np.uint8)
        for row in self._rows(first, last):
            np.maximum(registers, self._seen[row, numbers], out=registers)
        return registers

    def _rows(self, first: int, last: int) -> list[int]:
        first = max(first, self.head - self.slots + 1)
        return [slot % self.slots for slot in range(first, min(last, self.head) + 1)]

    def dump(self) -> dict[str, npt.NDArray[Any]]:
        """For a checkpoint: the keys that hold anything."""
        chosen = np.flatnonzero(self._volumes[:, :, : self.size].any(axis=(0, 1)))
        return {
            "head": np.array([self.head]),
            "error": self.error,
            "lane": self.keys.lane[chosen],
            "hi": self.keys.hi[chosen],
            "lo": self.keys.lo[chosen],
            "volumes": self._volumes[:, :, chosen],
            "seen": self._seen[:, chosen] if self._distinct else self._seen[:, :0],
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take up what `dump` gave. ValueError where it is of another shape, KeyError where something lacks."""
        volumes, seen = state["volumes"], state["seen"]
        lane, hi, lo = state["lane"], state["hi"], state["lo"]
        keys = len(hi) if self._distinct else 0
        if volumes.shape != (self.metrics, self.slots, len(hi)) or seen.shape != (
            self.slots,
            keys,
            REGISTERS,
        ):
            raise ValueError("sums of another shape")
        head, error = int(state["head"][0]), np.array(state["error"], np.float64)
        self.keys.clear()
        numbers = self.keys.numbers(hi, lo, lane)
        self._make()
        self._volumes[:, :, numbers] = volumes
        if self._distinct:
            self._seen[:, numbers] = seen
        self.head, self.error = head, error
