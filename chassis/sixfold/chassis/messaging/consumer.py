"""Durable pull consumers: bounded in flight, backed off, and what cannot be handled kept with its cause.

A handler gets a batch of messages. When it returns they are acknowledged. `Poison` from a handler of one message, or
for one of a batch (`Poison(..., message=m)`), puts it into the dead-letter stream at once. Another exception returns
the batch to the server, to come again after a pause; what has come `max_deliver` times becomes a dead letter too.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, DiscardPolicy, StreamConfig
from nats.js.errors import APIError, NotFoundError
from opentelemetry.trace import SpanKind

from sixfold.api.subjects import DEAD_LETTER_STREAM, dead_letter_subject
from sixfold.chassis.messaging.connection import BusUnavailableError, Messaging, MessagingError
from sixfold.chassis.telemetry import Telemetry, extract

log = logging.getLogger(__name__)

DEFAULT_BACKOFF: Final = (0.5, 2.0, 10.0, 30.0)
DEAD_LETTER_BYTES: Final = 1 << 30


class Poison(Exception):  # noqa: N818 - the field's word for it
    """A message that can never be handled. `cause` is a short stable word for counters."""

    def __init__(self, cause: str, detail: str = "", message: "Inbound | None" = None) -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause
        self.detail = detail
        self.message = message


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message as a handler sees it."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    stream: str
    sequence: int
    delivered: int
    published: datetime
    _msg: Msg = field(repr=False, compare=False)


Handler = Callable[[Sequence[Inbound]], Awaitable[None]]


def inbound(msg: Msg) -> Inbound:
    meta = msg.metadata
    return Inbound(
        subject=msg.subject,
        data=msg.data,
        headers=msg.headers or {},
        stream=meta.stream,
        sequence=meta.sequence.stream,
        delivered=meta.num_delivered,
        published=meta.timestamp,
        _msg=msg,
    )


async def ensure_dead_letters(messaging: Messaging) -> None:
    await messaging.ensure_stream(
        StreamConfig(
            name=DEAD_LETTER_STREAM,
            subjects=["dead.>"],
            description="messages that could not be handled, with their cause",
            max_bytes=DEAD_LETTER_BYTES,
            discard=DiscardPolicy.OLD,
            duplicate_window=120,
        )
    )


class Consumer:
    """A durable consumer of one stream; a component whose task lives until it is stopped."""

    def __init__(
        self,
        messaging: Messaging,
        *,
        stream: str,
        durable: str,
        subjects: Sequence[str],
        handle: Handler,
        telemetry: Telemetry | None = None,
        batch: int = 64,
        max_in_flight: int = 1_024,
        max_wait: float = 0.25,
        max_deliver: int = 5,
        backoff: Sequence[float] = DEFAULT_BACKOFF,
        ack_wait: float = 30.0,
        inactive_threshold: float | None = None,
        deliver: DeliverPolicy = DeliverPolicy.ALL,
        concurrency: int = 1,
    ) -> None:
        self.name = durable
        self.task: asyncio.Task[None] | None = None
        self._messaging = messaging
        self._stream = stream
        self._handle = handle
        self._telemetry = telemetry
        self._batch = batch
        self._max_wait = max_wait
        self._max_deliver = max_deliver
        self._backoff = tuple(backoff)
        self._ack_wait = ack_wait
        self._concurrency = concurrency
        self._outcomes = (
            telemetry.counter("consumer_messages_total", "messages by consumer and outcome")
            if telemetry
            else None
        )
        subject_filter: dict[str, Any] = (
            {"filter_subject": subjects[0]} if len(subjects) == 1 else {"filter_subjects": list(subjects)}
        )
        self.config = ConsumerConfig(
            durable_name=durable,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait,
            max_ack_pending=max(max_in_flight, batch),
            # The server must not give up before this code has written the dead letter.
            max_deliver=-1,
            inactive_threshold=inactive_threshold,
            deliver_policy=deliver,
            **subject_filter,
        )

    async def ensure(self) -> None:
        """Create the consumer on the server, or bring it to this configuration."""
        try:
            await self._messaging.js.add_consumer(self._stream, self.config)
        except NotFoundError as error:
            raise MessagingError(f"consumer {self.name}: there is no stream {self._stream} yet") from error
        except APIError as error:
            raise MessagingError(f"consumer {self.name}: {error.description}") from error
        except (nats.errors.Error, TimeoutError) as error:
            raise BusUnavailableError(f"consumer {self.name}: {error or type(error).__name__}") from error

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
                await ensure_dead_letters(self._messaging)
                await self.ensure()
                subscription = await self._messaging.js.pull_subscribe_bind(self.name, self._stream)
                pause = 0.1
                try:
                    workers = [
                        asyncio.create_task(self._work(subscription)) for _ in range(self._concurrency)
                    ]
                    try:
                        await asyncio.gather(*workers)
                    finally:
                        for worker in workers:
                            worker.cancel()
                        await asyncio.gather(*workers, return_exceptions=True)
                finally:
                    await self._unsubscribe(subscription)
            except (MessagingError, nats.errors.Error, APIError) as error:
                # The stream may not exist yet, or the server be away: come again, a little later each time.
                log.warning("consumer %s: %s", self.name, error or type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _unsubscribe(self, subscription: JetStreamContext.PullSubscription) -> None:
        try:
            await subscription.unsubscribe()
        except nats.errors.Error as error:
            log.debug("consumer %s: %s", self.name, error)

    async def _work(self, subscription: JetStreamContext.PullSubscription) -> None:
        quiet = 0
        while True:
            try:
                messages = await subscription.fetch(self._batch, timeout=max(self._max_wait, 0.05))
                quiet = 0
            except (nats.errors.TimeoutError, TimeoutError):
                quiet += 1
                if quiet * self._max_wait >= 30:
                    # A consumer that was deleted on the server answers a fetch with silence.
                    await subscription.consumer_info()
                    quiet = 0
                if not self._messaging.ready:
                    await asyncio.wait_for(self._messaging.connected.wait(), None)
                continue
            if messages:
                await self._deliver([inbound(message) for message in messages])

    async def _deliver(self, messages: list[Inbound]) -> None:
        beat = asyncio.create_task(self._keep_alive(messages))
        try:
            waiting = list(messages)
            while waiting:
                try:
                    await self._in_span(waiting)
                except Poison as poison:
                    victim = poison.message or (waiting[0] if len(waiting) == 1 else None)
                    if victim is None:
                        await self._one_by_one(waiting)
                        return
                    await self._bury(victim, poison.cause, str(poison))
                    waiting = [message for message in waiting if message.sequence != victim.sequence]
                except Exception as error:
                    log.exception("consumer %s", self.name)
                    await self._return(waiting, error)
                    return
                else:
                    await self._ack(waiting)
                    return
        finally:
            beat.cancel()

    async def _one_by_one(self, messages: Sequence[Inbound]) -> None:
        """A batch was called poison without saying which message: find out."""
        for message in messages:
            try:
                await self._in_span([message])
            except Poison as poison:
                await self._bury(message, poison.cause, str(poison))
            except Exception as error:
                log.exception("consumer %s", self.name)
                await self._return([message], error)
            else:
                await self._ack([message])

    async def _in_span(self, messages: Sequence[Inbound]) -> None:
        if self._telemetry is None:
            await self._handle(messages)
            return
        context = extract(messages[0].headers)
        with self._telemetry.tracer.start_as_current_span(
            f"{self.name} process", context=context, kind=SpanKind.CONSUMER
        ) as span:
            span.set_attribute("messaging.batch.message_count", len(messages))
            await self._handle(messages)

    async def _ack(self, messages: Sequence[Inbound]) -> None:
        for message in messages:
            await message._msg.ack()
        self._count("acknowledged", len(messages))

    async def _return(self, messages: Sequence[Inbound], error: Exception) -> None:
        for message in messages:
            if message.delivered >= self._max_deliver:
                await self._bury(message, "handler-failed", f"{type(error).__name__}: {error}")
            else:
                delay = self._backoff[min(message.delivered, len(self._backoff)) - 1]
                await message._msg.nak(delay=delay)
                self._count("returned", 1)

    async def _bury(self, message: Inbound, cause: str, detail: str) -> None:
        headers = {key: value for key, value in message.headers.items() if not key.startswith("Nats-")}
        headers |= {
            "Sixfold-Cause": cause,
            "Sixfold-Error": " ".join(detail.split())[:500],
            "Sixfold-Subject": message.subject,
            "Sixfold-Stream": message.stream,
            "Sixfold-Stream-Sequence": str(message.sequence),
            "Sixfold-Message-Id": message.headers.get("Nats-Msg-Id", ""),
        }
        await self._messaging.publish(
            dead_letter_subject(self.name),
            message.data,
            headers=headers,
            message_id=f"{self.name}:{message.stream}:{message.sequence}",
            timeout=30,
        )
        await message._msg.ack()
        log.warning(
            "consumer %s: %s at %s is a dead letter: %s", self.name, message.subject, message.sequence, detail
        )
        self._count("dead-letter", 1, cause=cause)

    async def _keep_alive(self, messages: Sequence[Inbound]) -> None:
        while True:
            await asyncio.sleep(self._ack_wait / 3)
            for message in messages:
                await message._msg.in_progress()

    def _count(self, outcome: str, number: int, **labels: str) -> None:
        if self._outcomes is not None:
            self._outcomes.add(number, {"consumer": self.name, "outcome": outcome, **labels})


_ADDED: Final = frozenset(
    {
        "Sixfold-Cause",
        "Sixfold-Error",
        "Sixfold-Subject",
        "Sixfold-Stream",
        "Sixfold-Stream-Sequence",
        "Sixfold-Message-Id",
    }
)


async def redrive(messaging: Messaging, consumer: str, *, limit: int = 1_000) -> int:
    """Publish up to `limit` dead letters of `consumer`, oldest first, to their subjects again. Returns how many."""
    subject = dead_letter_subject(consumer)
    done = 0
    while done < limit:
        try:
            message = await messaging.js.get_msg(DEAD_LETTER_STREAM, 0, subject=subject, next=True)
        except NotFoundError:
            break
        received = message.headers or {}
        await messaging.publish(
            received["Sixfold-Subject"],
            message.data or b"",
            headers={key: value for key, value in received.items() if key not in _ADDED | {"Nats-Msg-Id"}},
            message_id=f"redrive:{consumer}:{message.seq}",
        )
        await messaging.js.delete_msg(DEAD_LETTER_STREAM, int(message.seq or 0))
        done += 1
    return done
