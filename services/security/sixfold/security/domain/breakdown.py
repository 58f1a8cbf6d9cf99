"""What the traffic of those that get much of it consists of: volumes and distinct sources by kind.

All hosts are counted by the window; a host (or prefix) is broken down in a slot from where its volume there has
reached a floor, well under any threshold. What it got before is missing from its breakdown: at most the floor in
each slot, and one batch.
Memory: `limit` pairs of host and kind for hosts and for prefixes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain import addresses
from sixfold.security.domain.flows import Flows, by_value
from sixfold.security.domain.hosts import Numbers
from sixfold.security.domain.keyed import F64, U64, Keyed
from sixfold.security.domain.kinds import KINDS
from sixfold.security.domain.sketch import digest, estimate
from sixfold.security.domain.window import View, Window

METRICS: Final = ("bytes", "packets", "flows", "variance")
_LANE_BITS: Final = np.uint32(6)
_KIND: Final = np.uint32(63)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownSettings:
    """Floors, per second, from which a host or prefix is broken down, and how much is kept."""

    bytes_per_second: float = 125_000.0
    packets_per_second: float = 100.0
    prefix_factor: float = 4.0
    """A prefix is broken down from so many times the floors."""
    slots: int = 6
    limit: int = 32_768


@dataclass(frozen=True, slots=True)
class Mixture:
    """Hosts (or prefixes) by kind, over some slots. Arrays of n rows; metrics as in METRICS.

    `volumes[METRICS.index("packets"), row, number_of("tcp-syn")]` are packets.
    """

    hi: U64
    lo: U64
    length: npt.NDArray[np.uint8]
    """Counted in 128 bits: 128 for hosts."""
    volumes: F64
    """(metrics, n, kinds)."""
    seconds: float
    _seen: Mapping[tuple[int, int], npt.NDArray[np.uint8]] = field(repr=False)

    @property
    def rows(self) -> int:
        return len(self.hi)

    def of(self, kinds: Sequence[int]) -> F64:
        """(metrics, n): sums over some kinds."""
        return self.volumes[:, :, list(kinds)].sum(axis=2)

    @property
    def all(self) -> F64:
        return self.volumes.sum(axis=2)

    def sources(self, row: int, kinds: Sequence[int]) -> float:
        """Distinct sources of a row's flows of these kinds, within sketch.ERROR."""
        seen = [self._seen[row, kind] for kind in kinds if (row, kind) in self._seen]
        return float(estimate(reduce(np.maximum, seen)[np.newaxis])[0]) if seen else 0.0


class Breakdown:
    """Not thread-safe."""

    def __init__(self, settings: BreakdownSettings, window: Window) -> None:
        self.settings = settings
        self._window = window
        self._seconds = window.settings.slot_ms / 1000
        self._floors = (
            settings.bytes_per_second * self._seconds,
            settings.packets_per_second * self._seconds,
        )
        self._keyed = {
            view: Keyed(metrics=len(METRICS), slots=settings.slots, limit=settings.limit, distinct=True)
            for view in (View.DESTINATION, View.PREFIX)
        }
        self._heavy = np.zeros(0, bool)
        self._mixtures: dict[tuple[View, int, int], Mixture] = {}

    def add(self, flows: Flows) -> None:
        """Break down what these flows bring to hosts and prefixes over the floors. The window counts them before."""
        self._mixtures.clear()
        prefixes = self._window.prefix_numbers(flows.destination) if self._heavy.any() else None
        for one in flows.shares:
            if not len(one.slot):
                continue
            rows = np.arange(flows.rows) if isinstance(one.row, slice) else one.row
            reached = self._window.reaching(flows.destination[rows], one.slot, self._floors)
            self._count(View.DESTINATION, flows, rows, one.slot, one.share, np.flatnonzero(reached))
            if prefixes is not None:
                of = prefixes[rows]
                inside = of < len(self._heavy)
                inside[inside] = self._heavy[of[inside]]
                self._count(View.PREFIX, flows, rows, one.slot, one.share, np.flatnonzero(inside))

    def _count(
        self,
        view: View,
        flows: Flows,
        rows: npt.NDArray[np.int64],
        slot: npt.NDArray[np.int64],
        share: F64,
        chosen: Numbers,
    ) -> None:
        if not len(chosen):
            return
        rows, slot, share = rows[chosen], slot[chosen], share[chosen]
        hi, lo = (words[rows] for words in flows.words("dst_address"))
        if view is View.PREFIX:
            shape = self._window.settings
            hi, lo = addresses.prefixes_of(hi, lo, shape.prefix_ipv4, shape.prefix_ipv6)
        lane = flows.kind[rows].astype(np.uint32)
        if flows.lane is not None:
            lane |= flows.lane[rows] << _LANE_BITS
        columns = flows.columns
        packets = columns["packets"][rows] * share
        variance = packets * np.maximum(columns["sampling_rate"][rows].astype(np.float64) - 1.0, 0.0)
        values = (columns["bytes"][rows] * share, packets, share, variance)
        source = flows.words("src_address")
        self._keyed[view].add(lane, hi, lo, slot, values, digest(source[0][rows], source[1][rows]))

    def watch_prefixes(self, first: int, last: int) -> None:
        """Choose the prefixes that are broken down from now on: those that got much over the slots."""
        span = (last - first + 1) * self.settings.prefix_factor
        self._heavy = self._window.heavy_prefixes(first, last, tuple(floor * span for floor in self._floors))

    def forget_prefixes(self) -> None:
        """Prefixes are numbered anew."""
        self._heavy = np.zeros(0, bool)

    def mixture(self, view: View, first: int, last: int) -> Mixture:
        """By kind over the slots, for hosts (View.DESTINATION) or prefixes. Made once a look."""
        key = (view, first, last)
        if key not in self._mixtures:
            self._mixtures[key] = self._mixture(view, first, last)
        return self._mixtures[key]

    def _mixture(self, view: View, first: int, last: int) -> Mixture:
        keyed = self._keyed[view]
        sums = keyed.sums(first, last)
        numbers = np.flatnonzero(sums[2])
        lane, hi, lo = keyed.keys.lane[numbers], keyed.keys.hi[numbers], keyed.keys.lo[numbers]
        kind, exporters = (lane & _KIND).astype(np.intp), lane >> _LANE_BITS
        hosts = by_value(digest(hi, lo))
        volumes = np.zeros((len(METRICS), hosts.count, len(KINDS)))
        # Exporters on one path: the largest of a group's members, summed over the groups.
        for group in np.unique(exporters >> np.uint32(8)).tolist():
            largest = np.zeros_like(volumes)
            for member in np.unique(exporters[exporters >> np.uint32(8) == group]).tolist():
                rows = np.flatnonzero(exporters == member)
                at = (hosts.of[rows], kind[rows])
                for metric, values in zip(largest, sums[:, numbers[rows]], strict=True):
                    metric[at] = np.maximum(metric[at], values)
            volumes += largest
        registers = keyed.seen(numbers, first, last)
        seen: dict[tuple[int, int], npt.NDArray[np.uint8]] = {}
        for row, one, register in zip(hosts.of.tolist(), kind.tolist(), registers, strict=True):
            before = seen.get((row, one))
            seen[row, one] = register if before is None else np.maximum(before, register)
        shape = self._window.settings
        hi, lo = hi[hosts.first], lo[hosts.first]
        four = addresses.is_ipv4(hi, lo)
        length = np.where(four, 96 + shape.prefix_ipv4, shape.prefix_ipv6)
        if view is not View.PREFIX:
            length = np.full(len(hi), 128)
        seconds = (last - first + 1) * self._seconds
        return Mixture(hi, lo, length.astype(np.uint8), volumes, seconds, seen)

    def dump(self) -> dict[str, npt.NDArray[Any]]:
        return {
            f"{view.value}.{name}": values
            for view, keyed in self._keyed.items()
            for name, values in keyed.dump().items()
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take up what `dump` gave. ValueError or KeyError where it cannot be used."""
        for view, keyed in self._keyed.items():
            prefix = f"{view.value}."
            keyed.restore(
                {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}
            )
        self._mixtures.clear()
