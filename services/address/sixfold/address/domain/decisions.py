"""Decisions about delegations: from the book and a wish to the events that it takes, or a refusal. The book is
left as it was."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sixfold.address.domain.book import Book, PoolPage, renewed, resting
from sixfold.address.domain.delegating import (
    LONGEST_TEXT,
    Answers,
    Draft,
    Wishes,
    delegation_in,
    exhausted,
    expiry,
    grant,
    require_length,
    require_same,
)
from sixfold.address.domain.events import (
    DelegationGrown,
    DelegationRenumbered,
    DelegationsReleased,
    Event,
    LeaseRenewed,
    LeasesExpired,
    PrefixesReturned,
)
from sixfold.address.domain.keys import Ids, key_hash
from sixfold.address.domain.pools import LONGEST_LEASE, page_of
from sixfold.address.domain.prefix import BITS, Prefix
from sixfold.address.domain.values import Delegation, DelegationWish, RefusedError, RenumberWish


@dataclass(frozen=True, slots=True)
class Delegated:
    """Answer to one wish: the delegation, new or known by its key."""

    delegation: Delegation
    known: bool


def delegation_of(book: Book, delegation_id: int) -> Delegation:
    delegation = book.delegation(delegation_id)
    if delegation is None:
        detail = f"there is no delegation {delegation_id}, or it ended and its prefix was given back"
        raise RefusedError("unknown", "DELEGATION_UNKNOWN", detail, "delegation_id")
    return delegation


def delegate(book: Book, wish: DelegationWish, now: int) -> tuple[list[Event], Delegated]:
    events, results = delegate_many(book, [wish], now)
    result = results[0]
    if isinstance(result, RefusedError):
        raise result
    return events, result


def delegate_many(
    book: Book, wishes: Sequence[DelegationWish], now: int
) -> tuple[list[Event], list[Delegated | RefusedError]]:
    """Each wish answered by itself; what is granted is one event for all of a pool, a length and a lease."""
    kinds: dict[tuple[str, int, int], list[int]] = {}
    for place, wish in enumerate(wishes):
        kinds.setdefault((wish.pool_id, wish.length, wish.lease_seconds), []).append(place)
    groups = [
        Wishes(*kind, [wishes[place].key for place in places], [wishes[place].holder for place in places])
        for kind, places in kinds.items()
    ]
    events, answers = delegate_groups(book, groups, now)
    results: dict[int, Delegated | RefusedError] = {}
    for group, places, given in zip(groups, kinds.values(), answers, strict=True):
        for place, original in enumerate(places):
            if place in given.refused:
                results[original] = given.refused[place]
            elif place in given.known:
                results[original] = Delegated(given.known[place], True)
            else:
                results[original] = Delegated(delegation_in(group, given, place), False)
    return events, [results[place] for place in range(len(wishes))]


def delegate_groups(book: Book, groups: Sequence[Wishes], now: int) -> tuple[list[Event], list[Answers]]:
    """Groups of wishes of one kind each, answered in columns."""
    draft = Draft(book, max(now, book.clock), book.last_id + 1)
    try:
        answers = [grant(draft, group) for group in groups]
    finally:
        draft.undo()
    return draft.events, answers


def _require_version(delegation: Delegation, expected_version: int) -> None:
    if expected_version and expected_version != delegation.version:
        detail = f"version {expected_version} was expected, it is {delegation.version}: read it again"
        raise RefusedError("precondition", "VERSION_STALE", detail, "expected_version")


def _require_active(delegation: Delegation) -> None:
    if not delegation.is_active:
        detail = f"delegation {delegation.delegation_id} ({delegation.prefix}) has ended and rests"
        raise RefusedError("precondition", "DELEGATION_ENDED", detail, "delegation_id")


def _active(book: Book, delegation_id: int, expected_version: int) -> Delegation:
    delegation = delegation_of(book, delegation_id)
    _require_active(delegation)
    _require_version(delegation, expected_version)
    return delegation


def release(
    book: Book, delegation_id: int, expected_version: int, now: int
) -> tuple[list[Event], Delegation]:
    """Events, and the delegation as they leave it."""
    now = max(now, book.clock)
    delegation = _active(book, delegation_id, expected_version)
    return ended(book, DelegationsReleased((delegation_id,), now)), resting(book, delegation, now)


def renew(
    book: Book, delegation_id: int, lease_seconds: int, expected_version: int, now: int
) -> tuple[list[Event], Delegation]:
    """Events, and the delegation as they leave it."""
    now = max(now, book.clock)
    delegation = _active(book, delegation_id, expected_version)
    if delegation_id in book.successors:
        detail = f"delegation {delegation_id} gives way to {book.successors[delegation_id]}: renew that one"
        raise RefusedError("precondition", "DELEGATION_RENUMBERED", detail, "delegation_id")
    expires = expiry(book.pages[delegation.pool_id], lease_seconds, now)
    return [LeaseRenewed(delegation_id, expires, now)], renewed(delegation, expires)


def grow(
    book: Book, delegation_id: int, family_length: int, expected_version: int, now: int
) -> tuple[list[Event], Delegation]:
    """Make a delegation larger where it stands. One that is as large already is no error."""
    delegation = delegation_of(book, delegation_id)
    _require_active(delegation)
    page, prefix = book.pages[delegation.pool_id], delegation.prefix
    length = require_length(page, family_length)
    if length == prefix.length:
        return [], delegation
    _require_version(delegation, expected_version)
    if length > prefix.length:
        detail = f"{prefix} is larger than /{family_length} already"
        raise RefusedError("invalid", "LENGTH_OUT_OF_RANGE", detail, "length")
    if prefix in page.withheld:
        detail = f"{prefix} is reserved as it is for {delegation.holder!r}"
        raise RefusedError("precondition", "SPACE_RESERVED", detail, "delegation_id")
    for step in range(prefix.length, length, -1):
        size = 1 << (BITS - step)
        neighbour = Prefix((prefix.network & ~(size - 1)) ^ size, step)
        if not page.space.is_free(neighbour):
            detail = f"{neighbour} is not free, so {prefix} cannot become a /{family_length}: renumber it"
            raise RefusedError("precondition", "NO_ROOM_TO_GROW", detail, "length")
    grown = Prefix(prefix.network >> (BITS - length) << (BITS - length), length)
    events: list[Event] = [DelegationGrown(delegation_id, grown.packed, length, max(now, book.clock))]
    return events, Delegation(
        delegation_id,
        delegation.pool_id,
        grown,
        delegation.holder,
        delegation.expires,
        delegation.version + 1,
    )


def renumber(
    book: Book, wish: RenumberWish, expected_version: int, now: int
) -> tuple[list[Event], tuple[Delegation, Delegated]]:
    """The holder of a delegation gets another prefix; both are valid until the overlap is over, and then the old
    one ends. Events, and (the old, the new)."""
    now = max(now, book.clock)
    old = delegation_of(book, wish.delegation_id)
    page = page_of(book, wish.pool_id or old.pool_id)
    family_length = wish.length or old.prefix.family_length
    length = require_length(page, family_length)
    if not 0 < len(wish.key) <= LONGEST_TEXT:
        detail = f"1 to {LONGEST_TEXT} characters"
        raise RefusedError("invalid", "KEY_MALFORMED", detail, "idempotency_key")
    known = book.of_key(key_hash(wish.key))
    if known is not None:
        require_same(known, page.pool.pool_id, length, old.holder)
        if book.successors.get(old.delegation_id) != known.delegation_id:
            detail = f"the key stands for delegation {known.delegation_id}, which follows another"
            raise RefusedError("exists", "KEY_REUSED", detail, "idempotency_key")
        return [], (old, Delegated(known, True))
    _require_active(old)
    _require_version(old, expected_version)
    if old.delegation_id in book.successors:
        detail = f"delegation {old.delegation_id} gives way to {book.successors[old.delegation_id]} already"
        raise RefusedError("precondition", "DELEGATION_RENUMBERED", detail, "delegation_id")
    if wish.overlap_seconds > LONGEST_LEASE:
        detail = f"{wish.overlap_seconds} s is over a hundred years"
        raise RefusedError("invalid", "LEASE_OUT_OF_RANGE", detail, "overlap_seconds")
    prefix = page.space.choose(length, page.pool.room_kept)
    if prefix is None:
        raise exhausted(page, length)
    ends = max(now + wish.overlap_seconds * 1000, 1)
    ends = min(ends, old.expires) if old.expires else ends
    expires = expiry(page, wish.lease_seconds, now)
    new = Delegation(book.last_id + 1, page.pool.pool_id, prefix, old.holder, expires)
    event = DelegationRenumbered(
        old.delegation_id,
        new.delegation_id,
        new.pool_id,
        prefix.packed,
        length,
        old.holder,
        key_hash(wish.key).to_bytes(8, "little"),
        expires,
        ends,
        now,
    )
    return [event], (renewed(old, ends), Delegated(new, False))


def ended(book: Book, event: DelegationsReleased | LeasesExpired) -> list[Event]:
    """The event, and at once the return of prefixes whose pools know no quarantine."""
    at_once = [
        ids
        for pool_id, _, ids, _, _ in book.leases.groups(np.asarray(event.delegation_ids, np.int64))
        if book.pages[pool_id].pool.quarantine_seconds == 0
    ]
    return [event, PrefixesReturned(_told(np.concatenate(at_once)), event.time)] if at_once else [event]


def tick(book: Book, now: int, *, most: int = 1_000) -> list[Event]:
    """Ends leases that ran out and frees prefixes that have rested, at most `most` of each, so that no
    request waits long."""
    now = max(now, book.clock)
    events: list[Event] = []
    expired, rested = book.leases.due(now, most)
    if len(rested):
        events.append(PrefixesReturned(_told(rested), now))
    if len(expired):
        events.extend(ended(book, LeasesExpired(_told(expired), now)))
    return events


def _told(ids: Ids) -> tuple[int, ...]:
    return tuple(ids.tolist())


def is_due(book: Book, now: int) -> bool:
    """Whether a lease or a quarantine may be over."""
    return book.leases.next_due() <= max(now, book.clock)


def can_grow_to(page: PoolPage, delegation: Delegation) -> int:
    """The shortest length, in bits of the family, that the delegation can grow to where it stands."""
    prefix = delegation.prefix
    while prefix.length > page.pool.shortest:
        if not page.space.is_free(Prefix(prefix.network ^ prefix.size, prefix.length)):
            break
        length = prefix.length - 1
        prefix = Prefix(prefix.network >> (BITS - length) << (BITS - length), length)
    return prefix.family_length
