"""One partition's way into the warehouse.

    fetch  -> leave out what is done -> write the intent -> insert with its token -> write what is done -> acknowledge

Killed anywhere, the next start reads the intent, fetches exactly its batches again, and inserts them with the same
token, which the warehouse ignores if it has seen it. See docs/adr/0002.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import nats.errors
import pyarrow as pa
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError
from opentelemetry.trace import SpanKind

from sixfold.api.flow.codec import BatchError
from sixfold.chassis.messaging import BusUnavailableError, Inbound, Messaging, MessagingError, inbound
from sixfold.chassis.messaging.deadletters import bury
from sixfold.chassis.messaging.pull import Pull, PullLostError
from sixfold.chassis.telemetry import Telemetry, extract
from sixfold.credit.config import LoaderSettings
from sixfold.credit.domain.progress import BatchId, Intent, Progress
from sixfold.credit.loader.block import Batch, as_block, read_batch
from sixfold.credit.loader.kinds import Kind
from sixfold.credit.loader.store import FencedError, ProgressStore
from sixfold.credit.warehouse.connection import WarehouseBusyError, WarehouseRefusedError

log = logging.getLogger(__name__)
ACK_WAIT: Final = 60.0
MAX_PAUSE: Final = 10.0
MIN_FETCH: Final = 2
DRAIN: Final = 10.0


class Inserts(Protocol):
    """The warehouse as a loader needs it."""

    async def insert(self, table: str, data: pa.Table, token: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Held:
    """A batch that was fetched and is not yet acknowledged."""

    message: Inbound
    batch: Batch

    @property
    def rows(self) -> int:
        return self.batch.rows.num_rows


def _apart(held: Sequence[_Held]) -> tuple[list[_Held], list[_Held]]:
    """Each batch once, and the others that were published again."""
    first: dict[BatchId, _Held] = {}
    twins = [one for one in held if first.setdefault(_identity(one), one) is not one]
    return list(first.values()), twins


def _identity(one: _Held) -> BatchId:
    return replace(one.batch.id, floor=0)


def _blocks(held: Sequence[_Held], max_rows: int) -> list[list[_Held]]:
    """Consecutive batches, together at most `max_rows` (a batch alone may be more)."""
    blocks: list[list[_Held]] = []
    rows = 0
    for one in held:
        if not blocks or rows + one.rows > max_rows:
            blocks.append([])
            rows = 0
        blocks[-1].append(one)
        rows += one.rows
    return blocks


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
        self.kind = kind
        self._partition = partition
        self._messaging = messaging
        self._warehouse = warehouse
        self._settings = settings
        self._telemetry = telemetry
        self._store = ProgressStore(messaging, self.name)
        self._progress = Progress()
        self._mean_rows = 65_536.0
        self._stopping = asyncio.Event()
        self._rows = telemetry.counter("loader_rows_total", "rows stored in the warehouse by kind")
        self._batches = telemetry.counter("loader_batches_total", "batches by kind and outcome")
        self._seconds = telemetry.histogram("loader_insert", "time of one insert")

    @property
    def config(self) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=self.name,
            filter_subject=self.kind.subject(self._partition),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT,
            max_ack_pending=max(4 * self._settings.max_batches, 64),
            max_deliver=-1,
            deliver_policy=DeliverPolicy.ALL,
        )

    async def ensure(self) -> None:
        await self._messaging.js.add_consumer(self.kind.stream, self.config)

    async def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Let the block under way end, for a while; one that is cut off is finished by the next start."""
        self._stopping.set()
        if self.task is not None:
            await asyncio.wait([self.task], timeout=DRAIN)
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
                pull = Pull(self._messaging.nc, stream=self.kind.stream, consumer=self.name)
                await pull.open()
                pause = 0.1
                try:
                    while not self._stopping.is_set():
                        await self._load_next(pull)
                finally:
                    await pull.close()
                return
            except FencedError as error:
                log.warning("%s: %s; reading its progress", self.name, error)
            except (MessagingError, PullLostError, nats.errors.Error, APIError, TimeoutError) as error:
                log.warning("%s: %s", self.name, error or type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    # One block

    async def _load_next(self, pull: Pull) -> None:
        size = max(MIN_FETCH, min(self._settings.max_batches, int(self._settings.max_rows / self._mean_rows)))
        messages = await pull.batch(size, self._settings.linger, self._stopping)
        held = [one for message in messages if (one := await self._read(inbound(message))) is not None]
        first, twins = _apart(held)
        for block in _blocks(first, self._settings.max_rows):
            self._mean_rows = max(1.0, sum(one.rows for one in block) / len(block))
            refused = await self._store_block(block)
            for one in block if refused else ():
                # Something in the block cannot be stored: alone, each batch shows whether it is the one.
                if await self._store_block([one]):
                    await self._bury(one.message, "warehouse-refused", self.trouble)
        for twin in twins:
            await twin.message._msg.ack()
        self._count("duplicate", len(twins))

    async def _read(self, message: Inbound) -> _Held | None:
        try:
            batch = read_batch(self.kind, message.headers, message.data)
        except BatchError as error:
            await self._bury(message, error.cause, str(error))
            return None
        if self._is_done(batch):
            await message._msg.ack()
            self._count("duplicate", 1)
            return None
        return _Held(message, batch)

    def _is_done(self, batch: Batch) -> bool:
        return self._progress.done.is_done(batch.id.gateway, batch.id.epoch, batch.id.sequence)

    async def _store_block(self, held: Sequence[_Held]) -> bool:
        """Store and acknowledge. True where the warehouse refuses the data themselves."""
        intending = self._progress.intending(self.name, [one.message.sequence for one in held])
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
                await one.message._msg.ack()
        return not stored

    async def _insert(self, batches: Sequence[Batch], token: str) -> bool:
        """Until it is stored; False where it never will be. A warehouse that is away is waited for."""
        block = as_block(batches)
        pause = 0.2
        while True:
            started = time.time_ns()
            try:
                await self._warehouse.insert(self.kind.table, block, token)
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
        self._rows.add(rows, {"kind": self.kind.prefix})
        self._count("stored", len(batches))
        self._seconds.record((ended - started) / 1e9, {"kind": self.kind.prefix})
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
                message = await self._messaging.js.get_msg(self.kind.stream, sequence)
            except NotFoundError as error:
                raise MessagingError(
                    f"batch {sequence} of the intended block is gone from the stream"
                ) from error
            except (nats.errors.Error, TimeoutError) as error:
                raise BusUnavailableError(f"batch {sequence}: {error or type(error).__name__}") from error
            batches.append(
                read_batch(self.kind, message.headers or {}, message.data or b"")
            )  # read before, so valid
        log.info("%s: finishing block %s of %d batches", self.name, intent.token, len(batches))
        stored = await self._insert(batches, intent.token)
        after = (
            self._progress.completed([batch.id for batch in batches])
            if stored
            else self._progress.abandoned()
        )
        await self._store.write(after)
        self._progress = after

    async def _bury(self, message: Inbound, cause: str, detail: str) -> None:
        await bury(self._messaging, self.name, message, cause=cause, detail=detail)
        await message._msg.ack()
        log.warning("%s: batch at %d is a dead letter: %s: %s", self.name, message.sequence, cause, detail)
        self._count("dead-letter", 1, cause=cause)

    async def _keep(self, held: Sequence[_Held]) -> None:
        """A slow insert must not make the server deliver its batches again."""
        while True:
            await asyncio.sleep(ACK_WAIT / 3)
            for one in held:
                await one.message._msg.in_progress()

    def _count(self, outcome: str, number: int, **labels: str) -> None:
        self._batches.add(number, {"kind": self.kind.prefix, "outcome": outcome, **labels})
