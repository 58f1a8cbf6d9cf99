"""The embedded engine for many clients: bounded lanes of worker threads, one for readers and one for writers."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from sixfold.local.clickhouse.connection import Job, Progress, Statement
from sixfold.local.clickhouse.errors import refused

log = logging.getLogger(__name__)
R = TypeVar("R")
MAX_WAITING: Final = 64
MAX_WAIT: Final = 30.0


class Lane:
    """At most `size` statements at once and `waiting` more that wait, each at most `max_wait` seconds."""

    def __init__(
        self, name: str, size: int, *, waiting: int = MAX_WAITING, max_wait: float = MAX_WAIT
    ) -> None:
        self.name = name
        self.waiting = 0
        self._size = size
        self._most = waiting
        self._max_wait = max_wait
        self._free = asyncio.Semaphore(size)
        self._threads = ThreadPoolExecutor(size, f"clickhouse-{name}")

    async def enter(self) -> None:
        """Raises QueryError (202) where too many wait, or it takes too long."""
        if self._free.locked() and self.waiting >= self._most:
            raise self._busy(f"{self.waiting} statements wait already")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._max_wait):
                await self._free.acquire()
        except TimeoutError as error:
            raise self._busy(f"no turn within {self._max_wait:g} seconds") from error
        finally:
            self.waiting -= 1

    def _busy(self, why: str) -> Exception:
        return refused(
            202,
            "TOO_MANY_SIMULTANEOUS_QUERIES",
            f"Too many simultaneous queries: {self._size} at once for {self.name}, {why}. Try again later",
        )

    def leave(self) -> None:
        self._free.release()

    def submit(self, work: Callable[[], R]) -> asyncio.Future[R]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        self._threads.shutdown(wait=True)


class Engine:
    """A component. It keeps the engine in `path` open; others in this process may have it open, too."""

    name = "clickhouse-engine"

    def __init__(self, path: Path, *, database: str, readers: int = 2, writers: int = 3) -> None:
        self.path = path
        self.version = ""
        self.table_functions: frozenset[str] = frozenset()
        self.readers = Lane("readers", readers)
        self.writers = Lane("writers", writers)
        self._database = database
        self._control = ThreadPoolExecutor(1, "clickhouse-control")
        self._kept: Any = None
        self._unwatched: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._control, self._open)

    def _open(self) -> None:
        import chdb

        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._kept = chdb.connect(str(self.path))
        self.version = self._kept.query("SELECT version()", "TabSeparated").bytes().decode().strip()
        names = self._kept.query("SELECT lower(name) FROM system.table_functions", "TabSeparated").bytes()
        self.table_functions = frozenset(names.decode().split())

    async def stop(self) -> None:
        """After the statements under way."""
        if self._unwatched:
            await asyncio.wait(self._unwatched)
        for lane in (self.readers, self.writers):
            await asyncio.to_thread(lane.close)
        if self._kept is not None:
            await asyncio.get_running_loop().run_in_executor(self._control, self._kept.close)
            self._kept = None
        self._control.shutdown()

    async def pieces(
        self, lane: Lane, job: Job, progress: Callable[[Progress], None]
    ) -> AsyncGenerator[bytes]:
        """The answer in pieces. Whoever stops before its end must close the generator: the statement is killed then."""
        await lane.enter()
        statement = Statement(self.path, self._database, job)
        try:
            while (piece := await self._step(lane, job, statement)) is not None:
                progress(statement.progress)
                yield piece
            progress(statement.progress)
        finally:
            await self._whatever_happens(self._close(lane, statement))

    async def _step(self, lane: Lane, job: Job, statement: Statement) -> bytes | None:
        step = lane.submit(statement.next)
        try:
            return await asyncio.shield(step)
        except asyncio.CancelledError:
            if job.readonly:
                await self._whatever_happens(self._kill(job, step))
            else:
                # Who writes may have stored something already: that statement ends by itself.
                await self._whatever_happens(asyncio.wait([step]))
            raise

    async def _kill(self, job: Job, step: asyncio.Future[Any]) -> None:
        """Again until it ends: a statement that only begins is not yet to be seen."""
        sql = f"KILL QUERY WHERE Settings['log_comment'] = '{job.identity}' ASYNC"
        loop = asyncio.get_running_loop()
        log.info("killing statement %s: its client is gone", job.identity)
        while not step.done():
            await loop.run_in_executor(self._control, self._kept.query, sql)
            await asyncio.wait([step], timeout=0.2)
        with contextlib.suppress(Exception):
            step.result()

    async def _close(self, lane: Lane, statement: Statement) -> None:
        try:
            await lane.submit(statement.close)
        finally:
            lane.leave()

    async def _whatever_happens(self, work: Any) -> None:
        """Await `work`; it ends also where whoever awaits it is cancelled."""
        task = asyncio.ensure_future(work)
        self._unwatched.add(task)
        task.add_done_callback(self._unwatched.discard)
        await asyncio.shield(task)

    async def insert(self, job: Job, data: Iterable[bytes]) -> Progress:
        """An insert goes on to its end also where its client goes away: half of it may be stored already."""
        await self.writers.enter()
        statement = Statement(self.path, self._database, job)

        async def work() -> None:
            try:
                await self.writers.submit(lambda: statement.insert(data))
            finally:
                await self._close(self.writers, statement)

        await self._whatever_happens(work())
        return statement.progress
