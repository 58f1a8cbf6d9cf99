"""What a kill -9 of the agent takes with it is counted, to the flow, and its log of sealed batches is what arrived."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sixfold.agent.sealed_log import Line, read_sealed
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.testing import assert_eventually

from .agent_process import Agent, Arrived, Exporter, arrived, make_streams

pytestmark = pytest.mark.nats


@pytest.fixture
def start(tmp_path: Path, messaging: Messaging) -> Iterator[Callable[..., Agent]]:
    """`start(**settings)`: a running agent that ends with the test."""
    with contextlib.ExitStack() as stack:

        def make(settings: dict[str, str] | None = None) -> Agent:
            agent = Agent(tmp_path / "agent", messaging.settings.servers[0], settings or {})
            stack.callback(lambda: agent.process and agent.process.kill())
            return agent.start()

        yield make


def lines_of(agent: Agent) -> list[Line]:
    return list(read_sealed(agent.folder / "state"))


def assert_the_log_is_what_arrived(agent: Agent, found: Arrived) -> None:
    told = {(line.epoch, line.sequence): line.rows for line in lines_of(agent)}
    assert told == {(one.epoch, one.sequence): one.count for one in found.headers}
    assert sum(line.bytes for line in lines_of(agent)) == found.ids.sum()


def sequence_lost(agent: Agent) -> int:
    counters = agent.counters()
    return counters.get("sequence_lost", 0) - counters.get("sequence_late", 0)


@pytest.mark.parametrize("rows", ["65536", "1000"])
async def test_sent_is_stored_and_counted_as_lost_over_three_kills(
    messaging: Messaging, start, rows: str
) -> None:
    await make_streams(messaging)
    agent = start({"batch.max_rows": rows, "batch.max_age_ms": "250"})
    exporter = Exporter(agent.ipfix)
    exporter.templates()
    done = asyncio.Event()

    async def flood() -> None:
        for turn in itertools.count():
            if done.is_set():
                return
            if turn % 50 == 0:  # as every exporter does: a kill may come before they are written down
                exporter.templates()
            exporter.send_flows(280)
            await asyncio.sleep(0.01)

    lost = 0
    flooding = asyncio.create_task(flood())
    try:
        for _ in range(3):
            sealed = len(lines_of(agent))
            await assert_eventually(lambda sealed=sealed: len(lines_of(agent)) > sealed + 3)
            agent.kill()
            await asyncio.to_thread(agent.start)
            await assert_eventually(lambda: sequence_lost(agent) > 0)
            lost += sequence_lost(agent)
    finally:
        done.set()
        await flooding
    assert await asyncio.to_thread(agent.stop) == 0
    found = await arrived(messaging)
    exporter.close()
    assert found.once()
    assert found.ids.max() == exporter.flows
    assert exporter.flows - len(found.ids) == lost
    assert_the_log_is_what_arrived(agent, found)
    assert lines_of(agent)[-1].lost == lost


async def test_a_stopped_agent_tells_the_gap_until_the_next_start(messaging: Messaging, start) -> None:
    await make_streams(messaging)
    agent = start()
    exporter = Exporter(agent.ipfix)
    exporter.templates()
    exporter.send_flows(2_800)
    await assert_eventually(lambda: agent.counters().get("flows", 0) == 2_800)
    assert await asyncio.to_thread(agent.stop) == 0
    exporter.send_flows(1_400)
    await asyncio.to_thread(agent.start)
    exporter.send_flows(2_800)
    await assert_eventually(lambda: agent.counters().get("flows", 0) == 2_800)
    assert sequence_lost(agent) == 1_400
    assert await asyncio.to_thread(agent.stop) == 0
    found = await arrived(messaging)
    assert np.array_equal(np.sort(found.ids), np.r_[1:2_801, 4_201:7_001])
    assert_the_log_is_what_arrived(agent, found)
    assert lines_of(agent)[-1].lost == 1_400
    exporter.close()
