"""From the agent to the bus exactly once: NATS and the agent killed, the stream full, absent, the bus not there."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import nats.errors
import numpy as np
import pytest

from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.testing import NatsServer, NatsServers, assert_eventually

from .agent_process import Agent, Exporter, arrived, make_streams

pytestmark = pytest.mark.nats
FEW_ROWS = {"batch.max_rows": "2000"}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    """`start(server, **settings)`: a running agent that ends with the test."""
    with contextlib.ExitStack() as stack:

        def make(url: str, settings: dict[str, str] | None = None, *, folder: str = "agent") -> Agent:
            agent = Agent(tmp_path / folder, url, settings or {})
            stack.callback(lambda: agent.process and agent.process.kill())
            return agent.start()

        yield make


@contextlib.asynccontextmanager
async def bus(server: NatsServer) -> AsyncIterator[Messaging]:
    messaging = Messaging(NatsSettings(servers=(server.url,), name="test"))
    await messaging.start()
    try:
        yield messaging
    finally:
        await messaging.stop()


@pytest.fixture
def exporter_to() -> Iterator[Callable[[Agent], Exporter]]:
    with contextlib.ExitStack() as stack:

        def make(agent: Agent) -> Exporter:
            exporter = Exporter(agent.ipfix)
            stack.callback(exporter.close)
            exporter.templates()
            return exporter

        yield make


async def flood(exporter: Exporter, flows: int, *, seconds: float = 2.0) -> None:
    """So many flows, evenly, and their templates again and again."""
    slices = 100
    for _ in range(slices):
        exporter.templates()
        exporter.send_flows(flows // slices)
        await asyncio.sleep(seconds / slices)


async def wait_for_flows(messaging: Messaging, count: int) -> None:
    async def all_there() -> bool:
        try:
            return len((await arrived(messaging)).ids) >= count
        except (nats.errors.Error, TimeoutError):
            return False  # a server that has just been started again

    await assert_eventually(all_there, 60, 0.3)


async def test_a_killed_bus_gets_every_batch_once(nats_server: NatsServers, start, exporter_to) -> None:
    server = nats_server()
    async with bus(server) as messaging:
        await make_streams(messaging)
        agent = start(server.url, FEW_ROWS)
        exporter = exporter_to(agent)
        flooding = asyncio.create_task(flood(exporter, 150_000, seconds=4))
        for _ in range(3):
            await asyncio.sleep(0.7)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.start)
        await flooding
        await wait_for_flows(messaging, 150_000)
        found = await arrived(messaging)
        assert np.array_equal(np.sort(found.ids), np.arange(1, 150_001))
        assert len(set(found.numbers)) == len(found.numbers)
        assert {epoch for epoch, _ in found.numbers} == {found.headers[0].epoch}
        assert sorted(number for _, number in found.numbers) == list(range(1, len(found.numbers) + 1))
        counters = agent.counters()
        assert counters["rows_published"] == counters["flows"] == 150_000
        assert counters.get("kernel_drops", 0) == counters.get("batches_lost", 0) == 0


async def test_what_a_killed_agent_had_sealed_is_delivered_by_the_next(
    nats_server: NatsServers, start, exporter_to
) -> None:
    server = nats_server()
    async with bus(server) as messaging:
        await make_streams(messaging)
        agent = start(server.url, FEW_ROWS)
        exporter = exporter_to(agent)
        exporter.send_flows(10_000)
        await wait_for_flows(messaging, 10_000)
        await asyncio.to_thread(server.kill)
        exporter.send_flows(10_000)
        await assert_eventually(lambda: agent.counters().get("rows_sealed", 0) == 20_000)
        assert agent.counters()["spool_batches"] >= 5
        agent.kill()
        await asyncio.to_thread(agent.start)
        exporter.templates()
        exporter.send_flows(10_000)
        await asyncio.to_thread(server.start)
        await wait_for_flows(messaging, 30_000)
        found = await arrived(messaging)
        assert np.array_equal(np.sort(found.ids), np.arange(1, 30_001))
        assert len({epoch for epoch, _ in found.numbers}) == 1
        assert sorted(number for _, number in found.numbers) == list(range(1, len(found.numbers) + 1))
        await assert_eventually(lambda: agent.counters().get("spool_batches", 0) == 0)


async def test_killed_in_full_flow_an_agent_loses_one_stretch_and_repeats_nothing(
    nats_server: NatsServers, start, exporter_to
) -> None:
    server = nats_server()
    async with bus(server) as messaging:
        await make_streams(messaging)
        agent = start(server.url, FEW_ROWS)
        exporter = exporter_to(agent)
        flooding = asyncio.create_task(flood(exporter, 100_000, seconds=4))
        await asyncio.sleep(1.2)
        agent.kill()
        await asyncio.to_thread(agent.start)
        await flooding
        # However slowly it came back, something is sent to it that lives.
        exporter.templates()
        exporter.send_flows(1_000)
        last = exporter.flows

        async def the_last_is_there() -> bool:
            return last in (await arrived(messaging)).ids

        await assert_eventually(the_last_is_there)
        await assert_eventually(lambda: agent.counters().get("spool_batches", 0) == 0)
        found = await arrived(messaging)
        assert found.once()
        assert len(set(found.numbers)) == len(found.numbers)
        missing = np.setdiff1d(np.arange(1, last + 1), found.ids)
        assert len(missing) > 0
        assert missing[-1] - missing[0] == len(missing) - 1


async def test_a_full_stream_holds_back_its_own_kind_only(
    nats_server: NatsServers, start, exporter_to
) -> None:
    server = nats_server()
    async with bus(server) as messaging:
        await make_streams(messaging, flow_bytes=100_000)
        agent = start(server.url, FEW_ROWS)
        exporter = exporter_to(agent)
        exporter.send_flows(40_000)
        await assert_eventually(lambda: agent.counters().get("rows_sealed", 0) == 40_000)
        await assert_eventually(lambda: agent.counters().get("publish_retries", 0) > 2)
        exporter.send_nat_events(1_000)

        async def nat_is_there() -> bool:
            return len((await arrived(messaging, "NAT", "post_nat_src_port")).ids) == 1_000

        await assert_eventually(nat_is_there)
        counters = agent.counters()
        assert counters["spool_batches"] > 0
        assert counters["rows_published"] < 41_000
        await make_streams(messaging)
        await wait_for_flows(messaging, 40_000)
        found = await arrived(messaging)
        assert np.array_equal(np.sort(found.ids), np.arange(1, 40_001))


async def test_an_agent_starts_without_a_bus_and_waits_for_its_stream(
    nats_server: NatsServers, start, exporter_to
) -> None:
    server = nats_server()
    server.stop()
    agent = start(server.url, FEW_ROWS)
    exporter = exporter_to(agent)
    exporter.send_flows(5_000)
    await assert_eventually(lambda: agent.counters().get("rows_sealed", 0) == 5_000)
    assert agent.answers("/livez")
    await asyncio.to_thread(server.start)
    async with bus(server) as messaging:
        await assert_eventually(lambda: agent.counters().get("publish_retries", 0) > 0)
        await make_streams(messaging)
        await wait_for_flows(messaging, 5_000)
        assert np.array_equal(np.sort((await arrived(messaging)).ids), np.arange(1, 5_001))


async def test_a_smaller_payload_limit_divides_what_was_sealed_and_what_comes(
    nats_server: NatsServers, start, exporter_to
) -> None:
    server = nats_server()
    async with bus(server) as messaging:
        await make_streams(messaging)
        agent = start(server.url, {"batch.max_rows": "20000", "batch.max_age_ms": "2000"})
        exporter = exporter_to(agent)
        exporter.send_flows(1_000)
        await wait_for_flows(messaging, 1_000)
        await asyncio.to_thread(server.stop)
        exporter.send_flows(40_000)
        await assert_eventually(lambda: agent.counters().get("rows_sealed", 0) == 41_000)
        await asyncio.to_thread(server.change, "max_payload: 8MB", "max_payload: 64KB")
        await wait_for_flows(messaging, 41_000)
        exporter.send_flows(40_000)
        await wait_for_flows(messaging, 81_000)
        found = await arrived(messaging)
        assert np.array_equal(np.sort(found.ids), np.arange(1, 81_001))
        assert agent.counters()["batches_resplit"] >= 1


async def test_told_to_stop_it_leaves_nothing_behind(nats_server: NatsServers, start, exporter_to) -> None:
    server = nats_server()
    async with bus(server) as messaging:
        await make_streams(messaging)
        agent = start(server.url, {"batch.max_age_ms": "10000"})
        exporter_to(agent).send_flows(3_000)
        await assert_eventually(lambda: agent.counters().get("flows", 0) == 3_000)
        assert "rows_sealed" not in agent.counters()
        assert await asyncio.to_thread(agent.stop) == 0
        assert np.array_equal(np.sort((await arrived(messaging)).ids), np.arange(1, 3_001))


async def test_the_batch_carries_the_trace_that_began_with_its_first_datagram(
    nats_server: NatsServers, start, exporter_to, tmp_path: Path
) -> None:
    server = nats_server()
    async with bus(server) as messaging:
        await make_streams(messaging)
        traces = tmp_path / "traces.jsonl"
        agent = start(server.url, {"telemetry.traces_file": str(traces)})
        exporter_to(agent).send_flows(100)
        await wait_for_flows(messaging, 100)
        await asyncio.to_thread(agent.stop)
        [headers] = (await arrived(messaging)).headers
        spans = {span["name"]: span for span in map(json.loads, traces.read_text().splitlines())}
        for name in ("agent.seal", "agent.publish"):
            assert spans[name]["context"]["trace_id"] == f"0x{headers.traceparent.split('-')[1]}"
            assert spans[name]["attributes"]["sixfold.batch.id"] == headers.batch_id
        assert spans["agent.publish"]["parent_id"] == spans["agent.seal"]["context"]["span_id"]


async def test_a_second_agent_on_the_same_state_is_refused_with_the_pid_of_the_first(
    nats_server: NatsServers, start, tmp_path: Path
) -> None:
    agent = start(nats_server().url)
    second = Agent(agent.folder, agent.nats).start(ready=False)
    assert second.process is not None
    assert await asyncio.to_thread(second.process.wait, 30) == 1
    assert agent.process is not None
    assert f"in use by the agent with pid {agent.process.pid}" in second.log()
    assert agent.answers("/readyz")
