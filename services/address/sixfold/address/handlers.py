"""Wishes about pools and delegations, each one decided on the ledger."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence

from sixfold.address.domain import decisions
from sixfold.address.domain.book import Book
from sixfold.address.domain.decisions import Delegated
from sixfold.address.domain.events import Event, LeasesExpired, PrefixesReturned
from sixfold.address.domain.values import Delegation, DelegationWish, Pool, PoolWish, RefusedError
from sixfold.address.ports import BookLedger, Clock, Meter
from sixfold.chassis.ledger import LedgerError

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0


def utc_milliseconds() -> int:
    return time.time_ns() // 1_000_000


class Addresses:
    """What the centre does. Idempotency is the book's: a key stands in it for as long as its delegation does."""

    def __init__(
        self, *, ledger: BookLedger, meter: Meter, ends_at_once: int = 1_000, clock: Clock = utc_milliseconds
    ) -> None:
        self._ledger = ledger
        self._meter = meter
        self._ends_at_once = ends_at_once
        self._clock = clock

    @property
    def book(self) -> Book:
        return self._ledger.state

    async def create_pool(self, wish: PoolWish) -> Pool:
        now = self._clock()
        await self._ledger.transact(lambda book: (decisions.create_pool(book, wish, now), None))
        return decisions.page_of(self.book, wish.pool_id).pool

    async def delegate(self, wish: DelegationWish) -> Delegated:
        now = self._clock()
        try:
            answer = await self._ledger.transact(lambda book: decisions.delegate(book, wish, now))
        except RefusedError as refusal:
            self._meter.asked(refusal.reason, 1)
            raise
        self._meter.asked("repeated" if answer.known else "delegated", 1)
        return answer

    async def delegate_many(self, wishes: Sequence[DelegationWish]) -> list[Delegated | RefusedError]:
        now = self._clock()
        answers = await self._ledger.transact(lambda book: decisions.delegate_many(book, wishes, now))
        outcomes = Counter(
            answer.reason if isinstance(answer, RefusedError) else "repeated" if answer.known else "delegated"
            for answer in answers
        )
        for outcome, number in outcomes.items():
            self._meter.asked(outcome, number)
        return answers

    async def release(self, delegation_id: int, expected_version: int) -> Delegation:
        now = self._clock()

        def decide(book: Book) -> tuple[Sequence[Event], Delegation]:
            return decisions.release(book, delegation_id, expected_version, now)

        released = await self._ledger.transact(decide)
        self._meter.ended("released", 1)
        return released

    async def renew(self, delegation_id: int, lease_seconds: int, expected_version: int) -> Delegation:
        now = self._clock()

        def decide(book: Book) -> tuple[Sequence[Event], Delegation]:
            return decisions.renew(book, delegation_id, lease_seconds, expected_version, now)

        return await self._ledger.transact(decide)

    async def run(self) -> None:
        """End leases and quarantines as they come due, in bounded steps, until cancelled.

        Between two steps of a storm the requests that wait have their turn. Without the ledger nothing ends, and
        it is tried again.
        """
        while True:
            try:
                pause = 0.0 if await self.tick() else TICK_SECONDS
            except LedgerError as error:
                log.warning("no lease ends now: %s", error)
                pause = TICK_SECONDS
            await asyncio.sleep(pause)

    async def tick(self) -> bool:
        """One step; whether there was anything to do."""
        now = self._clock()
        if not decisions.tick(self.book, now, most=1):
            return False

        def decide(book: Book) -> tuple[Sequence[Event], Sequence[Event]]:
            events = decisions.tick(book, now, most=self._ends_at_once)
            return events, events

        for event in await self._ledger.transact(decide):
            if isinstance(event, LeasesExpired):
                self._meter.ended("expired", len(event.delegation_ids))
            elif isinstance(event, PrefixesReturned):
                self._meter.ended("returned", len(event.delegation_ids))
        return True
