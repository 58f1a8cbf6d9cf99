"""From the spool to the bus: in order, some in flight at a time, each until it is acknowledged."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

import nats.errors
from nats.js.errors import APIError, NoStreamResponseError
from opentelemetry.trace import SpanKind

from sixfold.agent.config import PublishSettings
from sixfold.agent.counters import Counters
from sixfold.agent.seal import headers_of
from sixfold.agent.spool import Record, Spool
from sixfold.api.subjects import counter_subject, flow_subject, nat_subject
from sixfold.chassis.messaging import BusUnavailableError, Messaging
from sixfold.chassis.telemetry import Telemetry, extract

log = logging.getLogger(__name__)
MAX_PAUSE: Final = 5.0
_SUBJECTS: Final = {
    "flow": flow_subject,
    "nat-session": nat_subject,
    "interface-counter": lambda gateway, _partitions: counter_subject(gateway),
}


class Publisher:
    """A component. `wake` may be called from any thread when the spool has something new."""

    name = "publisher"

    def __init__(
        self,
        *,
        gateway: str,
        spool: Spool,
        messaging: Messaging,
        settings: PublishSettings,
        counters: Counters,
        telemetry: Telemetry,
        divide: Callable[[Record], None],
    ) -> None:
        self.task: asyncio.Task[None] | None = None
        self.trouble = ""
        self._gateway = gateway
        self._spool = spool
        self._messaging = messaging
        self._settings = settings
        self._counters = counters
        self._telemetry = telemetry
        self._divide = divide
        self._new = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._in_flight: dict[tuple[int, int], tuple[str, str, int]] = {}
        self._drained = asyncio.Event()

    def wake(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._new.set)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._new.set()
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def drain(self, timeout: float) -> bool:
        """Wait until the bus has everything, for a while; what it has not stays on disk. True where it has all."""
        deadline = asyncio.get_running_loop().time() + timeout
        while self._spool.status().batches or self._in_flight:
            self._drained.clear()
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or not self._messaging.ready:
                return False
            try:
                await asyncio.wait_for(self._drained.wait(), min(left, 0.25))
            except TimeoutError:
                continue
        return True

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        room = asyncio.Semaphore(self._settings.max_in_flight)
        async with asyncio.TaskGroup() as flights:
            while True:
                await room.acquire()
                record = await asyncio.to_thread(self._spool.read)
                while record is None:
                    await self._new.wait()
                    self._new.clear()
                    record = await asyncio.to_thread(self._spool.read)
                meta = record.meta
                self._in_flight[record.position] = (meta["schema"], meta["epoch"], meta["sequence"])
                flight = flights.create_task(self._until_acknowledged(record))
                flight.add_done_callback(lambda _: room.release())

    def _floor(self, record: Record) -> int:
        """The lowest number of its kind and epoch that is still in flight: below it nothing will come any more."""
        schema, epoch = record.meta["schema"], record.meta["epoch"]
        return min(
            number
            for other, its_epoch, number in self._in_flight.values()
            if (other, its_epoch) == (schema, epoch)
        )

    async def _until_acknowledged(self, record: Record) -> None:
        kind = str(record.meta["schema"]).partition("/")[0]
        subject = _SUBJECTS[kind](self._gateway, self._settings.partitions)
        pause = 0.1
        with self._telemetry.tracer.start_as_current_span(
            "agent.publish",
            context=extract({"traceparent": record.meta["traceparent"]}),
            kind=SpanKind.PRODUCER,
        ) as span:
            span.set_attribute("sixfold.batch.id", headers_of(self._gateway, record.meta, 0).batch_id)
            while True:
                cause = await self._try(record, subject)
                if not cause:
                    break
                self._counters.add("publish_retries", 1, cause=cause)
                await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - jitter
                pause = min(pause * 2, MAX_PAUSE)
        self._in_flight.pop(record.position, None)
        await asyncio.to_thread(self._spool.acknowledge, record.position)
        self._drained.set()
        self._counters.add("batches_published", 1, kind=kind)
        self._counters.add("rows_published", record.rows, kind=kind)

    async def _try(self, record: Record, subject: str) -> str:
        """Publish once. The cause of a failure, or nothing."""
        try:
            if not self._messaging.ready:
                await self._messaging.connected.wait()
            headers = headers_of(self._gateway, record.meta, self._floor(record)).to_nats()
            await self._messaging.js.publish(
                subject, record.data, timeout=self._settings.ack_timeout, headers=dict(headers)
            )
        except nats.errors.MaxPayloadError:
            # The server takes less than when this was sealed.
            await asyncio.to_thread(self._divide, record)
            return ""
        except NoStreamResponseError:
            self.trouble = "no stream takes our batches yet: is the credit centre running?"
            return "no-stream"
        except APIError as error:
            self.trouble = f"the bus refuses batches: {error.description}; they wait on disk"
            return "refused"
        except (nats.errors.Error, BusUnavailableError, TimeoutError) as error:
            self.trouble = f"the bus does not answer ({type(error).__name__}); batches wait on disk"
            return "no-answer"
        self.trouble = ""
        return ""
