"""The sliding window: volumes by source, by destination and by destination prefix, in slots of event time.

Flows are counted in dense arrays (`Counters`), prefixes are summed from the destinations when somebody
asks, and slots that are settled, or that the arrays have no room for, go to tables of their own (`SlotTable`).

Memory is bounded whatever comes: two sides of `cells` * 24 bytes, and `slots * limit` hosts in tables.
Recent tables keep `limit` hosts each, older ones, which only the talkers' list reads, `settled_limit`. All
of it runs on columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sixfold.security.domain import addresses
from sixfold.security.domain.counters import F64, I64, Counters, Prefixes, frame_of
from sixfold.security.domain.flows import U64, Flows
from sixfold.security.domain.hosts import HostRegister, Numbers
from sixfold.security.domain.lanes import Lanes
from sixfold.security.domain.spread import spread
from sixfold.security.domain.table import HOST_SCHEMA, KEYS, METRICS, Part, SlotTable, grouped

Columns = Mapping[str, npt.NDArray[Any]]


class View(Enum):
    """What the volumes are counted by."""

    SOURCE = "source"
    DESTINATION = "destination"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """Shape of the window. Slots are aligned to the epoch.

    `cells` bounds what is counted in dense arrays, hosts times slots for each side. Flows under both
    `light_bytes` and `light_packets` are spread by chance (see `spread`); 0 spreads every one exactly.
    """

    slot_ms: int = 5_000
    slots: int = 60
    limit: int = 32_768
    settled_after: int = 12
    settled_limit: int = 8_192
    cells: int = 2_097_152
    light_bytes: int = 1_000_000
    light_packets: int = 1_000
    prefix_ipv4: int = 24
    prefix_ipv6: int = 64
    past_ms: int = 86_400_000
    future_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the flows of one `add`."""

    flows: int
    implausible: int
    """Flows whose end is further than `past_ms` and `future_ms` from now: in no window."""
    late: float
    """Volume, in flows, older than the oldest slot."""
    slots: tuple[int, ...]
    """Slots that grew."""
    counted: Flows | None = None
    """What was counted, with the numbers of its hosts; good until the next `add`."""


_BUSY: Final = 2  # slots behind the newest that most flows still come for
_LEAST_PART: Final = 32  # slots that fewer than one in so many flows come for get no array
_COUNTED: Final = {
    View.SOURCE: View.SOURCE,
    View.DESTINATION: View.DESTINATION,
    View.PREFIX: View.DESTINATION,
}
_SIDES: Final = {View.SOURCE: "src_address", View.DESTINATION: "dst_address"}


_NOBODY: Final = pl.DataFrame(schema=HOST_SCHEMA)


class Window:
    """Volumes of the last `slots` slots. Not thread-safe: one caller at a time."""

    def __init__(self, settings: WindowSettings, lanes: Lanes | None = None) -> None:
        self.settings = settings
        self.lanes = lanes or Lanes()
        self.columns: frozenset[str] = frozenset(
            ["time_start", "time_end", *_SIDES.values(), "bytes", "packets", *(["exporter"] if lanes else [])]
        )
        """Columns of a flow batch that are read; the others need not be decoded."""
        self.head = 0
        """Newest slot seen, 0 before the first flow."""
        self._random = np.random.default_rng(0)
        key = np.random.default_rng()  # not to be foreseen, unlike the draws of `spread`
        self._counters = {view: Counters(settings.cells, key) for view in _SIDES}
        lengths = settings.prefix_ipv4, settings.prefix_ipv6
        self._prefixes = Prefixes(self._counters[View.DESTINATION].hosts, lengths, key)
        self._tables: dict[View, dict[int, SlotTable]] = {view: {} for view in View}
        self._summed: dict[int, F64] = {}
        self.numbered = 0
        """How often the destinations and their prefixes have been numbered anew."""

    def add(self, columns: Columns, now_ms: int) -> Added:
        """Count flows (columns of a flow batch). `now_ms` is the wall clock, which judges the exporters'
        clocks.
        """
        settings = self.settings
        end = columns["time_end"]
        flows = len(end)
        plausible = (end >= now_ms - settings.past_ms) & (end <= now_ms + settings.future_ms)
        implausible = flows - int(np.count_nonzero(plausible))
        if implausible:
            columns = {name: column[plausible] for name, column in columns.items()}
            end = columns["time_end"]
        if not len(end):
            return Added(implausible, implausible, 0.0, ())
        newest = int(end.max()) // settings.slot_ms
        self.advance(newest)
        oldest = self.head - settings.slots + 1
        laid = spread(
            columns["time_start"],
            end,
            slot_ms=settings.slot_ms,
            first_slot=oldest,
            last_slot=newest,
            light=(columns["bytes"] < settings.light_bytes) & (columns["packets"] < settings.light_packets),
            random=self._random,
        )
        shares = [one for one in laid.shares if len(one.slot)]
        volumes = [
            (columns["bytes"][one.row] * one.share, columns["packets"][one.row] * one.share, one.share)
            for one in shares
        ]
        lanes = self.lanes.of(columns["exporter"]) if self.lanes else None
        slots: set[int] = set()
        host: dict[View, Numbers] = {}
        words: dict[str, tuple[U64, U64]] = {}
        for view, name in _SIDES.items():
            counters = self._counters[view]
            hi, lo = words[name] = addresses.words(columns[name])
            numbers = counters.hosts.numbers(hi, lo, lanes)
            if counters.full:
                self._empty(view)
                numbers = counters.hosts.numbers(hi, lo, lanes)
            for one, of_one in zip(shares, volumes, strict=True):
                slots.update(counters.add(numbers[one.row], one.slot, of_one, len(end) // _LEAST_PART))
            host[view] = numbers
        self._summed.clear()
        counted = Flows(
            columns,
            now_ms,
            source=host[View.SOURCE],
            destination=host[View.DESTINATION],
            shares=tuple(shares),
            words=words,
            lane=lanes,
        )
        return Added(flows, implausible, laid.late, tuple(sorted(slots)), counted)

    def _empty(self, view: View) -> None:
        """Move what is counted to the tables and begin anew."""
        counters = self._counters[view]
        for slot in counters.slots:
            self._take_out(view, slot)
        counters.clear()
        if view is View.DESTINATION:
            self._prefixes.clear()
            self.numbered += 1

    def _take_out(self, view: View, slot: int) -> None:
        hosts, volumes = self._counters[view].take_out(slot)
        self._table(view, slot).add(frame_of(self._register(view), hosts, volumes))
        if view is View.DESTINATION:
            prefixes = self._prefixes.of(hosts, volumes)
            self._table(View.PREFIX, slot).add(frame_of(self._prefixes.register, *prefixes))
        self._summed.clear()

    def _table(self, view: View, slot: int) -> SlotTable:
        tables = self._tables[view]
        if slot not in tables:
            settled = slot <= self.head - self.settings.settled_after
            tables[slot] = SlotTable(self.settings.settled_limit if settled else self.settings.limit)
        return tables[slot]

    def advance(self, newest: int) -> None:
        """Make `newest` the newest slot if it is newer: forget slots that are out, settle old ones."""
        if newest <= self.head:
            return
        previous, self.head = self.head, newest
        for view, counters in self._counters.items():
            for slot in counters.slots:
                if slot <= newest - self.settings.settled_after:
                    self._take_out(view, slot)
        for tables in self._tables.values():
            for slot in [slot for slot in tables if slot <= newest - self.settings.slots]:
                del tables[slot]
            for slot, table in tables.items():
                if slot <= newest - self.settings.settled_after:
                    table.shrink(self.settings.settled_limit)
                elif previous - _BUSY < slot <= newest - _BUSY:
                    table.merge()

    def reaching(self, host: Numbers, slot: I64, floors: Sequence[float]) -> npt.NDArray[np.bool_]:
        """Which destinations (numbers of the last `add`) have by now one of the `floors` (bytes, packets) in a
        slot; a slot that few flows come for is not looked into.
        """
        return self._counters[View.DESTINATION].reaching(host, slot, floors)

    def prefix_numbers(self, host: Numbers) -> Numbers:
        """The prefixes of destinations, by their numbers of the last `add`."""
        return self._prefixes.numbers(host)

    def heavy_prefixes(self, first: int, last: int, floors: Sequence[float]) -> npt.NDArray[np.bool_]:
        """By prefix number, which reach one of the `floors` (bytes, packets) over the slots; empty where none."""
        peak = self._counters[View.DESTINATION].peak(first, last)
        if not any(total >= floor for total, floor in zip(peak.total, floors, strict=False)):
            return np.zeros(0, bool)
        sums = self._sums(View.PREFIX, first, last)
        return reduce(np.logical_or, (row >= floor for row, floor in zip(sums, floors, strict=False)))

    def _register(self, view: View) -> HostRegister:
        return self._prefixes.register if view is View.PREFIX else self._counters[view].hosts

    def _sums(self, view: View, first: int, last: int) -> F64:
        """What is counted in dense arrays, by metric and host number; not to be written to."""
        if view is not View.PREFIX:
            return self._counters[view].sums(first, last)
        return reduce(np.add, (self._by_prefix(slot) for slot in range(first, last + 1)))

    def _by_prefix(self, slot: int) -> F64:
        """A slot's volumes by prefix, remembered until something is added."""
        if slot not in self._summed or self._summed[slot].shape[1] < self._prefixes.size:
            self._summed[slot] = self._prefixes.sums(self._sums(View.DESTINATION, slot, slot))
        return self._summed[slot]

    def _frame(self, view: View, first: int, last: int) -> pl.DataFrame:
        sums = self._sums(view, first, last)
        filled = np.flatnonzero(sums[-1])
        return frame_of(self._register(view), filled, sums[:, filled])

    def volumes(self, view: View, first: int, last: int) -> pl.DataFrame:
        """Volumes by host (columns hi, lo, bytes, packets, flows) of slots `first` to `last`."""
        parts = [part.frame for part in self._parts(view, first, last)]
        return self.lanes.fold(pl.concat([*parts, self._frame(view, first, last)]))

    def over(self, view: View, first: int, last: int, floors: Sequence[float]) -> pl.DataFrame:
        """Volumes over the slots of those hosts that reach one of the `floors` (bytes, packets, flows) in
        them.

        Only a host that has an n-th of a floor in one of the n parts can reach it, which spares most of
        the work.
        """
        parts = self._parts(view, first, last)
        each = np.array(floors) / (len(parts) + 1) / self.lanes.widest
        likely = [
            part.frame.filter(_reaching(each.tolist())).select("hi", "lo")
            for part in parts
            if (np.array(part.largest) >= each).any()
        ]
        peak = self._counters[_COUNTED[view]].peak(first, last)
        counted = ((peak.total if view is View.PREFIX else peak.largest) >= each).any()
        if not likely and not counted:
            return _NOBODY
        sums, register = self._sums(view, first, last), self._register(view)
        dense = np.flatnonzero((sums >= each[:, np.newaxis]).any(axis=0))
        if not parts and not self.lanes:
            volumes = {metric: values[dense] for metric, values in zip(METRICS, sums, strict=True)}
            return pl.DataFrame({"hi": register.hi[dense], "lo": register.lo[dense], **volumes})
        hosts = pl.concat(
            [*likely, pl.DataFrame({"hi": register.hi[dense], "lo": register.lo[dense]})]
        ).unique()
        lanes = self.lanes.all
        numbers = register.known(
            np.tile(hosts["hi"].to_numpy(), len(lanes)),
            np.tile(hosts["lo"].to_numpy(), len(lanes)),
            np.repeat(lanes, len(hosts)),
        )
        whole = [part.frame.join(hosts, on=("hi", "lo"), how="semi") for part in parts]
        return self.lanes.fold(pl.concat([*whole, frame_of(register, numbers, sums[:, numbers])])).filter(
            _reaching(floors)
        )

    def _parts(self, view: View, first: int, last: int) -> list[Part]:
        tables = self._tables[view]
        return [part for slot in range(first, last + 1) if slot in tables for part in tables[slot].parts]

    def talkers(
        self, view: View, metric: str, first: int, last: int, limit: int
    ) -> tuple[pl.DataFrame, float]:
        """The `limit` heaviest by `metric` over the slots, heaviest first, and the bound of their error."""
        tables = self._tables[view]
        error = sum(
            float(tables[slot].error[METRICS.index(metric)])
            for slot in range(first, last + 1)
            if slot in tables
        )
        return self.volumes(view, first, last).sort(metric, "hi", "lo", descending=[True, False, False]).head(
            limit
        ), error

    def slots(self) -> Iterator[tuple[View, int, pl.DataFrame, F64]]:
        """Everything held, for a checkpoint: volumes by lane and host, and the bound of their error."""
        for view, tables in self._tables.items():
            counted = self._counters[_COUNTED[view]].slots
            for slot in sorted({*tables, *counted}):
                frame = self._frame(view, slot, slot)
                table = tables.get(slot)
                if table is None:
                    yield view, slot, frame, np.zeros(len(METRICS))
                else:
                    yield view, slot, grouped(pl.concat([table.merge(), frame]), *KEYS), table.error

    def restore(
        self, head: int, tables: list[tuple[View, int, pl.DataFrame, npt.NDArray[np.float64]]]
    ) -> None:
        """Take up volumes that were kept elsewhere, instead of what is held now."""
        self.head = head
        self._tables = {view: {} for view in View}
        for counters in self._counters.values():
            counters.clear()
        self._prefixes.clear()
        self.numbered += 1
        self._summed.clear()
        for view, slot, frame, error in tables:
            settled = slot <= head - self.settings.settled_after
            limit = self.settings.settled_limit if settled else self.settings.limit
            self._tables[view][slot] = SlotTable.of(frame, error, limit)

    @property
    def hosts(self) -> int:
        """Rows held over all views and slots: what memory grows with."""
        tables = sum(table.hosts for tables in self._tables.values() for table in tables.values())
        return tables + sum(counters.filled for counters in self._counters.values())


def _reaching(floors: Sequence[float]) -> pl.Expr:
    return pl.any_horizontal(pl.col(m) >= f for m, f in zip(METRICS, floors, strict=True))


__all__ = ["Added", "Columns", "Lanes", "View", "Window", "WindowSettings"]
