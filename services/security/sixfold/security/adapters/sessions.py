"""NAT events off the bus, for the detector of exhausted translations.

Every replica reads them all: a subscriber's sessions are counted together wherever its flows are watched, and what two
replicas see is one incident in the ledger they share.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.api.flow.codec import BatchError, SchemaRefusedError, decode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import ADDRESS, NAT_SESSION
from sixfold.api.subjects import NAT_STREAM
from sixfold.chassis.lifecycle import Aside
from sixfold.chassis.messaging import Consumer, Inbound, Messaging, Poison
from sixfold.chassis.telemetry import Telemetry

Sessions = dict[str, npt.NDArray[Any]]
NEEDED: Final = frozenset(
    {
        *(
            "time",
            "event",
            "protocol",
            "src_address",
            "src_port",
            "post_nat_src_address",
            "post_nat_src_port",
        ),
        *("dst_address", "dst_port"),
    }
)


def read(message: Inbound) -> Sessions:
    """Raises BatchError with its cause. Absent optional columns come as zeros."""
    headers = BatchHeaders.from_nats(message.headers)
    if headers.schema.partition("/")[0] != NAT_SESSION.name:
        raise SchemaRefusedError(f"{headers.schema!r} on {message.subject} is no batch of NAT sessions")
    columns = dict(decode(headers.schema, message.data, NEEDED))
    rows = len(columns["time"])
    for name in NEEDED - columns.keys():
        column = NAT_SESSION.column(name)
        columns[name] = np.zeros((rows, 16) if column.kind == ADDRESS else rows, column.dtype)
    return columns


def consumer(
    messaging: Messaging,
    telemetry: Telemetry,
    take: Callable[[Sequence[Sessions]], Awaitable[None]],
    *,
    replica: str,
) -> Aside:
    """A replica's own; the credit centre makes the stream, and until then there is nothing to read."""

    def read_all(messages: Sequence[Inbound]) -> list[Sessions]:
        batches: list[Sessions] = []
        for message in messages:
            try:
                batches.append(read(message))
            except BatchError as error:
                raise Poison(error.cause, str(error), message) from error
        return batches

    async def handle(messages: Sequence[Inbound]) -> None:
        await take(await asyncio.to_thread(read_all, messages))

    return Aside(
        Consumer(
            messaging,
            stream=NAT_STREAM,
            durable=f"security-sessions-{replica}",
            subjects=["nat.>"],
            handle=handle,
            telemetry=telemetry,
            batch=16,
            deliver="new",
            inactive_threshold=600.0,
        )
    )
