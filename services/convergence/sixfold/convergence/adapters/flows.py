"""Flow batches off the bus."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from opentelemetry.trace import SpanKind

from sixfold.api.flow.codec import BatchError, BatchMalformedError, SchemaRefusedError, decode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import FLOW
from sixfold.api.subjects import FLOW_STREAM
from sixfold.chassis.messaging import Consumer, Handler, Inbound, Messaging, Poison
from sixfold.chassis.telemetry import Telemetry, extract
from sixfold.convergence.handlers import BatchName, Columns

ACK_WAIT = 10.0
"""Seconds after which what a killed process had in hand comes again; a living one extends it."""
INACTIVE_THRESHOLD = 600.0
"""Seconds after which the server forgets a consumer nobody pulls from, so that a dead one holds no flows."""
Take = Callable[[Sequence[tuple[BatchName, Columns]]], Awaitable[None]]


def read(message: Inbound, only: Collection[str]) -> tuple[BatchName, Columns]:
    """Decode the columns `only` of one message. Raises BatchError with its cause."""
    headers = BatchHeaders.from_nats(message.headers)
    if headers.schema.partition("/")[0] != FLOW.name:
        raise SchemaRefusedError(f"{headers.schema!r} on {message.subject} is no flow batch")
    if message.subject.rpartition(".")[2] != headers.gateway:
        raise BatchMalformedError(f"a batch of gateway {headers.gateway!r} came on {message.subject}")
    columns = decode(headers.schema, message.data, only)
    rows = len(columns["time_end"])
    if rows != headers.count:
        raise BatchMalformedError(f"{rows} flows where the header says {headers.count}")
    return BatchName(headers.gateway, headers.epoch, headers.sequence), columns


def handler(take: Take, telemetry: Telemetry, only: Collection[str]) -> Handler:
    """A bus handler that decodes the columns `only`, each batch in a span of the trace it came with, and hands
    on to `take`.
    """

    def read_all(messages: Sequence[Inbound]) -> list[tuple[BatchName, Columns]]:
        batches: list[tuple[BatchName, Columns]] = []
        for message in messages:
            with telemetry.tracer.start_as_current_span(
                "flow batch read", context=extract(message.headers), kind=SpanKind.CONSUMER
            ) as span:
                try:
                    name, columns = read(message, only)
                except BatchError as error:
                    raise Poison(error.cause, str(error), message) from error
                span.set_attributes(
                    {"sixfold.gateway": name.gateway, "sixfold.flows": len(columns["time_end"])}
                )
                batches.append((name, columns))
        return batches

    async def handle(messages: Sequence[Inbound]) -> None:
        await take(await asyncio.to_thread(read_all, messages))

    return handle


def consumers(
    messaging: Messaging, telemetry: Telemetry, handle: Handler, partitions: Sequence[int], *, name: str
) -> list[Consumer]:
    """One durable consumer for each partition, so that replicas can share them.

    Accounts are not urgent: a longer wait makes fewer, larger records. What cannot be recorded because the
    ledger is
    away is tried for hours before it becomes a dead letter.
    """
    return [
        Consumer(
            messaging,
            stream=FLOW_STREAM,
            durable=f"{name}-flows-{partition}",
            subjects=[f"flow.{partition}.*"],
            handle=handle,
            telemetry=telemetry,
            batch=32,
            max_in_flight=256,
            max_wait=1.0,
            max_deliver=500,
            ack_wait=ACK_WAIT,
            inactive_threshold=INACTIVE_THRESHOLD,
        )
        for partition in partitions
    ]
