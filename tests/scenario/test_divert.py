"""Diversions against a real router: FlowSpec and black holes come to FRR's bgpd through ExaBGP, and are withdrawn.

They outlive the agent, and end at their moment without it.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import StreamConfig

from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.api.subjects import command_subject
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.testing import NatsServers

from .attacked import ATTACKER as ROUTER
from .attacked import GATEWAY, Attacked, build
from .conftest import Issuer
from .namespaces import network, require_root_and_programs

pytestmark = [pytest.mark.nats, pytest.mark.timeout(180)]
Eventually = Callable[..., Awaitable[Any]]
BGPD = Path("/usr/lib/frr/bgpd")
SPEAKER, AS = "198.51.100.1", 64512
HOLE4, HOLE6, SPEC = "203.0.113.7/32", "2001:db8:7::7/128", "203.0.113.9/32"
CONFIGURATION = f"""
router bgp {AS}
 bgp router-id {ROUTER}
 neighbor {SPEAKER} remote-as {AS}
 neighbor {SPEAKER} timers connect 1
 address-family ipv4 unicast
  neighbor {SPEAKER} activate
 exit-address-family
 address-family ipv6 unicast
  neighbor {SPEAKER} activate
 exit-address-family
 address-family ipv4 flowspec
  neighbor {SPEAKER} activate
 exit-address-family
 address-family ipv6 flowspec
  neighbor {SPEAKER} activate
 exit-address-family
"""


class Router:
    def __init__(self, attacked: Attacked) -> None:
        self._host = attacked.world
        self._folder = attacked.folder / "frr"
        self._folder.mkdir()
        (self._folder / "bgpd.conf").write_text(CONFIGURATION)
        attacked.world.popen(
            [str(BGPD), "-n", "-Z", "-S", "-f", str(self._folder / "bgpd.conf"), "-i", str(self._folder / "bgpd.pid"),
             "--vty_socket", str(self._folder), "-A", "127.0.0.1"],
            attacked.folder / "bgpd.log",
        )  # fmt: skip

    def ask(self, words: str) -> str:
        return self._host.run("vtysh", "--vty_socket", str(self._folder), "-c", words, check=False)

    def routes(self, family: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self.ask(f"show bgp {family} unicast json")).get("routes", {}))
        except ValueError:
            return {}

    def communities(self, family: str, prefix: str) -> set[str]:
        told = json.loads(self.ask(f"show bgp {family} unicast {prefix} json"))
        return set(told["paths"][0]["community"]["string"].split())


def diversion(policy_id: str, seconds: float, route: int, *destinations: str, **more: Any) -> pb.Policy:
    policy = pb.Policy(policy_id=policy_id)
    policy.match.destinations.extend(destinations)
    policy.action.kind = pb.PolicyAction.KIND_DIVERT
    policy.action.route = route  # type: ignore[assignment]
    for name, value in more.items():
        setattr(policy.action, name, value)
    policy.expires.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return policy


class Bench:
    def __init__(self, attacked: Attacked, messaging: Messaging, issuer: Issuer) -> None:
        self.attacked = attacked
        self.reports: list[pb.PolicyReport] = []
        self._messaging, self._issuer = messaging, issuer

    async def send(self, generation: int, *policies: pb.Policy) -> None:
        command = pb.Command(id=f"policy:{generation}", gateway=GATEWAY)
        command.expires.FromDatetime(datetime.now(UTC) + timedelta(minutes=5))
        command.set_policies.generation = generation
        command.set_policies.policies.extend(policies)
        data = self._issuer.sign(command)
        await self._messaging.publish(command_subject(GATEWAY, "policy"), data, timeout=10)

    def announced(self) -> dict[str, int]:
        return {one.policy_id: one.routes for one in self.reports[-1].policies} if self.reports else {}


@pytest.fixture
async def bench(nats_server: NatsServers, tmp_path: Path) -> AsyncIterator[Bench]:
    require_root_and_programs("exabgp", "vtysh", str(BGPD))
    issuer, nats = Issuer(), nats_server()
    peers = [{"address": ROUTER, "local_address": SPEAKER, "peer_as": AS}]
    settings = {
        "policies.issuers": f'["{issuer.public}"]',
        "policies.bgp.peers": json.dumps(peers),
        "policies.bgp.communities": '["64512:666"]',
    }
    async with AsyncExitStack() as stack:
        attacked = build(stack.enter_context(network()), tmp_path, nats.port, settings)
        stack.callback(attacked.end)
        messaging = Messaging(NatsSettings(servers=(nats.url,), name="centre"))
        await messaging.start()
        stack.push_async_callback(messaging.stop)
        for name, subject in (("COMMANDS", "command.>"), ("RECEIPTS", "receipt.>"), ("REPORTS", "report.>")):
            await messaging.ensure_stream(StreamConfig(name=name, subjects=[subject]))
        made = Bench(attacked, messaging, issuer)

        async def hear(message: Any) -> None:
            made.reports.append(pb.PolicyReport.FromString(message.data))

        await messaging.nc.subscribe("report.*.policy", cb=hear)
        attacked.connect_bus()
        attacked.start_agent()
        yield made


async def test_routers_are_told_what_to_drop_and_when_to_stop(
    bench: Bench, assert_eventually: Eventually
) -> None:
    attacked = bench.attacked
    router = Router(attacked)

    async def until(condition: Callable[[], Any]) -> None:
        try:
            await assert_eventually(condition, timeout=60)
        except AssertionError:
            told = (attacked.folder / "state" / "policies" / "exabgp.log").read_text()[-3_000:]
            raise AssertionError(
                f"{attacked.agent_log()}\n{told}\n{router.ask('show bgp summary')}"
            ) from None

    await until(attacked.lives)
    limited = diversion("m2", 300, pb.PolicyAction.ROUTE_FLOWSPEC, SPEC, bytes_per_second=1_000)
    limited.match.protocols.append(17)
    limited.match.source_ports.add(first=53, last=53)
    limited.match.destination_ports.add(first=1_000, last=2_000)
    discarded = diversion("m3", 300, pb.PolicyAction.ROUTE_FLOWSPEC, HOLE6)
    hole = diversion("m1", 300, pb.PolicyAction.ROUTE_BLACKHOLE, HOLE4, HOLE6)
    await bench.send(1, hole, limited, discarded)

    await until(lambda: HOLE4 in router.routes("ipv4") and HOLE6 in router.routes("ipv6"))
    assert {"blackhole", "no-export", "64512:666"} <= router.communities("ipv4", HOLE4)
    assert router.routes("ipv6")[HOLE6][0]["nexthops"][0]["ip"] == "100::1"
    await until(lambda: "203.0.113.9/32" in router.ask("show bgp ipv4 flowspec detail"))
    told = router.ask("show bgp ipv4 flowspec detail")
    assert "FS:rate 1000" in told
    assert "= 17" in told
    await until(lambda: "2001:db8:7::7/128" in router.ask("show bgp ipv6 flowspec detail"))
    assert "FS:rate 0" in router.ask("show bgp ipv6 flowspec detail")
    await until(lambda: bench.announced() == {"m1": 2, "m2": 1, "m3": 1})

    # A diversion that is no longer wanted is withdrawn; the others stay.
    short = diversion("m4", 8, pb.PolicyAction.ROUTE_BLACKHOLE, "203.0.113.200/32")
    await bench.send(2, limited, short)
    await until(lambda: set(router.routes("ipv4")) == {"203.0.113.200/32"} and not router.routes("ipv6"))
    assert "203.0.113.9/32" in router.ask("show bgp ipv4 flowspec detail")

    # The agent is killed: what it announced stays, and ends at its moment without it.
    attacked.kill_agent()
    assert "203.0.113.9/32" in router.ask("show bgp ipv4 flowspec detail")
    await until(lambda: not router.routes("ipv4"))
    attacked.start_agent()
    await bench.send(3)
    await until(lambda: "203.0.113.9/32" not in router.ask("show bgp ipv4 flowspec detail"))
    await until(lambda: bench.reports[-1].generation == 3 and bench.announced() == {})
