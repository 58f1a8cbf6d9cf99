"""Batches as an agent makes them."""

import secrets
from typing import Any

import numpy as np

from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import ADDRESS, FLOW, BatchSchema
from sixfold.api.subjects import flow_subject
from sixfold.chassis.messaging import Messaging

NOW = 1_795_000_000_000


def columns(rows: int, seed: int, schema: BatchSchema = FLOW, **optional: Any) -> dict[str, np.ndarray]:
    """Plausible values for the required columns of `rows` flows."""
    rng = np.random.default_rng(seed)
    made: dict[str, np.ndarray] = {}
    for column in schema.columns:
        if not column.required:
            continue
        if column.kind == ADDRESS:
            address = rng.integers(0, 256, (rows, 16), dtype=np.uint8)
            address[: rows // 2, :12] = [0] * 10 + [255, 255]
            made[column.name] = address
        elif column.kind == "time":
            made[column.name] = NOW + rng.integers(0, 60_000, rows)
        else:
            made[column.name] = rng.integers(0, min(np.iinfo(column.dtype).max, 10_000), rows).astype(
                column.dtype
            )
    return made | optional


def batch(
    sequence: int,
    rows: int = 100,
    gateway: str = "gw-1",
    epoch: str = "e1",
    floor: int = 1,
    **options: Any,
) -> tuple[dict[str, str], bytes, int]:
    """(headers, data, sum of bytes) of one flow batch."""
    made = columns(rows, sequence, **options)
    headers = BatchHeaders(FLOW.version, gateway, "*", epoch, sequence, floor, rows, NOW, NOW + 60_000)
    return headers.to_nats(), encode(FLOW, made), int(made["bytes"].sum())


async def publish(messaging: Messaging, headers: dict[str, str], data: bytes) -> None:
    """With another message id each time: the server's own window must not help."""
    await messaging.publish(flow_subject("gw-1"), data, headers=headers, message_id=secrets.token_hex(8))


async def holds(messaging: Messaging, batches: int) -> bool:
    """Whether so many batches of flows wait for the loader."""
    return (await messaging.js.stream_info("FLOWS")).state.messages == batches
