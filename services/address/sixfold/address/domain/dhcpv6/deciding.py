"""What a server says to associations of prefixes (RFC 8415, section 18.3): from the book and what clients ask to the
ledger's events, for many of them at once. The book is left as it was."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from sixfold.address.domain.book import Book
from sixfold.address.domain.decisions import delegate_groups, ended
from sixfold.address.domain.delegating import Wishes, delegation_in, expiry
from sixfold.address.domain.events import DelegationsReleased, Event, LeasesRenewed
from sixfold.address.domain.keys import key_hash, key_hashes
from sixfold.address.domain.prefix import Prefix
from sixfold.address.domain.values import Delegation, RefusedError

FRESH: Final = 0.95
"""A lease with more than this share of its time ahead is not renewed: who asks again and again writes no events."""

_FEW: Final = 8
"""Columns are slower for fewer."""

What = Literal["assign", "extend", "release"]


class Ask(NamedTuple):
    """One IA_PD. `length` is what a new delegation gets, `shown` are the prefixes that the client believes it has,
    `offered` is what was advertised to it."""

    what: What
    pool_id: str
    length: int
    lease_seconds: int
    key: str
    holder: str
    shown: tuple[tuple[int, int], ...] = ()
    offered: Prefix | None = None


class Answer(NamedTuple):
    """`delegation` None: there is none, and `reason` says why: of a refusal, or NO_BINDING. `giving_way` is the
    delegation that it follows in a renumbering and that is still valid."""

    delegation: Delegation | None
    reason: str = ""
    outcome: str = ""
    giving_way: Delegation | None = None


NOTHING: Final = Answer(None, "NO_BINDING", "no-binding")


def bindings(book: Book, asks: Sequence[Ask]) -> list[Delegation | None]:
    """What each of them has, resting or not: by its key, or, of those that say they have one, by a prefix that they
    show and hold: who was renumbered has no key for it."""
    found: list[Delegation | None] = [None] * len(asks)
    if len(asks) <= _FEW:
        known_by_key = [book.of_key(key_hash(ask.key)) for ask in asks]
    else:
        hashes = key_hashes([ask.key for ask in asks])
        maybe = book.leases.keys.maybe(hashes).tolist()
        known_by_key = [
            book.of_key(key) if there else None for key, there in zip(hashes.tolist(), maybe, strict=True)
        ]
    for place, known in enumerate(known_by_key):
        if known is not None and known.holder == asks[place].holder:
            found[place] = known
    for place, ask in enumerate(asks):
        if found[place] is None and ask.shown and ask.what != "assign":
            found[place] = _shown(book, ask)
    return found


def _shown(book: Book, ask: Ask) -> Delegation | None:
    page = book.pages.get(ask.pool_id)
    for network, length in ask.shown:
        if page is None or not network or page.space.is_free(Prefix(network, length)):
            continue  # nobody's: most that strangers make up ends here, before the search
        known = book.delegation_at(network)
        if (
            known is not None
            and known.is_active
            and (known.holder, known.pool_id) == (ask.holder, ask.pool_id)
        ):
            return known
    return None


def decide(book: Book, asks: Sequence[Ask], now: int) -> tuple[list[Event], list[Answer]]:
    """Answers in the order of the asks. What rests comes back to its holder who asks anew."""
    now = max(now, book.clock)
    answers: list[Answer | None] = [None] * len(asks)
    renewals: dict[int, int] = {}
    releases: dict[int, None] = {}
    new: dict[tuple[str, int, int], list[int]] = {}
    for place, (ask, known) in enumerate(zip(asks, bindings(book, asks), strict=True)):
        if known is None and ask.what == "assign":
            new.setdefault((ask.pool_id, ask.length, ask.lease_seconds), []).append(place)
            continue
        answers[place] = NOTHING if known is None else _changed(book, ask, known, now, renewals, releases)
    events: list[Event] = [
        LeasesRenewed(tuple(ids), expires, now) for expires, ids in _by_expiry(renewals).items()
    ]
    if releases:
        events += ended(book, DelegationsReleased(tuple(releases), now))
    if new:
        events += _delegate(book, asks, new, now, answers)
    return events, [answer for answer in answers if answer is not None]


def _changed(
    book: Book, ask: Ask, known: Delegation, now: int, renewals: dict[int, int], releases: dict[int, None]
) -> Answer:
    giving_way: Delegation | None = None
    after = book.delegation(book.successors.get(known.delegation_id, 0))
    if after is not None:
        giving_way, known = known, after
    if not known.is_active and ask.what != "assign":
        return NOTHING
    number = known.delegation_id
    if ask.what == "release":
        if number not in renewals:
            releases[number] = None
        return Answer(known, outcome="released")
    if number in releases:
        return NOTHING
    try:
        expires = expiry(book.pages[known.pool_id], ask.lease_seconds, now)
    except RefusedError as refusal:
        return Answer(None, refusal.reason, refusal.reason)
    if known.is_active and (expires == known.expires or known.expires - now > FRESH * (expires - now) > 0):
        return Answer(known, outcome="repeated", giving_way=giving_way)
    renewals[number] = expires
    outcome = "renewed" if known.is_active else "revived"
    renewed = Delegation(number, known.pool_id, known.prefix, known.holder, expires, known.version + 1)
    return Answer(renewed, outcome=outcome, giving_way=giving_way)


def _by_expiry(renewals: dict[int, int]) -> dict[int, list[int]]:
    grouped: dict[int, list[int]] = {}
    for delegation_id, expires in renewals.items():
        grouped.setdefault(expires, []).append(delegation_id)
    return grouped


def _delegate(
    book: Book,
    asks: Sequence[Ask],
    new: dict[tuple[str, int, int], list[int]],
    now: int,
    answers: list[Answer | None],
) -> list[Event]:
    groups = [
        Wishes(
            *kind,
            [asks[place].key for place in places],
            [asks[place].holder for place in places],
            [asks[place].offered for place in places],
        )
        for kind, places in new.items()
    ]
    events, given = delegate_groups(book, groups, now)
    for group, places, one in zip(groups, new.values(), given, strict=True):
        for place, original in enumerate(places):
            if place in one.refused:
                reason = one.refused[place].reason
                answers[original] = Answer(None, reason, reason)
            elif place in one.known:
                answers[original] = Answer(one.known[place], outcome="repeated")
            else:
                answers[original] = Answer(delegation_in(group, one, place), outcome="delegated")
    return events
