"""Durable pull consumers: bounded in flight, backed off, and what cannot be handled kept with its cause.

A handler gets a batch of messages. When it returns they are acknowledged. `Poison` from a handler of one message, or
for one of a batch (`Poison(..., message=m)`), puts it into the dead-letter stream at once, and the others are handled
again. Another exception returns the batch to the server, to come again after a pause; what has come `max_deliver` times
becomes a dead letter with the last error. A message may be handled more than once: handlers are idempotent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal

import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError
from opentelemetry.trace import SpanKind

from sixfold.chassis.messaging.connection import BusUnavailableError, Messaging, MessagingError
from sixfold.chassis.messaging.deadletters import Inbound, Poison, bury, ensure_dead_letters, inbound
from sixfold.chassis.messaging.pull import Pull, PullLostError
from sixfold.chassis.telemetry import Telemetry, extract

log = logging.getLogger(__name__)

DEFAULT_BACKOFF: Final = (0.5, 2.0, 10.0, 30.0)
Handler = Callable[[Sequence[Inbound]], Awaitable[None]]


class Consumer:
    """A durable consumer of one stream; a component whose task lives until it is stopped.

    batch: messages given to the handler at once, at most; max_wait: seconds to wait for more after the first;
    max_in_flight: unacknowledged messages at the server, over all replicas; ack_wait: seconds without a sign of life
    until a message comes again (a handler that takes longer is kept alive); inactive_threshold: seconds after which the
    server forgets a consumer that nobody reads; drain_timeout: seconds that `stop` leaves a handler to end;
    dead_letters: whether this process may make the stream of dead letters where it is absent.
    """

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
        deliver: DeliverPolicy | Literal["all", "new"] = DeliverPolicy.ALL,
        concurrency: int = 1,
        drain_timeout: float = 5.0,
        dead_letters: bool = True,
    ) -> None:
        self.name = durable
        self.task: asyncio.Task[None] | None = None
        self._messaging = messaging
        self._stream = stream
        self._handle = handle
        self._telemetry = telemetry or messaging.telemetry
        self._batch = batch
        self._max_wait = max_wait
        self._max_deliver = max_deliver
        self._backoff = tuple(backoff) or DEFAULT_BACKOFF
        self._ack_wait = ack_wait
        self._concurrency = concurrency
        self._drain_timeout = drain_timeout
        self._dead_letters = dead_letters
        self._stopping = asyncio.Event()
        self._pulling = False
        subject_filter: dict[str, Any] = (
            {"filter_subject": subjects[0]} if len(subjects) == 1 else {"filter_subjects": list(subjects)}
        )
        self.config = ConsumerConfig(
            # With the name, the request goes to the API subject that carries the filter: a server's permissions
            # can then hold an agent to its own subjects.
            name=durable,
            durable_name=durable,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait,
            max_ack_pending=max(max_in_flight, batch),
            # The server must not give up before this code has written the dead letter.
            max_deliver=-1,
            inactive_threshold=inactive_threshold,
            deliver_policy=DeliverPolicy(deliver),
            **subject_filter,
        )

    @property
    def ready(self) -> bool:
        """The stream and the consumer exist and are being read."""
        return self._pulling and self._messaging.ready

    async def ensure(self) -> None:
        """Create the consumer on the server, or bring it to this configuration."""
        try:
            await self._messaging.js.add_consumer(self._stream, self.config)
        except NotFoundError as error:
            raise MessagingError(f"there is no stream {self._stream} yet") from error
        except APIError as error:
            raise MessagingError(str(error.description)) from error
        except (nats.errors.Error, TimeoutError) as error:
            raise BusUnavailableError(str(error) or type(error).__name__) from error

    async def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Let the handlers under way end; what they do not finish in time goes back to the server at once."""
        self._stopping.set()
        if self.task is not None:
            await asyncio.wait([self.task], timeout=self._drain_timeout)
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        pause, told = 0.1, ""
        while not self._stopping.is_set():
            try:
                if self._dead_letters:
                    await ensure_dead_letters(self._messaging)
                await self.ensure()
                told = ""
                await self._work_until_lost()
            except (MessagingError, PullLostError, nats.errors.Error) as error:
                # The stream may not exist yet, or the server be away: come again, a little later each time.
                trouble = str(error) or type(error).__name__
                log.log(
                    logging.DEBUG if trouble == told else logging.WARNING,
                    "consumer %s: %s",
                    self.name,
                    trouble,
                )
                told = trouble
                self._count_restart()
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    # The client library makes an error of its own from a cancellation on a closed connection.
                    raise asyncio.CancelledError from None
            else:
                continue
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                pause = min(pause * 2, 2.0)

    async def _work_until_lost(self) -> None:
        workers = [asyncio.create_task(self._work(), name=self.name) for _ in range(self._concurrency)]
        self._pulling = True
        try:
            await asyncio.gather(*workers)
        finally:
            self._pulling = False
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        pull = Pull(self._messaging.nc, stream=self._stream, consumer=self.name)
        await pull.open()
        try:
            while not self._stopping.is_set():
                messages = await pull.batch(self._batch, self._max_wait, self._stopping)
                if messages:
                    await self._deliver([inbound(message) for message in messages])
        finally:
            await pull.close()

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
        except asyncio.CancelledError:
            await self._give_back(messages)
            raise
        finally:
            beat.cancel()

    async def _give_back(self, messages: Sequence[Inbound]) -> None:
        left = [message for message in messages if not message._msg.is_acked]
        self._count("abandoned", len(left))
        for message in left:
            try:
                await message._msg.nak()
            except nats.errors.Error as error:
                # The server gives it back by itself after the ack wait.
                log.debug("consumer %s: not given back: %s", self.name, error)

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
                self._count("returned")

    async def _bury(self, message: Inbound, cause: str, detail: str) -> None:
        await bury(self._messaging, self.name, message, cause=cause, detail=detail)
        await message._msg.ack()
        log.warning(
            "consumer %s: %s at %s is a dead letter: %s", self.name, message.subject, message.sequence, detail
        )
        self._count("dead-letter", cause=cause)

    async def _keep_alive(self, messages: Sequence[Inbound]) -> None:
        while True:
            await asyncio.sleep(self._ack_wait / 3)
            for message in messages:
                try:
                    if not message._msg.is_acked:
                        await message._msg.in_progress()
                except nats.errors.Error as error:
                    log.debug("consumer %s: no sign of life sent: %s", self.name, error)

    def _count(self, outcome: str, number: int = 1, **labels: str) -> None:
        if self._telemetry is not None and number:
            self._telemetry.counter("consumer_messages_total", "messages by consumer and outcome").add(
                number, {"consumer": self.name, "outcome": outcome, **labels}
            )

    def _count_restart(self) -> None:
        if self._telemetry is not None:
            self._telemetry.counter("consumer_restarts_total", "times that a consumer was bound again").add(
                1, {"consumer": self.name}
            )
