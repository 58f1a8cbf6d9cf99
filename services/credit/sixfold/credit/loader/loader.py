"""One partition's way into the warehouse.

    fetch  -> leave out what is done -> write the intent -> insert with its token -> write what is done -> acknowledge

Killed anywhere, the next start reads the intent, fetches exactly its batches again, and inserts them with the same
token, which the warehouse ignores if it has seen it. See docs/adr/0002.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import nats.errors
import pyarrow as pa
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError
from opentelemetry.trace import SpanKind

from sixfold.api.flow.codec import BatchError
from sixfold.chassis.messaging import Inbound, Messaging, MessagingError
from sixfold.chassis.messaging.deadletters import bury
from sixfold.chassis.messaging.pull import Pull, PullLostError
from sixfold.chassis.telemetry import Telemetry, extract
from sixfold.credit.config import LoaderSettings
from sixfold.credit.domain.progress import Intent, Progress
from sixfold.credit.domain.watermark import BatchId
from sixfold.credit.loader.block import Batch, as_block, read_batch
from sixfold.credit.loader.intake import Fetched, Intake
from sixfold.credit.loader.kinds import Kind
from sixfold.credit.loader.replay import BatchGoneError, fetch
from sixfold.credit.loader.store import FencedError, ProgressStore
from sixfold.credit.warehouse.connection import WarehouseBusyError, WarehouseError, WarehouseRefusedError

log = logging.getLogger(__name__)
SETTLE: Final = 5.0
"""Seconds between looks at what the stream has acknowledged."""
MAX_PAUSE: Final = 10.0
MIN_FETCH: Final = 2
DRAIN: Final = 10.0


class Inserts(Protocol):
    """The warehouse as a loader needs it."""

    async def insert(self, table: str, data: pa.Table, token: str) -> None: ...

    async def has_batch(self, table: str, gateway: str, epoch: str, sequence: int) -> bool: ...


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
    first: dict[tuple[str, str, int], _Held] = {}
    twins = [one for one in held if first.setdefault(_identity(one.batch.id), one) is not one]
    return list(first.values()), twins


def _identity(batch: BatchId) -> tuple[str, str, int]:
    return batch.gateway, batch.epoch, batch.sequence


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
        self._store = ProgressStore(messaging, self.name, Progress.read)
        self._progress = Progress()
        self._mean_rows = 65_536.0
        self._stopping = asyncio.Event()
        self._rows = telemetry.counter("loader_rows_total", "rows stored in the warehouse by kind")
        self._batches = telemetry.counter("loader_batches_total", "batches by kind and outcome")
        self._retimed = telemetry.counter(
            "loader_retimed_rows_total", "rows whose time of arrival could not be true, by gateway"
        )
        self._seconds = telemetry.histogram("loader_insert", "time of one insert")
        self._settled_at = 0.0

    @property
    def config(self) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=self.name,
            filter_subject=self.kind.subject(self._partition),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._settings.ack_wait,
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
                intake = Intake(pull, self.kind, self._settings, self._batches_of_a_block, self._stopping)
                await intake.open()
                pause = 0.1
                try:
                    while not self._stopping.is_set():
                        await self._load(await intake.next(), intake)
                finally:
                    await intake.close()
                return
            except FencedError as error:
                log.warning("%s: %s; reading its progress", self.name, error)
            except (MessagingError, PullLostError, nats.errors.Error, APIError, TimeoutError) as error:
                log.warning("%s: %s", self.name, error or type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    # One block

    def _batches_of_a_block(self) -> int:
        return max(MIN_FETCH, min(self._settings.max_batches, int(self._settings.max_rows / self._mean_rows)))

    async def _load(self, fetched: Sequence[Fetched], intake: Intake) -> None:
        """Store what was fetched."""
        held: list[_Held] = []
        for one in fetched:
            batch = await self._wanted(one)
            if batch is None:
                await intake.settle(one.message)
            else:
                held.append(_Held(one.message, batch))
        first, twins = _apart(held)
        for block in _blocks(first, self._settings.max_rows):
            self._mean_rows = max(1.0, sum(one.rows for one in block) / len(block))
            refused = await self._store_block(block)
            for one in block if refused else ():
                # Something in the block cannot be stored: alone, each batch shows whether it is the one.
                if await self._store_block([one]):
                    await self._bury(one.message, one.batch.id, "warehouse-refused", self.trouble)
            for one in block:
                await intake.settle(one.message)
        for twin in twins:
            await intake.settle(twin.message)
        self._count("duplicate", len(twins))
        if self._progress.done.is_waiting and time.monotonic() - self._settled_at > SETTLE:
            await self._settle()

    async def _settle(self) -> None:
        """Let the floors count whose batch, with everything before it, is acknowledged."""
        self._settled_at = time.monotonic()
        info = await self._messaging.js.consumer_info(self.kind.stream, self.name)
        acknowledged = info.ack_floor.stream_seq if info.ack_floor else 0
        settled = self._progress.settled(acknowledged or 0)
        if settled != self._progress:
            await self._write(settled)

    async def _wanted(self, fetched: Fetched) -> Batch | None:
        """The batch, where it is to be stored."""
        identity = fetched.id
        if identity is not None and self._progress.done.is_done(identity):
            self._count("duplicate", 1)
            return None
        if identity is not None and not self._progress.done.has_room(identity):
            await self._bury(
                fetched.message, identity, "too-many-holes", "the agent's numbers have too many holes"
            )
            return None
        if isinstance(fetched.said, BatchError):
            await self._bury(fetched.message, identity, fetched.said.cause, str(fetched.said))
            return None
        if fetched.said.retimed:
            labels = {"kind": self.kind.prefix, "gateway": fetched.said.id.gateway}
            self._retimed.add(fetched.said.retimed, labels)
        return fetched.said

    async def _write(self, progress: Progress) -> None:
        await self._store.write(progress)
        self._progress = progress

    async def _store_block(self, held: Sequence[_Held]) -> bool:
        """Store, and write down that it is done. True where the warehouse refuses the data themselves."""
        sequences = [one.message.sequence for one in held]
        intending = self._progress.intending(self.name, sequences, secrets.token_hex(4))
        await self._write(intending)
        assert intending.intent is not None
        stored = await self._insert([one.batch for one in held], intending.intent.token)
        await self._write(
            intending.completed(one.batch.id for one in held) if stored else intending.abandoned()
        )
        return not stored

    async def _insert(self, batches: Sequence[Batch], token: str) -> bool:
        """Until it is stored; False where it never will be. A warehouse that is away is waited for."""
        try:
            block = await asyncio.to_thread(as_block, batches)
        except pa.ArrowException as error:
            self.trouble = f"{type(error).__name__}: {error}"
            return False
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
                source = await fetch(self._messaging, self.kind.stream, sequence)
            except BatchGoneError as error:
                log.error("%s: %s", self.name, error)
                self._count("gone", 1)
            else:
                batches.append(read_batch(self.kind, source))  # read before, so valid
        if len(batches) == len(intent.sequences):
            log.info("%s: finishing block %s of %d batches", self.name, intent.token, len(batches))
            stored = await self._insert(batches, intent.token)
        else:
            # It cannot be repeated. Blocks are stored whole: one batch tells of all. If they are not stored, those
            # that are left come again by themselves.
            stored = bool(batches) and await self._is_stored(batches[0].id)
        progress = self._progress
        await self._write(
            progress.completed(batch.id for batch in batches) if stored else progress.abandoned()
        )

    async def _is_stored(self, batch: BatchId) -> bool:
        try:
            return await self._warehouse.has_batch(
                self.kind.table, batch.gateway, batch.epoch, batch.sequence
            )
        except WarehouseError as error:
            raise MessagingError(f"is the intended block stored? {error}") from error

    async def _bury(self, message: Inbound, batch: BatchId | None, cause: str, detail: str) -> None:
        """Make it a dead letter, and remember that it may come again."""
        await bury(self._messaging, self.name, message, cause=cause, detail=detail)
        if batch is not None:
            await self._write(self._progress.owing(batch))
        log.warning("%s: batch at %d is a dead letter: %s: %s", self.name, message.sequence, cause, detail)
        self._count("dead-letter", 1, cause=cause)

    def _count(self, outcome: str, number: int, **labels: str) -> None:
        self._batches.add(number, {"kind": self.kind.prefix, "outcome": outcome, **labels})
