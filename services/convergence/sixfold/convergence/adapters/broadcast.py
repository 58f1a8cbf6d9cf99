"""One stream of changes to many watchers, each with a bounded queue."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

T = TypeVar("T")
MOST_WATCHERS: Final = 256
MOST_WAITING: Final = 1_024


class WatcherSlowError(Exception):
    """A watcher did not keep up: it has to read the present state again."""


class WatchersFullError(Exception):
    """MOST_WATCHERS watch already."""


class Broadcast(Generic[T]):
    """`send` never waits. A watcher that is MOST_WAITING changes behind is dropped with WatcherSlowError."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[T]] = set()
        self._slow: set[asyncio.Queue[T]] = set()

    def send(self, change: T) -> None:
        for queue in self._queues - self._slow:
            if queue.full():
                self._slow.add(queue)
            else:
                queue.put_nowait(change)

    @contextmanager
    def subscribed(self) -> Iterator[AsyncIterator[T]]:
        """Every change from now on. Raises WatchersFullError."""
        if len(self._queues) >= MOST_WATCHERS:
            raise WatchersFullError(f"{MOST_WATCHERS} watch already")
        queue: asyncio.Queue[T] = asyncio.Queue(MOST_WAITING)
        self._queues.add(queue)
        try:
            yield self._changes(queue)
        finally:
            self._queues.discard(queue)
            self._slow.discard(queue)

    async def _changes(self, queue: asyncio.Queue[T]) -> AsyncIterator[T]:
        while not (queue in self._slow and queue.empty()):
            yield await queue.get()
        raise WatcherSlowError(f"{MOST_WAITING} changes waited to be read")

    @property
    def watchers(self) -> int:
        return len(self._queues)
