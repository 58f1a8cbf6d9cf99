"""Packets to flows: timeouts, ends of connections, a bounded table (RFC 5470, 5102 flowEndReason).

A flow is one direction of a 5-tuple (with the ICMP type and code). Fragments after the first have no ports and
make a flow of their own with ports 0, as on routers. How packets were cut into batches makes no difference.
"""

import itertools
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.meter.groups import Groups, flow_keys, group, hash_keys, key_parts
from sixfold.agent.meter.table import FlowTable, Slots
from sixfold.agent.packets import CAUSES, Headers

SECOND: Final = 1_000_000_000
IDLE, ACTIVE, FINISHED, FORCED, NO_ROOM = 1, 2, 3, 4, 5
_FIN_OR_RST: Final = 0x05
_BATCH: Final = 65_536
Ended = dict[str, npt.NDArray[Any]]
"""Columns of FLOW but for exporter and time_received; one row per flow that has ended."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds, at least one each. finished: how long a TCP flow with FIN or RST waits for stragglers."""

    active: float = 60.0
    inactive: float = 15.0
    finished: float = 2.0

    def __post_init__(self) -> None:
        for item in fields(self):
            if getattr(self, item.name) < 1:
                raise ValueError(f"the {item.name} timeout must be at least one second")


@dataclass(slots=True)
class Metered:
    """What the meter has seen. declined: packets that are no flow, by cause."""

    packets: int = 0
    octets: int = 0
    flows: int = 0
    no_room: int = 0
    clock_steps: int = 0
    declined: Counter[str] = field(default_factory=Counter)


class Meter:
    """Feed it headers in order of arrival; it gives back the flows that ended. `flush` ends the others."""

    def __init__(
        self, timeouts: Timeouts | None = None, *, max_flows: int = 262_144, seed: int | None = None
    ) -> None:
        if max_flows < 2:
            raise ValueError("a meter needs room for at least two flows")
        timeouts = timeouts or Timeouts()
        self.metered = Metered()
        self._table = FlowTable(max_flows)
        self._active = int(timeouts.active * SECOND)
        self._inactive = int(timeouts.inactive * SECOND)
        self._finished = int(timeouts.finished * SECOND)
        self._seed = secrets.randbits(64) if seed is None else seed
        self._clock: int | None = None
        self._ended: list[Ended] = []

    def __len__(self) -> int:
        return len(self._table)

    def feed(self, headers: Headers, time_ns: npt.NDArray[np.int64]) -> list[Ended]:
        """Take packets; rows with a cause are counted as declined. Returns the flows that ended."""
        for code, count in enumerate(np.bincount(headers.cause, minlength=len(CAUSES))):
            if code and count:
                self.metered.declined[CAUSES[code]] += int(count)
        rows = np.flatnonzero(headers.cause == 0)
        if not len(rows):
            return self._take_ended()
        self.metered.packets += len(rows)
        self.metered.octets += int(headers.ip_length[rows].sum())
        keys = flow_keys(headers)
        hashes = hash_keys(keys, self._seed)
        for part in self._slices(time_ns, rows):
            self._observe(headers, time_ns, keys, hashes, part)
        return self._take_ended()

    def tick(self, now_ns: int) -> list[Ended]:
        """End what has timed out by `now_ns`, where no packet tells the time (a quiet interface)."""
        if self._clock is not None and now_ns // SECOND > self._clock // SECOND:
            self._clock = now_ns
            self._expire(now_ns // SECOND * SECOND)
        return self._take_ended()

    def flush(self) -> list[Ended]:
        """End every flow: the observation is over."""
        self._end(self._table.slots.copy(), FORCED)
        return self._take_ended()

    def _slices(
        self, time_ns: npt.NDArray[np.int64], rows: npt.NDArray[np.intp]
    ) -> Iterator[npt.NDArray[np.intp]]:
        """Runs of packets within one second of the clock, and small enough for the table; expires between them.

        The clock is the latest time seen. Where a packet is behind it by more than the inactive timeout, captures
        were put one after the other or the machine's clock was set: no flow goes on over that.
        """
        while len(rows):
            times = time_ns[rows]
            clock = np.maximum.accumulate(times)
            if self._clock is not None:
                clock = np.maximum(clock, self._clock)
            behind = np.flatnonzero(times < clock - self._inactive)
            stop = int(behind[0]) if len(behind) else len(rows)
            yield from self._seconds(rows[:stop], clock[:stop])
            rows = rows[stop:]
            if len(rows):
                self.metered.clock_steps += 1
                self._end(self._table.slots.copy(), FORCED)
                self._clock = None

    def _seconds(
        self, rows: npt.NDArray[np.intp], clock: npt.NDArray[np.int64]
    ) -> Iterator[npt.NDArray[np.intp]]:
        if not len(rows):
            return
        second = clock // SECOND
        edges = np.flatnonzero(np.diff(second)) + 1
        most = min(_BATCH, max(1, self._table.capacity // 2))
        for start, end in itertools.pairwise([0, *edges.tolist(), len(rows)]):
            if self._clock is None or second[start] > self._clock // SECOND:
                self._expire(int(second[start]) * SECOND)
            for first in range(start, end, most):
                last = min(first + most, end)
                self._clock = int(clock[last - 1])
                yield rows[first:last]

    def _observe(
        self,
        headers: Headers,
        time_ns: npt.NDArray[np.int64],
        keys: npt.NDArray[np.uint64],
        hashes: npt.NDArray[np.uint64],
        rows: npt.NDArray[np.intp],
    ) -> None:
        """Packets of less than a second: a flow ends in it at most once, so there are at most two halves."""
        groups = group(keys[rows], hashes[rows])
        times = time_ns[rows][groups.order]
        slots = self._table.find(groups.keys, groups.hashes)
        known = slots >= 0
        idle = known & (np.minimum.reduceat(times, groups.starts) - self._table.last[slots] >= self._inactive)
        self._end(slots[idle], IDLE)
        slots[idle] = -1
        known &= ~idle
        began = np.where(known, self._table.first[slots], np.minimum.reduceat(times, groups.starts))
        late = times - np.repeat(began, groups.counts) >= self._active
        if not late.any():
            self._merge(headers, time_ns, rows, groups, slots)
            return
        early_rows, late_rows = rows[groups.order[~late]], rows[groups.order[late]]
        if len(early_rows):
            self._regroup(headers, time_ns, keys, hashes, np.sort(early_rows))
        timed_out = np.unique(np.repeat(np.arange(len(groups)), groups.counts)[late])
        # Looked up again: the packets before may have moved flows to make room.
        slots = self._table.find(groups.keys[timed_out], groups.hashes[timed_out])
        self._end(slots[slots >= 0], ACTIVE)
        self._regroup(headers, time_ns, keys, hashes, np.sort(late_rows))

    def _regroup(
        self,
        headers: Headers,
        time_ns: npt.NDArray[np.int64],
        keys: npt.NDArray[np.uint64],
        hashes: npt.NDArray[np.uint64],
        rows: npt.NDArray[np.intp],
    ) -> None:
        groups = group(keys[rows], hashes[rows])
        self._merge(headers, time_ns, rows, groups, self._table.find(groups.keys, groups.hashes))

    def _merge(
        self,
        headers: Headers,
        time_ns: npt.NDArray[np.int64],
        rows: npt.NDArray[np.intp],
        groups: Groups,
        slots: Slots,
    ) -> None:
        """Add each group's packets to its flow; slot -1 is a new one."""
        table = self._table
        ordered = rows[groups.order]
        times = time_ns[ordered]
        new = np.flatnonzero(slots < 0)
        if len(new):
            if len(new) > table.free:
                slots = self._make_room(len(new) - table.free, groups)
                new = np.flatnonzero(slots < 0)
            added = table.add(groups.keys[new], groups.hashes[new])
            slots[new] = added
            first_packet = ordered[groups.starts[new]]
            table.first[added] = np.iinfo(np.int64).max
            table.last[added] = np.iinfo(np.int64).min
            table.packets[added] = 0
            table.octets[added] = 0
            table.flags[added] = 0
            table.vlan[added] = headers.vlan[first_packet]
            table.tos[added] = headers.ip_tos[first_packet]
            table.label[added] = headers.flow_label[first_packet]
        table.first[slots] = np.minimum(table.first[slots], np.minimum.reduceat(times, groups.starts))
        table.last[slots] = np.maximum(table.last[slots], np.maximum.reduceat(times, groups.starts))
        table.packets[slots] += groups.counts.astype(np.uint64)
        table.octets[slots] += np.add.reduceat(headers.ip_length[ordered], groups.starts).astype(np.uint64)
        table.flags[slots] |= np.bitwise_or.reduceat(headers.tcp_flags[ordered], groups.starts)

    def _make_room(self, short: int, groups: Groups) -> Slots:
        """End the flows idle longest, of which this very batch may have more packets; the slots of `groups` then."""
        room = max(short, self._table.capacity // 64)
        victims = self._table.oldest(room)
        self.metered.no_room += len(victims)
        self._end(victims, NO_ROOM)
        slots = self._table.find(groups.keys, groups.hashes)
        if (missing := int(np.count_nonzero(slots < 0)) - self._table.free) > 0:
            return self._make_room(missing, groups)
        return slots

    def _expire(self, now: int) -> None:
        table = self._table
        slots = table.slots
        if not len(slots):
            return
        quiet = now - table.last[slots]
        done = (table.flags[slots] & _FIN_OR_RST != 0) & (quiet >= self._finished)
        idle = ~done & (quiet >= self._inactive)
        active = ~done & ~idle & (now - table.first[slots] >= self._active)
        ended = [(slots[mask], reason) for mask, reason in ((done, FINISHED), (idle, IDLE), (active, ACTIVE))]
        for gone, reason in ended:
            self._end(gone, reason)

    def _end(self, slots: Slots, reason: int) -> None:
        if not len(slots):
            return
        row = self._table.rows(slots)
        self._table.remove(slots)
        parts = key_parts(row["keys"])
        self.metered.flows += len(slots)
        self._ended.append(
            {
                "time_start": row["first"] // 1_000_000,
                "time_end": row["last"] // 1_000_000,
                "src_address": parts.src_address,
                "dst_address": parts.dst_address,
                "src_port": parts.src_port,
                "dst_port": parts.dst_port,
                "protocol": parts.protocol,
                "bytes": row["octets"],
                "packets": row["packets"],
                "sampling_rate": np.ones(len(slots), dtype=np.uint32),
                "tcp_flags": row["flags"],
                "ip_tos": row["tos"],
                "icmp_type_code": parts.icmp_type_code,
                "vlan": row["vlan"],
                "flow_label": row["label"],
                "flow_end_reason": np.full(len(slots), reason, dtype=np.uint8),
            }
        )

    def _take_ended(self) -> list[Ended]:
        ended, self._ended = self._ended, []
        return ended
