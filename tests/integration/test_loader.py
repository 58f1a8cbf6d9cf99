"""From the bus into the warehouse exactly once: the real NATS, the real engine, kill -9 at every step."""

import asyncio
import json
import secrets
import signal
import sys
from pathlib import Path

import clickhouse_connect
import pytest

from sixfold.api.subjects import flow_subject
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry
from sixfold.credit.config import CreditSettings, LoaderSettings, WarehouseSettings
from sixfold.credit.service import Dependencies, Service, build

from .flow_batches import batch, columns

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse]
HERE = Path(__file__).parent
SUMS = {
    "flows": "SELECT count(), sum(bytes) FROM sixfold.flows",
    "traffic_minute": "SELECT sum(flows), sum(bytes) FROM sixfold.traffic_minute",
    "traffic_hour": "SELECT sum(flows), sum(bytes) FROM sixfold.traffic_hour",
    "prefix_hour": "SELECT sum(flows) / 2, sum(bytes) / 2 FROM sixfold.prefix_hour",
}


def settings(folder: Path, **loader) -> CreditSettings:
    return CreditSettings(
        warehouse=WarehouseSettings(dsn=f"chdb://{folder / 'warehouse'}"),
        loader=LoaderSettings(linger=0.05, stream_bytes=1 << 28, **loader),
    )


async def sums(service: Service) -> dict[str, tuple[int, int]]:
    found = {}
    for name, sql in SUMS.items():
        table = await service.warehouse.query_arrow(sql)
        found[name] = tuple(int(column[0].as_py() or 0) for column in table.columns)
    return found


async def publish(messaging: Messaging, headers: dict[str, str], data: bytes) -> None:
    # The server's own window must not help: each publish has another message id.
    await messaging.publish(flow_subject("gw-1"), data, headers=headers, message_id=secrets.token_hex(8))


@pytest.fixture
async def service(tmp_path: Path, messaging: Messaging, telemetry: Telemetry):
    made = build(settings(tmp_path), Dependencies(messaging, telemetry))
    await made.start()
    yield made
    await made.stop()


async def test_batches_are_stored_once_also_when_published_twice_and_out_of_order(
    service: Service, messaging: Messaging, assert_eventually
) -> None:
    made = [batch(number) for number in range(1, 21)]
    for headers, data, _ in [*made[10:], *made[:10], *made[5:15]]:
        await publish(messaging, headers, data)
    expected = (2000, sum(octets for _, _, octets in made))
    await assert_eventually(lambda: _equal(service, expected))
    await assert_eventually(lambda: _drained(messaging))
    assert await sums(service) == dict.fromkeys(SUMS, expected)


async def _drained(messaging: Messaging) -> bool:
    return (await messaging.js.stream_info("FLOWS")).state.messages == 0


async def _equal(service: Service, expected: tuple[int, int]) -> bool:
    found = await sums(service)
    assert all(rows <= expected[0] for rows, _ in found.values()), found
    return found == dict.fromkeys(SUMS, expected)


async def test_bad_batches_become_dead_letters_with_their_cause(
    service: Service, messaging: Messaging, assert_eventually
) -> None:
    headers, data, octets = batch(1)
    await publish(messaging, {**headers, "Sixfold-Schema": "flow/2.0"}, data)
    await publish(messaging, {**headers, "Sixfold-Count": "7"}, data)
    await publish(messaging, headers, data[: len(data) // 2])
    await publish(messaging, {**headers, "Sixfold-Schema": "nat-session/1.0"}, data)
    await publish(messaging, headers, data)
    await assert_eventually(lambda: _equal(service, (100, octets)))
    letters = []
    for number in range(1, 5):
        letter = await messaging.js.get_msg("DEAD", number)
        letters.append(letter.headers["Sixfold-Cause"])
    assert letters == ["schema-refused", "batch-malformed", "batch-malformed", "batch-malformed"]


async def test_batches_with_different_optional_columns_make_one_block(
    service: Service, messaging: Messaging, assert_eventually
) -> None:
    import numpy as np

    plain = batch(1)
    rich = batch(2, vlan=np.full(100, 7, np.uint16))
    for headers, data, _ in (plain, rich):
        await publish(messaging, headers, data)
    await assert_eventually(lambda: _equal(service, (200, plain[2] + rich[2])))
    table = await service.warehouse.query_arrow(
        "SELECT vlan, count() AS n FROM sixfold.flows GROUP BY vlan ORDER BY vlan"
    )
    assert table.to_pydict() == {"vlan": [0, 7], "n": [100, 100]}


@pytest.mark.parametrize("step", ["intent", "before-insert", "insert", "done"])
@pytest.mark.parametrize("number", [1, 3])
async def test_killed_at_any_step_every_flow_is_there_once(
    tmp_path: Path, messaging: Messaging, telemetry: Telemetry, assert_eventually, step: str, number: int
) -> None:
    config = tmp_path / "credit.toml"
    config.write_text(
        f"[nats]\nservers = {json.dumps(list(messaging.settings.servers))}\n"
        f'[warehouse]\ndsn = "chdb://{tmp_path / "warehouse"}"\n'
        "[loader]\nlinger = 0.01\nmax_batches = 2\nmax_rows = 150\nstream_bytes = 268435456\nack_wait = 2\n"
    )
    command = [sys.executable, str(HERE / "crashing_credit.py"), step, str(number), "--config", str(config)]
    with (tmp_path / "credit.log").open("wb") as log:
        crashing = await asyncio.create_subprocess_exec(*command, stderr=log)

    async def streams_stand() -> bool:
        try:
            info = await messaging.js.stream_info("FLOWS")
        except Exception:
            return False
        return info.config.retention == "interest"

    await assert_eventually(streams_stand, 60)
    # Each says that nothing before it is sent any more: what the dead loader had fetched is still to come.
    made = [batch(sequence, floor=sequence) for sequence in range(1, 13)]
    for headers, data, _ in made:
        await publish(messaging, headers, data)
    assert await asyncio.wait_for(crashing.wait(), 60) == -signal.SIGKILL, (
        tmp_path / "credit.log"
    ).read_text()
    again = build(settings(tmp_path, ack_wait=2), Dependencies(messaging, telemetry))
    await again.start()
    try:
        for headers, data, _ in made[6:]:
            await publish(messaging, headers, data)
        expected = (1200, sum(octets for _, _, octets in made))
        await assert_eventually(lambda: _equal(again, expected), 30)
        await assert_eventually(lambda: _drained(messaging), 30)
        assert await sums(again) == dict.fromkeys(SUMS, expected)
    finally:
        await again.stop()


def test_columns_are_plausible() -> None:
    assert columns(10, 1)["src_address"].shape == (10, 16)


def test_the_embedded_engine_is_the_real_one(tmp_path: Path) -> None:
    client = clickhouse_connect.get_client(dsn=f"chdb://{tmp_path / 'engine'}")
    assert int(str(client.query("SELECT version()").result_rows[0][0]).partition(".")[0]) >= 25
    client.close()
