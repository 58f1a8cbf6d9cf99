"""NAT sessions of every kind that the gateway has, and of those whose events the kernel had to drop."""

import re
import signal
import socket
import struct

import pytest

from sixfold.agent.datagrams import address_text
from sixfold.chassis.testing import NatsServer, assert_eventually

from .conftest import Centre, agent_rights
from .exchange import NAT64, PORTS_A, PUBLIC, SERVER4, A, B, Exchange, configuration, valid_sources
from .sessions import CREATE, DELETE, columns, embedded, sessions

pytestmark = [pytest.mark.scenario, pytest.mark.nats]
NAT44_CREATE = 4
SCATTERED = ((9216, 9223), (10240, 10247))


def udp(source: str, target: str, ports: int) -> list[int]:
    """One datagram from each of so many new ports; the ports."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    used = []
    for _ in range(ports):
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.bind((source, 0))
            one.sendto(b"x", (target, 9))
            used.append(one.getsockname()[1])
    return used


def echo(target: str, identifier: int) -> bytes:
    """An ICMPv6 echo, and the answer."""
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as one:
        one.settimeout(5)
        one.sendto(struct.pack(">BBHHH", 128, 0, 0, identifier, 1) + b"payload", (target, 0))
        while True:
            answer = one.recv(256)
            if answer[0] == 129:
                return answer


async def test_icmp_scattered_ports_and_nat44(centre: Centre, exchange: Exchange) -> None:
    wanted = configuration()
    del wanted.port_sets[1].ranges[:]
    for first, last in SCATTERED:
        wanted.port_sets[1].ranges.add(first=first, last=last)
    wanted.port_sets.add(slot=9, subscriber_prefix="10.1.0.0/24", public_address="203.0.113.2").ranges.add(
        first=2000, last=2999
    )
    assert not (await centre.configure(1, wanted)).cause
    sources = valid_sources()
    sources.append(type(sources[0])(prefix="10.1.0.0/24", interface="a0"))
    assert not (await centre.tell_sources(1, sources)).cause
    exchange.gateway.address("a0", "10.1.0.1/24")
    exchange.a.address("eth0", "10.1.0.10/24")
    exchange.a.run("ip", "route", "add", "default", "via", "10.1.0.1")
    answer = exchange.a.inside(lambda: echo(embedded(NAT64, SERVER4), 777))
    assert struct.unpack(">H", answer[4:6]) == (777,)
    exchange.b.inside(lambda: udp(B, embedded(NAT64, SERVER4), 12))
    (plain,) = exchange.a.inside(lambda: udp("10.1.0.10", SERVER4, 1))

    async def all_told() -> list | None:
        found = await sessions(centre.messaging)
        return found if {one.protocol for one in found} == {1, 17} and len(found) >= 14 else None

    found = await assert_eventually(all_told)
    (ping,) = [one for one in found if one.protocol == 1]
    assert (ping.event, ping.src, ping.src_port, ping.dst) == (CREATE, A, 777, embedded(NAT64, SERVER4))
    assert (ping.post_src, ping.post_dst, ping.dst_port) == (PUBLIC, SERVER4, 0)
    assert PORTS_A[0] <= ping.post_src_port <= PORTS_A[1]
    ports = [one.post_src_port for one in found if one.src == B]
    assert len(set(ports)) == 12
    assert all(any(first <= port <= last for first, last in SCATTERED) for port in ports)
    (nat44,) = [one for one in found if one.src == "10.1.0.10"]
    assert (nat44.event, nat44.src_port, nat44.post_src, nat44.dst) == (
        NAT44_CREATE,
        plain,
        "203.0.113.2",
        SERVER4,
    )
    assert 2000 <= nat44.post_src_port <= 2999


async def test_a_changed_port_set_ends_its_sessions(centre: Centre, exchange: Exchange) -> None:
    assert not (await centre.configure(1, configuration())).cause
    assert not (await centre.tell_sources(1, valid_sources())).cause

    def speak(source: str) -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
            one.bind((source, 40_000))
            one.sendto(b"x", (embedded(NAT64, SERVER4), 9))

    def all_speak() -> None:
        exchange.a.inside(lambda: speak(A))
        exchange.b.inside(lambda: speak(B))

    async def told(count: int) -> list:
        found = [one for one in await sessions(centre.messaging) if one.src_port == 40_000]
        return found if len(found) >= count else []

    all_speak()
    first = await assert_eventually(lambda: told(2))
    wanted = configuration()
    wanted.port_sets[0].ranges[0].first, wanted.port_sets[0].ranges[0].last = 30_000, 30_099
    assert not (await centre.configure(2, wanted)).cause
    all_speak()
    found = (await assert_eventually(lambda: told(4)))[len(first) :]
    assert [(one.src, one.event) for one in found] == [(A, DELETE), (A, CREATE)]
    assert 30_000 <= found[1].post_src_port <= 30_099


async def test_sessions_whose_events_were_dropped_are_told(
    exchange: Exchange, centre: Centre, nats: NatsServer
) -> None:
    assert not (await centre.configure(1, configuration())).cause
    assert not (await centre.tell_sources(1, valid_sources())).cause
    exchange.stop_agent()
    exchange.start_agent(nats.port, agent_rights(centre) | {"translation.receive_buffer_bytes": "65536"})
    early = exchange.a.inside(lambda: udp(A, embedded(NAT64, SERVER4), 1))

    async def told() -> set[int]:
        batches = await columns(centre.messaging, "NAT")
        return {
            int(port)
            for batch in batches
            for port, source, event in zip(
                batch["src_port"], batch["src_address"], batch["event"], strict=True
            )
            if event == CREATE and address_text(source.tobytes()) == A
        }

    async def heard() -> bool:
        return set(early) <= await told()

    await assert_eventually(heard)
    exchange.signal_agent(signal.SIGSTOP)
    try:
        exchange.a.inside(lambda: udp(A, embedded(NAT64, SERVER4), 2_000))
        # Some datagrams of the burst may be lost on their way; what the kernel knows is what is to be told.
        table = exchange.gateway.run("conntrack", "-L", "-p", "udp", "-s", "100.127.0.1")
        used = {int(port) for port in re.findall(r"src=100\.127\.0\.1 \S+ sport=(\d+)", table)}
        assert len(used) > 500
    finally:
        exchange.signal_agent(signal.SIGCONT)

    async def all_told() -> bool:
        return used <= await told()

    await assert_eventually(all_told)
    counted = exchange.counters()
    assert counted["conntrack_overruns"] >= 1
    assert counted["conntrack_repaired"] > 100
    assert "conntrack_unjoined" not in counted
