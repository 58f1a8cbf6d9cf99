"""The book of the address centre: what the ledger's events add up to.

It holds up to tens of millions of delegations, so `evolve` changes it in place and hands it back; only the ledger
calls it. Delegations are columns (`leases`); a `Delegation` is made when somebody asks for one.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

import numpy as np

from sixfold.address.domain.columns import block_numbers, words
from sixfold.address.domain.events import (
    AnomalySeen,
    DelegationGrown,
    DelegationRenumbered,
    DelegationsReleased,
    Event,
    LeaseRenewed,
    LeasesExpired,
    LeasesRenewed,
    PoolCreated,
    PoolsMerged,
    PoolSplit,
    PrefixesDelegated,
    PrefixesReturned,
    SpaceOpened,
    SpaceWithheld,
)
from sixfold.address.domain.keys import key_hash
from sixfold.address.domain.leases import Leases, Row
from sixfold.address.domain.prefix import BITS, Prefix, from_packed
from sixfold.address.domain.space import FreeSpace
from sixfold.address.domain.values import Delegation, Pool, Withheld


@dataclass(slots=True)
class PoolPage:
    """One pool: its free space, and what lies in the rest of it. `held` counts delegations, resting ones too."""

    pool: Pool
    space: FreeSpace
    children: list[str] = field(default_factory=list[str])
    child_addresses: int = 0
    held: int = 0
    held_addresses: int = 0
    resting: int = 0
    resting_addresses: int = 0
    withheld: dict[Prefix, Withheld] = field(default_factory=dict[Prefix, Withheld])

    def reservation(self, holder: str, length: int) -> Withheld | None:
        """A prefix of that length that is kept for the holder and not given."""
        fitting = (
            one
            for one in self.withheld.values()
            if one.holder == holder and one.prefix.length == length and not one.delegation_id
        )
        return min(fitting, key=lambda one: one.prefix, default=None) if holder else None


@dataclass(slots=True)
class Book:
    """`clock` is the time of the last event: the centre's time never goes back, whatever the machine's
    does."""

    pages: dict[str, PoolPage] = field(default_factory=dict[str, PoolPage])
    roots: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    leases: Leases = field(default_factory=Leases)
    successors: dict[int, int] = field(default_factory=dict[int, int])
    """Delegations that were renumbered and are still valid, and what they give way to."""
    clock: int = 0

    @property
    def last_id(self) -> int:
        return self.leases.last_id

    def delegation(self, delegation_id: int) -> Delegation | None:
        row = self.leases.get(delegation_id)
        return None if row is None else as_delegation(delegation_id, row)

    def of_key(self, key: int) -> Delegation | None:
        """The delegation that the key with that hash stands for."""
        found = self.leases.of_key(key)
        return None if found is None else as_delegation(*found)

    def delegation_at(self, address: int) -> Delegation | None:
        found = self.leases.at(address)
        return None if found is None else self.delegation(found)

    def root_at(self, address: int) -> PoolPage | None:
        """The root pool that holds an address."""
        at = bisect_right(self.roots, (address, "\U0010ffff")) - 1
        if at < 0:
            return None
        page = self.pages[self.roots[at][1]]
        return page if address <= page.pool.prefix.last else None

    def root_overlapping(self, prefix: Prefix) -> PoolPage | None:
        before = self.root_at(prefix.network)
        if before is not None:
            return before
        at = bisect_right(self.roots, (prefix.network, ""))
        if at < len(self.roots) and self.roots[at][0] <= prefix.last:
            return self.pages[self.roots[at][1]]
        return None

    def pages_at(self, address: int) -> list[PoolPage]:
        """From the root to the pool that an address lies in."""
        found: list[PoolPage] = []
        page = self.root_at(address)
        while page is not None:
            found.append(page)
            children = (self.pages[name] for name in page.children)
            page = next((c for c in children if c.pool.prefix.network <= address <= c.pool.prefix.last), None)
        return found

    def listed(self, pool_id: str, holder: str, after: int) -> Iterator[Delegation]:
        """Delegations with ids over `after`, in order, of a pool, or of a holder, or of both."""
        for number in self.leases.listed(pool_id, holder, after):
            delegation = self.delegation(number)
            if delegation is not None:
                yield delegation


def as_delegation(delegation_id: int, row: Row) -> Delegation:
    return Delegation(
        delegation_id,
        row.pool_id,
        row.prefix,
        row.holder,
        max(row.until, 0),
        row.version,
        max(-row.until, 0),
    )


def evolve(book: Book, event: Event) -> Book:
    book.clock = max(book.clock, event.time)
    match event:
        case PoolCreated():
            _open(book, event)
        case PoolSplit():
            _split(book, event)
        case PoolsMerged():
            _merge(book, event)
        case SpaceWithheld():
            page, prefix = book.pages[event.pool_id], from_packed(event.network, event.length)
            page.space.take(prefix)
            page.withheld[prefix] = Withheld(prefix, event.holder, event.reason)
        case SpaceOpened():
            page, prefix = book.pages[event.pool_id], from_packed(event.network, event.length)
            del page.withheld[prefix]
            page.space.give_back(prefix)
        case PrefixesDelegated():
            _delegate(book, event)
        case DelegationGrown():
            _grow(book, event)
        case DelegationRenumbered():
            _renumber(book, event)
        case LeaseRenewed():
            book.leases.set_until(event.delegation_id, event.expires)
        case LeasesRenewed():
            _renew(book, event)
        case DelegationsReleased() | LeasesExpired():
            _rest(book, event.delegation_ids, event.time)
        case PrefixesReturned():
            _forget(book, event.delegation_ids)
        case AnomalySeen():
            pass
        case _:
            assert_never(event)
    return book


def _open(book: Book, event: PoolCreated) -> None:
    prefix = from_packed(event.network, event.length)
    pool = Pool(
        event.pool_id,
        event.parent_id,
        prefix,
        event.purpose,
        event.shortest,
        event.longest,
        event.lease_seconds,
        event.quarantine_seconds,
        "sparse" if event.strategy == "sparse" else "dense",
        event.time,
        event.room,
    )
    book.pages[event.pool_id] = PoolPage(pool, FreeSpace(prefix))
    if event.parent_id:
        parent = book.pages[event.parent_id]
        parent.space.take(prefix)
        parent.children.append(event.pool_id)
        parent.child_addresses += prefix.size
    else:
        insort(book.roots, (prefix.network, event.pool_id))


def _delegate(book: Book, event: PrefixesDelegated) -> None:
    page = book.pages[event.pool_id]
    for grant in event.grants:
        key = key_hash(grant.key).to_bytes(8, "little")
        _place(
            book, page, grant.delegation_id, grant.length, grant.network, key, (grant.holder,), grant.expires
        )
    if event.networks:
        _place(
            book, page, event.first_id, event.length, event.networks, event.keys, event.holders, event.expires
        )


def _place(
    book: Book,
    page: PoolPage,
    first_id: int,
    length: int,
    networks: bytes,
    keys: bytes,
    holders: Sequence[str],
    expires: int,
) -> None:
    number = len(holders)
    high, low = words(networks)
    if number == 1:
        prefix = from_packed(networks, length)
        kept = page.withheld.get(prefix)
        if kept is not None:
            page.withheld[prefix] = replace(kept, delegation_id=first_id)
        else:
            page.space.take(prefix)
    else:
        page.space.take_many(length, block_numbers(page.pool.prefix, length, high, low))
    page.held += number
    page.held_addresses += number << (BITS - length)
    hashes = np.frombuffer(keys, "<u8").astype(np.uint64)
    book.leases.append(
        first_id, page.pool.pool_id, high, low if low.any() else None, length, hashes, holders, expires
    )


def _grow(book: Book, event: DelegationGrown) -> None:
    row = book.leases.get(event.delegation_id)
    assert row is not None, "decided on a delegation that is there"
    page, prefix = book.pages[row.pool_id], from_packed(event.network, event.length)
    page.space.give_back(row.prefix)
    page.space.take(prefix)
    page.held_addresses += prefix.size - row.prefix.size
    book.leases.set_prefix(event.delegation_id, prefix)


def _renumber(book: Book, event: DelegationRenumbered) -> None:
    page = book.pages[event.pool_id]
    _place(
        book,
        page,
        event.successor_id,
        event.length,
        event.network,
        event.key,
        (event.holder,),
        event.expires,
    )
    book.leases.set_until(event.delegation_id, event.old_expires)
    book.successors[event.delegation_id] = event.successor_id


def renewed(delegation: Delegation, expires: int) -> Delegation:
    return replace(delegation, expires=expires, version=delegation.version + 1)


def resting(book: Book, delegation: Delegation, time: int) -> Delegation:
    """The delegation after its end at `time`: its prefix rests for the quarantine of its pool."""
    until = rest_until(book.pages[delegation.pool_id].pool, time)
    return replace(delegation, expires=0, resting_until=until, version=delegation.version + 1)


def rest_until(pool: Pool, time: int) -> int:
    return max(time + pool.quarantine_seconds * 1000, 1)


def _renew(book: Book, event: LeasesRenewed) -> None:
    for pool_id, length, _, segment, rows in book.leases.groups(np.asarray(event.delegation_ids, np.int64)):
        page = book.pages[pool_id]
        rested = int(np.count_nonzero(segment.until[rows] < 0))
        segment.change()
        segment.until[rows] = event.expires
        segment.version[rows] += 1
        if event.expires:
            segment.next_due = min(segment.next_due, event.expires)
        page.resting -= rested
        page.resting_addresses -= rested << (BITS - length)


def _rest(book: Book, delegation_ids: Sequence[int], time: int) -> None:
    for pool_id, length, ids, segment, rows in book.leases.groups(np.asarray(delegation_ids, np.int64)):
        page = book.pages[pool_id]
        until = rest_until(page.pool, time)
        segment.change()
        segment.until[rows] = -until
        segment.version[rows] += 1
        segment.next_due = min(segment.next_due, until)
        page.resting += len(ids)
        page.resting_addresses += len(ids) << (BITS - length)


def _forget(book: Book, delegation_ids: Sequence[int]) -> None:
    gone = np.asarray(delegation_ids, np.int64)
    if book.successors:
        for number in delegation_ids:
            book.successors.pop(number, None)
    for pool_id, length, ids, segment, rows in book.leases.groups(gone):
        page = book.pages[pool_id]
        if page.withheld or len(ids) == 1:
            for row in rows.tolist():
                _free(page, Prefix(segment.network(row), length))
        else:
            high = segment.high[rows]
            low = np.zeros_like(high) if segment.low is None else segment.low[rows]
            page.space.give_back_many(length, block_numbers(page.pool.prefix, length, high, low))
        page.held -= len(ids)
        page.held_addresses -= len(ids) << (BITS - length)
        page.resting -= len(ids)
        page.resting_addresses -= len(ids) << (BITS - length)
    book.leases.forget(gone)


def _free(page: PoolPage, prefix: Prefix) -> None:
    kept = page.withheld.get(prefix)
    if kept is None:
        page.space.give_back(prefix)
    else:
        page.withheld[prefix] = replace(kept, delegation_id=0)


def halves(prefix: Prefix) -> tuple[Prefix, Prefix]:
    return (
        Prefix(prefix.network, prefix.length + 1),
        Prefix(prefix.network + prefix.size // 2, prefix.length + 1),
    )


def _split(book: Book, event: PoolSplit) -> None:
    old = book.pages.pop(event.pool_id)
    parent = book.pages.get(old.pool.parent_id)
    made: list[PoolPage] = []
    for name, half in zip((event.pool_id, event.other_id), halves(old.pool.prefix), strict=True):
        shortest = max(old.pool.shortest, half.length)
        created = old.pool.created if name == event.pool_id else event.time
        pool = replace(old.pool, pool_id=name, prefix=half, shortest=shortest, created=created)
        page = PoolPage(pool, _part(old.space, half))
        for child in [name for name in old.children if half.holds(book.pages[name].pool.prefix)]:
            _adopt(book, page, child)
        page.withheld = {prefix: kept for prefix, kept in old.withheld.items() if half.holds(prefix)}
        made.append(page)
    book.leases.move(event.pool_id, event.other_id, made[1].pool.prefix)
    for page in made:
        book.pages[page.pool.pool_id] = page
        _count(book, page)
    upper = made[1].pool
    if parent is not None:
        parent.children.append(upper.pool_id)
    else:
        insort(book.roots, (upper.prefix.network, upper.pool_id))


def _merge(book: Book, event: PoolsMerged) -> None:
    one, other = book.pages[event.pool_id], book.pages.pop(event.other_id)
    lower, upper = sorted((one.pool.prefix, other.pool.prefix))
    whole = Prefix(lower.network, lower.length - 1)
    shortest = min(one.pool.shortest, other.pool.shortest)
    page = PoolPage(
        replace(one.pool, prefix=whole, shortest=shortest), _joined(whole, one.space, other.space)
    )
    for child in (*one.children, *other.children):
        _adopt(book, page, child)
    page.withheld = one.withheld | other.withheld
    book.leases.move(event.other_id, event.pool_id, other.pool.prefix)
    book.pages[event.pool_id] = page
    for name in ("held", "held_addresses", "resting", "resting_addresses"):
        setattr(page, name, getattr(one, name) + getattr(other, name))
    parent = book.pages.get(one.pool.parent_id)
    if parent is not None:
        parent.children.remove(event.other_id)
    else:
        book.roots.remove((other.pool.prefix.network, event.other_id))
        book.roots.remove((one.pool.prefix.network, event.pool_id))
        insort(book.roots, (whole.network, event.pool_id))
    assert upper.length == lower.length, "decided on two halves"


def _adopt(book: Book, page: PoolPage, child: str) -> None:
    held = book.pages[child]
    held.pool = replace(held.pool, parent_id=page.pool.pool_id)
    page.children.append(child)
    page.child_addresses += held.pool.prefix.size


def _count(book: Book, page: PoolPage) -> None:
    """The numbers of a page from its rows."""
    for segment, rows in book.leases.of_pool(page.pool.pool_id):
        sizes = np.bincount(segment.length[rows], minlength=BITS + 1).tolist()
        rests = np.bincount(segment.length[rows[segment.until[rows] < 0]], minlength=BITS + 1).tolist()
        page.held += sum(sizes)
        page.resting += sum(rests)
        page.held_addresses += sum(number << (BITS - length) for length, number in enumerate(sizes) if number)
        page.resting_addresses += sum(n << (BITS - length) for length, n in enumerate(rests) if n)


def _part(space: FreeSpace, half: Prefix) -> FreeSpace:
    """The free space of a pool that lies in one half of it."""
    part = FreeSpace(half)
    part.take(half)
    if space.largest == space.whole.length:
        part.give_back(half)
        return part
    for block in space.blocks():
        if half.holds(block):
            part.give_back(block)
    return part


def _joined(whole: Prefix, *parts: FreeSpace) -> FreeSpace:
    space = FreeSpace(whole)
    space.take(whole)
    for part in parts:
        for block in part.blocks():
            space.give_back(block)
    return space
