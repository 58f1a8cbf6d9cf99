"""Plans, outlook, advice, exchange: what is asked about pools, beside what changes them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sixfold.address.domain.advice import Advice, PoolUse, advise
from sixfold.address.domain.book import Book, PoolPage
from sixfold.address.domain.events import AnomalySeen
from sixfold.address.domain.forecast import Forecast, forecast
from sixfold.address.domain.history import Anomaly, Sample, anomalies, kept
from sixfold.address.domain.plan import Finding, Plan, judged, pools
from sixfold.address.domain.pools import page_of
from sixfold.address.domain.prefix import BITS, Prefix, PrefixError, parse_prefix
from sixfold.address.domain.utilisation import density, utilisation
from sixfold.address.domain.values import PoolWish, RefusedError
from sixfold.address.handlers import Addresses
from sixfold.address.ports import BookLedger, Clock
from sixfold.api.addressing.density import hd_ratio
from sixfold.chassis.ledger import LedgerError
from sixfold.chassis.messaging import BusUnavailableError

log = logging.getLogger(__name__)
HORIZON_DAYS: Final = 30.0
MOST_ANOMALIES: Final = 1_000
_URGENCY: Final = {"now": 0, "soon": 1, "later": 2}


class Histories(Protocol):
    """Samples of every pool that outlive the process."""

    async def read(self, pool_ids: Sequence[str]) -> dict[str, tuple[Sample, ...]]: ...

    async def write(self, histories: Mapping[str, Sequence[Sample]]) -> None: ...


class Interval(Protocol):
    """What went out of a pool and came back since it was asked last."""

    @property
    def made(self) -> int: ...
    @property
    def ended(self) -> int: ...
    @property
    def top(self) -> tuple[str, float]: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """A pool after a wish that was not carried out. `full_in_days` None: beyond ten years, or never."""

    fitting: int
    used_share: float
    hd_ratio: float
    full_in_days: float | None


class Planning:
    def __init__(
        self,
        *,
        addresses: Addresses,
        ledger: BookLedger,
        histories: Histories,
        turnover: Callable[[], Mapping[str, Interval]],
        sample_seconds: float,
        clock: Clock,
    ) -> None:
        self._addresses = addresses
        self._ledger = ledger
        self._store = histories
        self._turnover = turnover
        self._sample_seconds = sample_seconds
        self._clock = clock
        self._histories: dict[str, tuple[Sample, ...]] = {}
        self._read = False
        self.anomalies: deque[tuple[str, int, Anomaly]] = deque(maxlen=MOST_ANOMALIES)

    @property
    def book(self) -> Book:
        return self._addresses.book

    # Over time

    async def run(self) -> None:
        """Sample every pool, for ever. A bus that is away costs the sample, nothing else."""
        while True:
            try:
                await self.sample()
            except (BusUnavailableError, LedgerError) as error:
                log.warning("no sample of the pools now: %s", error)
            await asyncio.sleep(self._sample_seconds)

    async def sample(self) -> None:
        now = self._clock()
        if not self._read:
            self._histories = await self._store.read(list(self.book.pages)) | self._histories
            self._read = True
        intervals = self._turnover()
        seen: list[AnomalySeen] = []
        for pool_id, page in self.book.pages.items():
            before = self._histories.get(pool_id, ())
            sample = _sample(page, intervals.get(pool_id), now)
            for one in anomalies(before, sample):
                self.anomalies.append((pool_id, now, one))
                seen.append(AnomalySeen(pool_id, one.kind, one.detail, one.measure, one.usual, now))
            self._histories[pool_id] = kept((*before, sample))
            await asyncio.sleep(0)
        self._histories = {name: one for name, one in self._histories.items() if name in self.book.pages}
        if seen:
            await self._ledger.transact(lambda book: (seen, None))
        await self._store.write(self._histories)

    def history(self, pool_id: str) -> tuple[Sample, ...]:
        return self._histories.get(pool_id, ())

    # Questions

    def outlook(self, pool_id: str, horizon_days: float) -> Forecast:
        page_of(self.book, pool_id)
        samples = self.history(pool_id)
        found = forecast(
            [one.time for one in samples], [one.used for one in samples], horizon_days or HORIZON_DAYS
        )
        if found is None:
            detail = f"pool {pool_id!r} has {len(samples)} samples; a forecast takes 8, over a day"
            raise RefusedError("precondition", "HISTORY_TOO_SHORT", detail, "pool_id")
        return found

    def advice(self, pool_id: str) -> list[Advice]:
        """Most urgent first."""
        pages = [page_of(self.book, pool_id)] if pool_id else list(self.book.pages.values())
        found = [one for page in pages for one in advise(self._use(page), self._outlook_or_none(page))]
        return sorted(found, key=lambda one: (_URGENCY[one.urgency], one.pool_id))

    def _outlook_or_none(self, page: PoolPage) -> Forecast | None:
        try:
            return self.outlook(page.pool.pool_id, HORIZON_DAYS)
        except RefusedError:
            return None

    def _use(self, page: PoolPage) -> PoolUse:
        use = utilisation(page)
        largest = page.space.largest
        free = page.space.free_addresses
        last = self.history(page.pool.pool_id)[-1:]
        return PoolUse(
            pool_id=page.pool.pool_id,
            delegations=use.delegations,
            used_share=use.delegated_share + use.child_share,
            resting_share=use.quarantined_share,
            free_share=use.free_share,
            largest_free_share=(1 << (BITS - largest)) / free if largest is not None and free else 0.0,
            density=density(self.book, page),
            shortest_fits=largest is not None and largest <= page.pool.shortest,
            child_share=use.child_share,
            top_holder=last[0].top_holder if last else "",
            top_holder_share=last[0].top_share if last else 0.0,
        )

    def what_if(self, pool_id: str, delegations: int, length: int, more_per_day: float) -> Outcome:
        page = page_of(self.book, pool_id)
        pool = page.pool
        bits = pool.prefix.in_bits_of_128(length)
        if not pool.shortest <= bits <= pool.longest:
            first, last = (
                Prefix(pool.prefix.network, at).family_length for at in (pool.shortest, pool.longest)
            )
            detail = f"/{length} is not among the lengths of pool {pool_id!r}, /{first} to /{last}"
            raise RefusedError("invalid", "LENGTH_OUT_OF_RANGE", detail, "length")
        size = 1 << (BITS - bits)
        fitting = min(delegations, _blocks(page, bits))
        unit = 1 << (BITS - pool.longest)
        held = page.held_addresses + fitting * size
        used = (held + page.child_addresses) / pool.prefix.size
        samples = self.history(pool_id)
        found = forecast([one.time for one in samples], [one.used for one in samples], HORIZON_DAYS)
        slope = (found.growth_per_day if found else 0.0) + more_per_day * size / pool.prefix.size
        days = (1 - used) / slope if slope > 0 else None
        return Outcome(
            fitting,
            used,
            hd_ratio(held // unit, pool.prefix.size // unit),
            days if days is not None and days < 3_650 else None,
        )

    # Plans

    def judge(self, plan: Plan) -> tuple[list[Finding], int]:
        """What is found, and how many prefixes the plan names (0 where it cannot be lived by)."""
        found = judged(plan)
        if any(one.severity == "error" for one in found):
            return found, 0
        try:
            return found, len(pools(plan))
        except PrefixError as error:
            return [*found, Finding("error", "PLAN_TOO_LARGE", "", str(error))], 0

    async def apply(self, plan: Plan, prefix: str, *, dry_run: bool) -> list[str]:
        """Ids of the pools, parents first."""
        found, _ = self.judge(plan)
        wrong = [one for one in found if one.severity == "error"]
        if wrong:
            raise RefusedError(
                "invalid", "PLAN_REFUSED", "; ".join(one.detail for one in wrong)[:500], "plan"
            )
        wishes = list(_wishes(plan, prefix or "plan"))
        if not dry_run:
            for wish in wishes:
                await self._addresses.create_pool(wish)
        return [wish.pool_id for wish in wishes]


def _sample(page: PoolPage, interval: Interval | None, now: int) -> Sample:
    use = utilisation(page)
    used = use.delegated_share + use.child_share + use.quarantined_share
    if interval is None:
        return Sample(now, used, 0, 0)
    holder, share = interval.top
    return Sample(now, used, interval.made, interval.ended, share, holder)


def _blocks(page: PoolPage, length: int) -> int:
    """Prefixes of `length` that are free now."""
    return sum(
        numbers.bit_count() << (length - at)
        for at, chunks in page.space.chunks().items()
        if at <= length
        for numbers in chunks.values()
    )


def _wishes(plan: Plan, prefix: str) -> Iterable[PoolWish]:
    root = parse_prefix(plan.root)
    blank = PoolWish(prefix, "", str(root), 0, f"plan {prefix}", 0, 0, 0, 0, "dense")
    yield blank
    for path, one in pools(plan):
        yield replace(
            blank,
            pool_id=".".join((prefix, *path)),
            parent_id=".".join((prefix, *path[:-1])),
            prefix=str(one),
            purpose=" / ".join(path)[:256],
            shortest_length=plan.delegated,
            longest_length=plan.delegated,
        )
