"""Decisions of the address centre: from the book and a wish to the events that it takes, or a refusal. The
book is left as it was."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sixfold.address.domain.book import Book, PoolPage, due_expiries, due_returns, renewed, resting
from sixfold.address.domain.events import (
    DelegationsReleased,
    Event,
    Grant,
    LeaseRenewed,
    LeasesExpired,
    PoolCreated,
    PrefixesDelegated,
    PrefixesReturned,
)
from sixfold.address.domain.prefix import BITS, Prefix, PrefixError, parse_prefix
from sixfold.address.domain.values import Delegation, DelegationWish, PoolWish, RefusedError

LONGEST_LEASE: Final = 100 * 365 * 86_400
_POOL_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Delegated:
    """Answer to one wish: the delegation, new (by its grant) or known by its key."""

    delegation: Delegation
    known: bool


def page_of(book: Book, pool_id: str) -> PoolPage:
    page = book.pages.get(pool_id)
    if page is None:
        raise RefusedError("unknown", "POOL_UNKNOWN", f"there is no pool {pool_id!r}", "pool_id")
    return page


def delegation_of(book: Book, delegation_id: int) -> Delegation:
    delegation = book.delegations.get(delegation_id)
    if delegation is None:
        detail = f"there is no delegation {delegation_id}, or it ended and its prefix was given back"
        raise RefusedError("unknown", "DELEGATION_UNKNOWN", detail, "delegation_id")
    return delegation


def create_pool(book: Book, wish: PoolWish, now: int) -> list[Event]:
    """Nothing where the pool is there and as wished: a repeated call is no error."""
    now = max(now, book.clock)
    if not _POOL_ID.fullmatch(wish.pool_id):
        raise RefusedError(
            "invalid", "POOL_ID_MALFORMED", "1 to 64 of letters, digits, '-', '_' and '.'", "pool_id"
        )
    if len(wish.purpose) > 256:
        raise RefusedError("invalid", "PURPOSE_TOO_LONG", "at most 256 characters", "purpose")
    for name, seconds in (
        ("lease_seconds", wish.lease_seconds),
        ("quarantine_seconds", wish.quarantine_seconds),
    ):
        if seconds > LONGEST_LEASE:
            raise RefusedError("invalid", "LEASE_OUT_OF_RANGE", f"{seconds} s is over a hundred years", name)
    prefix = _pool_prefix(book, wish)
    shortest, longest = _delegation_lengths(wish, prefix)
    created = PoolCreated(
        wish.pool_id,
        wish.parent_id,
        prefix.packed,
        prefix.length,
        wish.purpose,
        shortest,
        longest,
        wish.lease_seconds,
        wish.quarantine_seconds,
        wish.strategy,
        now,
    )
    there = book.pages.get(wish.pool_id)
    if there is None:
        _require_room(book, wish, prefix)
        return [created]
    pool = there.pool
    same = (pool.parent_id, pool.prefix, pool.purpose, pool.shortest, pool.longest) == (
        wish.parent_id,
        prefix,
        wish.purpose,
        shortest,
        longest,
    ) and (pool.lease_seconds, pool.quarantine_seconds, pool.strategy) == (
        wish.lease_seconds,
        wish.quarantine_seconds,
        wish.strategy,
    )
    if not same:
        raise RefusedError(
            "exists",
            "POOL_EXISTS",
            f"pool {wish.pool_id!r} is {pool.prefix} and other than wished",
            "pool_id",
        )
    return []


def _pool_prefix(book: Book, wish: PoolWish) -> Prefix:
    parent = book.pages.get(wish.parent_id) if wish.parent_id else None
    if wish.parent_id and parent is None:
        raise RefusedError("unknown", "PARENT_UNKNOWN", f"there is no pool {wish.parent_id!r}", "parent_id")
    if wish.prefix:
        try:
            prefix = parse_prefix(wish.prefix)
        except PrefixError as error:
            raise RefusedError("invalid", "PREFIX_MALFORMED", str(error), "prefix") from error
        if parent is not None and (not parent.pool.prefix.holds(prefix) or prefix == parent.pool.prefix):
            detail = f"{prefix} is not a part of {parent.pool.prefix}"
            raise RefusedError("invalid", "POOL_OVERLAPS", detail, "prefix")
        return prefix
    if parent is None:
        raise RefusedError("invalid", "PREFIX_MALFORMED", "a root pool needs a prefix", "prefix")
    there = book.pages.get(wish.pool_id)
    length = parent.pool.prefix.in_bits_of_128(wish.length)
    if not parent.pool.prefix.length < length <= BITS:
        detail = f"/{wish.length} does not fit into {parent.pool.prefix}"
        raise RefusedError("invalid", "LENGTH_OUT_OF_RANGE", detail, "length")
    if there is not None and there.pool.prefix.length == length:
        return there.pool.prefix
    chosen = parent.space.choose(length, parent.pool.strategy)
    if chosen is None:
        detail = f"no /{wish.length} is free in {parent.pool.prefix}"
        raise RefusedError("exhausted", "PARENT_FULL", detail, "length")
    return chosen


def _require_room(book: Book, wish: PoolWish, prefix: Prefix) -> None:
    if not wish.parent_id:
        other = book.root_overlapping(prefix)
        if other is not None:
            detail = f"{prefix} overlaps pool {other.pool.pool_id!r} ({other.pool.prefix})"
            raise RefusedError("exists", "POOL_OVERLAPS", detail, "prefix")
        return
    parent = book.pages[wish.parent_id]
    if parent.space.is_free(prefix):
        return
    siblings = (book.pages[name].pool for name in parent.children)
    sibling = next((pool for pool in siblings if pool.prefix.overlaps(prefix)), None)
    if sibling is not None:
        detail = f"{prefix} overlaps pool {sibling.pool_id!r} ({sibling.prefix})"
    else:
        detail = f"{prefix} holds delegations of pool {wish.parent_id!r}"
    raise RefusedError("exists", "POOL_OVERLAPS", detail, "prefix")


def _delegation_lengths(wish: PoolWish, prefix: Prefix) -> tuple[int, int]:
    usual = 32 if prefix.is_ipv4 else 64
    longest = prefix.in_bits_of_128(wish.longest_length or max(usual, prefix.family_length))
    shortest = prefix.in_bits_of_128(wish.shortest_length) if wish.shortest_length else prefix.length
    if not prefix.length <= shortest <= longest <= BITS:
        detail = (
            f"delegations from /{wish.shortest_length} to /{wish.longest_length} do not fit into {prefix}"
        )
        raise RefusedError("invalid", "LENGTH_OUT_OF_RANGE", detail, "shortest_length")
    return shortest, longest


def delegate(book: Book, wish: DelegationWish, now: int) -> tuple[list[Event], Delegated]:
    events, results = delegate_many(book, [wish], now)
    result = results[0]
    if isinstance(result, RefusedError):
        raise result
    return events, result


def delegate_many(
    book: Book, wishes: Sequence[DelegationWish], now: int
) -> tuple[list[Event], list[Delegated | RefusedError]]:
    """Each wish answered by itself; what is granted is one event per pool."""
    now = max(now, book.clock)
    results: list[Delegated | RefusedError] = []
    grants: dict[str, list[Grant]] = {}
    fresh: dict[str, Delegation] = {}
    taken: list[tuple[PoolPage, Prefix]] = []
    next_id = book.last_id + 1
    try:
        for wish in wishes:
            try:
                known = _known(book, fresh, wish)
                if known is not None:
                    results.append(Delegated(known, True))
                    continue
                page = page_of(book, wish.pool_id)
                prefix = _choose(page, wish)
                expires = _expiry(page, wish.lease_seconds, now)
            except RefusedError as refusal:
                results.append(refusal)
                continue
            page.space.take(prefix)
            taken.append((page, prefix))
            delegation = Delegation(next_id, wish.pool_id, prefix, wish.holder, wish.key, expires)
            grant = Grant(next_id, prefix.packed, prefix.length, wish.holder, wish.key, expires)
            next_id += 1
            grants.setdefault(wish.pool_id, []).append(grant)
            fresh[wish.key] = delegation
            results.append(Delegated(delegation, False))
    finally:
        # Free space is canonical: giving back leaves it exactly as it was.
        for page, prefix in reversed(taken):
            page.space.give_back(prefix)
    events: list[Event] = [PrefixesDelegated(pool_id, now, tuple(given)) for pool_id, given in grants.items()]
    return events, results


def _known(book: Book, fresh: dict[str, Delegation], wish: DelegationWish) -> Delegation | None:
    if not 1 <= len(wish.key) <= 128:
        raise RefusedError("invalid", "KEY_MALFORMED", "1 to 128 characters", "idempotency_key")
    if not 1 <= len(wish.holder) <= 128:
        raise RefusedError("invalid", "HOLDER_MALFORMED", "1 to 128 characters", "holder")
    number = book.by_key.get(wish.key)
    known = book.delegations[number] if number is not None else fresh.get(wish.key)
    if known is None:
        return None
    if (known.pool_id, known.prefix.family_length, known.holder) != (wish.pool_id, wish.length, wish.holder):
        detail = f"the key stands for {known.prefix} from pool {known.pool_id!r}: a new wish needs a new key"
        raise RefusedError("exists", "KEY_REUSED", detail, "idempotency_key")
    return known


def _choose(page: PoolPage, wish: DelegationWish) -> Prefix:
    pool = page.pool
    length = pool.prefix.in_bits_of_128(wish.length)
    if not pool.shortest <= length <= pool.longest:
        first, last = (
            Prefix(pool.prefix.network, bits).family_length for bits in (pool.shortest, pool.longest)
        )
        detail = f"/{wish.length} is not among the lengths of pool {pool.pool_id!r}, /{first} to /{last}"
        raise RefusedError("invalid", "LENGTH_OUT_OF_RANGE", detail, "length")
    prefix = page.space.choose(length, pool.strategy)
    if prefix is None:
        detail = f"no /{wish.length} is free in pool {pool.pool_id!r} ({pool.prefix})"
        raise RefusedError("exhausted", "POOL_EXHAUSTED", detail, "pool_id")
    return prefix


def _expiry(page: PoolPage, lease_seconds: int, now: int) -> int:
    if lease_seconds > LONGEST_LEASE:
        detail = f"{lease_seconds} s is over a hundred years"
        raise RefusedError("invalid", "LEASE_OUT_OF_RANGE", detail, "lease_seconds")
    seconds = lease_seconds or page.pool.lease_seconds
    return now + seconds * 1000 if seconds else 0


def _require_version(delegation: Delegation, expected_version: int) -> None:
    if expected_version and expected_version != delegation.version:
        detail = f"version {expected_version} was expected, it is {delegation.version}: read it again"
        raise RefusedError("precondition", "VERSION_STALE", detail, "expected_version")


def _require_active(delegation: Delegation) -> None:
    if not delegation.is_active:
        detail = f"delegation {delegation.delegation_id} ({delegation.prefix}) has ended and rests"
        raise RefusedError("precondition", "DELEGATION_ENDED", detail, "delegation_id")


def release(
    book: Book, delegation_id: int, expected_version: int, now: int
) -> tuple[list[Event], Delegation]:
    """Events, and the delegation as they leave it."""
    now = max(now, book.clock)
    delegation = delegation_of(book, delegation_id)
    _require_active(delegation)
    _require_version(delegation, expected_version)
    return _ended(book, DelegationsReleased((delegation_id,), now)), resting(book, delegation, now)


def renew(
    book: Book, delegation_id: int, lease_seconds: int, expected_version: int, now: int
) -> tuple[list[Event], Delegation]:
    """Events, and the delegation as they leave it."""
    now = max(now, book.clock)
    delegation = delegation_of(book, delegation_id)
    _require_active(delegation)
    _require_version(delegation, expected_version)
    expires = _expiry(book.pages[delegation.pool_id], lease_seconds, now)
    return [LeaseRenewed(delegation_id, expires, now)], renewed(delegation, expires)


def _ended(book: Book, event: DelegationsReleased | LeasesExpired) -> list[Event]:
    """The event, and at once the return of prefixes whose pools know no quarantine."""
    at_once = tuple(
        number
        for number in event.delegation_ids
        if book.pages[book.delegations[number].pool_id].pool.quarantine_seconds == 0
    )
    return [event, PrefixesReturned(at_once, event.time)] if at_once else [event]


def tick(book: Book, now: int, *, most: int = 1_000) -> list[Event]:
    """Ends leases that ran out and frees prefixes that have rested, at most `most` of each, so that no
    request waits long."""
    now = max(now, book.clock)
    events: list[Event] = []
    rested = due_returns(book, now, most)
    if rested:
        events.append(PrefixesReturned(tuple(rested), now))
    expired = due_expiries(book, now, most)
    if expired:
        events.extend(_ended(book, LeasesExpired(tuple(expired), now)))
    return events
