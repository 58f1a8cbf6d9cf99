"""Deciding who gets which prefix: many wishes of one kind at once, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sixfold.address.domain.blocks import Numbers
from sixfold.address.domain.book import Book, PoolPage
from sixfold.address.domain.columns import WIDEST, networks, packed
from sixfold.address.domain.events import Event, PrefixesDelegated
from sixfold.address.domain.keys import LARGEST_ID, Hashes, Ids, key_hashes
from sixfold.address.domain.pools import LONGEST_LEASE, page_of
from sixfold.address.domain.prefix import Prefix
from sixfold.address.domain.values import Delegation, RefusedError

Flags = NDArray[np.bool_]
LONGEST_TEXT = 128


@dataclass(frozen=True, slots=True)
class Wishes:
    """One prefix of `length` (bits of the pool's family) for each key and its holder; `lease_seconds` 0: the
    pool's. `preferred` is empty, or names for each what it gets where that is free."""

    pool_id: str
    length: int
    lease_seconds: int
    keys: Sequence[str]
    holders: Sequence[str]
    preferred: Sequence[Prefix | None] = ()


@dataclass(slots=True)
class Answers:
    """In the order of the wishes; id 0 where one was refused. `known` are those whose key was known."""

    ids: Ids
    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    expires: NDArray[np.int64]
    length: int = 0
    """Of all, in bits of 128."""
    known: dict[int, Delegation] = field(default_factory=dict[int, Delegation])
    refused: dict[int, RefusedError] = field(default_factory=dict[int, RefusedError])


@dataclass(slots=True)
class Draft:
    """What one decision has granted so far. `undo` leaves the book as it was: free space is canonical."""

    book: Book
    now: int
    next_id: int
    events: list[Event] = field(default_factory=list[Event])
    groups: list[tuple[Wishes, Hashes, Answers]] = field(default_factory=list[tuple[Wishes, Hashes, Answers]])
    reserved: set[Prefix] = field(default_factory=set[Prefix])
    planned: dict[str, list[tuple[int, list[int] | Numbers]]] = field(
        default_factory=dict[str, list[tuple[int, list[int] | Numbers]]]
    )
    taken: list[tuple[PoolPage, int, list[int] | Numbers]] = field(
        default_factory=list[tuple[PoolPage, int, list[int] | Numbers]]
    )

    def settle(self, page: PoolPage) -> None:
        """Take what is planned in a pool, so that a second plan sees it."""
        for length, numbers in self.planned.pop(page.pool.pool_id, ()):
            page.space.take_many(length, numbers)
            self.taken.append((page, length, numbers))

    def undo(self) -> None:
        for page, length, numbers in reversed(self.taken):
            page.space.give_back_many(length, numbers)
        self.taken.clear()


def grant(draft: Draft, wishes: Wishes) -> Answers:
    """Decide a group of wishes; each is answered by itself."""
    number = len(wishes.keys)
    answers = Answers(
        np.zeros(number, np.int64),
        np.zeros(number, np.uint64),
        np.zeros(number, np.uint64),
        np.zeros(number, np.int64),
    )
    try:
        page = page_of(draft.book, wishes.pool_id)
        answers.length = require_length(page, wishes.length)
        expires = expiry(page, wishes.lease_seconds, draft.now)
    except RefusedError as refusal:
        answers.refused = dict.fromkeys(range(number), refusal)
        return answers
    hashes = key_hashes(wishes.keys)
    _sort_out_malformed(wishes, answers)
    _sort_out_known(draft, wishes, hashes, answers)
    repeated = _repeated(draft, hashes)
    todo: Sequence[int] = range(number)
    if answers.refused or answers.known or repeated:
        done = answers.refused.keys() | answers.known.keys() | repeated.keys()
        todo = [place for place in todo if place not in done]
    if page.withheld:
        todo = _from_reservations(draft, page, wishes, hashes, answers, todo, expires)
    if wishes.preferred and todo:
        todo = _from_preferences(draft, page, wishes, hashes, answers, todo, expires)
    if todo:
        _from_free_space(draft, page, wishes, hashes, answers, todo, expires)
    draft.groups.append((wishes, hashes, answers))
    for place, (group, source) in repeated.items():
        _repeat(draft.groups[group], source, wishes, answers, place)
    return answers


def require_length(page: PoolPage, family_length: int) -> int:
    """In bits of 128."""
    pool = page.pool
    length = pool.prefix.in_bits_of_128(family_length)
    if not pool.shortest <= length <= pool.longest:
        first, last = (
            Prefix(pool.prefix.network, bits).family_length for bits in (pool.shortest, pool.longest)
        )
        detail = f"/{family_length} is not among the lengths of pool {pool.pool_id!r}, /{first} to /{last}"
        raise RefusedError("invalid", "LENGTH_OUT_OF_RANGE", detail, "length")
    return length


def expiry(page: PoolPage, lease_seconds: int, now: int) -> int:
    if lease_seconds > LONGEST_LEASE:
        detail = f"{lease_seconds} s is over a hundred years"
        raise RefusedError("invalid", "LEASE_OUT_OF_RANGE", detail, "lease_seconds")
    seconds = lease_seconds or page.pool.lease_seconds
    return now + seconds * 1000 if seconds else 0


def exhausted(page: PoolPage, length: int) -> RefusedError:
    asked = Prefix(page.pool.prefix.network, length).family_length
    detail = f"no /{asked} is free in pool {page.pool.pool_id!r} ({page.pool.prefix})"
    return RefusedError("exhausted", "POOL_EXHAUSTED", detail, "pool_id")


def require_same(known: Delegation, pool_id: str, length: int, holder: str) -> None:
    """Refuses another wish under a key that was used. A delegation that has grown is still the one asked for."""
    grown = known.version > 1 and known.prefix.length < length
    if (known.pool_id, known.holder) != (pool_id, holder) or not (known.prefix.length == length or grown):
        detail = f"the key stands for {known.prefix} from pool {known.pool_id!r}: a new wish needs a new key"
        raise RefusedError("exists", "KEY_REUSED", detail, "idempotency_key")


def _sort_out_malformed(wishes: Wishes, answers: Answers) -> None:
    for field_name, texts in (("idempotency_key", wishes.keys), ("holder", wishes.holders)):
        sizes = [*map(len, texts)]
        if not sizes or (min(sizes) > 0 and max(sizes) <= LONGEST_TEXT):
            continue
        for place, text in enumerate(texts):
            if not 0 < len(text) <= LONGEST_TEXT:
                reason = "KEY_MALFORMED" if field_name == "idempotency_key" else "HOLDER_MALFORMED"
                answers.refused.setdefault(
                    place, RefusedError("invalid", reason, f"1 to {LONGEST_TEXT} characters", field_name)
                )


def _sort_out_known(draft: Draft, wishes: Wishes, hashes: Hashes, answers: Answers) -> None:
    for place in np.flatnonzero(draft.book.leases.keys.maybe(hashes)).tolist():
        known = draft.book.of_key(int(hashes[place]))
        if known is None or place in answers.refused:
            continue
        try:
            require_same(known, wishes.pool_id, answers.length, wishes.holders[place])
            answers.known[place] = known
        except RefusedError as refusal:
            answers.refused[place] = refusal


def _repeated(draft: Draft, hashes: Hashes) -> dict[int, tuple[int, int]]:
    """Places whose key stands earlier in this decision: (group, place there)."""
    found: dict[int, tuple[int, int]] = {}
    if len(hashes) == 1 and not draft.groups:
        return found
    for group, (_, before, _) in enumerate(draft.groups):
        same, here, there = np.intersect1d(hashes, before, return_indices=True)
        if len(same):
            found |= {int(place): (group, int(source)) for place, source in zip(here, there, strict=True)}
    if len(np.unique(hashes)) == len(hashes):
        return found
    first: dict[int, int] = {}
    for place, key in enumerate(hashes.tolist()):
        source = first.setdefault(key, place)
        if source != place:
            found[place] = found.get(source, (len(draft.groups), source))
    return found


def _repeat(
    group: tuple[Wishes, Hashes, Answers], source: int, wishes: Wishes, answers: Answers, place: int
) -> None:
    """Answer a wish as the earlier one with its key."""
    if place in answers.refused or place in answers.known:
        return
    asked, _, given = group
    if source in given.refused:
        answers.refused[place] = given.refused[source]
        return
    known = given.known.get(source) or delegation_in(asked, given, source)
    try:
        require_same(known, wishes.pool_id, answers.length, wishes.holders[place])
        answers.known[place] = known
    except RefusedError as refusal:
        answers.refused[place] = refusal


def delegation_in(wishes: Wishes, answers: Answers, place: int) -> Delegation:
    """What was granted to one wish."""
    prefix = Prefix(int(answers.high[place]) << 64 | int(answers.low[place]), answers.length)
    holder, expires = wishes.holders[place], int(answers.expires[place])
    return Delegation(int(answers.ids[place]), wishes.pool_id, prefix, holder, expires)


def _from_reservations(
    draft: Draft,
    page: PoolPage,
    wishes: Wishes,
    hashes: Hashes,
    answers: Answers,
    todo: Sequence[int],
    expires: int,
) -> list[int]:
    """Holders for whom a prefix is kept get it; returns the others."""
    rest: list[int] = []
    for place in todo:
        kept = page.reservation(wishes.holders[place], answers.length)
        if kept is None or kept.prefix in draft.reserved:
            rest.append(place)
            continue
        draft.reserved.add(kept.prefix)
        high, low = np.uint64(kept.prefix.network >> 64), np.uint64(kept.prefix.network & (1 << 64) - 1)
        _write(draft, wishes, hashes, answers, [place], np.array([high]), np.array([low]), expires)
    return rest


def _from_preferences(
    draft: Draft,
    page: PoolPage,
    wishes: Wishes,
    hashes: Hashes,
    answers: Answers,
    todo: Sequence[int],
    expires: int,
) -> list[int]:
    """Who prefers a prefix that is free gets it; returns the others."""
    draft.settle(page)
    given: dict[Prefix, int] = {}
    rest: list[int] = []
    for place in todo:
        prefix = wishes.preferred[place]
        fits = prefix is not None and prefix.length == answers.length and prefix not in given
        if prefix is not None and fits and page.space.is_free(prefix):
            given[prefix] = place
        else:
            rest.append(place)
    if given:
        chosen = [page.space.number(prefix) for prefix in given]
        narrow = answers.length - page.pool.prefix.length <= WIDEST
        numbers: list[int] | Numbers = np.array(chosen, np.uint64) if narrow else chosen
        draft.planned.setdefault(page.pool.pool_id, []).append((answers.length, numbers))
        high, low = networks(page.pool.prefix, answers.length, numbers)
        _write(draft, wishes, hashes, answers, list(given.values()), high, low, expires)
    return rest


def _from_free_space(
    draft: Draft,
    page: PoolPage,
    wishes: Wishes,
    hashes: Hashes,
    answers: Answers,
    todo: Sequence[int],
    expires: int,
) -> None:
    draft.settle(page)
    length, room = answers.length, page.pool.room_kept
    numbers: list[int] | Numbers
    if len(todo) == 1:
        prefix = page.space.choose(length, room)
        numbers = [] if prefix is None else [page.space.number(prefix)]
    else:
        numbers = page.space.plan(length, len(todo), room)
    given = todo[: len(numbers)]
    if len(given) < len(todo):
        refusal = exhausted(page, length)
        answers.refused |= dict.fromkeys(todo[len(numbers) :], refusal)
    if len(given):
        draft.planned.setdefault(page.pool.pool_id, []).append((length, numbers))
        high, low = networks(page.pool.prefix, length, numbers)
        _write(draft, wishes, hashes, answers, given, high, low, expires)


def _write(
    draft: Draft,
    wishes: Wishes,
    hashes: Hashes,
    answers: Answers,
    places: Sequence[int],
    high: NDArray[np.uint64],
    low: NDArray[np.uint64],
    expires: int,
) -> None:
    first = draft.next_id
    draft.next_id += len(places)
    if draft.next_id > LARGEST_ID:
        raise RefusedError("exhausted", "IDS_EXHAUSTED", "all numbers of delegations have been used")
    whole = len(places) == len(wishes.keys)
    at = slice(None) if whole else np.asarray(places)
    answers.ids[at] = np.arange(first, draft.next_id)
    answers.high[at], answers.low[at], answers.expires[at] = high, low, expires
    holders = tuple(wishes.holders) if whole else tuple(wishes.holders[place] for place in places)
    draft.events.append(
        PrefixesDelegated(
            wishes.pool_id,
            draft.now,
            first,
            answers.length,
            packed(high, low),
            hashes[at].astype("<u8").tobytes(),
            holders,
            expires,
        )
    )
