"""The fixtures: a server that keeps its data over a kill, a cluster that has a leader."""

import pytest
from nats.js.api import StreamConfig

from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.testing import NatsServers, assert_eventually


async def test_a_killed_server_keeps_port_and_data(nats_server: NatsServers) -> None:
    server = nats_server()
    url = server.url
    bus = Messaging(NatsSettings(servers=(url,)))
    await bus.start()
    await bus.js.add_stream(name="S", subjects=["s"])
    await bus.publish("s", b"kept")
    server.kill()
    assert not server.running
    server.start()
    assert server.url == url
    await assert_eventually(lambda: bus.reconnects == 1)
    assert (await bus.js.stream_info("S")).state.messages == 1
    await bus.stop()


async def test_a_cluster_takes_replicated_streams(nats_server: NatsServers) -> None:
    nodes = nats_server.cluster(3)
    bus = Messaging(NatsSettings(servers=tuple(node.url for node in nodes)))
    await bus.start()
    info = await bus.ensure_stream(StreamConfig(name="S", subjects=["s"], num_replicas=3))
    assert info.cluster is not None
    await bus.stop()


async def test_eventually_shows_the_last_assertion() -> None:
    def never() -> bool:
        raise AssertionError("still three")

    with pytest.raises(AssertionError, match="not within") as caught:
        await assert_eventually(never, 0.05)
    assert "still three" in str(caught.value.__cause__)


def test_the_server_of_a_test_has_an_address(nats_url: str, request: pytest.FixtureRequest) -> None:
    assert nats_url.startswith("nats://127.0.0.1:")
    assert request.node.get_closest_marker("nats") is not None
