"""Batches out of the stream and decoded, one block's worth ahead of the block that is being stored.

Fetching and decoding take about as long as an insert's wait for the disk: done in turn they would leave a core idle.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import nats.errors

from sixfold.api.flow.codec import BatchError
from sixfold.chassis.messaging import Inbound, inbound
from sixfold.chassis.messaging.pull import Pull
from sixfold.credit.config import LoaderSettings
from sixfold.credit.domain.watermark import BatchId
from sixfold.credit.loader.block import Batch, read_batch, read_headers
from sixfold.credit.loader.kinds import Kind
from sixfold.credit.loader.replay import source_of


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message and what it says: a batch, or why it is none. id: where the headers tell it."""

    message: Inbound
    id: BatchId | None
    said: Batch | BatchError


def read(kind: Kind, message: Inbound) -> Fetched:
    source = source_of(message)
    identity: BatchId | None = None
    try:
        _, identity = read_headers(source)
        return Fetched(message, identity, read_batch(kind, source))
    except BatchError as error:
        return Fetched(message, identity, error)


class Intake:
    """At most two blocks' messages are held; those that are not settled when it closes come again at once."""

    def __init__(
        self,
        pull: Pull,
        kind: Kind,
        settings: LoaderSettings,
        size: Callable[[], int],
        stopping: asyncio.Event,
    ) -> None:
        self._pull = pull
        self._kind = kind
        self._settings = settings
        self._size = size
        self._stopping = stopping
        self._unsettled: dict[int, Inbound] = {}
        self._ahead: asyncio.Task[list[Fetched]] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._pull.open()
        self._keeper = asyncio.create_task(self._keep())

    async def next(self) -> Sequence[Fetched]:
        """The next messages, empty when it is to stop; those after them are fetched meanwhile."""
        found = await (self._ahead or asyncio.create_task(self._fetch()))
        self._ahead = None if self._stopping.is_set() else asyncio.create_task(self._fetch())
        return found

    async def settle(self, message: Inbound) -> None:
        await message._msg.ack()
        self._unsettled.pop(message.sequence, None)

    async def close(self) -> None:
        tasks: list[asyncio.Task[Any]] = [task for task in (self._ahead, self._keeper) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for message in self._unsettled.values():
            with suppress(Exception):
                await message._msg.nak()
        self._unsettled.clear()
        await self._pull.close()

    async def _fetch(self) -> list[Fetched]:
        messages = [
            inbound(one)
            for one in await self._pull.batch(self._size(), self._settings.linger, self._stopping)
        ]
        self._unsettled.update((one.sequence, one) for one in messages)
        return await asyncio.to_thread(lambda: [read(self._kind, one) for one in messages])

    async def _keep(self) -> None:
        """A slow insert must not make the server deliver its batches again."""
        while True:
            await asyncio.sleep(self._settings.ack_wait / 3)
            with suppress(nats.errors.Error):
                for message in tuple(self._unsettled.values()):
                    await message._msg.in_progress()
