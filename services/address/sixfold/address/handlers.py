"""Wishes about pools and delegations, each one decided on the ledger."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

from sixfold.address.domain import decisions, pools
from sixfold.address.domain.book import Book
from sixfold.address.domain.decisions import Delegated
from sixfold.address.domain.delegating import Answers, Wishes
from sixfold.address.domain.events import Event, LeasesExpired, PrefixesReturned
from sixfold.address.domain.prefix import parse_prefix
from sixfold.address.domain.values import (
    Delegation,
    DelegationWish,
    Pool,
    PoolWish,
    RefusedError,
    RenumberWish,
    Withheld,
)
from sixfold.address.ports import BookLedger, Clock, Meter
from sixfold.chassis.ledger import LedgerError, LedgerUnavailableError

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
GATHERED = 1_000
"""Single wishes that are decided together at most."""
GATHER_SECONDS = 0.01
"""While many ask one by one, an append waits so long at most for those who still come."""
WAITING = 10_000
"""Single wishes that may wait; more are refused at once."""


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
        self._waiting: deque[tuple[DelegationWish, asyncio.Future[Delegated]]] = deque()
        self._gathering: asyncio.Task[None] | None = None
        self._together, self._answered = 1, 0.0

    @property
    def book(self) -> Book:
        return self._ledger.state

    async def create_pool(self, wish: PoolWish) -> Pool:
        now = self._clock()
        await self._decide(lambda book: pools.create_pool(book, wish, now))
        return pools.page_of(self.book, wish.pool_id).pool

    async def split_pool(self, pool_id: str, other_id: str) -> tuple[Pool, Pool]:
        now = self._clock()
        await self._decide(lambda book: pools.split_pool(book, pool_id, other_id, now))
        return self.book.pages[pool_id].pool, self.book.pages[other_id].pool

    async def merge_pools(self, pool_id: str, other_id: str) -> Pool:
        now = self._clock()
        await self._decide(lambda book: pools.merge_pools(book, pool_id, other_id, now))
        return self.book.pages[pool_id].pool

    async def withhold(self, pool_id: str, prefix: str, holder: str, reason: str) -> Withheld:
        now = self._clock()
        await self._decide(lambda book: pools.withhold(book, pool_id, prefix, holder, reason, now))
        return self.book.pages[pool_id].withheld[parse_prefix(prefix)]

    async def open_space(self, pool_id: str, prefix: str) -> None:
        now = self._clock()
        await self._decide(lambda book: pools.open_space(book, pool_id, prefix, now))

    async def _decide(self, decide: Callable[[Book], Sequence[Event]]) -> None:
        await self._ledger.transact(lambda book: (decide(book), None))

    async def delegate(self, wish: DelegationWish) -> Delegated:
        """Wishes that come while an append is under way are decided together in the next: one event for all."""
        if len(self._waiting) >= WAITING:
            raise LedgerUnavailableError(f"{WAITING} wishes wait already; try again later")
        done: asyncio.Future[Delegated] = asyncio.get_running_loop().create_future()
        self._waiting.append((wish, done))
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._gather(), name="address-gathering")
        return await done

    async def _gather(self) -> None:
        try:
            while self._waiting:
                await self._wait_for_others()
                number = min(len(self._waiting), GATHERED)
                group = [self._waiting.popleft() for _ in range(number)]
                try:
                    answers = await self.delegate_many([wish for wish, _ in group])
                except Exception as error:
                    for _, done in group:
                        if not done.done():
                            done.set_exception(error)
                    continue
                for (_, done), answer in zip(group, answers, strict=True):
                    if done.done():
                        continue
                    if isinstance(answer, RefusedError):
                        done.set_exception(answer)
                    else:
                        done.set_result(answer)
                self._together, self._answered = number, asyncio.get_running_loop().time()
        finally:
            self._gathering = None

    async def _wait_for_others(self) -> None:
        """Where several asked at once a moment ago, wait as long as more come, within a bound."""
        now = asyncio.get_running_loop().time
        latest = now() + GATHER_SECONDS
        if self._together < 2 or latest - self._answered > 10 * GATHER_SECONDS:
            return
        before = 0
        while before < len(self._waiting) < GATHERED and now() < latest:
            before = len(self._waiting)
            await asyncio.sleep(GATHER_SECONDS / 5)

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

    async def delegate_bulk(self, wishes: Wishes) -> Answers:
        now = self._clock()

        def decide(book: Book) -> tuple[Sequence[Event], Answers]:
            events, answers = decisions.delegate_groups(book, [wishes], now)
            return events, answers[0]

        answers = await self._ledger.transact(decide)
        outcomes = Counter(refusal.reason for refusal in answers.refused.values())
        outcomes["repeated"] += len(answers.known)
        outcomes["delegated"] += len(answers.ids) - len(answers.refused) - len(answers.known)
        for outcome, number in outcomes.items():
            if number:
                self._meter.asked(outcome, number)
        return answers

    async def grow(self, delegation_id: int, length: int, expected_version: int) -> Delegation:
        now = self._clock()

        def decide(book: Book) -> tuple[Sequence[Event], Delegation]:
            return decisions.grow(book, delegation_id, length, expected_version, now)

        return await self._ledger.transact(decide)

    async def renumber(self, wish: RenumberWish, expected_version: int) -> tuple[Delegation, Delegated]:
        now = self._clock()

        def decide(book: Book) -> tuple[Sequence[Event], tuple[Delegation, Delegated]]:
            return decisions.renumber(book, wish, expected_version, now)

        return await self._ledger.transact(decide)

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
        if not decisions.is_due(self.book, now):
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
