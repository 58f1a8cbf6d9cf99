"""Partitions of the flows shared with other replicas over a key-value bucket, and the consumers of those held.

What two replicas read at the same time for a moment is harmless: they share one durable consumer for each partition,
so that a batch goes to one of them, and the ledger lets one of them open an incident.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import nats.errors
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import APIError, KeyNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue

from sixfold.chassis.messaging import BusUnavailableError, Consumer, Messaging
from sixfold.security.domain import leases
from sixfold.security.domain.leases import Beats, Table

log = logging.getLogger(__name__)
BUCKET: Final = "SECURITY_LEASES"
KEY: Final = "partitions"
_TROUBLE: Final = (nats.errors.Error, APIError, BusUnavailableError, TimeoutError)
_TRIES: Final = 8


class Partitions:
    """Holds its share of the partitions and runs their consumers; a component.

    `beat` seconds between two signs of life; another replica takes over after `patience` seconds without one.
    `gained` is called with all that is held before the consumers of new partitions start.
    """

    def __init__(
        self,
        messaging: Messaging,
        *,
        name: str,
        partitions: Sequence[int],
        beat: float,
        patience: float,
        consumer: Callable[[int], Consumer],
        gained: Callable[[Sequence[int]], Awaitable[None]],
    ) -> None:
        self.name = "security-partitions"
        self.replica = name or f"replica-{secrets.token_hex(4)}"
        self.task: asyncio.Task[None] | None = None
        self.table = Table()
        self.newest: tuple[int, ...] = ()
        """What was held last, also after the end."""
        self._messaging = messaging
        self._partitions = tuple(partitions)
        self._life = secrets.token_hex(8)
        self._beat = beat
        self._beats = Beats(patience)
        self._consumer = consumer
        self._gained = gained
        self._consumers: dict[int, Consumer] = {}
        self._bucket: KeyValue | None = None
        self._superseded = False
        self._joined = False
        self._changed = asyncio.Event()

    @property
    def held(self) -> tuple[int, ...]:
        return tuple(sorted(self._consumers))

    @property
    def leads(self) -> bool:
        """Of all replicas, the one that holds the lowest partition that anybody holds."""
        holders = self.table.holders
        return bool(holders) and holders[min(holders)] == self.replica and min(holders) in self._consumers

    @property
    def ready(self) -> bool:
        return self._joined and all(consumer.ready for consumer in self._consumers.values())

    async def start(self) -> None:
        await self._turn()
        await self._hold(self._wanted())
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """End the consumers, then leave, so that others need not wait."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self._hold(())
        try:
            if not self._superseded:
                await self._rewrite(lambda table: leases.left(table, self.replica))
        except _TROUBLE as error:
            log.warning("left without a word: %s", error or type(error).__name__)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._show_life())
            both.create_task(self._follow_table())

    async def _show_life(self) -> None:
        while True:
            await asyncio.sleep(self._beat)
            await self._turn()

    async def _follow_table(self) -> None:
        """Beside the signs of life: consumers that take their time to end cost no lease."""
        while True:
            tasks = [consumer.task for consumer in self._consumers.values() if consumer.task is not None]
            changed = asyncio.create_task(self._changed.wait())
            try:
                ended, _ = await asyncio.wait([*tasks, changed], return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
            for task in ended.intersection(tasks):
                task.result()
                raise RuntimeError(f"{task.get_name()} ended")
            self._changed.clear()
            await self._hold(self._wanted())

    def _wanted(self) -> tuple[int, ...]:
        return () if self._superseded else self.table.held(self.replica)

    async def _turn(self) -> None:
        """One sign of life, and what follows from what the others show."""
        try:
            self.table = await self._rewrite(self._next)
        except _TROUBLE as error:
            log.warning("leases of partitions cannot be renewed: %s", error or type(error).__name__)
            return
        self._joined = True
        if self._wanted() != self.held:
            self._changed.set()

    def _next(self, table: Table) -> Table | None:
        """The table with our next beat; None where another process of our name is alive."""
        dead = self._beats.dead(table, time.monotonic())
        mine = table.members.get(self.replica)
        if self._joined and mine is not None and mine.life != self._life and self.replica not in dead:
            if not self._superseded:
                log.error("another replica is named %s too: this one watches nothing", self.replica)
            self._superseded = True
            return None
        self._superseded = False
        gone = [name for name in dead if name != self.replica]
        if gone:
            log.warning("replica %s is gone; its partitions are shared out", ", ".join(gone))
        return leases.joined(table, self.replica, self._life, self._partitions, gone)

    async def _rewrite(self, change: Callable[[Table], Table | None]) -> Table:
        """Compare and set until it succeeds. Raises the bus's errors."""
        for _ in range(_TRIES):
            bucket = await self._leases()
            try:
                entry = await bucket.get(KEY)
                table, revision = _read(entry.value), entry.revision or 0
            except KeyNotFoundError:
                table, revision = Table(), 0
            changed = change(table)
            if changed is None:
                return table
            try:
                await bucket.update(KEY, leases.dump(changed), last=revision)
            except KeyWrongLastSequenceError:
                continue
            return changed
        raise TimeoutError(f"others were faster {_TRIES} times")

    async def _leases(self) -> KeyValue:
        if self._bucket is None:
            js = self._messaging.js
            try:
                self._bucket = await js.key_value(BUCKET)
            except NotFoundError:
                config = KeyValueConfig(
                    bucket=BUCKET,
                    history=1,
                    storage=StorageType.FILE,
                    replicas=self._messaging.settings.replicas,
                    description="which replica of the security centre watches which partition of the flows",
                )
                self._bucket = await js.create_key_value(config)
        return self._bucket

    async def _hold(self, partitions: Sequence[int]) -> None:
        lost = [partition for partition in self._consumers if partition not in partitions]
        await asyncio.gather(*(self._consumers.pop(partition).stop() for partition in lost))
        new = [partition for partition in partitions if partition not in self._consumers]
        if lost or new:
            log.info("watching partitions %s", ", ".join(map(str, partitions)) or "none")
        if new:
            await self._gained(tuple(partitions))
        for partition in new:
            consumer = self._consumer(partition)
            await consumer.start()
            self._consumers[partition] = consumer
        self.newest = self.held or self.newest


def _read(data: bytes | None) -> Table:
    try:
        return leases.load(data or b"")
    except ValueError as error:
        log.warning("%s; it is made anew", error)
        return Table()
