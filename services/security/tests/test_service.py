"""The centre on a real bus: incidents from live flows, redelivery, poison, a killed server, a restart."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pytest
from nats.js.api import StreamConfig

from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import FLOW
from sixfold.api.subjects import DEAD_LETTER_STREAM, FLOW_STREAM, flow_subject
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.telemetry import Telemetry
from sixfold.security.config import IncidentOptions, SecuritySettings, ThresholdOptions, VolumetricOptions
from sixfold.security.domain.detectors import BUILT_IN
from sixfold.security.domain.incidents import Status
from sixfold.security.domain.window import View
from sixfold.security.service import Dependencies, Service, build

pytestmark = pytest.mark.nats
Eventually = Callable[..., Awaitable[Any]]
LOW = ThresholdOptions(bits_per_second=1e6, packets_per_second=1e5, flows_per_second=1e4)
HIGH = ThresholdOptions(bits_per_second=1e12, packets_per_second=1e9, flows_per_second=1e9)

OTHERS: Final = {one.name: {"enabled": False} for one in BUILT_IN if one.name != "volumetric"}
"""Left out: these tests are about incidents, not about all that can be seen in their flows."""


def settings(**changes: Any) -> SecuritySettings:
    return SecuritySettings(
        volumetric=VolumetricOptions(host=LOW, prefix=HIGH),
        incidents=IncidentOptions(close_after_seconds=3, update_seconds=1),
        detectors=OTHERS,
        **changes,
    )


def columns(size: int, rows: int = 100, *, at: int | None = None) -> dict[str, np.ndarray]:
    """`rows` flows to 203.0.113.7 of `size` bytes in all."""
    now = int(datetime.now(UTC).timestamp() * 1000) if at is None else at
    address = np.zeros((rows, 16), np.uint8)
    address[:, 10:12] = 255
    source, victim = address.copy(), address.copy()
    source[:, 12] = 10
    source[:, 15] = np.arange(rows) % 250
    victim[:, 12:] = (203, 0, 113, 7)
    times = np.full(rows, now, np.int64)
    values = {
        "time_start": times - 500, "time_end": times, "time_received": times,
        "exporter": address, "src_address": source, "dst_address": victim,
        "src_port": 53, "dst_port": 4_000, "protocol": 17,
        "bytes": size // rows, "packets": 10, "sampling_rate": 1,
    }  # fmt: skip
    return {
        name: value if isinstance(value, np.ndarray) else np.full(rows, value, FLOW.column(name).dtype)
        for name, value in values.items()
    }


async def publish(
    messaging: Messaging,
    sequence: int,
    batch: dict[str, np.ndarray],
    *,
    schema: str = FLOW.version,
    again: str = "",
) -> None:
    count = len(batch["time_end"])
    headers = BatchHeaders(schema, "gw-1", "*", "e1", sequence, 0, count, 0, 0).to_nats()
    if again:
        headers["Nats-Msg-Id"] = again
    await messaging.publish(flow_subject("gw-1"), encode(FLOW, batch), headers=headers, timeout=30)


@pytest.fixture
async def flow_stream(messaging: Messaging) -> None:
    await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))


@asynccontextmanager
async def running(
    messaging: Messaging, telemetry: Telemetry, chosen: SecuritySettings
) -> AsyncIterator[Service]:
    service = build(chosen, Dependencies(messaging, telemetry))
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


def counted(telemetry: Telemetry, name: str, **labels: str) -> float:
    return telemetry.registry.get_sample_value(name, {**_scope(telemetry), **labels}) or 0.0


def _scope(telemetry: Telemetry) -> dict[str, str]:
    for metric in telemetry.registry.collect():
        for sample in metric.samples:
            if sample.name.startswith("security_"):
                return {key: value for key, value in sample.labels.items() if key.startswith("otel_scope")}
    return {}


@pytest.mark.usefixtures("flow_stream")
async def test_an_attack_opens_one_incident_and_ends(
    messaging: Messaging, telemetry: Telemetry, assert_eventually: Eventually
) -> None:
    async with running(messaging, telemetry, settings()) as service:
        for sequence in range(1, 4):
            await publish(messaging, sequence, columns(2_000_000))
        await assert_eventually(lambda: service.ledger.state.by_id)
        [incident] = service.ledger.state.by_id.values()
        assert incident.victim == "203.0.113.7/32"
        assert incident.evidence.top_sources[0].value.startswith("10.0.0.")
        assert incident.evidence.sample_flows[0].gateway == "gw-1"
        await assert_eventually(lambda: counted(telemetry, "security_batches_total", outcome="counted") == 3)
        top = await service.watch.top_talkers(View.DESTINATION, "bytes", 60, 5)
        assert [round(talker.bytes) for talker in top.talkers] == [6_000_000]
        assert top.error == 0
        await assert_eventually(lambda: incident.incident_id not in service.ledger.state.active.values())
        closed = service.ledger.state.by_id[incident.incident_id]
        assert (closed.status, closed.close_cause) == (Status.CLOSED, "quiet")


@pytest.mark.usefixtures("flow_stream")
async def test_the_same_batch_again_is_counted_once(
    messaging: Messaging, telemetry: Telemetry, assert_eventually: Eventually
) -> None:
    batch = columns(900_000)
    async with running(messaging, telemetry, settings()) as service:
        for copy in range(3):
            await publish(messaging, 1, batch, again=f"copy-{copy}")
        await assert_eventually(
            lambda: counted(telemetry, "security_batches_total", outcome="duplicate") == 2
        )
        top = await service.watch.top_talkers(View.DESTINATION, "bytes", 60, 5)
        assert [round(talker.bytes) for talker in top.talkers] == [900_000]
        assert service.ledger.state.by_id == {}


@pytest.mark.usefixtures("flow_stream")
async def test_what_cannot_be_read_is_a_dead_letter_and_the_rest_counts(
    messaging: Messaging, telemetry: Telemetry, assert_eventually: Eventually
) -> None:
    far = 50 * 365 * 86_400_000
    await publish(messaging, 1, columns(1_000))
    await publish(messaging, 2, columns(1_000), schema="flow/2.0")
    await publish(messaging, 3, columns(1_000, rows=10, at=far))
    async with running(messaging, telemetry, settings()):
        await assert_eventually(lambda: counted(telemetry, "security_batches_total", outcome="counted") == 2)
        await assert_eventually(
            lambda: counted(telemetry, "security_flows_total", outcome="implausible") == 10
        )
        [dead] = [await messaging.js.get_msg(DEAD_LETTER_STREAM, 1)]
        assert dead.headers is not None
        assert dead.headers["Sixfold-Cause"] == "schema-refused"
        assert "flow/2.0" in dead.headers["Sixfold-Error"]


async def test_one_incident_through_a_killed_server_and_a_restart(
    nats_server: Any, telemetry: Telemetry, assert_eventually: Eventually
) -> None:
    server = nats_server()
    messaging = Messaging(NatsSettings(servers=(server.url,)))
    await messaging.start()
    await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))
    patient = SecuritySettings(
        volumetric=VolumetricOptions(host=LOW, prefix=HIGH),
        incidents=IncidentOptions(close_after_seconds=60, update_seconds=0.2),
        detectors=OTHERS,
    )
    async with running(messaging, telemetry, patient) as service:
        await publish(messaging, 1, columns(5_000_000))
        await assert_eventually(lambda: service.ledger.state.by_id)
        server.kill()
        waiting = asyncio.create_task(publish(messaging, 2, columns(5_000_000)))
        server.start()
        await waiting
        await assert_eventually(lambda: service.ledger.sequence >= 2)
        before = service.ledger.state
    async with running(messaging, telemetry, patient) as service:
        assert service.ledger.state == before
        top = await service.watch.top_talkers(View.DESTINATION, "bytes", 300, 5)
        assert [round(talker.bytes) for talker in top.talkers] == [10_000_000]  # the window goes on, too
        numbers = iter(range(3, 1_000))

        async def told_again() -> bool:
            await publish(messaging, next(numbers), columns(5_000_000))
            return service.ledger.sequence >= 4

        await assert_eventually(told_again, interval=0.1)
        assert len(service.ledger.state.by_id) == 1
    await messaging.stop()
