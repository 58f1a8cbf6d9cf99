"""The centre on a real bus: exactly-once accounts through redelivery, a killed server and restarts."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from nats.js.api import StreamConfig

from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import FLOW
from sixfold.api.subjects import DEAD_LETTER_STREAM, FLOW_STREAM, flow_subject
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.telemetry import Telemetry
from sixfold.convergence.adapters.ledger import StateSnapshots
from sixfold.convergence.config import ConvergenceSettings
from sixfold.convergence.domain.events import Network, PortRange, TrafficMinuteClosed
from sixfold.convergence.domain.register import Registration
from sixfold.convergence.service import Dependencies, Service, build

pytestmark = pytest.mark.nats
Eventually = Callable[..., Awaitable[Any]]
SETTINGS = ConvergenceSettings(silent_seconds=1, revise_seconds=1)


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def columns(size: int, rows: int = 10, *, at: int | None = None, port: int = 443) -> dict[str, np.ndarray]:
    """`rows` TCP flows of `size` bytes each."""
    address = np.zeros((rows, 16), np.uint8)
    address[:, 10:12] = 255
    address[:, 12] = 10
    times = np.full(rows, now_ms() if at is None else at, np.int64)
    values = {
        "time_start": times, "time_end": times, "time_received": times,
        "exporter": address, "src_address": address, "dst_address": address,
        "src_port": 50_000, "dst_port": port, "protocol": 6, "bytes": size, "packets": 1, "sampling_rate": 1,
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
    gateway: str = "gw-1",
    schema: str = FLOW.version,
    again: str = "",
) -> None:
    count = len(batch["time_end"])
    headers = BatchHeaders(schema, gateway, "*", "e1", sequence, 0, count, 0, 0).to_nats()
    if again:
        headers["Nats-Msg-Id"] = again
    await messaging.publish(flow_subject(gateway), encode(FLOW, batch), headers=headers, timeout=30)


@asynccontextmanager
async def running(messaging: Messaging, telemetry: Telemetry) -> AsyncIterator[Service]:
    service = build(SETTINGS, Dependencies(messaging, telemetry))
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


@pytest.fixture
async def flow_stream(messaging: Messaging) -> None:
    await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))


def totals(service: Service, gateway: str = "gw-1") -> list[int]:
    """Bytes, packets, flows of everything accounted."""
    known = service.ledger.state.traffic.get(gateway)
    return (
        [0, 0, 0]
        if known is None
        else sum(m.totals for m in known.minutes.values()).sum(axis=(0, 1, 2)).tolist()
    )


@pytest.mark.usefixtures("flow_stream")
async def test_minutes_are_told_once_and_late_flows_revise_them(
    messaging: Messaging, telemetry: Telemetry, assert_eventually: Eventually
) -> None:
    past = now_ms() - 3_600_000
    told: list[Any] = []
    async with running(messaging, telemetry) as service:
        service.ledger.follow(lambda event, _, __: told.append(event))
        await publish(messaging, 1, columns(100, at=past))
        await publish(messaging, 2, columns(100, at=past, port=53))
        await assert_eventually(lambda: [event for event in told if isinstance(event, TrafficMinuteClosed)])
        await publish(messaging, 3, columns(7, at=past))
        [minute] = await assert_eventually(
            lambda: [
                one
                for one in service.accounting.traffic(
                    datetime.fromtimestamp(past / 1000, UTC), datetime.now(UTC), "gw-1", 100
                )
                if one.revision == 2
            ]
        )
        cells = {
            cell.service_class: (cell.bytes, cell.flows, cell.network, cell.family) for cell in minute.cells
        }
        assert cells == {"web": (1_070, 20, Network.INTERNET, 4), "dns": (1_000, 10, Network.INTERNET, 4)}
        assert len([event for event in told if isinstance(event, TrafficMinuteClosed)]) == 1


@pytest.mark.usefixtures("flow_stream")
async def test_bad_batches_are_dead_letters_and_bad_clocks_are_counted(
    messaging: Messaging, telemetry: Telemetry, assert_eventually: Eventually
) -> None:
    await publish(messaging, 1, columns(1), schema="flow/2.0")
    await publish(messaging, 2, columns(1, at=now_ms() + 50 * 365 * 86_400_000))
    await publish(messaging, 3, columns(1))
    async with running(messaging, telemetry) as service:
        await assert_eventually(lambda: totals(service) == [10, 10, 10])
        assert service.ledger.state.traffic["gw-1"].implausible == 10
        dead = await messaging.js.get_msg(DEAD_LETTER_STREAM, 1)
        assert dead.headers is not None
        assert dead.headers["Sixfold-Cause"] == "schema-refused"


async def test_each_batch_once_through_redelivery_killed_servers_and_restarts(
    nats_server: Any, telemetry: Telemetry, assert_eventually: Eventually
) -> None:
    server = nats_server()
    messaging = Messaging(NatsSettings(servers=(server.url,)))
    await messaging.start()
    await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))
    dice = random.Random(4)
    sent = 0
    for turn in range(4):
        async with running(messaging, telemetry) as service:
            for _ in range(12):
                sent += 1
                await publish(messaging, sent, columns(sent))
                if dice.random() < 0.5:
                    earlier = dice.randint(1, sent)
                    await publish(messaging, earlier, columns(earlier), again=f"again-{turn}-{sent}")
            if turn % 2:
                server.kill()
                server.start()
            enough = 10 * (sent - 12)
            await assert_eventually(lambda: totals(service)[2] > enough)  # noqa: B023 - awaited here
            # Stopped here in the middle of the rest.
    async with running(messaging, telemetry) as service:
        expected = [sum(10 * size for size in range(1, sent + 1)), 10 * sent, 10 * sent]
        await assert_eventually(lambda: totals(service) == expected, timeout=60)
        pending = [
            await messaging.js.consumer_info(FLOW_STREAM, f"convergence-flows-{partition}")
            for partition in range(4)
        ]
        await assert_eventually(lambda: sum(info.num_pending or 0 for info in pending) == 0)
        assert totals(service) == expected
    await messaging.stop()


@pytest.mark.usefixtures("flow_stream")
async def test_registered_services_classify_and_state_survives_a_snapshot(
    messaging: Messaging, telemetry: Telemetry, assert_eventually: Eventually
) -> None:
    request = Registration(
        "TV", Network.BROADCAST, "iptv", ("10.0.0.0/24",), (PortRange("tcp", 9000, 9000),), "", "k"
    )
    async with running(messaging, telemetry) as service:
        first, second = await asyncio.gather(
            service.accounting.register(request), service.accounting.register(request)
        )
        assert first == second
        await publish(messaging, 1, columns(5, port=9000))
        await assert_eventually(lambda: totals(service)[0] == 50)
        [minute] = service.accounting.traffic(
            datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(now_ms() / 1000 + 60, UTC), "", 10
        )
        [cell] = minute.cells
        assert (cell.network, cell.service_class) == (Network.BROADCAST, "iptv")
        snapshots = StateSnapshots()
        loaded = snapshots.load(snapshots.dump(service.ledger.state))
        assert loaded.register == service.ledger.state.register
        assert snapshots.dump(loaded) == snapshots.dump(service.ledger.state)
        assert loaded.traffic["gw-1"].taken == service.ledger.state.traffic["gw-1"].taken
