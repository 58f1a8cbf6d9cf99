"""NAT events on a real bus become an incident about the subscriber."""

from datetime import UTC, datetime

import numpy as np
import pytest
from nats.js.api import StreamConfig

from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import ADDRESS, NAT_SESSION
from sixfold.api.subjects import DEAD_LETTER_STREAM, FLOW_STREAM, NAT_STREAM, nat_subject
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry
from sixfold.security.config import SecuritySettings

from .flow_columns import packed
from .test_service import Eventually, running

pytestmark = pytest.mark.nats


def created(count: int) -> dict[str, np.ndarray]:
    """One subscriber's sessions, each with a translated port of its own."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    columns: dict[str, np.ndarray] = {}
    for column in NAT_SESSION.columns:
        if column.kind == ADDRESS:
            columns[column.name] = np.frombuffer(packed("100.64.0.9") * count, np.uint8).reshape(-1, 16)
        else:
            columns[column.name] = np.zeros(count, column.dtype)
    columns["time"] = columns["time_received"] = np.full(count, now, np.int64)
    columns["event"][:] = 4
    columns["protocol"][:] = 17
    columns["post_nat_src_port"] = (1_024 + np.arange(count)).astype(np.uint16)
    return columns


async def publish(messaging: Messaging, sequence: int, data: bytes, count: int) -> None:
    headers = BatchHeaders(NAT_SESSION.version, "gw-1", "*", "e1", sequence, 0, count, 0, 0).to_nats()
    await messaging.publish(nat_subject("gw-1"), data, headers=headers, timeout=30)


async def test_a_subscriber_that_takes_all_ports(
    messaging: Messaging, telemetry: Telemetry, assert_eventually: Eventually
) -> None:
    await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))
    await messaging.ensure_stream(StreamConfig(name=NAT_STREAM, subjects=["nat.>"]))
    async with running(messaging, telemetry, SecuritySettings()) as service:

        async def consumed() -> bool:
            return bool(await messaging.js.consumers_info(NAT_STREAM))

        await assert_eventually(consumed, 60)
        await publish(messaging, 1, b"nothing that can be read", 5)
        await publish(messaging, 2, encode(NAT_SESSION, created(4_000)), 4_000)
        await assert_eventually(lambda: service.ledger.state.by_id, 60)
        [incident] = service.ledger.state.by_id.values()
        assert (incident.victim, incident.vector) == ("100.64.0.9/32", "translation-ports")

        async def buried() -> bool:
            return (await messaging.js.stream_info(DEAD_LETTER_STREAM)).state.messages == 1

        await assert_eventually(buried, 60)
