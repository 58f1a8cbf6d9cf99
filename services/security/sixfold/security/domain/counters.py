"""Volumes by slot and host as dense arrays: counting is an indexed addition, asking is a sum of rows.

They hold what is being counted now, exactly and whatever slot it belongs to. A slot that few flows come for gets no
array: its volumes wait as they came. Who fills the counters moves their content to the slots' tables when it
takes more than `cells` cells, of 24 bytes each (slots times hosts, and what waits).
"""

from collections.abc import Collection, Sequence
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
_FEW_PREFIXES: Final = 256
I64 = npt.NDArray[np.int64]
Volumes = tuple[F64, ...]


@dataclass(frozen=True, slots=True)
class Few:
    """Volumes as they came: a host may be in several rows."""

    host: Numbers
    volumes: F64


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
        self._volumes: F64 = np.zeros((len(METRICS), 0, self.hosts.capacity))
        self.clear()

    def clear(self) -> None:
        """Forget everything. The arrays stay if as many hosts as they have room for are likely to come again."""
        room = self._volumes.shape[2]
        self.hosts.clear(min(room, 1 << self.hosts.size.bit_length()))
        if self.hosts.capacity == room:
            self._volumes.fill(0)
        else:
            self._volumes = np.zeros((len(METRICS), 0, self.hosts.capacity))
        self._row: dict[int, int] = {}
        self._few: dict[int, list[Few]] = {}
        self._waiting = 0
        self._peaks: dict[int, Peak] = {}

    @property
    def slots(self) -> list[int]:
        """Slots with volumes."""
        return sorted(self._row.keys() | self._few.keys())

    @property
    def filled(self) -> int:
        """Cells that hold anything."""
        return int(np.count_nonzero(self._volumes[-1])) + self._waiting

    @property
    def full(self) -> bool:
        """Whether the hosts registered by now take more than the bound."""
        return self.hosts.capacity * max(len(self._row), 1) + 2 * self._waiting > self._cells

    def add(self, host: Numbers, slot: I64, volumes: Volumes, enough: int = 1) -> list[int]:
        """Add `volumes`, by metric, to hosts in slots; a slot gets an array for `enough` of them.

        Returns the slots that occur.
        """
        lowest = int(slot.min())
        counts = np.bincount(slot - lowest)
        occurring: list[int] = (np.flatnonzero(counts) + lowest).tolist()
        dense = [one for one in occurring if counts[one - lowest] >= enough or self._deserves_array(one)]
        for one in occurring:
            self._peaks.pop(one, None)
        if len(dense) < len(occurring):
            chosen = np.zeros(len(counts), dtype=bool)
            chosen[np.array(dense, np.intp) - lowest] = True
            chosen = chosen[slot - lowest]
            self._keep(host[~chosen], slot[~chosen], tuple(values[~chosen] for values in volumes))
            host, slot, volumes = host[chosen], slot[chosen], tuple(values[chosen] for values in volumes)
        if dense:
            self._make_room(dense)
            for one in self._few.keys() & set(dense):
                self._join(one)
            starts = np.zeros(len(counts), np.intp)
            for one in dense:
                starts[one - lowest] = self._row[one] * self._volumes.shape[2]
            cell = starts[slot - lowest] + host
            for metric, values in zip(self._volumes, volumes, strict=True):
                np.add.at(metric.reshape(-1), cell, values)
        return occurring

    def reaching(self, host: Numbers, slot: I64, floors: Sequence[float]) -> npt.NDArray[np.bool_]:
        """Which hosts have one of the `floors` (of the first metrics) in their slots, where these have arrays."""
        lowest = int(slot.min())
        starts = np.full(int(slot.max()) - lowest + 1, -1, np.intp)
        for one, row in self._row.items():
            if 0 <= one - lowest < len(starts):
                starts[one - lowest] = row * self._volumes.shape[2]
        start = starts[slot - lowest]
        cell = np.maximum(start, 0) + host
        reached = np.zeros(len(host), bool)
        for metric, floor in zip(self._volumes, floors, strict=False):
            reached |= metric.reshape(-1).take(cell) >= floor
        return reached & (start >= 0)

    def _deserves_array(self, slot: int) -> bool:
        """It has one, or what waits for it takes as much memory already."""
        waiting = sum(len(few.host) for few in self._few.get(slot, []))
        return slot in self._row or 2 * waiting >= self.hosts.capacity

    def _join(self, slot: int) -> None:
        """Add what waits for a slot to its array."""
        for few in self._few.pop(slot):
            for metric, values in zip(self._volumes[:, self._row[slot]], few.volumes, strict=True):
                np.add.at(metric, few.host, values)
            self._waiting -= len(few.host)

    def _keep(self, host: Numbers, slot: I64, volumes: Volumes) -> None:
        order = np.argsort(slot)
        ordered = slot[order]
        borders = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        for rows in np.split(order, borders):
            few = Few(host[rows], np.array([values[rows] for values in volumes]))
            self._few.setdefault(int(slot[rows[0]]), []).append(few)
        self._waiting += len(host)

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

    def take_out(self, slot: int) -> tuple[Numbers, F64]:
        """The hosts of a slot and their volumes by metric, which are no longer here."""
        self._peaks.pop(slot, None)
        if slot in self._row:
            sums = self.sums(slot, slot)
            hosts = np.flatnonzero(sums[-1])
            found = hosts, sums[:, hosts]
            self._volumes[:, self._row.pop(slot)] = 0
            return found
        parts = self._few.pop(slot)
        self._waiting -= sum(len(few.host) for few in parts)
        return _joined(parts)

    def sums(self, first: int, last: int) -> F64:
        """By metric and host number, over the slots `first` to `last`; not to be written to."""
        size = self.hosts.size
        rows = [self._row[slot] for slot in range(first, last + 1) if slot in self._row]
        waiting = [few for slot in range(first, last + 1) for few in self._few.get(slot, [])]
        if rows and not waiting:
            return reduce(np.add, (self._volumes[:, row, :size] for row in rows))
        total: F64 = np.zeros((len(METRICS), size))
        for row in rows:
            total += self._volumes[:, row, :size]
        for few in waiting:
            for metric, values in zip(total, few.volumes, strict=True):
                np.add.at(metric, few.host, values)
        return total

    def peak(self, first: int, last: int) -> Peak:
        """What no host has more of over the slots, and what all of them have, by metric: most questions are
        answered by these alone.
        """
        peaks = [
            self._peak(slot) for slot in range(first, last + 1) if slot in self._row or slot in self._few
        ]
        return reduce(Peak.plus, peaks, Peak(np.zeros(len(METRICS)), np.zeros(len(METRICS))))

    def _peak(self, slot: int) -> Peak:
        if slot not in self._peaks:
            array = [self._volumes[:, self._row[slot], : self.hosts.size]] if slot in self._row else []
            parts = [*array, *(few.volumes for few in self._few.get(slot, []))]
            self._peaks[slot] = reduce(
                Peak.plus, (Peak(part.max(axis=1, initial=0.0), part.sum(axis=1)) for part in parts)
            )
        return self._peaks[slot]


def _joined(parts: list[Few]) -> tuple[Numbers, F64]:
    """The hosts of several parts, once each, and their volumes."""
    host = np.concatenate([few.host for few in parts])
    volumes = np.concatenate([few.volumes for few in parts], axis=1)
    order = np.argsort(host)
    ordered = host[order]
    opens = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return ordered[opens], np.add.reduceat(volumes[:, order], opens, axis=1)


class Prefixes:
    """Volumes by prefix out of those by host."""

    def __init__(self, hosts: HostRegister, lengths: tuple[int, int], random: np.random.Generator) -> None:
        """`lengths` are the prefix lengths for IPv4 and IPv6."""
        self.register = HostRegister(random)
        self._hosts = hosts
        self._lengths = lengths
        self.clear()

    def clear(self) -> None:
        self.register.clear()
        self._of: Numbers = np.zeros(0, np.intp)
        self._place: Numbers = np.zeros(0, np.intp)
        self._ways = 1

    @property
    def size(self) -> int:
        """Prefixes of the hosts registered by now."""
        self._follow()
        return self.register.size

    def numbers(self, hosts: Numbers) -> Numbers:
        """The numbers of some hosts' prefixes."""
        self._follow()
        return self._of[hosts]

    def sums(self, of_hosts: F64) -> F64:
        """By metric and prefix number."""
        self._follow()
        size = self.register.size
        total: F64 = np.zeros((len(of_hosts), size))
        for row, values in zip(total, of_hosts, strict=True):
            sums = np.bincount(self._place[: len(values)], values, size * self._ways)
            row += sums.reshape(size, self._ways).sum(axis=1)
        return total

    def of(self, hosts: Numbers, volumes: F64) -> tuple[Numbers, F64]:
        """The prefixes of some hosts, and their volumes by metric."""
        self._follow()
        of = self._of[hosts]
        sums: F64 = np.array(
            [np.bincount(of, values, self.register.size) for values in volumes], dtype=np.float64
        )
        prefixes = np.flatnonzero(sums[-1])
        return prefixes, sums[:, prefixes]

    def _follow(self) -> None:
        """Number the prefixes of hosts that came since."""
        new = slice(len(self._of), self._hosts.size)
        if new.start < new.stop:
            hosts = self._hosts
            hi, lo = addresses.prefixes_of(hosts.hi[new], hosts.lo[new], *self._lengths)
            self._of = np.concatenate([self._of, self.register.numbers(hi, lo, hosts.lane[new])])
            # Additions to one place wait for each other: few prefixes are summed in several places each.
            self._ways = _WAYS if self.register.size < _FEW_PREFIXES else 1
            self._place = self._of * self._ways + np.arange(len(self._of)) % self._ways


def frame_of(hosts: HostRegister, numbers: Numbers, volumes: F64) -> pl.DataFrame:
    """Rows (columns of SCHEMA) of some hosts."""
    named = dict(zip(METRICS, volumes, strict=True))
    return pl.DataFrame(
        {"lane": hosts.lane[numbers], "hi": hosts.hi[numbers], "lo": hosts.lo[numbers], **named}
    )
