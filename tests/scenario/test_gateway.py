"""A gateway that really translates: from a configuration to the rows that say who was behind a public port."""

import asyncio
import json
import socket
import time

import pytest
from google.protobuf import json_format
from typer.testing import CliRunner

from sixfold.agent.cli import application
from sixfold.agent.datagrams import address_bytes, address_text
from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.chassis.testing import NatsServer, assert_eventually

from .conftest import Centre, agent_rights
from .exchange import (
    NAME,
    NAT64,
    PORTS_A,
    PORTS_B,
    PUBLIC,
    PUBLIC_SERVER,
    SERVER4,
    SERVER6,
    A,
    B,
    Exchange,
    configuration,
    valid_sources,
)
from .sessions import CREATE, DELETE, columns, embedded, holder, sessions

pytestmark = [pytest.mark.scenario, pytest.mark.nats]
APPLIED, REFUSED, FAILED = (
    getattr(pb.Receipt, f"OUTCOME_{name}") for name in ("APPLIED", "REFUSED", "FAILED")
)


async def configured(centre: Centre) -> None:
    receipt = await centre.configure(1, configuration())
    assert (receipt.outcome, receipt.generation) == (APPLIED, 1), receipt.cause
    receipt = await centre.tell_sources(1, valid_sources())
    assert receipt.outcome == APPLIED, receipt.cause


async def test_terminals_servers_and_who_was_behind_a_port(centre: Centre, exchange: Exchange) -> None:
    await configured(centre)
    # A name that has no AAAA record, from terminals that have no IPv4.
    for host, path in ((exchange.a, "/a"), (exchange.b, "/b")):
        assert await asyncio.to_thread(exchange.fetch, host, f"http://{NAME}{path}") == f"hello {path}\n"
    seen = {one.path: one for one in exchange.web4.requests()}
    assert {one.address for one in seen.values()} == {PUBLIC}
    assert PORTS_A[0] <= seen["/a"].port <= PORTS_A[1]
    assert PORTS_B[0] <= seen["/b"].port <= PORTS_B[1]
    # The IPv4 side reaches a server that has IPv6 only.
    page = await asyncio.to_thread(exchange.fetch, exchange.ipv4, f"http://{PUBLIC_SERVER}/from-ipv4")
    assert page == "hello /from-ipv4\n"
    assert exchange.web6.requests()[0].address == embedded(NAT64, SERVER4)

    # And so does a subscriber, by the server's public address.
    hairpin = f"http://[{embedded(NAT64, PUBLIC_SERVER)}]/hairpin"
    assert await asyncio.to_thread(exchange.fetch, exchange.b, hairpin) == "hello /hairpin\n"

    async def told() -> bool:
        return len([one for one in await sessions(centre.messaging) if one.event == CREATE]) >= 4

    await assert_eventually(told)
    found = await sessions(centre.messaging)
    for path, terminal in (("/a", A), ("/b", B)):
        one = seen[path]
        assert holder(found, one.address, one.port, int(one.time * 1000) + 1) == {terminal}
    (mine,) = [one for one in found if one.src == A and one.protocol == 6]
    assert (mine.dst, mine.dst_port) == (embedded(NAT64, SERVER4), 80)
    assert (mine.post_dst, mine.post_dst_port) == (SERVER4, 80)
    assert abs(mine.time - seen["/a"].time * 1000) < 5_000
    (inward,) = [one for one in found if one.src == SERVER4]
    assert (inward.dst, inward.dst_port) == (PUBLIC_SERVER, 80)
    assert (inward.post_src, inward.post_dst, inward.post_dst_port) == (
        embedded(NAT64, SERVER4),
        SERVER6,
        8080,
    )
    (around,) = [one for one in found if one.post_dst_port == 8080 and one.src == B]
    assert (around.dst, around.post_src, around.post_dst) == (embedded(NAT64, PUBLIC_SERVER), PUBLIC, SERVER6)
    # The end of a session has its bytes.
    exchange.gateway.run("conntrack", "-D", "-p", "tcp", check=False)

    async def ended() -> list:
        return [one for one in await sessions(centre.messaging) if one.event == DELETE and one.src == A]

    (last,) = await assert_eventually(ended)
    assert last.octets > 400
    assert (last.src_port, last.post_src, last.post_src_port) == (
        mine.src_port,
        mine.post_src,
        mine.post_src_port,
    )
    # What softflowd meters comes by the same agent. It gets packets in blocks of the capture library, once one is full.
    await asyncio.to_thread(exchange.a.inside, lambda: send(A, SERVER6, [b"one of many"] * 5_000))
    exchange.gateway.run(
        "softflowctl", "-c", str(exchange.state / "gateway" / "softflowd-a0.ctl"), "expire-all"
    )

    async def metered() -> bool:
        flows = await columns(centre.messaging, "FLOWS")
        return any(
            address_text(src.tobytes()) == A and port == 80
            for batch in flows
            for src, port in zip(batch["src_address"], batch["dst_port"], strict=True)
        )

    await assert_eventually(metered)
    assert "conntrack_unjoined" not in exchange.counters()


def send(source: str, target: str, words: list[bytes]) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sending:
        sending.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND, for sources that are not ours
        sending.bind((source, 0))
        for word in words:
            sending.sendto(word, (target, 9))


async def test_a_forged_source_is_dropped_counted_and_told(centre: Centre, exchange: Exchange) -> None:
    await configured(centre)

    def listen() -> socket.socket:
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        made.settimeout(10)
        made.bind((SERVER6, 9))
        return made

    server = exchange.ipv6.inside(listen)
    reports = await centre.messaging.nc.subscribe("report.gw-1.spoofed-source")
    forged = B.replace("::10", "::66")
    exchange.a.inside(lambda: send(forged, SERVER6, [b"forged"] * 3))
    exchange.a.inside(lambda: send(A, SERVER6, [b"genuine"]))
    with server:
        assert await asyncio.to_thread(server.recv, 64) == b"genuine"
    report = pb.SpoofedSources.FromString((await reports.next_msg(15)).data)
    assert (report.gateway, report.packets, report.action) == ("gw-1", 3, pb.SourceValidation.ACTION_DROP)
    (one,) = report.sources
    assert (one.interface, one.address, one.packets) == ("a0", address_bytes(forged), 3)
    assert exchange.counters()["forged_packets"] == 3
    # A terminal that moves: its prefix is valid on the other link from now on, and no longer on this one.
    moved = [pb.ValidSource(prefix="2001:db8:b::/56", interface="a0")]
    assert (await centre.tell_sources(2, moved, base=1)).outcome == APPLIED
    server = exchange.ipv6.inside(listen)
    exchange.a.inside(lambda: send(forged, SERVER6, [b"moved"]))
    with server:
        assert await asyncio.to_thread(server.recv, 64) == b"moved"
    gap = await centre.tell_sources(9, moved, base=7)
    assert (gap.outcome, gap.cause.partition(":")[0]) == (REFUSED, "generation-gap")


async def test_what_is_refused_and_what_is_remembered(
    centre: Centre, exchange: Exchange, nats: NatsServer
) -> None:
    await configured(centre)
    page = await asyncio.to_thread(exchange.fetch, exchange.a, f"http://{NAME}/before")
    assert page == "hello /before\n"
    told = [
        (await centre.configure(1, configuration(managementPrefixes=[])), REFUSED, "old-generation"),
        (
            await centre.configure(2, configuration(managementPrefixes=["2001:db8:64::/120"])),
            REFUSED,
            "invalid-configuration",
        ),
        (
            await centre.send(
                "configuration",
                centre.identity,
                pb.Command(
                    configure_gateway=pb.ConfigureGateway(generation=2, configuration=configuration())
                ),
            ),
            REFUSED,
            "issuer-not-allowed",
        ),
        # nft takes it, the name server does not: an address that the machine has not, in use by nobody else.
        (await centre.configure(2, broken()), FAILED, "apply-failed"),
    ]
    assert [(one.outcome, one.cause.partition(":")[0]) for one, _, _ in told] == [
        (outcome, cause) for _, outcome, cause in told
    ]
    assert "cuts-management" in told[1][0].cause
    assert "in force again" in told[3][0].cause
    page = await asyncio.to_thread(exchange.fetch, exchange.a, f"http://{NAME}/after")
    assert page == "hello /after\n"
    # The agent dies; the gateway goes on, and what it told and was told is not forgotten.
    exchange.kill_agent()
    page = await asyncio.to_thread(exchange.fetch, exchange.b, f"http://{NAME}/alone")
    assert page == "hello /alone\n"
    exchange.gateway.run("nft", "add", "rule", "inet", "sixfold", "validate", "drop")
    exchange.start_agent(nats.port, agent_rights(centre))

    async def repaired() -> bool:
        rules = await asyncio.to_thread(
            exchange.gateway.run, "nft", "list", "chain", "inet", "sixfold", "validate"
        )
        return "\t\tdrop\n" not in rules

    await assert_eventually(repaired)
    (alone,) = [one for one in exchange.web4.requests() if one.path == "/alone"]

    async def caught_up() -> bool:
        found = await sessions(centre.messaging)
        return holder(found, alone.address, alone.port, int(time.time() * 1000)) == {B}

    await assert_eventually(caught_up)
    assert (await centre.configure(1, configuration(managementPrefixes=[]))).cause.startswith(
        "old-generation"
    )


def broken() -> pb.GatewayConfiguration:
    changed = configuration()
    changed.flow_export.interfaces.append("nowhere0")
    return changed


def test_by_hand(exchange: Exchange) -> None:
    """render, apply, check without a bus."""
    config = exchange.folder / "gateway.json"
    config.write_text(json_format.MessageToJson(configuration()))
    folder = exchange.folder / "by-hand"

    def agent(*arguments: str, code: int = 0) -> str:
        done = exchange.gateway.inside(lambda: CliRunner().invoke(application(), ["gateway", *arguments]))
        assert done.exit_code == code, done.output
        return done.output

    assert "table inet sixfold" in agent("render", str(config))
    assert "tayga does not run" in agent("check", str(config), "--folder", str(folder), code=1)
    preview = agent("apply", str(config), "--folder", str(folder), "--dry-run")
    assert not folder.exists()
    assert '+chain {"hook": "postrouting"' in preview
    assert "tayga started" in agent("apply", str(config), "--folder", str(folder))
    assert agent("apply", str(config), "--folder", str(folder)) == "nothing to change\n"
    assert agent("check", "--folder", str(folder)) == "the gateway is as configured\n"
    exchange.gateway.run("nft", "delete", "element", "inet", "sixfold", "subscribers", "{ 2001:db8:a::/56 }")
    exchange.gateway.run("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=0")
    exchange.gateway.run("ip", "route", "delete", NAT64, "dev", "nat64")
    deviations = agent("check", "--folder", str(folder), code=1).splitlines()
    assert [line.partition(" ")[0] for line in deviations] == [
        "nftables:",
        "net.netfilter.nf_conntrack_acct",
        NAT64,
    ]
    agent("apply", str(config), "--folder", str(folder))
    agent("check", "--folder", str(folder))
    bad = configuration()
    bad.port_sets[1].ranges[0].first = PORTS_A[1]
    bad.management_prefixes.append("100.127.0.0/24")
    config.write_text(json_format.MessageToJson(bad))
    refused = agent("apply", str(config), "--folder", str(folder), code=2)
    assert "portSets[1].ranges" in refused
    assert "cuts-management" in refused
    config.write_text(json.dumps({"accesInterfaces": []}))
    assert "accesInterfaces" in agent("apply", str(config), "--folder", str(folder), code=2)
    agent("check", "--folder", str(folder))
