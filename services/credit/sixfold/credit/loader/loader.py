"""One partition's way into the warehouse.

    fetch  -> leave out what is done -> write the intent -> insert with its token -> write what is done -> acknowledge

Killed anywhere, the next start reads the intent, fetches exactly its batches again, and inserts them with the same
token, which the warehouse ignores if it has seen it. See docs/adr/0002.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import nats.errors
import pyarrow as pa
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError
from opentelemetry.trace import SpanKind

from sixfold.api.flow.codec import BatchError
from sixfold.api.subjects import dead_letter_subject
from sixfold.chassis.messaging import BusUnavailableError, Messaging, MessagingError
from sixfold.chassis.telemetry import Telemetry, extract
from sixfold.credit.config import LoaderSettings
from sixfold.credit.domain.progress import Intent, Progress
from sixfold.credit.loader.block import Batch, as_block, read_batch
from sixfold.credit.loader.kinds import Kind
from sixfold.credit.loader.store import FencedError, ProgressStore
from sixfold.credit.warehouse.connection import WarehouseBusyError, WarehouseRefusedError

log = logging.getLogger(__name__)
ACK_WAIT: Final = 60.0
MAX_PAUSE: Final = 10.0


class Inserts(Protocol):
    """The warehouse as a loader needs it."""

    async def insert(self, table: str, data: pa.Table, token: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Held:
    """A batch that was fetched and is not yet acknowledged."""

    message: Msg
    sequence: int
    batch: Batch


class Loader:
    """A component; its task lives until it is stopped. `ready` while the warehouse takes what comes."""

    def __init__(
        self,
        kind: Kind,
        partition: int,
        *,
        messaging: Messaging,
        warehouse: Inserts,
        settings: LoaderSettings,
        telemetry: Telemetry,
    ) -> None:
        self.name = f"loader-{kind.prefix}-{partition}"
        self.task: asyncio.Task[None] | None = None
        self.ready = True
        self.trouble = ""
        self.stored_flows = 0
        self.stored_batches = 0
        self._kind = kind
        self._partition = partition
        self._messaging = messaging
        self._warehouse = warehouse
        self._settings = settings
        self._telemetry = telemetry
        self._store = ProgressStore(messaging, self.name)
        self._progress = Progress()
        self._rows = telemetry.counter("loader_rows_total", "rows stored in the warehouse by kind")
        self._batches = telemetry.counter("loader_batches_total", "batches by kind and outcome")
        self._seconds = telemetry.histogram("loader_insert", "time of one insert")

    @property
    def config(self) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=self.name,
            filter_subject=self._kind.subject(self._partition),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT,
            max_ack_pending=max(4 * self._settings.max_batches, 64),
            max_deliver=-1,
            deliver_policy=DeliverPolicy.ALL,
        )

    async def ensure(self) -> None:
        await self._messaging.js.add_consumer(self._kind.stream, self.config)

    async def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        pause = 0.1
        while True:
            try:
                await self.ensure()
                self._progress = await self._store.read()
                if self._progress.intent is not None:
                    await self._finish(self._progress.intent)
                subscription = await self._messaging.js.pull_subscribe_bind(self.name, self._kind.stream)
                pause = 0.1
                try:
                    while True:
                        await self._load_next(subscription)
                finally:
                    await self._unsubscribe(subscription)
            except FencedError as error:
                log.warning("%s: %s; reading its progress", self.name, error)
            except (MessagingError, nats.errors.Error, APIError, TimeoutError) as error:
                log.warning("%s: %s", self.name, error or type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    async def _unsubscribe(self, subscription: Any) -> None:
        try:
            await subscription.unsubscribe()
        except nats.errors.Error as error:
            log.debug("%s: %s", self.name, error)

    # One block

    async def _load_next(self, subscription: Any) -> None:
        held = await self._gather(subscription)
        if not held:
            return
        refused = await self._store_block(held)
        if refused:
            # Something in the block cannot be stored: alone, each batch shows whether it is the one.
            for one in held:
                if await self._store_block([one]):
                    await self._bury(one.message, one.sequence, "warehouse-refused", self.trouble)

    async def _gather(self, subscription: Any) -> list[_Held]:
        """Up to one block of batches that are not done yet, all from one fetch or a few within the linger time."""
        held: list[_Held] = []
        rows = 0
        deadline: float | None = None
        while rows < self._settings.max_rows and len(held) < self._settings.max_batches:
            left = 1.0 if deadline is None else deadline - time.monotonic()
            if left <= 0:
                break
            # A batch holds 65,536 rows at most: fetch no more than the block has room for.
            room = max(1, (self._settings.max_rows - rows) // 65_536)
            try:
                messages = await subscription.fetch(
                    min(room, self._settings.max_batches - len(held)), timeout=left
                )
            except (nats.errors.TimeoutError, TimeoutError):
                if not self._messaging.ready:
                    await self._messaging.connected.wait()
                if deadline is None:
                    return held
                break
            deadline = deadline or time.monotonic() + self._settings.linger
            for message in messages:
                one = await self._read(message)
                if one is not None and not any(one.batch.id == other.batch.id for other in held):
                    held.append(one)
                    rows += one.batch.rows.num_rows
        return held

    async def _read(self, message: Msg) -> _Held | None:
        sequence = message.metadata.sequence.stream
        try:
            batch = read_batch(self._kind, message.headers or {}, message.data)
        except BatchError as error:
            await self._bury(message, sequence, error.cause, str(error))
            return None
        identity = batch.id
        if self._progress.done.is_done(identity.gateway, identity.epoch, identity.sequence):
            await message.ack()
            self._count("duplicate", 1)
            return None
        return _Held(message, sequence, batch)

    async def _store_block(self, held: Sequence[_Held]) -> bool:
        """Store and acknowledge. True where the warehouse refuses the data themselves."""
        intending = self._progress.intending(self.name, [one.sequence for one in held])
        await self._store.write(intending)
        self._progress = intending
        assert intending.intent is not None
        keeper = asyncio.create_task(self._keep(held))
        try:
            stored = await self._insert([one.batch for one in held], intending.intent.token)
        finally:
            keeper.cancel()
        after = intending.completed([one.batch.id for one in held]) if stored else intending.abandoned()
        await self._store.write(after)
        self._progress = after
        if stored:
            for one in held:
                await one.message.ack()
        return not stored

    async def _insert(self, batches: Sequence[Batch], token: str) -> bool:
        """Until it is stored; False where it never will be. A warehouse that is away is waited for."""
        block = as_block(batches)
        pause = 0.2
        while True:
            started = time.time_ns()
            try:
                await self._warehouse.insert(self._kind.table, block, token)
            except WarehouseRefusedError as error:
                self.trouble = str(error)
                log.error("%s: the warehouse refuses block %s: %s", self.name, token, error)
                return False
            except WarehouseBusyError as error:
                self.ready, self.trouble = False, str(error)
                self._count("waiting", len(batches))
                log.warning("%s: the warehouse does not take block %s yet: %s", self.name, token, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, MAX_PAUSE)
                continue
            self.ready, self.trouble = True, ""
            self._stored(batches, token, block.num_rows, started)
            return True

    def _stored(self, batches: Sequence[Batch], token: str, rows: int, started: int) -> None:
        ended = time.time_ns()
        self.stored_flows += rows
        self.stored_batches += len(batches)
        self._rows.add(rows, {"kind": self._kind.prefix})
        self._count("stored", len(batches))
        self._seconds.record((ended - started) / 1e9, {"kind": self._kind.prefix})
        for batch in batches:
            # Every batch has its own trace, begun by the agent at the arrival of its first datagram.
            span = self._telemetry.tracer.start_span(
                "credit.insert",
                context=extract({"traceparent": batch.headers.traceparent}),
                kind=SpanKind.CONSUMER,
                start_time=started,
                attributes={
                    "sixfold.batch.id": batch.headers.batch_id,
                    "sixfold.batch.rows": batch.headers.count,
                    "sixfold.block.token": token,
                    "sixfold.block.rows": rows,
                },
            )
            span.end(ended)

    async def _finish(self, intent: Intent) -> None:
        """Complete the block that a former run had begun: the same batches, the same order, the same token."""
        batches: list[Batch] = []
        for sequence in intent.sequences:
            try:
                message = await self._messaging.js.get_msg(self._kind.stream, sequence)
            except NotFoundError as error:
                raise MessagingError(
                    f"batch {sequence} of the intended block is gone from the stream"
                ) from error
            except (nats.errors.Error, TimeoutError) as error:
                raise BusUnavailableError(f"batch {sequence}: {error or type(error).__name__}") from error
            batches.append(read_batch(self._kind, message.headers or {}, message.data or b""))
        log.info("%s: finishing block %s of %d batches", self.name, intent.token, len(batches))
        stored = await self._insert(batches, intent.token)
        after = (
            self._progress.completed([batch.id for batch in batches])
            if stored
            else self._progress.abandoned()
        )
        await self._store.write(after)
        self._progress = after

    async def _bury(self, message: Msg, sequence: int, cause: str, detail: str) -> None:
        headers = {
            key: value for key, value in (message.headers or {}).items() if not key.startswith("Nats-")
        }
        headers |= {
            "Sixfold-Cause": cause,
            "Sixfold-Error": " ".join(detail.split())[:500],
            "Sixfold-Subject": message.subject,
            "Sixfold-Stream": self._kind.stream,
            "Sixfold-Stream-Sequence": str(sequence),
        }
        await self._messaging.publish(
            dead_letter_subject(self.name),
            message.data,
            headers=headers,
            message_id=f"{self.name}:{self._kind.stream}:{sequence}",
            timeout=30,
        )
        await message.ack()
        log.warning("%s: batch at %d is a dead letter: %s: %s", self.name, sequence, cause, detail)
        self._count("dead-letter", 1, cause=cause)

    async def _keep(self, held: Sequence[_Held]) -> None:
        """A slow insert must not make the server deliver its batches again."""
        while True:
            await asyncio.sleep(ACK_WAIT / 3)
            for one in held:
                await one.message.in_progress()

    def _count(self, outcome: str, number: int, **labels: str) -> None:
        self._batches.add(number, {"kind": self._kind.prefix, "outcome": outcome, **labels})
