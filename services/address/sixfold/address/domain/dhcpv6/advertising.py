"""What a server would give: from the book and offers, without any event (RFC 8415, section 18.3.9)."""

from collections.abc import Sequence

from sixfold.address.domain.book import Book
from sixfold.address.domain.delegating import exhausted, expiry, require_length
from sixfold.address.domain.dhcpv6.deciding import Answer, Ask, bindings
from sixfold.address.domain.dhcpv6.offers import Offers
from sixfold.address.domain.pools import page_of
from sixfold.address.domain.values import Delegation, RefusedError


def advertise(book: Book, offers: Offers, asks: Sequence[Ask], now: int) -> list[Answer]:
    """Answers in the order of the asks; a new offer is a delegation with the number 0."""
    now = max(now, book.clock)
    return [
        _answer(book, offers, ask, known, now) for ask, known in zip(asks, bindings(book, asks), strict=True)
    ]


def _answer(book: Book, offers: Offers, ask: Ask, known: Delegation | None, now: int) -> Answer:
    try:
        if known is not None:
            known = book.delegation(book.successors.get(known.delegation_id, 0)) or known
            expires = expiry(book.pages[known.pool_id], ask.lease_seconds, now)
            again = Delegation(known.delegation_id, known.pool_id, known.prefix, known.holder, expires)
            return Answer(again, outcome="advertised")
        page = page_of(book, ask.pool_id)
        length = require_length(page, ask.length)
        expires = expiry(page, ask.lease_seconds, now)
        kept = page.reservation(ask.holder, length) if page.withheld else None
        prefix = kept.prefix if kept is not None else offers.make(ask.key, page, length, now)
        if prefix is None:
            raise exhausted(page, length)
    except RefusedError as refusal:
        return Answer(None, refusal.reason, refusal.reason)
    return Answer(Delegation(0, ask.pool_id, prefix, ask.holder, expires), outcome="advertised")
