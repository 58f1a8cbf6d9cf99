"""Feeds read in turn, judged, and given to the detector as one."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from sixfold.security.domain.intel.entries import FeedRefusedError, Reading
from sixfold.security.domain.intel.prefixes import Listed, PrefixSet
from sixfold.security.intel_ports import FeedSource, FeedUnreachableError, IntelMeter, Read, Store
from sixfold.security.ports import Clock

log = logging.getLogger(__name__)
RETRY: Final = 60.0
"""Seconds until a feed that could not be read is tried again, growing to its interval."""


class FeedState(Enum):
    WAITING = 1
    CURRENT = 2
    STALE = 3
    FAILED = 4


@dataclass(frozen=True, slots=True)
class Feed:
    """What is known of a feed now."""

    source: FeedSource
    state: FeedState = FeedState.WAITING
    prefixes: int = 0
    attempted: datetime | None = None
    taken: datetime | None = None
    expires: datetime | None = None
    refused: Mapping[str, int] | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    feed: str
    first: int
    last: int
    confidence: int


class FeedUnknownError(Exception):
    """No feed of this name is configured."""


class Feeds:
    """Reads every feed at its interval; a component. `install` gets all sets after every change."""

    def __init__(
        self,
        sources: Sequence[FeedSource],
        *,
        read: Read,
        store: Store,
        install: Callable[[Listed], None],
        meter: IntelMeter,
        clock: Clock,
    ) -> None:
        self.name = "security-feeds"
        self.task: asyncio.Task[None] | None = None
        self.feeds: dict[str, Feed] = {source.name: Feed(source) for source in sources}
        self.listed = Listed()
        self._sets: dict[str, PrefixSet] = {}
        self._validators: dict[str, str] = {}
        self._read = read
        self._store = store
        self._install = install
        self._meter = meter
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    @property
    def ready(self) -> bool:
        return True

    async def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        await self._take_up()
        async with asyncio.TaskGroup() as group:
            for name in self.feeds:
                group.create_task(self._follow(name))
            await asyncio.Event().wait()

    async def _take_up(self) -> None:
        """What the last run kept is used until it expires, whether its source can be reached or not."""
        now = int(self._clock().timestamp())
        for name, feed in self.feeds.items():
            kept = await self._store.load(name)
            if kept is not None and kept[2] > now:
                self._sets[name] = kept[0]
                taken, expires = (datetime.fromtimestamp(one, UTC) for one in kept[1:])
                self.feeds[name] = replace(
                    feed, state=FeedState.CURRENT, prefixes=len(kept[0]), taken=taken, expires=expires
                )
        if self._sets:
            await self._give()

    async def _follow(self, name: str) -> None:
        pause = RETRY
        while True:
            feed = await self.refresh(name)
            interval = feed.source.interval
            pause = interval if not feed.trouble else min(pause * 2, interval)
            # Not everybody at once: feeds are somebody's server.
            wait = pause * random.uniform(0.95, 1.05)  # noqa: S311 - jitter
            if feed.expires is not None:
                wait = min(wait, max((feed.expires - self._clock()).total_seconds() + 1, 1.0))
            await asyncio.sleep(wait)

    async def refresh(self, name: str, *, accept_change: bool = False) -> Feed:
        """Read a feed now. With `accept_change` it may have grown or shrunk at once. Raises FeedUnknownError."""
        if name not in self.feeds:
            raise FeedUnknownError(f"no feed {name!r}; there are {', '.join(self.feeds) or 'none'}")
        async with self._one_at_a_time:  # large readings need room
            await self._refresh(self.feeds[name], accept_change)
        return self.feeds[name]

    async def _refresh(self, feed: Feed, accept_change: bool) -> None:
        source, now = feed.source, self._clock()
        expires = int(now.timestamp() + source.lifetime)
        reading = Reading(source.trust, source.confidence)
        before = self._sets.get(source.name)
        known = None if before is None or accept_change else len(before)
        try:
            made = await asyncio.to_thread(self._made, source, reading, now, known)
        except FeedRefusedError as error:
            self._not_taken(feed, reading, error.cause, f"{error.cause}: {error}", now)
            return
        except FeedUnreachableError as error:
            self._not_taken(feed, reading, "unreachable", f"unreachable: {error}", now)
            return
        if made is not None:
            self._sets[source.name] = made
            self._meter.reading(source.name, "taken")
            for cause, number in reading.refused.items():
                self._meter.refused(source.name, cause, number)
            refused = dict(reading.refused + reading.passed_over)
            log.info("feed %s: %d prefixes taken, refused: %s", source.name, len(made), refused or "none")
        else:
            self._meter.reading(source.name, "unchanged")
            made, refused = self._sets.get(source.name, PrefixSet()), dict(feed.refused or {})
        self.feeds[source.name] = replace(
            feed,
            state=FeedState.CURRENT,
            prefixes=len(made),
            attempted=now,
            taken=now,
            expires=datetime.fromtimestamp(expires, UTC),
            refused=refused,
            trouble="",
        )
        await self._give()
        await self._store.save(source.name, made, int(now.timestamp()), expires)

    def _made(
        self, source: FeedSource, reading: Reading, now: datetime, before: int | None
    ) -> PrefixSet | None:
        """In a thread: the whole reading, None where the feed has not changed."""
        validator = self._validators.get(source.name, "") if source.name in self._sets else ""
        fresh = self._read(source, reading, validator, now, 0xFFFFFFFF)
        if fresh is None:
            return None
        made = reading.finished(before)
        self._validators[source.name] = fresh
        return made

    def _not_taken(self, feed: Feed, reading: Reading, cause: str, trouble: str, now: datetime) -> None:
        name = feed.source.name
        self._meter.reading(name, cause)
        log.warning("feed %s is not taken: %s", name, trouble)
        if feed.expires is not None and feed.expires <= now:
            self._sets.pop(name, None)
            feed = replace(feed, prefixes=0, expires=None)
            self._set_listed()
        self.feeds[name] = replace(
            feed,
            state=FeedState.STALE if name in self._sets else FeedState.FAILED,
            attempted=now,
            refused=dict(reading.refused + reading.passed_over),
            trouble=trouble,
        )

    async def _give(self) -> None:
        self.listed = await asyncio.to_thread(Listed, dict(self._sets))
        self._install(self.listed)

    def _set_listed(self) -> None:
        self.listed = Listed(self._sets)
        self._install(self.listed)

    def look_up(self, hi: int, lo: int) -> list[Listing]:
        """Which feeds list an address."""
        now = int(self._clock().timestamp())
        found = {name: one.range_of(hi, lo, now) for name, one in self.listed.feeds.items()}
        return [Listing(name, *span) for name, span in found.items() if span is not None]
