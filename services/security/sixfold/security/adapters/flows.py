"""Flow batches off the bus."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from opentelemetry.trace import SpanKind

from sixfold.api.flow.codec import BatchError, BatchMalformedError, SchemaRefusedError, decode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import ADDRESS, FLOW, Column
from sixfold.api.subjects import FLOW_STREAM
from sixfold.chassis.messaging import Consumer, Handler, Inbound, Messaging, Poison
from sixfold.chassis.telemetry import Telemetry, extract
from sixfold.security.domain.evidence import NEEDED
from sixfold.security.handlers import Columns, FlowBatch

log = logging.getLogger(__name__)

ACK_WAIT = 4.0
"""Seconds after which what a killed process had in hand comes again, to whoever has taken its place by then; a living
one extends it.
"""
INACTIVE_THRESHOLD = 600.0
"""Seconds after which the server forgets a consumer nobody pulls from, so that a dead one holds no flows."""


def read(message: Inbound, only: Collection[str]) -> FlowBatch:
    """Decode the columns `only` of one message. Raises BatchError with its cause."""
    headers = BatchHeaders.from_nats(message.headers)
    if headers.schema.partition("/")[0] != FLOW.name:
        raise SchemaRefusedError(f"{headers.schema!r} on {message.subject} is no flow batch")
    if message.subject.rpartition(".")[2] != headers.gateway:
        raise BatchMalformedError(f"a batch of gateway {headers.gateway!r} came on {message.subject}")
    columns = decode(headers.schema, message.data, only)
    rows = len(columns["time_end"])
    for name in only:
        if name not in columns:
            columns[name] = _zeros(FLOW.column(name), rows)
    if rows != headers.count:
        raise BatchMalformedError(f"{rows} flows where the header says {headers.count}")
    shown = partial(_evidence, headers.schema, message.data)
    return FlowBatch(headers.gateway, headers.epoch, headers.sequence, columns, shown)


def _zeros(column: Column, rows: int) -> npt.NDArray[Any]:
    """An absent optional column."""
    return np.zeros((rows, 16) if column.kind == ADDRESS else rows, column.dtype)


def _evidence(version: str, data: bytes) -> Columns | None:
    """None where the columns that only evidence shows are damaged: others refuse the batch for it."""
    try:
        return decode(version, data, NEEDED)
    except BatchError as error:
        log.warning("evidence without one batch: %s", error)
        return None


def handler(
    take: Callable[[Sequence[FlowBatch]], Awaitable[None]], telemetry: Telemetry, only: Collection[str]
) -> Handler:
    """A bus handler that decodes the columns `only`, each batch in a span of the trace it came with, and hands
    on to `take`.
    """

    def read_all(messages: Sequence[Inbound]) -> list[FlowBatch]:
        batches: list[FlowBatch] = []
        for message in messages:
            with telemetry.tracer.start_as_current_span(
                "flow batch read", context=extract(message.headers), kind=SpanKind.CONSUMER
            ) as span:
                try:
                    batch = read(message, only)
                except BatchError as error:
                    raise Poison(error.cause, str(error), message) from error
                span.set_attributes({"sixfold.gateway": batch.gateway, "sixfold.flows": batch.rows})
                batches.append(batch)
        return batches

    async def handle(messages: Sequence[Inbound]) -> None:
        await take(await asyncio.to_thread(read_all, messages))

    return handle


def consumer(
    messaging: Messaging, telemetry: Telemetry, handle: Handler, partition: int, *, name: str
) -> Consumer:
    """The durable consumer of one partition, which replicas hand on to each other."""
    return Consumer(
        messaging,
        stream=FLOW_STREAM,
        durable=f"{name}-flows-{partition}",
        subjects=[f"flow.{partition}.*"],
        handle=handle,
        telemetry=telemetry,
        batch=16,
        max_in_flight=256,
        ack_wait=ACK_WAIT,
        inactive_threshold=INACTIVE_THRESHOLD,
    )
