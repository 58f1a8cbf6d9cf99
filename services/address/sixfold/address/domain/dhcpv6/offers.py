"""What is advertised and not yet delegated: each client its own prefix, for a while, of a bounded number of clients.
An offer is in memory alone; what is delegated meanwhile to others is found free no longer and another is given."""

from collections import OrderedDict, deque
from typing import Final, NamedTuple

from sixfold.address.domain.book import PoolPage
from sixfold.address.domain.columns import networks
from sixfold.address.domain.prefix import Prefix

SECONDS: Final = 30
_PLANNED: Final = 512
_FRESH: Final = 1_000
"""Milliseconds that a plan is followed; what is delegated meanwhile to others is noticed at the request."""


class Offer(NamedTuple):
    prefix: Prefix
    until: int


class Plan(NamedTuple):
    """What is offered next, up to a time. `dry`: all that is free was offered, so there is no sense in planning
    again before."""

    networks: deque[int]
    until: int
    dry: bool


class Offers:
    """`most` at a time; the oldest gives way. Times are milliseconds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._taken: set[int] = set()
        self._plans: dict[tuple[str, int], Plan] = {}

    def __len__(self) -> int:
        return len(self._offers)

    def of(self, key: str, length: int, now: int) -> Prefix | None:
        """What was offered under a key, where it was of that length and still stands."""
        offer = self._offers.get(key)
        if offer is None or offer.until <= now or offer.prefix.length != length:
            return None
        return offer.prefix

    def make(self, key: str, page: PoolPage, length: int, now: int) -> Prefix | None:
        """The same as before, or the next that is free; None where none is. `length` counts the bits of 128."""
        before = self.of(key, length, now)
        if before is not None and page.space.is_free(before):
            return before
        self.settle(key)
        self._expire(now)
        prefix = self._next(page, length, now)
        if prefix is not None:
            self._offers[key] = Offer(prefix, now + SECONDS * 1000)
            self._taken.add(prefix.network)
        return prefix

    def settle(self, key: str) -> None:
        """The offer was taken up, or is no more."""
        offer = self._offers.pop(key, None)
        if offer is not None:
            self._taken.discard(offer.prefix.network)

    def _expire(self, now: int) -> None:
        while self._offers:
            key, oldest = next(iter(self._offers.items()))
            if oldest.until > now and len(self._offers) < self._most:
                return
            self.settle(key)

    def _next(self, page: PoolPage, length: int, now: int) -> Prefix | None:
        if not page.space.fits(length):
            return None
        kind = page.pool.pool_id, length
        plan = self._plans.get(kind)
        if plan is not None and plan.until > now and (network := self._first(plan.networks)) is not None:
            return Prefix(network, length)
        if plan is None or plan.until <= now or not plan.dry:
            numbers = page.space.plan(length, _PLANNED + len(self._offers), page.pool.room_kept)
            high, low = networks(page.pool.prefix, length, numbers)
            free = deque(one << 64 | two for one, two in zip(high.tolist(), low.tolist(), strict=True))
            network = self._first(free)
            self._plans[kind] = Plan(free, now + _FRESH, network is None)
            if network is not None:
                return Prefix(network, length)
        # All that is free is offered to others: say what may be left when this one asks.
        return page.space.choose(length, page.pool.room_kept)

    def _first(self, planned: deque[int]) -> int | None:
        while planned:
            network = planned.popleft()
            if network not in self._taken:
                return network
        return None
