"""The sliding window: volumes by source, by destination and by destination prefix, in slots of event time.

Memory is bounded by `slots * limit` hosts whatever comes. Recent slots keep `limit` hosts each, older
ones, which
only the talkers' list reads, `settled_limit`. All of it runs on columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sixfold.security.domain import addresses
from sixfold.security.domain.spread import spread
from sixfold.security.domain.table import EMPTY, HOST_SCHEMA, METRICS, Part, SlotTable, grouped

Columns = Mapping[str, npt.NDArray[Any]]


class View(Enum):
    """What the volumes are counted by."""

    SOURCE = "source"
    DESTINATION = "destination"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """Shape of the window. Slots are aligned to the epoch.

    Flows under both `light_bytes` and `light_packets` are spread by chance (see `spread`); 0 spreads every
    one exactly.
    """

    slot_ms: int = 5_000
    slots: int = 60
    limit: int = 32_768
    settled_after: int = 12
    settled_limit: int = 8_192
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


_LANES: Final = 1 << 16
_BUSY: Final = 2  # slots behind the newest that most flows still come for


class Lanes:
    """Which exporters see the same traffic.

    A lane is a member of a group of exporters on one path. Volumes of one group are the largest of its
    members' instead of their sum, so that a flow exported by two routers counts once. Exporters of no
    group share lane 0.
    """

    def __init__(self, groups: Sequence[Sequence[str]] = ()) -> None:
        self.groups = groups
        members: list[tuple[int, int, int]] = []
        for group, exporters in enumerate(groups):
            if len(exporters) > 255:
                raise ValueError("a group of duplicate exporters has at most 255 members")
            for member, exporter in enumerate(exporters):
                hi, lo, length = addresses.parse_network(exporter)
                if length != 128:
                    raise ValueError(f"duplicate exporter {exporter!r} is no address")
                members.append((hi, lo, (group + 1) << 8 | member))
        self._members = members
        self.widest = max((len(group) for group in groups), default=1)
        """Most lanes that one flow may be counted in."""

    def of(self, exporters: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
        lanes = np.zeros(len(exporters), dtype=np.uint32)
        if self._members:
            hi, lo = addresses.words(exporters)
            for member_hi, member_lo, lane in self._members:
                lanes[(hi == np.uint64(member_hi)) & (lo == np.uint64(member_lo))] = lane
        return lanes

    def fold(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Volumes by host from those by lane and host: the largest member of a group, summed over groups."""
        if not self._members:
            return grouped(frame, "hi", "lo")
        groups = frame.with_columns(group=pl.col("lane") // 256).group_by("group", "lane", "hi", "lo")
        largest = groups.agg(pl.col(*METRICS).sum()).group_by("group", "hi", "lo")
        return grouped(largest.agg(pl.col(*METRICS).max()), "hi", "lo")


def _reaching(floors: Sequence[float]) -> pl.Expr:
    return pl.any_horizontal(pl.col(m) >= f for m, f in zip(METRICS, floors, strict=True))


class Window:
    """Volumes of the last `slots` slots. Not thread-safe: one caller at a time."""

    def __init__(self, settings: WindowSettings, lanes: Lanes | None = None) -> None:
        self.settings = settings
        self.lanes = lanes or Lanes()
        self.head = 0
        """Newest slot seen, 0 before the first flow."""
        self._random = np.random.default_rng(0)
        self._tables: dict[View, dict[int, SlotTable]] = {view: {} for view in View}

    def add(self, columns: Columns, now_ms: int) -> Added:
        """Count flows (columns of a flow batch). `now_ms` is the wall clock, which judges the exporters'
        clocks.
        """
        settings = self.settings
        end = columns["time_end"]
        plausible = (end >= now_ms - settings.past_ms) & (end <= now_ms + settings.future_ms)
        implausible = int(len(end) - np.count_nonzero(plausible))
        if implausible:
            columns = {name: values[plausible] for name, values in columns.items()}
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
        volumes: dict[str, Any] = {
            "place": laid.slot * _LANES + self.lanes.of(columns["exporter"])[laid.row],
            "bytes": columns["bytes"][laid.row] * laid.share,
            "packets": columns["packets"][laid.row] * laid.share,
            "flows": laid.share,
        }
        grown: set[int] = set()
        for view, column in ((View.SOURCE, "src_address"), (View.DESTINATION, "dst_address")):
            hi, lo = addresses.words(columns[column])
            frame = grouped(
                pl.DataFrame({**volumes, "hi": hi[laid.row], "lo": lo[laid.row]}), "place", "hi", "lo"
            )
            grown |= self._push(view, frame)
            if view is View.DESTINATION:
                self._push(View.PREFIX, self._by_prefix(frame))
        return Added(len(plausible), implausible, laid.late, tuple(sorted(grown)))

    def _by_prefix(self, frame: pl.DataFrame) -> pl.DataFrame:
        hi, lo = addresses.prefixes_of(
            frame["hi"].to_numpy(),
            frame["lo"].to_numpy(),
            self.settings.prefix_ipv4,
            self.settings.prefix_ipv6,
        )
        return grouped(frame.with_columns(hi=pl.Series(hi), lo=pl.Series(lo)), "place", "hi", "lo")

    def _push(self, view: View, frame: pl.DataFrame) -> set[int]:
        tables = self._tables[view]
        placed = frame.select(
            pl.col("place") // _LANES,
            (pl.col("place") % _LANES).cast(pl.UInt32).alias("lane"),
            "hi",
            "lo",
            *METRICS,
        )
        parts = placed.partition_by("place", as_dict=True, include_key=False)
        for (slot,), part in parts.items():
            if slot not in tables:
                settled = slot <= self.head - self.settings.settled_after
                tables[slot] = SlotTable(self.settings.settled_limit if settled else self.settings.limit)
            tables[slot].add(part)
        return {int(slot) for (slot,) in parts}

    def advance(self, newest: int) -> None:
        """Make `newest` the newest slot if it is newer: forget slots that are out, settle old ones."""
        if newest <= self.head:
            return
        previous, self.head = self.head, newest
        for tables in self._tables.values():
            for slot in [slot for slot in tables if slot <= newest - self.settings.slots]:
                del tables[slot]
            for slot, table in tables.items():
                if previous - self.settings.settled_after < slot <= newest - self.settings.settled_after:
                    table.shrink(self.settings.settled_limit)
                elif previous - _BUSY < slot <= newest - _BUSY:
                    table.merge()

    def volumes(self, view: View, first: int, last: int) -> pl.DataFrame:
        """Volumes by host (columns hi, lo, bytes, packets, flows) of slots `first` to `last`."""
        return self.lanes.fold(pl.concat([part.frame for part in self._parts(view, first, last)]))

    def over(self, view: View, first: int, last: int, floors: Sequence[float]) -> pl.DataFrame:
        """Volumes over the slots of those hosts that reach one of the `floors` (bytes, packets, flows) in
        them.

        Only a host that has an n-th of a floor in one of the n parts can reach it, which spares most of
        the work.
        """
        parts = self._parts(view, first, last)
        each = [floor / len(parts) / self.lanes.widest for floor in floors]
        likely = [
            part.frame.filter(_reaching(each)).select("hi", "lo")
            for part in parts
            if any(value >= floor for value, floor in zip(part.largest, each, strict=True))
        ]
        if not likely:
            return pl.DataFrame(schema=HOST_SCHEMA)
        hosts = pl.concat(likely).unique()
        whole = pl.concat([part.frame.join(hosts, on=("hi", "lo"), how="semi") for part in parts])
        return self.lanes.fold(whole).filter(_reaching(floors))

    def _parts(self, view: View, first: int, last: int) -> list[Part]:
        tables = self._tables[view]
        return [
            EMPTY,
            *(part for slot in range(first, last + 1) if slot in tables for part in tables[slot].parts),
        ]

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

    def tables(self) -> list[tuple[View, int, SlotTable]]:
        """Everything held, for a checkpoint."""
        return [
            (view, slot, table) for view, tables in self._tables.items() for slot, table in tables.items()
        ]

    def restore(
        self, head: int, tables: list[tuple[View, int, pl.DataFrame, npt.NDArray[np.float64]]]
    ) -> None:
        """Take up volumes that were kept elsewhere, instead of what is held now."""
        self.head = head
        self._tables = {view: {} for view in View}
        for view, slot, frame, error in tables:
            settled = slot <= head - self.settings.settled_after
            limit = self.settings.settled_limit if settled else self.settings.limit
            self._tables[view][slot] = SlotTable.of(frame, error, limit)

    @property
    def hosts(self) -> int:
        """Rows held over all views and slots: what memory grows with."""
        return sum(table.hosts for tables in self._tables.values() for table in tables.values())


__all__ = ["Added", "Columns", "Lanes", "View", "Window", "WindowSettings"]
