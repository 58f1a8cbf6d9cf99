"""From the spool to the bus: each kind in its own lane, in order, some in flight at a time, until acknowledged.

A stream that refuses holds back its own kind only. Of the batches in flight the `window` oldest may be sent: a failure
halves the window, or leaves only the oldest to ask again where the stream refuses; each acknowledgement widens it. So
a bus that is away, full or slow is not flooded with what it cannot take, and a batch is never given up here.
"""

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
from sixfold.agent.spool import Log, Record, Spool
from sixfold.api.subjects import counter_subject, flow_subject, nat_subject
from sixfold.chassis.messaging import BusUnavailableError, Messaging
from sixfold.chassis.telemetry import Telemetry, extract

log = logging.getLogger(__name__)
MAX_PAUSE: Final = 5.0
_FULL: Final = 10077


def subject_of(kind: str, gateway: str, partitions: int) -> str:
    if kind == "interface-counter":
        return counter_subject(gateway)
    return (flow_subject if kind == "flow" else nat_subject)(gateway, partitions)


class Lane:
    """The batches of one kind. `wake` is for the event loop's thread."""

    def __init__(
        self,
        kind: str,
        spooled: Log,
        *,
        gateway: str,
        messaging: Messaging,
        settings: PublishSettings,
        counters: Counters,
        telemetry: Telemetry,
        divide: Callable[[Record], None],
    ) -> None:
        self.trouble = ""
        self._kind = kind
        self._log = spooled
        self._gateway = gateway
        self._messaging = messaging
        self._settings = settings
        self._counters = counters
        self._telemetry = telemetry
        self._divide = divide
        self._subject = subject_of(kind, gateway, settings.partitions)
        self._new = asyncio.Event()
        self._changed = asyncio.Condition()
        self._window = settings.max_in_flight
        self._in_flight: dict[tuple[int, int], int] = {}
        """Position to bytes, the oldest first."""

    def wake(self) -> None:
        self._new.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as flights:
            while True:
                async with self._changed:
                    await self._changed.wait_for(self._has_room)
                self._new.clear()
                record = (
                    self._log.read() if self._log.next_is_fresh() else await asyncio.to_thread(self._log.read)
                )
                if record is None:
                    await self._new.wait()
                    continue
                self._in_flight[record.position] = record.size
                flights.create_task(self._until_acknowledged(record))

    def _has_room(self) -> bool:
        flying = sum(self._in_flight.values())
        return (
            len(self._in_flight) < self._settings.max_in_flight
            and flying < self._settings.max_in_flight_bytes
        )

    def _may_send(self, position: tuple[int, int]) -> bool:
        return any(one == position for one, _ in zip(self._in_flight, range(self._window), strict=False))

    async def _until_acknowledged(self, record: Record) -> None:
        pause = 0.1
        with self._telemetry.tracer.start_as_current_span(
            "agent.publish",
            context=extract({"traceparent": record.meta["traceparent"]}),
            kind=SpanKind.PRODUCER,
        ) as span:
            span.set_attribute("sixfold.batch.id", headers_of(self._gateway, record.meta, 0).batch_id)
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: self._may_send(record.position))
                if not self._messaging.ready:
                    await self._messaging.connected.wait()
                cause = await self._try(record)
                if not cause:
                    break
                self._counters.add("publish_retries", 1, kind=self._kind, cause=cause)
                self._window = max(1, self._window // 2) if cause == "no-answer" else 1
                await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - jitter
                pause = min(pause * 2, MAX_PAUSE)
        self._log.acknowledge(record.position)
        async with self._changed:
            del self._in_flight[record.position]
            self._window = min(self._window + 1, self._settings.max_in_flight)
            self._changed.notify_all()

    async def _try(self, record: Record) -> str:
        """Publish once. The cause of a failure, or nothing when the bus has it."""
        headers = headers_of(self._gateway, record.meta, self._log.floor(record.meta["epoch"])).to_nats()
        try:
            ack = await self._messaging.js.publish(
                self._subject,
                record.data,  # type: ignore[arg-type] - any bytes-like is joined to the headers as it is
                timeout=self._settings.ack_timeout,
                headers=headers,
            )
        except nats.errors.MaxPayloadError:
            # The server takes less than when this was sealed.
            return await self._in_halves(record)
        except NoStreamResponseError:
            self.trouble = (
                f"no stream takes {self._kind} batches yet; they wait on disk: is the credit centre running?"
            )
            return "no-stream"
        except APIError as error:
            full = error.err_code == _FULL
            remedy = "is the credit centre's loader running, and the stream large enough?" if full else ""
            self.trouble = (
                f"the bus refuses {self._kind} batches ({error.description}); they wait on disk. {remedy}"
            )
            return "full" if full else "refused"
        except (nats.errors.Error, BusUnavailableError, TimeoutError) as error:
            self.trouble = (
                f"the bus does not acknowledge {self._kind} batches ({type(error).__name__}); they wait on disk: "
                f"is NATS up, and does it permit this agent to publish on {self._subject}?"
            )
            return "no-answer"
        self.trouble = ""
        self._counters.add("batches_published", 1, kind=self._kind)
        self._counters.add("rows_published", record.rows, kind=self._kind)
        if ack.duplicate:
            self._counters.add("batches_known", 1, kind=self._kind)
        return ""

    async def _in_halves(self, record: Record) -> str:
        if next(iter(self._in_flight)) != record.position:
            return "too-large"
        if record.rows < 2:
            self.trouble = f"NATS takes {self._messaging.max_payload} bytes a message: raise its max_payload"
            return "too-large"
        await asyncio.to_thread(self._divide, record)
        return ""


class Publisher:
    """A component: one task with a lane for each kind."""

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
        self._spool = spool
        self._messaging = messaging
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lanes = {
            kind: Lane(
                kind,
                spooled,
                gateway=gateway,
                messaging=messaging,
                settings=settings,
                counters=counters,
                telemetry=telemetry,
                divide=divide,
            )
            for kind, spooled in spool.logs.items()
        }

    @property
    def troubles(self) -> list[str]:
        if not self._messaging.ready:
            return ["no connection to NATS: batches wait on disk; is it up, and is nats.servers right?"]
        return [lane.trouble for lane in self._lanes.values() if lane.trouble]

    def wake(self, kind: str) -> None:
        """The spool has something new of this kind; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._lanes[kind].wake)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as lanes:
            for lane in self._lanes.values():
                lanes.create_task(lane.run())

    async def drain(self, timeout: float) -> bool:
        """Wait until the bus has everything, for a while; what it has not stays on disk. True where it has all."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while self._spool.status().batches:
            if loop.time() > deadline or not self._messaging.ready or self.troubles:
                return False
            await asyncio.sleep(0.02)
        return True

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        self._loop = None
