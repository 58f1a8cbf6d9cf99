"""The book of the address centre: what the ledger's events add up to.

It holds up to millions of delegations, so `evolve` changes it in place and hands it back; only the ledger
calls it.
"""

import heapq
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import assert_never

from sixfold.address.domain.events import (
    DelegationsReleased,
    Event,
    LeaseRenewed,
    LeasesExpired,
    PoolCreated,
    PrefixesDelegated,
    PrefixesReturned,
)
from sixfold.address.domain.prefix import BITS, Prefix, from_packed
from sixfold.address.domain.space import FreeSpace
from sixfold.address.domain.values import Delegation, Pool


@dataclass(slots=True)
class PoolPage:
    """One pool: its free space, what lies in the rest of it, and its delegations in order of their ids."""

    pool: Pool
    space: FreeSpace
    children: list[str] = field(default_factory=list[str])
    child_addresses: int = 0
    resting: int = 0
    resting_addresses: int = 0
    taken: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    taken_by_length: dict[int, int] = field(default_factory=dict[int, int])
    order: list[int] = field(default_factory=list[int])

    def delegation_of(self, address: int) -> int | None:
        """Id of the delegation that holds an address; one look per length in use."""
        for length in self.taken_by_length:
            found = self.taken.get(((address >> (BITS - length)) << (BITS - length), length))
            if found is not None:
                return found
        return None

    def take(self, prefix: Prefix, delegation_id: int) -> None:
        self.space.take(prefix)
        self.taken[prefix.network, prefix.length] = delegation_id
        self.taken_by_length[prefix.length] = self.taken_by_length.get(prefix.length, 0) + 1
        self.order.append(delegation_id)

    def give_back(self, prefix: Prefix) -> None:
        del self.taken[prefix.network, prefix.length]
        self.taken_by_length[prefix.length] -= 1
        if self.taken_by_length[prefix.length] == 0:
            del self.taken_by_length[prefix.length]
        self.space.give_back(prefix)


@dataclass(slots=True)
class Book:
    """`clock` is the time of the last event: the centre's time never goes back, whatever the machine's
    does."""

    pages: dict[str, PoolPage] = field(default_factory=dict[str, PoolPage])
    roots: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    delegations: dict[int, Delegation] = field(default_factory=dict[int, Delegation])
    by_key: dict[str, int] = field(default_factory=dict[str, int])
    by_holder: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    expiries: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    rests: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    last_id: int = 0
    clock: int = 0

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
        if holder:
            chosen = sorted(number for number in self.by_holder.get(holder, ()) if number > after)
        elif pool_id:
            order = self.pages[pool_id].order
            chosen = (order[at] for at in range(bisect_right(order, after), len(order)))
        else:
            chosen = (number for number in self.delegations if number > after)
        for number in chosen:
            delegation = self.delegations.get(number)
            if delegation is not None and (not pool_id or delegation.pool_id == pool_id):
                yield delegation


def evolve(book: Book, event: Event) -> Book:
    book.clock = max(book.clock, event.time)
    match event:
        case PoolCreated():
            _open(book, event)
        case PrefixesDelegated():
            _delegate(book, event)
        case LeaseRenewed():
            _set_expiry(book, renewed(book.delegations[event.delegation_id], event.expires))
        case DelegationsReleased() | LeasesExpired():
            for number in event.delegation_ids:
                _rest(book, number, event.time)
        case PrefixesReturned():
            for number in event.delegation_ids:
                _forget(book, number)
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
        prefix = from_packed(grant.network, grant.length)
        page.take(prefix, grant.delegation_id)
        delegation = Delegation(
            grant.delegation_id, event.pool_id, prefix, grant.holder, grant.key, grant.expires
        )
        book.by_key[grant.key] = grant.delegation_id
        book.by_holder.setdefault(grant.holder, set()).add(grant.delegation_id)
        book.last_id = max(book.last_id, grant.delegation_id)
        _set_expiry(book, delegation)


def _set_expiry(book: Book, delegation: Delegation) -> None:
    """An older entry of the same delegation stays in the heap and is passed over when it surfaces."""
    book.delegations[delegation.delegation_id] = delegation
    if delegation.expires:
        heapq.heappush(book.expiries, (delegation.expires, delegation.delegation_id))
        if len(book.expiries) > 4 * len(book.delegations) + 64:
            book.expiries[:] = sorted(
                (d.expires, d.delegation_id) for d in book.delegations.values() if d.expires and d.is_active
            )


def renewed(delegation: Delegation, expires: int) -> Delegation:
    return replace(delegation, expires=expires, version=delegation.version + 1)


def resting(book: Book, delegation: Delegation, time: int) -> Delegation:
    """The delegation after its end at `time`: its prefix rests for the quarantine of its pool."""
    until = max(time + book.pages[delegation.pool_id].pool.quarantine_seconds * 1000, 1)
    return replace(delegation, resting_until=until, version=delegation.version + 1)


def _rest(book: Book, number: int, time: int) -> None:
    delegation = resting(book, book.delegations[number], time)
    page = book.pages[delegation.pool_id]
    book.delegations[number] = delegation
    heapq.heappush(book.rests, (delegation.resting_until, number))
    page.resting += 1
    page.resting_addresses += delegation.prefix.size


def _forget(book: Book, number: int) -> None:
    delegation = book.delegations.pop(number)
    page = book.pages[delegation.pool_id]
    page.give_back(delegation.prefix)
    page.resting -= 1
    page.resting_addresses -= delegation.prefix.size
    if len(page.order) > 2 * len(page.taken) + 64:
        page.order[:] = [kept for kept in page.order if kept in book.delegations]
    del book.by_key[delegation.key]
    holders = book.by_holder[delegation.holder]
    holders.discard(number)
    if not holders:
        del book.by_holder[delegation.holder]


def due_expiries(book: Book, now: int, most: int) -> list[int]:
    """Up to `most` active delegations whose lease has run out, earliest first."""
    return _due(book.expiries, now, most, lambda number, time: _expires_at(book, number, time))


def due_returns(book: Book, now: int, most: int) -> list[int]:
    """Up to `most` resting delegations whose quarantine is over, earliest first."""
    return _due(book.rests, now, most, lambda number, time: _rests_until(book, number, time))


def _due(heap: list[tuple[int, int]], now: int, most: int, holds: Callable[[int, int], bool]) -> list[int]:
    """Due entries that still hold. They stay in the heap until an event makes them void; void ones are
    dropped here."""
    found: list[tuple[int, int]] = []
    seen: set[int] = set()
    while heap and heap[0][0] <= now and len(found) < most:
        time, number = heapq.heappop(heap)
        if number not in seen and holds(number, time):
            found.append((time, number))
            seen.add(number)
    for entry in found:
        heapq.heappush(heap, entry)
    return [number for _, number in found]


def _expires_at(book: Book, number: int, time: int) -> bool:
    delegation = book.delegations.get(number)
    return delegation is not None and delegation.is_active and delegation.expires == time


def _rests_until(book: Book, number: int, time: int) -> bool:
    delegation = book.delegations.get(number)
    return delegation is not None and delegation.resting_until == time
