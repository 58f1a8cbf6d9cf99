"""The bus gone for a while under traffic: the agent keeps everything, and hands it over in order afterwards.

Five seconds; a minute with SIXFOLD_LONG=1 in the environment.
"""

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

from sixfold.agent.sealed_log import read_sealed
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.testing import NatsServers, assert_eventually
from tests.integration.agent_process import Agent, arrived, make_streams

from .flood import Flood

LONG = "SIXFOLD_LONG" in os.environ
AWAY = 60.0 if LONG else 5.0
RATE = 50_000
pytestmark = [pytest.mark.nats, pytest.mark.chaos, pytest.mark.timeout(300)]


async def test_nothing_is_lost_and_order_is_kept(tmp_path: Path, nats_server: NatsServers, capsys) -> None:
    server = nats_server()
    messaging = Messaging(NatsSettings(servers=(server.url,), name="test"))
    await messaging.start()
    agent = Agent(tmp_path / "agent", server.url)
    try:
        await make_streams(messaging, flow_bytes=4 << 30)
        await asyncio.to_thread(agent.start)
        with Flood(f"127.0.0.1:{agent.ipfix}", rate=RATE) as flood:
            await assert_eventually(lambda: agent.counters().get("rows_published", 0) > RATE)
            await asyncio.to_thread(server.kill)
            before = flood.flows
            await assert_eventually(lambda: flood.flows > before + AWAY * RATE, 2 * AWAY + 20)
            waiting = agent.counters()["spool_batches"]
            assert agent.answers("/livez")
            await asyncio.to_thread(server.start)
            await assert_eventually(lambda: agent.counters().get("spool_batches", 0) < waiting / 4, 60)
            flood.stop()
            flood.tell_last()
        await assert_eventually(lambda: agent.counters().get("rows_published", 0) == flood.flows, 60)
        counters = agent.counters()
        found = await arrived(messaging)
    finally:
        agent.kill()
        await messaging.stop()
    words = (
        f"{flood.rate:,.0f} flows/s, bus away {AWAY:.0f} s, {waiting} batches waited, sent {flood.flows:,}"
    )
    assert np.array_equal(np.sort(found.ids), np.arange(1, flood.flows + 1)), words
    assert {"kernel_drops", "batches_lost", "sequence_lost"} & counters.keys() == set(), words
    lines = [line for line in read_sealed(agent.folder / "state") if line.kind == "flow"]
    assert [(line.epoch, line.sequence) for line in lines] == found.numbers, f"order: {words}"
    with capsys.disabled():
        print(f"\n  {words}")
