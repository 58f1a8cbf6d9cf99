"""Volumes by slot and host as dense arrays: counting is an indexed addition, asking is a sum of rows.

They hold what is being counted now, exactly and whatever slot it belongs to. Who fills them moves their
content to the slots' tables when there are more than `cells` cells (slots times hosts, 24 bytes each).
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sixfold.security.domain import addresses
from sixfold.security.domain.hosts import HostRegister, Numbers
from sixfold.security.domain.table import METRICS

F64 = npt.NDArray[np.float64]
_WAYS: Final = 8
_FEW: Final = 256
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Peak:
    largest: F64
    """At least what any one host has."""
    total: F64

    def plus(self, other: "Peak") -> "Peak":
        return Peak(self.largest + other.largest, self.total + other.total)


class Counters:
    """One side's volumes. Not thread-safe."""

    def __init__(self, cells: int, random: np.random.Generator) -> None:
        self.hosts = HostRegister(random)
        self._cells = cells
        self.clear()

    def clear(self) -> None:
        self.hosts.clear()
        self._row: dict[int, int] = {}
        self._peaks: dict[int, Peak] = {}
        self._volumes: F64 = np.zeros((len(METRICS), 0, self.hosts.capacity))

    @property
    def slots(self) -> list[int]:
        """Slots with volumes."""
        return list(self._row)

    @property
    def filled(self) -> int:
        """Cells that hold anything."""
        return int(np.count_nonzero(self._volumes[-1]))

    def fits(self, slots: Collection[int]) -> bool:
        """Whether these slots of the hosts registered by now stay within the bound."""
        return self.hosts.capacity * len(self._row.keys() | set(slots)) <= self._cells

    def add(self, host: Numbers, slot: I64, slots: Collection[int], volumes: tuple[F64, F64, F64]) -> None:
        """Add `volumes`, by metric, to hosts in slots; `slots` are those that occur."""
        self._make_room(slots)
        capacity = self._volumes.shape[2]
        lowest = min(slots)
        starts = np.zeros(max(slots) - lowest + 1, np.intp)
        for one in slots:
            starts[one - lowest] = self._row[one] * capacity
        cell = starts[slot - lowest] + host
        for metric, values in zip(self._volumes, volumes, strict=True):
            np.add.at(metric.reshape(-1), cell, values)
        for one in slots:
            self._peaks.pop(one, None)

    def _make_room(self, slots: Collection[int]) -> None:
        _, rows, capacity = self._volumes.shape
        free = sorted(set(range(rows)) - set(self._row.values()), reverse=True)
        for slot in slots:
            if slot not in self._row:
                self._row[slot] = free.pop() if free else len(self._row)
        if len(self._row) > rows or self.hosts.capacity > capacity:
            before = self._volumes
            self._volumes = np.empty((len(METRICS), max(rows, len(self._row)), self.hosts.capacity))
            self._volumes.fill(0)  # unlike zeros, in huge pages
            self._volumes[:, :rows, :capacity] = before

    def take_out(self, slot: int) -> pl.DataFrame:
        """The volumes of a slot, which are no longer here."""
        frame = frame_of(self.hosts, self.sums(slot, slot))
        self._volumes[:, self._row.pop(slot)] = 0
        self._peaks.pop(slot, None)
        return frame

    def sums(self, first: int, last: int) -> F64:
        """By metric and host number, over the slots `first` to `last`; not to be written to."""
        rows = [self._row[slot] for slot in range(first, last + 1) if slot in self._row]
        if not rows:
            return np.zeros((len(METRICS), self.hosts.size))
        return reduce(np.add, (self._volumes[:, row, : self.hosts.size] for row in rows))

    def peak(self, first: int, last: int) -> Peak:
        """What no host has more of over the slots, and what all of them have, by metric: most questions are
        answered by these alone.
        """
        for slot in range(first, last + 1):
            if slot in self._row and slot not in self._peaks:
                volumes = self.sums(slot, slot)
                self._peaks[slot] = Peak(volumes.max(axis=1, initial=0.0), volumes.sum(axis=1))
        peaks = [self._peaks[slot] for slot in range(first, last + 1) if slot in self._peaks]
        return reduce(Peak.plus, peaks, Peak(np.zeros(len(METRICS)), np.zeros(len(METRICS))))


class Prefixes:
    """Volumes by prefix out of those by host."""

    def __init__(self, hosts: HostRegister, lengths: tuple[int, int], random: np.random.Generator) -> None:
        """`lengths` are the prefix lengths for IPv4 and IPv6."""
        self.register = HostRegister(random)
        self._hosts = hosts
        self._lengths = lengths
        self._of: Numbers = np.zeros(0, np.intp)

    def clear(self) -> None:
        self.register.clear()
        self._of = np.zeros(0, np.intp)

    @property
    def size(self) -> int:
        """Prefixes of the hosts registered by now."""
        self._follow()
        return self.register.size

    def sums(self, of_hosts: F64) -> F64:
        """By metric and prefix number."""
        self._follow()
        size = self.register.size
        # Additions to one place wait for each other: few prefixes are summed in several places each.
        ways = _WAYS if size < _FEW else 1
        place = self._of if ways == 1 else self._of * ways + np.arange(len(self._of)) % ways
        total: F64 = np.zeros((len(of_hosts), size))
        for row, values in zip(total, of_hosts, strict=True):
            row += np.bincount(place[: len(values)], values, size * ways).reshape(size, ways).sum(axis=1)
        return total

    def _follow(self) -> None:
        """Number the prefixes of hosts that came since."""
        new = slice(len(self._of), self._hosts.size)
        if new.start < new.stop:
            hosts = self._hosts
            hi, lo = addresses.prefixes_of(hosts.hi[new], hosts.lo[new], *self._lengths)
            self._of = np.concatenate([self._of, self.register.numbers(hi, lo, hosts.lane[new])])


def frame_of(hosts: HostRegister, sums: F64, chosen: Numbers | None = None) -> pl.DataFrame:
    """Rows (columns of SCHEMA) of the chosen hosts, of all that have volumes without."""
    rows = np.flatnonzero(sums[-1]) if chosen is None else chosen
    volumes = {metric: values[rows] for metric, values in zip(METRICS, sums, strict=True)}
    return pl.DataFrame({"lane": hosts.lane[rows], "hi": hosts.hi[rows], "lo": hosts.lo[rows], **volumes})
