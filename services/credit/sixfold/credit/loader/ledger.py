"""Bindings out of the identity centre's ledger into the warehouse, each event exactly once.

    read -> write the intent (token, last sequence) -> insert with its token -> write what is done

A ledger's sequences are stable and in order, so a block is the events between two numbers: killed anywhere, the next
start reads the same events again and inserts them with the same token, which the warehouse ignores if it has seen it.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Final, Protocol

import nats.errors
import pyarrow as pa
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError

from sixfold.api.subjects import ledger_stream
from sixfold.chassis.messaging import BusUnavailableError, Messaging, MessagingError
from sixfold.chassis.telemetry import Telemetry
from sixfold.credit.config import LoaderSettings
from sixfold.credit.domain.progress import LedgerProgress
from sixfold.credit.loader.rows import READERS, SCHEMA, Event, EventMalformedError, rows_of
from sixfold.credit.loader.store import FencedError, ProgressStore
from sixfold.credit.warehouse.connection import WarehouseBusyError, WarehouseRefusedError

log = logging.getLogger(__name__)
TABLE: Final = "bindings"
FETCH: Final = 200
MAX_BYTES: Final = 24 << 20
"""Of events in one block, about: some 400,000 rows."""
WAIT: Final = 5.0
DRAIN: Final = 10.0


class Inserts(Protocol):
    async def insert(self, table: str, data: pa.Table, token: str) -> None: ...


class BindingLoader:
    """A component; `ready` while the warehouse takes what comes. Waits for the ledger where it is not yet there."""

    def __init__(
        self, *, messaging: Messaging, warehouse: Inserts, settings: LoaderSettings, telemetry: Telemetry
    ) -> None:
        self.name = "loader-bindings"
        self.task: asyncio.Task[None] | None = None
        self.ready = True
        self.trouble = ""
        self.stored_flows = 0
        self.stored_batches = 0
        self._stream = ledger_stream("identity")
        self._messaging = messaging
        self._warehouse = warehouse
        self._settings = settings
        self._store = ProgressStore(messaging, self.name, LedgerProgress.read)
        self._progress = LedgerProgress()
        self._stopping = asyncio.Event()
        self._rows = telemetry.counter("loader_rows_total", "rows stored in the warehouse by kind")
        self._malformed = telemetry.counter(
            "loader_events_malformed_total", "events of the ledger that are none"
        )
        self._seconds = telemetry.histogram("loader_insert", "time of one insert")

    async def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        self._stopping.set()
        if self.task is not None:
            await asyncio.wait([self.task], timeout=DRAIN)
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        pause = 0.1
        said = ""
        while not self._stopping.is_set():
            try:
                await self._load_all()
                return
            except FencedError as error:
                log.warning("%s: %s; reading its progress", self.name, error)
            except (MessagingError, nats.errors.Error, APIError, TimeoutError) as error:
                trouble = str(error) or type(error).__name__
                if trouble != said:
                    log.warning("%s: %s", self.name, trouble)
                said = trouble
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, WAIT)

    async def _load_all(self) -> None:
        info = await self._messaging.js.stream_info(self._stream)
        identity = info.created.isoformat() if info.created else ""
        self._progress = await self._store.read()
        if self._progress.stream != identity:
            await self._write(LedgerProgress(identity))
        if self._progress.intent is not None:
            await self._finish(*self._progress.intent)
        async with aclosing(self._read(self._progress.done + 1)) as blocks:
            async for events in blocks:
                if events:
                    await self._store_block(events)
                if self._stopping.is_set():
                    return

    async def _finish(self, token: str, last: int) -> None:
        """Complete the block that a former run had begun."""
        events: list[Event] = []
        async with aclosing(self._read(self._progress.done + 1)) as blocks:
            async for some in blocks:
                events += [event for event in some if event.sequence <= last]
                if events and events[-1].sequence == last:
                    break
        log.info("%s: finishing block %s of %d events", self.name, token, len(events))
        await self._insert(events, token)
        await self._write(replace(self._progress, done=last, intent=None))

    async def _store_block(self, events: Sequence[Event]) -> None:
        last = events[-1].sequence
        token = f"{self.name}:{events[0].sequence}:{last}:{secrets.token_hex(4)}"
        await self._write(replace(self._progress, intent=(token, last)))
        await self._insert(events, token)
        await self._write(replace(self._progress, done=last, intent=None))

    async def _write(self, progress: LedgerProgress) -> None:
        await self._store.write(progress)
        self._progress = progress

    async def _read(self, first: int) -> AsyncGenerator[list[Event], None]:
        """Blocks of events from sequence `first` on, in order, without end; empty ones while there is nothing."""
        subscription = await self._messaging.js.pull_subscribe(
            "",
            stream=self._stream,
            config=ConsumerConfig(
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=first,
                filter_subjects=list(READERS),
                inactive_threshold=60,
                mem_storage=True,
                num_replicas=1,
            ),
        )
        # The first event may be as large as the bus allows; what the mean is, the first few tell.
        delivered, mean = 0, MAX_BYTES / 8
        try:
            while True:
                block: list[Event] = []
                size = 0
                deadline = 0.0
                while size < MAX_BYTES and len(block) < self._settings.max_rows // 64:
                    wait = max(deadline - time.monotonic(), 0.01) if block else WAIT
                    number = max(1, min(FETCH, int((MAX_BYTES - size) / mean)))
                    messages = await self._fetch(subscription, number, wait)
                    for message in messages:
                        place = message.metadata.sequence
                        if place.consumer != delivered + 1:
                            # Without acknowledgements a message that a broken connection lost does not come again.
                            raise BusUnavailableError(
                                f"{self._stream}: an event was lost on its way; reading again"
                            )
                        delivered = place.consumer
                        size += len(message.data)
                        taken = int(message.metadata.timestamp.timestamp() * 1000)
                        block.append(Event(message.subject, place.stream, taken, message.data))
                    mean = max(1.0, size / max(len(block), 1))
                    if not deadline:
                        deadline = time.monotonic() + self._settings.linger
                    if not messages or time.monotonic() > deadline or self._stopping.is_set():
                        break
                yield block
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _fetch(self, subscription: Any, number: int, wait: float) -> list[Any]:
        """Messages, or none when it is to stop or nothing came in time."""
        fetching = asyncio.create_task(subscription.fetch(number, timeout=wait))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((fetching, stopping), return_when=asyncio.FIRST_COMPLETED)
            return await fetching if fetching.done() else []
        except TimeoutError:
            # Nothing came, or the consumer is gone (a restarted server forgets it): asking for it tells.
            await subscription.consumer_info()
            return []
        finally:
            fetching.cancel()
            stopping.cancel()
            await asyncio.gather(fetching, stopping, return_exceptions=True)

    def _block(self, events: Sequence[Event]) -> pa.Table:
        tables: list[pa.Table] = []
        for event in events:
            try:
                tables.append(rows_of(event))
            except EventMalformedError as error:
                # Skipped the same way at every start, so the block stays the same.
                self._malformed.add(1)
                log.error("%s: %s", self.name, error)
        return pa.concat_tables([SCHEMA.empty_table(), *tables]).combine_chunks()

    async def _insert(self, events: Sequence[Event], token: str) -> None:
        block = await asyncio.to_thread(self._block, events)
        pause = 0.2
        while block.num_rows:
            started = time.monotonic()
            try:
                await self._warehouse.insert(TABLE, block, token)
                break
            except (WarehouseBusyError, WarehouseRefusedError) as error:
                # A refusal, too, is waited out: a binding log with a hole would name the wrong subscriber.
                self.ready, self.trouble = False, str(error)
                log.warning("%s: the warehouse does not take block %s yet: %s", self.name, token, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, DRAIN)
        else:
            return
        self.ready, self.trouble = True, ""
        self.stored_flows += block.num_rows
        self.stored_batches += len(events)
        self._rows.add(block.num_rows, {"kind": "bindings"})
        self._seconds.record(time.monotonic() - started, {"kind": "bindings"})
