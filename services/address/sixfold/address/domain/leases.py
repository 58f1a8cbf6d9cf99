"""Delegations as columns, in segments of 65,536 ids.

A delegation is a row and never an object until somebody asks for it. Ids rise by one and are never used again;
a segment whose delegations have mostly ended is packed, and dropped after the last. Frozen segments (a snapshot
being written) are copied before they are changed.
"""

import itertools
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sixfold.address.domain.keys import Hashes, Ids, KeyIndex
from sixfold.address.domain.names import Names
from sixfold.address.domain.prefix import BITS, Prefix

SEGMENT: Final = 1 << 16
NEVER: Final = (1 << 63) - 1
_LOW: Final = (1 << 64) - 1
COLUMNS: Final = {
    "high": np.uint64,  # the first 64 bits of the network
    "length": np.uint8,  # 0: the row is gone
    "pool": np.uint16,  # number in `pools` of the segment
    "key": np.uint64,
    "until": np.int64,  # end of the lease, 0: none; negative: resting until then
    "version": np.uint32,
    "holder": np.uint16,  # number in `names` of the segment
}
Words = NDArray[np.uint64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """One delegation; `until` as in the column."""

    pool_id: str
    prefix: Prefix
    holder: str
    key: int
    until: int
    version: int


class Segment:
    __slots__ = (
        *COLUMNS,
        "bottom",
        "count",
        "frozen",
        "live",
        "low",
        "names",
        "next_due",
        "number",
        "offsets",
        "order",
        "pools",
        "sealed",
        "top",
    )

    high: Words
    length: NDArray[np.uint8]
    pool: NDArray[np.uint16]
    key: Hashes
    until: NDArray[np.int64]
    version: NDArray[np.uint32]
    holder: NDArray[np.uint16]

    def __init__(self, number: int, rows: int | None = None) -> None:
        """`rows`: of one that is sealed already."""
        self.number = number
        self.count = 0
        self.live = 0
        self.sealed = False
        self.frozen = False
        for name, kind in COLUMNS.items():
            setattr(self, name, np.zeros(SEGMENT if rows is None else rows, kind))
        # The last 64 bits of the networks, once one of them has any.
        self.low: Words | None = None
        # Once packed: which row of the full segment each row was.
        self.offsets: NDArray[np.uint16] | None = None
        # Once sealed and asked: rows in the order of their networks; empty where they are in order as they lie.
        self.order: NDArray[np.uint16] | None = None
        self.pools: list[str] = []
        self.names = Names()
        # No lease ends and no rest is over before this.
        self.next_due = NEVER
        self.bottom, self.top = _LOW, 0

    def row_of(self, delegation_id: int) -> int | None:
        offset = (delegation_id - 1) % SEGMENT
        if self.offsets is None:
            row = offset if offset < self.count else None
        else:
            row = bisect_left(self.offsets, offset)
            row = row if row < self.count and self.offsets[row] == offset else None
        return row if row is not None and self.length[row] else None

    def rows_of(self, ids: Ids) -> Rows:
        """All of them must be there."""
        offsets = (ids - 1) % SEGMENT
        return offsets if self.offsets is None else np.searchsorted(self.offsets, offsets)

    def ids_of(self, rows: Rows) -> Ids:
        offsets = rows if self.offsets is None else self.offsets[rows].astype(np.int64)
        return self.number * SEGMENT + 1 + offsets

    def network(self, row: int) -> int:
        return int(self.high[row]) << 64 | (0 if self.low is None else int(self.low[row]))

    def pool_number(self, pool_id: str) -> int:
        if pool_id not in self.pools:
            self.pools.append(pool_id)
        return self.pools.index(pool_id)

    def change(self) -> None:
        """Before columns are changed."""
        for name in COLUMNS:
            column = getattr(self, name)
            if self.frozen or not column.flags.writeable:
                setattr(self, name, np.array(column))
        if self.frozen and self.low is not None:
            self.low = self.low.copy()
        self.frozen = False

    def widen(self) -> None:
        if self.low is None:
            self.low = np.zeros(len(self.high), np.uint64)

    def cover(self, bottom: int, top: int) -> None:
        self.bottom, self.top = min(self.bottom, bottom), max(self.top, top)

    def seal(self) -> None:
        """No more rows come. A column that says the same in all rows is kept as one value until one changes."""
        self.names.seal()
        self.sealed = True
        for name in COLUMNS:
            column = getattr(self, name)[: self.count]
            if len(column) and (column == column[0]).all():
                setattr(self, name, np.broadcast_to(column[:1].copy(), len(column)))

    def pack(self) -> None:
        """Keep only the rows that are there."""
        rows = np.flatnonzero(self.length[: self.count])
        self.offsets = rows.astype(np.uint16) if self.offsets is None else self.offsets[rows]
        kept = [self.names.text(number) for number in self.holder[rows].tolist()]
        for name in COLUMNS:
            setattr(self, name, getattr(self, name)[rows])
        self.low = None if self.low is None else self.low[rows]
        self.names = Names()
        self.holder = np.array([self.names.intern(text) for text in kept], np.uint16)
        self.names.seal()
        self.count = len(rows)
        self.frozen = False
        self.order = None

    def at(self, address: int) -> int | None:
        """The row whose prefix holds an address. Rows that are there never overlap."""
        if self.live == 0 or not self.bottom <= address >> 64 <= self.top:
            return None
        if not self.sealed:
            return self._search_all(address)
        if self.order is None:
            self._sort()
        place = bisect_left(range(self.count), True, key=lambda n: self.network(self._ordered(n)) > address)
        while place > 0:
            # Rows that are gone may lie between; the first that is there decides.
            window = np.arange(max(place - 256, 0), place)
            rows = window if self.order is None or not len(self.order) else self.order[window]
            there = np.flatnonzero(self.length[rows])
            if len(there):
                row = int(rows[there[-1]])
                covers = (self.network(row) ^ address) >> (BITS - int(self.length[row])) == 0
                return row if covers else None
            place = int(window[0])
        return None

    def _ordered(self, place: int) -> int:
        return place if self.order is None or not len(self.order) else int(self.order[place])

    def _sort(self) -> None:
        high = self.high[: self.count]
        if self.low is None and bool((high[1:] >= high[:-1]).all()):
            self.order = np.empty(0, np.uint16)
            return
        low = high if self.low is None else self.low[: self.count]
        self.order = np.lexsort((low, high)).astype(np.uint16)

    def _search_all(self, address: int) -> int | None:
        high, length = self.high[: self.count], self.length[: self.count].astype(np.int64)
        shift = np.clip(64 - length, 0, 63).astype(np.uint64)
        same = ((high ^ np.uint64(address >> 64)) >> shift == 0) & (length > 0)
        if self.low is not None:
            shift = np.clip(BITS - length, 0, 63).astype(np.uint64)
            same &= (length <= 64) | ((self.low[: self.count] ^ np.uint64(address & _LOW)) >> shift == 0)
        found = np.flatnonzero(same)
        return int(found[0]) if len(found) else None


class Leases:
    """All delegations. What is told of rows in arrays is aligned with the ids that were asked for."""

    __slots__ = ("keys", "last_id", "numbers", "segments")

    def __init__(self) -> None:
        self.segments: dict[int, Segment] = {}
        self.numbers: list[int] = []
        self.keys = KeyIndex(self.keys_of)
        self.last_id = 0

    def __len__(self) -> int:
        return sum(segment.live for segment in self.segments.values())

    def __contains__(self, delegation_id: int) -> bool:
        return self._find(delegation_id) is not None

    def get(self, delegation_id: int) -> Row | None:
        found = self._find(delegation_id)
        return None if found is None else self.row(*found)

    def row(self, segment: Segment, row: int) -> Row:
        return Row(
            segment.pools[int(segment.pool[row])],
            Prefix(segment.network(row), int(segment.length[row])),
            segment.names.text(int(segment.holder[row])),
            int(segment.key[row]),
            int(segment.until[row]),
            int(segment.version[row]),
        )

    def append(
        self,
        first_id: int,
        pool_id: str,
        high: Words,
        low: Words | None,
        length: int,
        keys: Hashes,
        holders: Sequence[str],
        until: int,
    ) -> None:
        """Ids from `first_id` up, which must be past all that were ever given."""
        at, number = 0, len(high)
        while at < number:
            segment = self._open((first_id + at - 1) // SEGMENT)
            start = (first_id + at - 1) % SEGMENT
            end = min(start + number - at, SEGMENT)
            part, rows = slice(at, at + end - start), slice(start, end)
            segment.high[rows] = high[part]
            if low is not None and low[part].any():
                segment.widen()
            if segment.low is not None and low is not None:
                segment.low[rows] = low[part]
            segment.length[rows] = length
            segment.pool[rows] = segment.pool_number(pool_id)
            segment.key[rows] = keys[part]
            segment.until[rows] = until
            segment.version[rows] = 1
            segment.holder[rows] = segment.names.intern_all(holders[part])
            segment.count = end
            segment.live += end - start
            if until:
                segment.next_due = min(segment.next_due, until)
            spread = (1 << (64 - length)) - 1 if length < 64 else 0
            segment.cover(int(high[part].min()), int(high[part].max()) | spread)
            at += end - start
        self.last_id = first_id + number - 1
        self.keys.insert(keys, np.arange(first_id, first_id + number, dtype=np.int64))

    def of_key(self, key: int) -> tuple[int, Row] | None:
        for delegation_id in self.keys.candidates(key):
            row = self.get(delegation_id)
            if row is not None and row.key == key:
                return delegation_id, row
        return None

    def set_until(self, delegation_id: int, until: int) -> None:
        segment, row = self._require(delegation_id)
        segment.change()
        segment.until[row] = until
        segment.version[row] += 1
        if until:
            segment.next_due = min(segment.next_due, abs(until))

    def set_prefix(self, delegation_id: int, prefix: Prefix) -> None:
        segment, row = self._require(delegation_id)
        segment.change()
        segment.high[row] = prefix.network >> 64
        if segment.low is not None:
            segment.low[row] = prefix.network & _LOW
        segment.length[row] = prefix.length
        segment.version[row] += 1
        segment.cover(prefix.network >> 64, prefix.last >> 64)
        segment.order = None

    def groups(self, ids: Ids) -> Iterator[tuple[str, int, Ids, Segment, Rows]]:
        """(pool, length, ids, segment, rows) of ids that are all there."""
        for segment, chosen in self.by_segment(ids):
            rows = segment.rows_of(chosen)
            kinds = segment.pool[rows].astype(np.int64) << 8 | segment.length[rows]
            for kind in np.unique(kinds).tolist():
                same = kinds == kind
                yield segment.pools[kind >> 8], kind & 0xFF, chosen[same], segment, rows[same]

    def forget(self, ids: Ids) -> None:
        self.keys.remove(self.keys_of(ids), ids)
        for segment, chosen in self.by_segment(ids):
            rows = segment.rows_of(chosen)
            segment.change()
            segment.length[rows] = 0
            segment.until[rows] = 0
            segment.live -= len(rows)
            if segment.sealed and segment.live == 0:
                self._drop(segment)
            elif segment.sealed and segment.live * 4 < segment.count:
                segment.pack()

    def keys_of(self, ids: Ids) -> Hashes:
        found = np.empty(len(ids), np.uint64)
        for segment, places in self._places(ids):
            found[places] = segment.key[segment.rows_of(ids[places])]
        return found

    def by_segment(self, ids: Ids) -> Iterator[tuple[Segment, Ids]]:
        for segment, places in self._places(ids):
            yield segment, ids[places]

    def next_due(self) -> int:
        return min((segment.next_due for segment in self.segments.values()), default=NEVER)

    def due(self, now: int, most: int) -> tuple[Ids, Ids]:
        """Delegations whose lease has run out, and those that have rested, up to `most` of each. Looks into a
        bounded number of segments; nothing found means nothing due only where `next_due` is past `now`."""
        ended: list[Ids] = []
        rested: list[Ids] = []
        looks = 0
        for number in self.numbers:
            segment = self.segments[number]
            if segment.next_due > now:
                continue
            until = segment.until[: segment.count]
            when = np.abs(until)
            over = np.flatnonzero((when <= now) & (until != 0))
            if not len(over):
                running = when[until != 0]
                segment.next_due = int(running.min()) if len(running) else NEVER
            rests = until[over] < 0
            ended.append(segment.ids_of(over[~rests]))
            rested.append(segment.ids_of(over[rests]))
            looks += 1
            if looks == 32 or min(sum(map(len, ended)), sum(map(len, rested))) >= most:
                break
        none = [np.empty(0, np.int64)]
        return np.concatenate(ended or none)[:most], np.concatenate(rested or none)[:most]

    def at(self, address: int) -> int | None:
        for number in self.numbers:
            row = self.segments[number].at(address)
            if row is not None:
                return int(self.segments[number].ids_of(np.array([row]))[0])
        return None

    def listed(self, pool_id: str, holder: str, after: int) -> Iterator[int]:
        """Ids over `after`, in order; of a pool, of a holder, of both, or of all."""
        start = bisect_left(self.numbers, after // SEGMENT)
        for number in list(self.numbers[start:]):
            segment = self.segments.get(number)
            if segment is None or (pool_id and pool_id not in segment.pools):
                continue
            chosen = segment.length[: segment.count] > 0
            if holder:
                name = segment.names.find(holder)
                if name is None:
                    continue
                chosen &= segment.holder[: segment.count] == name
            if pool_id:
                chosen &= segment.pool[: segment.count] == segment.pools.index(pool_id)
            ids = segment.ids_of(np.flatnonzero(chosen))
            yield from ids[ids > after].tolist()

    def of_pool(self, pool_id: str) -> Iterator[tuple[Segment, Rows]]:
        for number in self.numbers:
            segment = self.segments[number]
            if pool_id in segment.pools:
                mine = segment.pool[: segment.count] == segment.pools.index(pool_id)
                yield segment, np.flatnonzero(mine & (segment.length[: segment.count] > 0))

    def move(self, pool_id: str, other: str, within: Prefix) -> None:
        """What `pool_id` has delegated inside `within` is of pool `other` from here on."""
        for segment, rows in self.of_pool(pool_id):
            inside = rows
            if within.length <= 64:
                first = np.uint64(within.network >> (BITS - within.length))
                inside = rows[segment.high[rows] >> np.uint64(64 - within.length) == first]
            else:
                single = [row for row in rows.tolist() if within.holds(Prefix(segment.network(row), BITS))]
                inside = np.array(single, np.int64)
            if len(inside):
                segment.change()
                segment.pool[inside] = segment.pool_number(other)

    def adopt(self, segment: Segment) -> None:
        """A segment from a snapshot."""
        self.segments[segment.number] = segment
        insort(self.numbers, segment.number)

    def index(self) -> None:
        """Make the index of keys anew, from the segments."""
        hashes: list[Hashes] = [np.empty(0, np.uint64)]
        ids: list[Ids] = [np.empty(0, np.int64)]
        for number in self.numbers:
            segment = self.segments[number]
            rows = np.flatnonzero(segment.length[: segment.count])
            hashes.append(segment.key[rows])
            ids.append(segment.ids_of(rows))
        self.keys.build(np.concatenate(hashes), np.concatenate(ids))

    def _places(self, ids: Ids) -> Iterator[tuple[Segment, Any]]:
        if not len(ids):
            return
        numbers = (ids - 1) // SEGMENT
        first = int(numbers[0])
        if int(numbers[-1]) == first and bool((numbers == first).all()):
            yield self.segments[first], slice(None)
            return
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        edges = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(ordered)]
        for start, end in itertools.pairwise(edges):
            yield self.segments[int(ordered[start])], order[start:end]

    def _find(self, delegation_id: int) -> tuple[Segment, int] | None:
        segment = self.segments.get((delegation_id - 1) // SEGMENT)
        row = None if segment is None else segment.row_of(delegation_id)
        return None if segment is None or row is None else (segment, row)

    def _require(self, delegation_id: int) -> tuple[Segment, int]:
        found = self._find(delegation_id)
        if found is None:
            raise KeyError(f"there is no delegation {delegation_id}")
        return found

    def _open(self, number: int) -> Segment:
        segment = self.segments.get(number)
        if segment is None:
            if self.numbers:
                before = self.segments[self.numbers[-1]]
                before.seal()
                if before.live == 0:
                    self._drop(before)
            segment = Segment(number)
            self.adopt(segment)
        return segment

    def _drop(self, segment: Segment) -> None:
        del self.segments[segment.number]
        self.numbers.remove(segment.number)
