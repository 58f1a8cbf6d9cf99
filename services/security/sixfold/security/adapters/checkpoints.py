"""Checkpoints of the window in the bus's object store."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import nats.errors
from nats.js.api import ObjectStoreConfig
from nats.js.errors import APIError, NotFoundError, ObjectNotFoundError
from nats.js.object_store import ObjectStore

from sixfold.chassis.messaging import BusUnavailableError, Messaging

log = logging.getLogger(__name__)
BUCKET: Final = "WINDOWS"
_TROUBLE: Final = (nats.errors.Error, APIError, BusUnavailableError, TimeoutError)


class Checkpoints:
    """Saves every `interval` seconds and when stopped; a component. `load` restores.

    A checkpoint stands under the partitions that it was counted from.

    A bus that is away costs the checkpoint, never the centre: it is tried again at the next turn.
    """

    def __init__(
        self,
        messaging: Messaging,
        *,
        partitions: Callable[[], Sequence[int]],
        interval: float,
        dump: Callable[[], Awaitable[bytes | None]],
        restore: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self.name = "security-checkpoints"
        self.task: asyncio.Task[None] | None = None
        self._messaging = messaging
        self._partitions = partitions
        self._interval = interval
        self._dump = dump
        self._restore = restore

    async def load(self, partitions: Sequence[int]) -> None:
        """Go on with the newest checkpoint of exactly these partitions, if there is one."""
        with contextlib.suppress(NotFoundError, ObjectNotFoundError):
            store = await self._messaging.js.object_store(BUCKET)
            stored = await store.get(_key(partitions))
            await self._restore(stored.data or b"")

    async def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            await self._save()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self._save()

    async def _save(self) -> None:
        """Write what `dump` gives; None is nothing new."""
        partitions = self._partitions()
        data = await self._dump() if partitions else None
        if data is None:
            return
        try:
            await (await self._store()).put(_key(partitions), data)
        except _TROUBLE as error:
            log.warning("no checkpoint of the window written: %s", error or type(error).__name__)

    async def _store(self) -> ObjectStore:
        try:
            return await self._messaging.js.object_store(BUCKET)
        except NotFoundError:
            config = ObjectStoreConfig(replicas=self._messaging.settings.replicas)
            return await self._messaging.js.create_object_store(BUCKET, config=config)


def _key(partitions: Sequence[int]) -> str:
    return "-".join(str(partition) for partition in partitions)
