"""Bad input to the running processes: named, counted, survived; and what is good beside it goes its way to the flow.

Held elsewhere, on the parts themselves:

- truncated datagrams, lying lengths, a 65,535-field template, template ids used again, endless templates, options data
  before its template, exporters' clocks: gateway-agent/tests/netflow (test_netflow_templates, _flows, _sampling,
  _properties) and tests/fuzz, a million mutated datagrams; sFlow's in gateway-agent/tests/test_sflow
- a disk that is full, byte by byte: gateway-agent/tests/test_spool, test_seal, test_state
- a ClickHouse that refuses: test_warehouse_refuses
- batches of another schema, or damaged, as dead letters: test_loader
- two `up` on one home or the same ports: test_up; two agents on one state directory: test_agent_delivery
- a bus that is full, away, or takes less than before: test_agent_delivery, tests/chaos/test_bus_away
"""

import asyncio
import contextlib
import resource
import secrets
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nats.js.errors import NotFoundError

from sixfold.agent.sealed_log import read_sealed
from sixfold.api.flow.schema import FLOW
from sixfold.api.subjects import DEAD_LETTER_STREAM, dead_letter_subject, flow_subject, partition_of
from sixfold.chassis.messaging import Messaging, NatsSettings, redrive
from sixfold.chassis.telemetry import Telemetry
from sixfold.chassis.testing import NatsServers, assert_eventually, counters
from sixfold.credit.config import CreditSettings, LoaderSettings, WarehouseSettings
from sixfold.credit.loader import block
from sixfold.credit.service import Dependencies, Service, build
from sixfold.local.home import home_at
from sixfold.local.keys import seed_file
from sixfold.local.nats_server import OPERATOR
from sixfold.local.observe import memory

from .agent_process import Agent, Exporter, arrived, make_streams
from .flow_batches import batch, holds, publish

pytestmark = [pytest.mark.nats, pytest.mark.timeout(240)]
LOADER = f"loader-flow-{partition_of('gw-1')}"
YEARS = 50 * 365 * 86_400


# A disk that takes nothing


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def running(agent: Agent) -> Iterator[Agent]:
    try:
        yield agent.start()
    finally:
        agent.kill()


async def overflow(agent: Agent, exporter: Exporter) -> None:
    """Send until the disk has refused some batches; the agent tells it, and lives."""
    exporter.templates()

    def refused() -> int:
        exporter.send_flows(11_200)
        return agent.counters().get("spool_write_errors", 0)

    await assert_eventually(lambda: refused() > 3, 60, 0.05)
    assert 'spool_write_errors_total{error="ENOSPC"}' in metrics(agent)
    assert agent.answers("/livez")
    assert agent.answers("/readyz")


def metrics(agent: Agent) -> str:
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{agent.health}/metrics", timeout=5) as answer:
        return answer.read().decode()


async def assert_all_arrive(agent: Agent, exporter: Exporter, messaging: Messaging) -> None:
    """Every flow once on the bus, and in the log of sealed batches, and none given up."""
    await assert_eventually(lambda: agent.counters().get("rows_published", 0) == exporter.flows, 60)
    found = await arrived(messaging)
    assert np.array_equal(np.sort(found.ids), np.arange(1, exporter.flows + 1))
    assert {"batches_lost", "kernel_drops", "sequence_lost"} & agent.counters().keys() == set()
    told = {(line.epoch, line.sequence): line.rows for line in read_sealed(agent.folder / "state")}
    assert told == {(one.epoch, one.sequence): one.count for one in found.headers}


async def test_a_full_disk_loses_nothing_while_memory_holds_it(
    nats_server: NatsServers, tmp_path: Path
) -> None:
    server = nats_server()
    async with bus(server.url) as messaging:
        await make_streams(messaging)
        with (
            small_disk(tmp_path / "agent" / "state", "3m"),
            running(Agent(tmp_path / "agent", server.url)) as agent,
        ):
            exporter = Exporter(agent.ipfix)
            await asyncio.to_thread(server.stop)
            await overflow(agent, exporter)
            await asyncio.to_thread(server.start)
            await assert_eventually(lambda: agent.counters().get("spool_batches", 0) == 0, 60)
            exporter.send_flows(28_000)
            await assert_all_arrive(agent, exporter, messaging)
            exporter.close()


async def test_files_that_may_not_grow_lose_nothing_while_memory_holds_it(
    nats_server: NatsServers, tmp_path: Path
) -> None:
    server = nats_server()
    async with bus(server.url) as messaging:
        await make_streams(messaging)
        with running(Agent(tmp_path / "agent", server.url)) as agent:
            assert agent.process is not None
            exporter = Exporter(agent.ipfix)
            await asyncio.to_thread(server.stop)
            before = resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (1 << 20, before[1]))
            await overflow(agent, exporter)
            resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, before)
            await asyncio.to_thread(server.start)
            exporter.send_flows(28_000)
            await assert_all_arrive(agent, exporter, messaging)
            exporter.close()


@contextlib.asynccontextmanager
async def bus(url: str) -> AsyncIterator[Messaging]:
    messaging = Messaging(NatsSettings(servers=(url,), name="test"))
    await messaging.start()
    try:
        yield messaging
    finally:
        await messaging.stop()


# Batches that cannot be


@pytest.fixture
def make_credit(tmp_path: Path, messaging: Messaging, telemetry: Telemetry) -> Callable[[], Service]:
    settings = CreditSettings(
        warehouse=WarehouseSettings(dsn=f"chdb://{tmp_path / 'warehouse'}"),
        loader=LoaderSettings(linger=0.05, stream_bytes=1 << 28),
    )
    return lambda: build(settings, Dependencies(messaging, telemetry))


async def letters(messaging: Messaging, consumer: str = LOADER) -> list[dict[str, str]]:
    """The headers of the dead letters, oldest first."""
    found: list[dict[str, str]] = []
    sequence = 0
    with contextlib.suppress(NotFoundError):
        while True:
            letter = await messaging.js.get_msg(
                DEAD_LETTER_STREAM, sequence + 1, subject=dead_letter_subject(consumer), next=True
            )
            sequence = int(letter.seq or 0)
            found.append(dict(letter.headers or {}))
    return found


async def count(service: Service, where: str = "1") -> int:
    table = await service.warehouse.query_arrow(f"SELECT count() AS n FROM sixfold.flows WHERE {where}")
    return table.to_pydict()["n"][0]


@pytest.mark.clickhouse
async def test_a_batch_of_the_future_waits_as_a_dead_letter_for_the_release_that_reads_it(
    messaging: Messaging, make_credit: Callable[[], Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, data, _ = batch(1)
    future = {**headers, "Sixfold-Schema": "flow/2.0"}

    async def has_letters(number: int) -> bool:
        return len(await letters(messaging)) == number

    service = make_credit()
    await service.start()
    try:
        await publish(messaging, future, data)
        await publish(messaging, *batch(2)[:2])
        await assert_eventually(lambda: has_letters(1))
        [letter] = await letters(messaging)
        assert letter["Sixfold-Cause"] == "schema-refused"
        assert "flow/2.0" in letter["Sixfold-Error"]
        assert FLOW.version in letter["Sixfold-Error"], "it says what it can read"
        assert await redrive(messaging, LOADER) == 1
        await assert_eventually(lambda: has_letters(1))
        await assert_eventually(lambda: counts(service, 100))
    finally:
        await service.stop()

    decode = block.decode_arrow
    monkeypatch.setattr(
        block, "decode_arrow", lambda version, data: decode(version.replace("/2.", "/1."), data)
    )
    service = make_credit()
    await service.start()
    try:
        assert await redrive(messaging, LOADER) == 1
        await publish(
            messaging, future, data
        )  # and once more, by an agent that did not hear its acknowledgement
        await assert_eventually(lambda: counts(service, 200))
        await assert_eventually(lambda: holds(messaging, 0))
        assert await count(service) == 200
        assert await letters(messaging) == []
    finally:
        await service.stop()


async def counts(service: Service, rows: int) -> bool:
    return await count(service) == rows


@pytest.mark.clickhouse
async def test_an_operator_sends_a_dead_letter_back(platform: Any, eventually: Callable[..., Any]) -> None:
    home = home_at(platform.home)
    settings = NatsSettings(
        servers=(platform.endpoints["nats"],), name="test", nkey_seed_file=Path(seed_file(home, OPERATOR))
    )
    messaging = Messaging(settings)
    await messaging.start()
    gateway = "gw-future"
    consumer = f"loader-flow-{partition_of(gateway)}"
    try:
        headers, data, _ = batch(1, gateway=gateway, epoch=secrets.token_hex(4))
        message = {**headers, "Sixfold-Schema": "flow/9.0"}
        await messaging.publish(flow_subject(gateway), data, headers=message)

        async def there() -> bool:
            return len(await letters(messaging, consumer)) == 1

        await assert_eventually(there, 30)
        before = (await messaging.js.stream_info(DEAD_LETTER_STREAM)).state.last_seq
        answer = await asyncio.to_thread(platform.run, "redrive", consumer)
        assert answer.returncode == 0, answer.stderr
        assert f"1 dead letters of {consumer} were sent back" in answer.stdout.replace("\n", " ")

        async def came_back() -> bool:
            found = await letters(messaging, consumer)
            last = (await messaging.js.stream_info(DEAD_LETTER_STREAM)).state.last_seq
            return len(found) == 1 and last > before

        await assert_eventually(came_back, 30)
        [letter] = await letters(messaging, consumer)
        assert letter["Sixfold-Cause"] == "schema-refused"
    finally:
        await messaging.js.purge_stream(DEAD_LETTER_STREAM, subject=dead_letter_subject(consumer))
        await messaging.stop()


@pytest.mark.clickhouse
@pytest.mark.parametrize("seconds", [YEARS, -YEARS], ids=["ahead", "behind"])
async def test_an_agent_whose_clock_is_fifty_years_off(
    messaging: Messaging, telemetry: Telemetry, make_credit: Callable[[], Service], seconds: int
) -> None:
    service = make_credit()
    await service.start()
    try:
        received = int(time.time() + seconds) * 1000 + np.arange(100)
        # The agent's clock moves the flow's own times along.
        headers, data, _ = batch(1, time_received=received, time_start=received - 10, time_end=received)
        await publish(messaging, headers, data)
        await assert_eventually(lambda: counts(service, 100))
        assert await count(service, "abs(dateDiff('second', time_received, now())) < 600") == 100
        partitions = await service.warehouse.query_arrow(
            "SELECT uniqExact(partition) AS n FROM system.parts WHERE table = 'flows' AND active"
        )
        assert partitions.to_pydict() == {"n": [1]}
        assert counters(telemetry.registry)['loader_retimed_rows_total{gateway="gw-1",kind="flow"}'] == 100
    finally:
        await service.stop()


# Datagrams


def data_set(identity: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">HH", identity, 4 + len(body)) + body


def fields(*specs: tuple[int, int]) -> bytes:
    return b"".join(struct.pack(">HH", *one) for one in specs)


def template(identity: int, *specs: tuple[int, int]) -> bytes:
    return data_set(2, struct.pack(">HH", identity, len(specs)), fields(*specs))


class Process:
    """An exporting process that says what it likes, from any address of the loopback."""

    def __init__(self, agent: Agent, source: str = "127.0.0.1") -> None:
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind((source, 0))
        self._target = ("127.0.0.1", agent.ipfix)
        self.sequence = 0

    def send(self, *sets: bytes, records: int = 0, at: float | None = None, domain: int = 7) -> None:
        body = b"".join(sets)
        export = int(time.time() if at is None else at) & 0xFFFFFFFF
        self.raw(struct.pack(">HHIII", 10, 16 + len(body), export, self.sequence, domain) + body)
        self.sequence += records

    def raw(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self._target)

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


V4 = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 4), (2, 4), (150, 4), (151, 4))
"""Times in seconds, as the exporter's clock has them."""


def record(octets: int, at: float | None = None) -> bytes:
    second = int(time.time() if at is None else at)
    return struct.pack(
        ">IIHHBIIII", 0x0A000001, 0xC0000201, 40_000, 443, 6, octets, 1, second - 5, second - 1
    )


GARBAGE = {
    "empty": b"",
    "short-header": b"\0\x0a\0",
    "unknown-version": b"\0\7" + bytes(60),
    "message-length": struct.pack(">HHIII", 10, 9_999, 0, 0, 1) + bytes(40),
    "set-truncated": struct.pack(">HHIIIHH", 10, 40, 0, 0, 1, 256, 60_000) + bytes(20),
    "template-too-many-fields": struct.pack(">HHIIIHHHH", 10, 60_024, 0, 0, 1, 2, 60_008, 256, 65_535) + bytes(60_000),
    "template-truncated": struct.pack(">HHIIIHHHH", 10, 28, 0, 0, 1, 2, 12, 256, 500) + bytes(4),
    "set-length": struct.pack(">HHIIIHH", 10, 20, 0, 0, 1, 256, 3),
}  # fmt: skip


async def test_a_running_agent_reads_on_through_bad_datagrams(messaging: Messaging, tmp_path: Path) -> None:
    await make_streams(messaging)
    with (
        running(Agent(tmp_path / "agent", messaging.settings.servers[0])) as agent,
        Process(agent) as good,
        Process(agent, "127.0.0.2") as bad,
    ):
        # Options data before the options template, flows before their template.
        sampling = struct.pack(">IHI", 7, 1, 100)
        good.send(data_set(300, sampling), records=1)
        good.send(data_set(256, record(1)), records=1)
        for datagram in GARBAGE.values():
            bad.raw(datagram)
        bad.send(struct.pack(">HH", 2, 8) + struct.pack(">HH", 65_535, 65_535))
        options = struct.pack(">HHH", 300, 3, 1) + fields((149, 4), (302, 2), (34, 4))
        good.send(data_set(3, options), template(256, *V4))
        good.send(data_set(256, record(2)), records=1)
        # The same number with another layout: twice as wide octets, in another place.
        wide = ((1, 8), *(one for one in V4 if one[0] != 1))
        good.send(template(256, *wide))
        good.send(data_set(256, struct.pack(">Q", 3) + record(0)[:13] + record(0)[17:]), records=1)
        # Clocks fifty years ahead and behind.
        good.send(template(256, *V4))
        for octets, off in ((4, YEARS), (5, -YEARS)):
            there = time.time() + off
            good.send(data_set(256, record(octets, there)), records=1, at=there)
        for number in range(50):
            bad.raw(secrets.token_bytes(20 * number + 1))
        good.send(data_set(256, record(6)), records=1)
        await assert_eventually(lambda: agent.counters().get("rows_published", 0) == 6)
        found = await arrived(messaging)
        assert sorted(found.ids.tolist()) == [100, 200, 300, 400, 500, 600], "sampling is corrected"
        page = metrics(agent)
        for cause in GARBAGE:
            assert f'agent_netflow_malformed_total{{cause="{cause}"}}' in page or cause == "empty", cause
        counted = agent.counters()
        assert {"collector_errors", "sequence_lost", "sets_without_template"} & counted.keys() == set()
        for one in found.headers:
            for moment in (one.time_first, one.time_last):
                assert abs(moment / 1000 - time.time()) < 600, "times are moved to where they can be"


async def test_endless_templates_of_forged_exporters_are_bounded(
    messaging: Messaging, tmp_path: Path
) -> None:
    await make_streams(messaging)
    bounds = {
        "netflow.max_sessions": "256",
        "netflow.max_templates": "2000",
        "netflow.parked_bytes": "1000000",
    }
    with (
        running(Agent(tmp_path / "agent", messaging.settings.servers[0], bounds)) as agent,
        Process(agent) as good,
    ):
        assert agent.process is not None
        good.send(template(256, *V4))
        good.send(data_set(256, record(1)), records=1)
        await assert_eventually(lambda: agent.counters().get("flows", 0) == 1)
        rng = np.random.default_rng(1)

        def forge(number: int) -> None:
            source = f"127.{1 + number % 200}.{number // 200 % 250}.{1 + number // 50_000}"
            layouts = (
                template(int(identity), (8, 4), (12, 4), (1, 8), (int(rng.integers(1_000, 30_000)), 4))
                for identity in rng.integers(256, 40_000, 10)
            )
            with Process(agent, source) as forged:
                forged.send(*layouts, data_set(int(rng.integers(50_000, 65_536)), bytes(100)), domain=number)

        async def wave(first: int, size: int) -> int:
            """Resident bytes after so many forged exporters."""
            for number in range(first, first + size):
                forge(number)
                if number % 50 == 0:
                    await asyncio.sleep(0)
            read = first + size + 2
            await assert_eventually(lambda: agent.counters().get("datagrams_received", 0) == read, 60, 0.5)
            return memory(agent.process.pid if agent.process else 0) or 0

        before = await wave(0, 2_000)
        after = await wave(2_000, 6_000)
        assert after - before < 32 << 20, f"{before >> 20} MiB, then {after >> 20} MiB"
        counted = agent.counters()
        assert counted["netflow_sessions_evicted"] > 4_000
        assert "collector_errors" not in counted
        good.send(template(256, *V4))
        good.send(data_set(256, record(2)), records=1)
        await assert_eventually(lambda: agent.counters().get("rows_published", 0) == 2, 20, 0.5)
        assert sorted((await arrived(messaging)).ids.tolist()) == [1, 2]
        assert await asyncio.to_thread(agent.stop) == 0
        agent.start()
        good.send(data_set(256, record(3)), records=1)
        await assert_eventually(lambda: agent.counters().get("flows", 0) == 1)
