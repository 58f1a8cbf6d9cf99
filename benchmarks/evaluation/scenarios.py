"""Labelled attacks that neither the captures nor the simulator have, made after their description.

Each is made at a `strength`: 1 is an ordinary one of its kind, 0.3 a shy one, 3 a strong one. Numbers of flows, hosts
and packets go with it, never a detector's thresholds. Addresses are of the kinds that the simulated region has.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.evaluation.cases import Case, Columns, addresses, flows, joined, networks

Random = np.random.Generator
Made = tuple[Columns, tuple[str, ...], frozenset[str]]
LISTED: Final = "2001:db8:fffe::/48"
_BAD: Final = "10.250.9."
_LINK: Final = "2001:db8:ff77:5::"


def _times(
    random: Random, count: int, begin: int, seconds: float, lasting: int = 20
) -> dict[str, npt.NDArray[Any]]:
    start = np.sort(begin + random.integers(0, int(seconds * 1000), count))
    return {"time_start": start, "time_end": start + random.integers(1, lasting + 1, count)}


def _syn(random: Random, count: int, begin: int, seconds: float, **more: Any) -> Columns:
    values: dict[str, Any] = {"protocol": 6, "tcp_flags": 2, "packets": 1, "bytes": 60}
    values |= {
        "src_port": random.integers(1024, 65_536, count),
        **_times(random, count, begin, seconds),
        **more,
    }
    return flows(count, **values)


def slow_scan(random: Random, begin: int, strength: float) -> Made:
    """One source asks 200 hosts of a few prefixes for SSH in four minutes."""
    count, source = int(200 * strength), _BAD + "1"
    to = addresses("10.200.0.0", random.choice(1 << 16, count, replace=False))
    made = _syn(random, count, begin, 240, src_address=source, dst_address=to, dst_port=22)
    return made, (source,), frozenset({"scans"})


def udp_scan(random: Random, begin: int, strength: float) -> Made:
    """Memcached looked for at 400 hosts in a minute."""
    count, source = int(400 * strength), _BAD + "2"
    to = addresses("10.201.0.0", random.choice(1 << 16, count, replace=False))
    more = {"protocol": 17, "tcp_flags": 0, "dst_port": 11_211, "bytes": 43}
    return (
        _syn(random, count, begin, 60, src_address=source, dst_address=to, **more),
        (source,),
        frozenset({"scans"}),
    )


def block_scan(random: Random, begin: int, strength: float) -> Made:
    """50 hosts asked for 20 ports each in two minutes."""
    count, source = int(1_000 * strength), _BAD + "3"
    to = addresses("10.202.1.0", random.integers(0, 50, count))
    ports = random.choice(
        [21, 22, 23, 25, 80, 110, 111, 135, 139, 143, 443, 445, 993, 1723, 3306, 3389, 5900], count
    )
    made = _syn(random, count, begin, 120, src_address=source, dst_address=to, dst_port=ports)
    return made, (source,), frozenset({"scans"})


def ipv6_low_bytes(random: Random, begin: int, strength: float) -> Made:
    """The first address of 120 networks, two a second."""
    count, source = int(120 * strength), "2001:db8:c0ff:1::bad"
    to = addresses("2001:db8:c100::1", [int(one) << 64 for one in random.integers(0, 1 << 16, count)])
    made = _syn(random, count, begin, 60, src_address=source, dst_address=to, dst_port=443)
    return made, (source,), frozenset({"scan-patterns"})


def ipv6_vendor(random: Random, begin: int, strength: float) -> Made:
    """EUI-64 addresses of one vendor in one network."""
    count, source = int(150 * strength), "2001:db8:c0ff:2::bad"
    base = 0x0211_22FF_FE00_0000
    to = addresses("2001:db8:c200::", [base + int(one) for one in random.integers(0, 1 << 24, count)])
    more = {"protocol": 58, "tcp_flags": 0, "src_port": 0, "dst_port": 0, "icmp_type_code": 128 << 8}
    return (
        _syn(random, count, begin, 90, src_address=source, dst_address=to, **more),
        (source,),
        frozenset({"scan-patterns"}),
    )


def neighbours(random: Random, begin: int, strength: float) -> Made:
    """Random addresses of one /64, 100 a second for 20 seconds."""
    count = int(2_000 * strength)
    to = addresses(_LINK, [int(one) for one in random.integers(1 << 40, 1 << 63, count)])
    more = {"protocol": 58, "tcp_flags": 0, "src_port": 0, "icmp_type_code": 128 << 8}
    made = _syn(random, count, begin, 20, src_address="2001:db8:c0ff:3::1", dst_address=to, **more)
    return made, (_LINK + "/64",), frozenset({"neighbour-cache"})


def headers(random: Random, begin: int, strength: float) -> Made:
    """Hop-by-hop options at 1,000 packets a second for 30 seconds, in flows of ten seconds."""
    victim, count = "2001:db8:ff77:6::1", 3
    start = begin + 10_000 * np.arange(count)
    packets = int(10_000 * strength)
    made = flows(
        count, time_start=start, time_end=start + 9_990, src_address="2001:db8:c0ff:4::1", dst_address=victim,
        protocol=0, packets=packets, bytes=packets * 80,
    )  # fmt: skip
    return made, (victim,), frozenset({"ipv6-headers"})


def fragments(random: Random, begin: int, strength: float) -> Made:
    """4,000 fragments a second of 40 sources for 30 seconds."""
    victim, count = "2001:db8:ff77:7::1", 120
    packets = int(1_000 * strength)
    made = flows(
        count, **_times(random, count, begin, 30, 900), dst_address=victim, protocol=44, packets=packets,
        src_address=addresses("2001:db8:c0ff:5::", random.integers(1, 41, count)), bytes=packets * 900,
    )  # fmt: skip
    return made, (victim,), frozenset({"ipv6-headers"})


def advertisements(random: Random, begin: int, strength: float) -> Made:
    """An advertisement every ten seconds from a global address."""
    count, source = max(int(6 * strength), 1), "2001:db8:c0ff:6::1"
    made = flows(
        count, **_times(random, count, begin, 60), src_address=source, dst_address="ff02::1", protocol=58,
        icmp_type_code=134 << 8, packets=1, bytes=120, input_interface=10,
    )  # fmt: skip
    return made, (source,), frozenset({"router-advertisements"})


def tunnel(random: Random, begin: int, strength: float) -> Made:
    """6to4 addresses with private IPv4 addresses in them."""
    count, source = max(int(20 * strength), 1), "2002:c0a8:105::1"
    made = _syn(random, count, begin, 20, src_address=source, dst_address="2001:db8:ff77:8::1", dst_port=443)
    return made, (source,), frozenset({"tunnels"})


def bogon(random: Random, begin: int, strength: float) -> Made:
    """Packets from class E to a server."""
    count, source = int(50 * strength), "240.11.12.13"
    made = _syn(random, count, begin, 20, src_address=source, dst_address="10.203.0.1", dst_port=80)
    return made, (source,), frozenset({"bogons"})


def guessing(random: Random, begin: int, strength: float) -> Made:
    """100 log-ins over RDP in four minutes."""
    count, source = int(100 * strength), _BAD + "10"
    more = {
        "tcp_flags": 27,
        "packets": random.integers(10, 20, count),
        "bytes": random.integers(1_500, 3_000, count),
    }
    made = _syn(
        random, count, begin, 240, src_address=source, dst_address="10.203.0.2", dst_port=3389, **more
    )
    return made, (source,), frozenset({"brute-force"})


def spraying(random: Random, begin: int, strength: float) -> Made:
    """Each of 60 hosts tried four times over SSH."""
    count, source = int(240 * strength), _BAD + "11"
    to = addresses("10.204.0.0", random.integers(0, 60, count))
    more = {
        "tcp_flags": 27,
        "packets": random.integers(10, 20, count),
        "bytes": random.integers(1_500, 3_000, count),
    }
    made = _syn(random, count, begin, 200, src_address=source, dst_address=to, dst_port=22, **more)
    return made, (source,), frozenset({"brute-force"})


def slowloris(random: Random, begin: int, strength: float) -> Made:
    """400 connections held open by a line now and then."""
    count, client, server = int(400 * strength), _BAD + "12", "10.203.0.3"
    start = begin + random.integers(0, 20_000, count)
    made = flows(
        count, time_start=start, time_end=start + 59_900, src_address=client, dst_address=server, dst_port=80,
        src_port=2_000 + np.arange(count), protocol=6, tcp_flags=26, packets=6, bytes=420,
    )  # fmt: skip
    return made, (client, server), frozenset({"slow-connections"})


def upload(random: Random, begin: int, strength: float) -> Made:
    """A gigabyte to a peer that nobody else uses, in ten flows."""
    count, source, size = 10, _BAD + "13", int(100_000_000 * strength)
    out = flows(
        count, **_times(random, count, begin, 600, 50_000), src_address=source, dst_address="10.205.1.1", dst_port=443,
        src_port=50_000 + np.arange(count), protocol=6, tcp_flags=27, packets=size // 1_400, bytes=size,
    )  # fmt: skip
    back = {name: values.copy() for name, values in out.items()}
    back |= {"src_address": out["dst_address"], "dst_address": out["src_address"]}
    back |= {"src_port": out["dst_port"], "dst_port": out["src_port"], "bytes": out["bytes"] // 60}
    return joined([out, back]), (source,), frozenset({"exfiltration"})


def dns_tunnel(random: Random, begin: int, strength: float) -> Made:
    """Five questions a second with names of 150 letters."""
    count, source = int(600 * strength), _BAD + "14"
    more = {"protocol": 17, "tcp_flags": 0, "dst_port": 53, "bytes": random.integers(170, 240, count)}
    made = _syn(random, count, begin, 120, src_address=source, dst_address="10.205.1.2", **more)
    return made, (source,), frozenset({"exfiltration"})


def beacon(random: Random, begin: int, strength: float) -> Made:
    """A call a minute, give or take a tenth, for forty minutes."""
    count, source = int(40 * strength), _BAD + "15"
    start = begin + np.cumsum(random.uniform(54_000, 66_000, count)).astype(np.int64)
    made = flows(
        count, time_start=start, time_end=start + 400, src_address=source, dst_address="10.205.1.3", dst_port=443,
        src_port=random.integers(1024, 65_536, count), protocol=6, tcp_flags=27, packets=9,
        bytes=random.integers(900, 1_100, count),
    )  # fmt: skip
    return made, (source,), frozenset({"beaconing"})


def ports(random: Random, begin: int, strength: float) -> Made:
    """A subscriber that opens 3,000 translated ports in a minute."""
    count, source = int(3_000 * strength), "100.64.250.9"
    to = addresses("10.206.0.0", random.integers(0, 1 << 16, count))
    more = {"dst_port": random.integers(1, 65_535, count), "post_nat_src_address": "198.19.250.9"}
    more |= {"post_nat_src_port": 1_024 + np.arange(count) % 60_000, "protocol": 17, "tcp_flags": 0}
    made = _syn(random, count, begin, 60, src_address=source, dst_address=to, **more)
    return made, (source,), frozenset({"translation-exhaustion"})


def service(random: Random, begin: int, strength: float) -> Made:
    """A server of thirty hours answers at a port where it never did."""
    server = "10.203.0.4"
    old = begin - 3_600_000 * np.arange(30, 0, -1)
    known = flows(30, time_start=old, time_end=old + 900, **_answers(server, 443))
    count = int(20 * strength)
    new = flows(count, **_times(random, count, begin, 120, 900), **_answers(server, 4_444))
    return joined([known, new]), (server,), frozenset({"shifts"})


def _answers(server: str, port: int) -> dict[str, Any]:
    return {
        "src_address": server, "dst_address": "10.207.0.9", "src_port": port, "dst_port": 50_000, "protocol": 6,
        "tcp_flags": 27, "packets": 12, "bytes": 9_000,
    }  # fmt: skip


def leak(random: Random, begin: int, strength: float) -> Made:
    """Six networks come in at another interface for half an hour, after three hours at their own."""
    exporter = "192.0.2.77"
    slots = np.repeat(np.arange(-36, 7), 8)
    number = np.tile(64_500 + np.arange(8), 43)
    moved = (slots >= 0) & (number < 64_500 + max(round(6 * strength), 1))
    at = begin - begin % 300_000 + slots * 300_000 + 150_000
    made = flows(
        len(slots), time_start=at, time_end=at + 9_000, src_as=number, exporter=exporter, packets=40_000,
        input_interface=np.where(moved, 9, 1 + number % 2), bytes=40_000_000, protocol=6, tcp_flags=24,
        src_address=addresses("10.208.0.1", (number - 64_500) * 256), dst_address="10.203.0.9",
        src_port=443, dst_port=40_000,
    )  # fmt: skip
    return made, (exporter,), frozenset({"shifts"})


def contact(random: Random, begin: int, strength: float) -> Made:
    """A home that talks with a listed address."""
    count, source = max(int(10 * strength), 1), "2001:db8:c0ff:9::1"
    more = {"tcp_flags": 27, "packets": 12, "bytes": 3_000}
    made = _syn(
        random, count, begin, 60, src_address=source, dst_address="2001:db8:fffe::1", dst_port=443, **more
    )
    return made, (source,), frozenset({"threat-intel"})


def carpet(random: Random, begin: int, strength: float) -> Made:
    """256 hosts of a /24 get 8 Mbit/s of UDP each for a minute."""
    hosts, each = 256, 60
    count = hosts * each
    packets = int(800 * strength)
    made = flows(
        count, **_times(random, count, begin, 60, 900), dst_address=addresses("10.209.7.0", np.arange(count) % hosts),
        src_address=addresses("10.0.0.0", random.integers(0, 1 << 23, count)), protocol=17,
        src_port=random.integers(1024, 65_536, count), dst_port=random.integers(1024, 65_536, count),
        packets=packets, bytes=packets * 1_300,
    )  # fmt: skip
    return made, ("10.209.7.0/24",), frozenset({"carpet"})


def volume(random: Random, begin: int, strength: float) -> Made:
    """2 Gbit/s over TCP to one host for a minute, in flows of ten seconds."""
    count, victim, packets = 240, "10.203.0.5", int(44_000 * strength)
    start = begin + 10_000 * (np.arange(count) % 6)
    made = flows(
        count, time_start=start, time_end=start + 9_990,
        src_address=addresses("10.0.0.0", random.integers(0, 1 << 23, count)),
        dst_address=victim, src_port=443, dst_port=random.integers(1024, 65_536, count), protocol=6, tcp_flags=24,
        packets=packets, bytes=packets * 1_400,
    )  # fmt: skip
    return made, (victim,), frozenset({"volumetric"})


Scenario = Callable[[Random, int, float], Made]
ALL: Final[tuple[Scenario, ...]] = (
    slow_scan, udp_scan, block_scan, ipv6_low_bytes, ipv6_vendor, neighbours, headers, fragments, advertisements,
    tunnel, bogon, guessing, spraying, slowloris, upload, dns_tunnel, beacon, ports, service, leak, contact, carpet,
    volume,
)  # fmt: skip
STRENGTHS: Final = (0.3, 1.0, 3.0)


def made(begins: int, apart_ms: int, random: Random) -> list[Case]:
    """Every scenario at every strength, one after the other from `begins` on."""
    cases: list[Case] = []
    for strength in STRENGTHS:
        for scenario in ALL:
            begin = begins + len(cases) * apart_ms
            columns, hosts, expected = scenario(random, begin, strength)
            cases.append(
                Case(
                    name=f"{scenario.__name__.replace('_', ' ')}, strength {strength:g}",
                    columns=columns,
                    hosts=networks(hosts),
                    expected=expected,
                    begins=begin,
                    ends=int(columns["time_end"].max()),
                    source=(scenario.__doc__ or "").strip(),
                )
            )
    return cases
