"""From enrolment to a lawful trace, through a gateway that the centres configure: nothing of it is written by hand.

The bus, the warehouse and five centres are real; the terminals, the servers and the gateway are namespaces.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nkeys
import pytest

from sixfold.address.config import GatewaySettings
from sixfold.api.address.v1 import address_pb2, gateways_pb2, translation_pb2
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.api.address.v1.gateways_pb2_grpc import GatewayServiceStub
from sixfold.api.address.v1.translation_pb2_grpc import TranslationServiceStub
from sixfold.api.identity.v1 import identity_pb2, trace_pb2
from sixfold.chassis.commands import load_signer
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.telemetry import Telemetry
from sixfold.chassis.testing import NatsServer, assert_eventually
from sixfold.emergency import service as emergency
from sixfold.emergency.config import EmergencySettings
from sixfold.identity.config import SourceSettings
from sixfold.security import service as security
from sixfold.security.config import SecuritySettings, SpoofingOptions
from tests.integration.trace_desk import Desk, desk, question

from .exchange import GATEWAY, NAME, NAT64, PUBLIC_SERVER, SERVER4, SERVER6, Exchange, configuration
from .namespaces import Namespace
from .sessions import embedded
from .test_gateway import send

pytestmark = [pytest.mark.scenario, pytest.mark.nats, pytest.mark.clickhouse]
LONG = 60.0
INSIDE = "2001:db8:a::/47"
"""Both access networks; 512 subscribers of a /56 each, on one public address."""
ACCESS = {"a0": "2001:db8:a::/48", "b0": "2001:db8:b::/48"}
IDENTITY_NETWORK = "2001:db8:a:1::/64"


@dataclass(frozen=True)
class Centres:
    desk: Desk
    security: security.Service
    rights: dict[str, str]
    """Settings of the agent: whose commands it obeys."""

    def stub(self, kind: Any) -> Any:
        """Of a service of the address centre."""
        return kind(self.desk.addresses)


@asynccontextmanager
async def running(url: str, telemetry: Telemetry, folder: Path) -> AsyncIterator[Centres]:
    seeds = {}
    for name in ("alert", "configuration", "sources"):
        seeds[name] = folder / f"{name}.nk"
        seeds[name].write_bytes(nkeys.encode_seed(name.encode().ljust(32), nkeys.PREFIX_BYTE_USER))
    async with AsyncExitStack() as stack:
        messaging = Messaging(NatsSettings(servers=(url,), name="emergency"))
        await messaging.start()
        stack.push_async_callback(messaging.stop)
        made = emergency.build(
            EmergencySettings(
                signing_seed_file=seeds["alert"], commands_bytes=1 << 26, receipts_bytes=1 << 24
            ),
            emergency.Dependencies(messaging, telemetry),
        )
        await made.start()
        stack.push_async_callback(made.stop)
        one = await stack.enter_async_context(
            desk(
                url,
                telemetry,
                folder,
                gateways=GatewaySettings(signing_seed_file=seeds["configuration"]),
                sources=SourceSettings(signing_seed_file=seeds["sources"], linger_seconds=0.1),
                identifier_networks=(IDENTITY_NETWORK,),
            )
        )
        guard = security.build(
            SecuritySettings(spoofing=SpoofingOptions(least_packets=1, identity=one.service.rpc.address)),
            security.Dependencies(messaging, telemetry),
        )
        await guard.start()
        stack.push_async_callback(guard.stop)
        rights = {
            f"translation.{setting}": f'["{load_signer(seeds[name]).issuer}"]'
            for setting, name in (("configured_by", "configuration"), ("sources_from", "sources"))
        }
        # The desk's warehouse loads one partition.
        yield Centres(one, guard, rights | {"publish.partitions": "1"})


@pytest.fixture
async def centres(
    nats: NatsServer, exchange: Exchange, telemetry: Telemetry, tmp_path: Path
) -> AsyncIterator[Centres]:
    folder = tmp_path / "centres"
    folder.mkdir()
    async with running(nats.url, telemetry, folder) as made:
        exchange.start_agent(nats.port, made.rights)
        yield made


async def configured(centres: Centres) -> str:
    """Pools, the rules over shared IPv4 and the gateway's own profile; the public address that subscribers share."""
    addresses = centres.stub(AddressServiceStub)
    pools = {"ipv4": "203.0.113.0/30", **ACCESS}
    for name, prefix in pools.items():
        await addresses.CreatePool(
            address_pb2.CreatePoolRequest(pool_id=name, prefix=prefix, lease_seconds=86_400)
        )
    rules = centres.stub(TranslationServiceStub)
    shared = await rules.AllocateSharedIpv4(
        translation_pb2.AllocateSharedIpv4Request(
            rule_id="subscribers",
            gateway=GATEWAY,
            ipv4_pool_id="ipv4",
            subscribers=512,
            subscribers_per_address=512,
            deterministic_nat=translation_pb2.DeterministicNatWish(
                inside_prefix=INSIDE, subscriber_length=56
            ),
        )
    )
    pool = translation_pb2.Nat64Pool(prefix=NAT64, ipv4_prefixes=["203.0.113.4/30"])
    await rules.PutTranslationRule(
        translation_pb2.PutTranslationRuleRequest(
            rule=translation_pb2.TranslationRule(rule_id="nat64", gateway=GATEWAY, nat64=pool)
        )
    )
    own = configuration()
    own.nat64.ClearField("prefix")
    own.nat64.ClearField("ipv4_pool")
    own.ClearField("port_sets")
    for mapping in own.static_mappings:
        mapping.slot = 0
    profile = gateways_pb2.GatewayProfile(gateway=GATEWAY, own=own)
    for interface, prefix in ACCESS.items():
        profile.links.add(interface=interface, prefixes=[prefix])
    await centres.stub(GatewayServiceStub).PutGateway(gateways_pb2.PutGatewayRequest(profile=profile))
    return str(ipaddress.ip_network(shared.rule.deterministic_nat.outside_prefix).network_address)


async def enrolled(centres: Centres, person: str, interface: str) -> tuple[str, str]:
    """(subscriber, terminal), with a prefix of its access network."""
    stub: Any = centres.desk.identity
    wish = identity_pb2.EnrolSubscriberRequest(
        person_reference=person, kind=identity_pb2.SUBSCRIBER_KIND_PERSON
    )
    subscriber = (await stub.EnrolSubscriber(wish)).subscriber.subscriber
    terminal = (
        await stub.EnrolTerminal(
            identity_pb2.EnrolTerminalRequest(
                subscriber=subscriber, terminal_class=identity_pb2.TERMINAL_CLASS_HOME_GATEWAY
            )
        )
    ).terminal.terminal
    given = await centres.stub(AddressServiceStub).DelegatePrefix(
        address_pb2.DelegatePrefixRequest(
            pool_id=interface, length=56, idempotency_key=f"home of {person}", holder=terminal
        )
    )
    await stub.BindAddress(
        identity_pb2.BindAddressRequest(
            terminal=terminal,
            prefix=given.delegation.prefix,
            gateway=GATEWAY,
            idempotency_key=f"lease of {person}",
        )
    )
    return subscriber, terminal


async def in_force(centres: Centres, exchange: Exchange) -> None:
    """Once the gateway has both: its configuration, and who may send from where."""
    gateways = centres.stub(GatewayServiceStub)

    async def both() -> bool:
        state = (await gateways.GetGateway(gateways_pb2.GetGatewayRequest(gateway=GATEWAY))).state
        assert state.outcome not in (state.OUTCOME_REFUSED, state.OUTCOME_FAILED), state.cause
        if state.outcome != state.OUTCOME_APPLIED:
            return False
        valid = await asyncio.to_thread(
            exchange.gateway.run, "nft", "list", "set", "inet", "sixfold", "valid6"
        )
        return all(prefix in valid for prefix in ("2001:db8:a::/56", "2001:db8:b::/56"))

    await assert_eventually(both, timeout=LONG)


async def readdressed(centres: Centres, host: Namespace, terminal: str) -> str:
    """The terminal takes an address that the trace desk alone can read, and no other."""
    issued = await centres.desk.trace.IssueInterfaceIdentifier(
        trace_pb2.IssueInterfaceIdentifierRequest(network=IDENTITY_NETWORK, pseudonym=terminal)
    )
    host.ip("address delete 2001:db8:a:1::10/64 dev eth0")
    host.address("eth0", f"{issued.address}/64")
    host.ip("route replace ::/0 via 2001:db8:a:1::1")
    return str(ipaddress.ip_address(issued.address))


async def test_the_whole_way_from_enrolment_to_a_lawful_trace(centres: Centres, exchange: Exchange) -> None:
    public = await configured(centres)
    anna, terminal_a = await enrolled(centres, "Anna", "a0")
    bert, terminal_b = await enrolled(centres, "Bert", "b0")
    await in_force(centres, exchange)
    identity_bearing = await readdressed(centres, exchange.a, terminal_a)

    # Terminals without IPv4 fetch a page of a server without IPv6, by its name, and one of an IPv6-only server.
    for host, path in ((exchange.a, "/a"), (exchange.b, "/b")):
        assert await asyncio.to_thread(exchange.fetch, host, f"http://{NAME}{path}") == f"hello {path}\n"
    await asyncio.to_thread(exchange.fetch, exchange.a, f"http://[{SERVER6}]:8080/direct")
    # The IPv4 side reaches the IPv6-only server.
    page = await asyncio.to_thread(exchange.fetch, exchange.ipv4, f"http://{PUBLIC_SERVER}/from-ipv4")
    assert page == "hello /from-ipv4\n"
    seen = {one.path: one for one in (*exchange.web4.requests(), *exchange.web6.requests())}
    assert (seen["/a"].address, seen["/b"].address) == (public, public)
    assert seen["/direct"].address == identity_bearing
    assert seen["/from-ipv4"].address == embedded(NAT64, SERVER4)

    # Two officers ask what the servers' logs saw. Nobody is told without both.
    asked = [
        question(one.address, one.port, int(one.time * 1000), tolerance=1_000)
        for one in (seen["/a"], seen["/b"], seen["/direct"])
    ]
    nobody = question(public, seen["/a"].port + 400, int(seen["/a"].time * 1000), tolerance=1_000)
    answers = await centres.desk.traced(*asked, nobody)
    assert [(one.subscriber, one.path) for one in answers[:2]] == [
        (anna, "deterministic-nat"),
        (bert, "deterministic-nat"),
    ]
    assert answers[2].subscriber == anna
    assert answers[2].path in ("binding", "interface-identifier")
    assert answers[3].subscriber == ""
    # The gateway's own word, session by session, agrees.
    rows = (
        "SELECT DISTINCT toString(src_address) AS inside FROM sixfold.nat_sessions "
        f"WHERE post_nat_src_address = toIPv6('{public}') AND post_nat_src_port = {seen['/a'].port}"
    )

    async def stored() -> list[dict[str, str]]:
        return (await centres.desk.credit.warehouse.query_arrow(rows)).to_pylist()

    assert await assert_eventually(stored, timeout=LONG) == [{"inside": identity_bearing}]

    # Anna sends in Bert's name: it comes no further than the gateway, and both centres hear of it.
    forged = "2001:db8:b:1::10"
    await asyncio.to_thread(exchange.a.inside, lambda: send(forged, SERVER6, [b"forged"] * 30))

    async def reported() -> Any:
        known = centres.security.ledger.state.by_id.values()
        return next((one for one in known if one.victim == f"{forged}/128"), None)

    incident = await assert_eventually(reported, timeout=LONG)
    assert (incident.vector, incident.side) == ("spoofed-source", "source")
    assert any(terminal_b in one.text for one in incident.reasons)

    async def credited() -> list[dict[str, Any]]:
        table = await centres.desk.credit.warehouse.query_arrow(
            "SELECT gateway, interface, toString(address) AS address, sum(packets) AS packets, max(dropped) AS dropped "
            f"FROM sixfold.spoofed_sources WHERE address = '{forged}' "
            "GROUP BY gateway, interface, address HAVING packets >= 30"
        )
        return table.to_pylist()

    (row,) = await assert_eventually(credited, timeout=LONG)
    assert row == {"gateway": GATEWAY, "interface": "a0", "address": forged, "packets": 30, "dropped": True}
