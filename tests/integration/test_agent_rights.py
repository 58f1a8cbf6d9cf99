"""An agent with no more rights than the platform gives it does all its work, and what it may not is told."""

import json
from pathlib import Path

import numpy as np
import pytest

from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.testing import NatsServers, assert_eventually
from sixfold.local import nats_server as rights
from sixfold.local.home import Home
from sixfold.local.keys import ensure_seed, seed_file
from sixfold.local.ports import Ports

from . import test_agent_commands as over_the_bus
from .agent_process import GATEWAY, Exporter, arrived, make_streams
from .test_agent_delivery import start, wait_for_flows

__all__ = ["start"]
pytestmark = pytest.mark.nats


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.secrets.mkdir(parents=True)
    return made


def authorization(home: Home) -> str:
    text = rights.configuration(home, Ports(26_000), rights.users(home, [GATEWAY]))
    return f"authorization: {json.dumps(json.loads(text)['authorization'])}"


async def test_an_agent_works_within_its_rights(nats_server: NatsServers, start, home: Home) -> None:
    server = nats_server(extra=authorization(home))
    operator = NatsSettings(
        servers=(server.url,), name="operator", nkey_seed_file=seed_file(home, rights.OPERATOR)
    )
    messaging = Messaging(operator)
    await messaging.start()
    try:
        await make_streams(messaging)
        await over_the_bus.make_streams(messaging)
        issuer = over_the_bus.signer()
        agent = start(
            server.url,
            {
                "nats.nkey_seed_file": str(seed_file(home, f"agent-{GATEWAY}")),
                "nats.inbox_prefix": rights.inbox_prefix(GATEWAY),
                "commands.issuers": f'["{issuer.issuer}"]',
            },
        )
        exporter = Exporter(agent.ipfix)
        exporter.templates()
        exporter.send_flows(1_000)
        exporter.close()
        await wait_for_flows(messaging, 1_000)
        assert np.array_equal(np.sort((await arrived(messaging)).ids), np.arange(1, 1_001))
        await over_the_bus.send(messaging, issuer.sign(over_the_bus.alert("within")))
        assert over_the_bus.outcomes(await over_the_bus.receipts(messaging, 1)) == [("DELIVERED", "")]

        async def has_beaten() -> bool:
            return (await messaging.js.stream_info("HEARTBEATS")).state.messages == 1

        await assert_eventually(has_beaten)
        assert "Permissions Violation" not in agent.log()
    finally:
        await messaging.stop()


async def test_what_it_may_not_publish_waits_and_is_told(nats_server: NatsServers, start, home: Home) -> None:
    ensure_seed(home, f"agent-{GATEWAY}")
    server = nats_server(extra=authorization(home))
    agent = start(
        server.url,
        {
            "gateway": "gw-2",
            "nats.nkey_seed_file": str(seed_file(home, f"agent-{GATEWAY}")),
            "nats.inbox_prefix": rights.inbox_prefix(GATEWAY),
            "publish.ack_timeout": "0.5",
        },
    )
    exporter = Exporter(agent.ipfix)
    exporter.templates()
    exporter.send_flows(100)
    exporter.close()
    await assert_eventually(lambda: agent.counters().get("publish_retries", 0) > 1)
    assert agent.counters()["spool_batches"] == 1
    assert 'publish to "flow.' in agent.log().lower().replace('\\"', '"')
