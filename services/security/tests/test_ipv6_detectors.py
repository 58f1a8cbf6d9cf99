"""Scans by pattern, exhausted neighbour caches, extension headers."""

import ipaddress
from typing import Any

import numpy as np
import pytest

from sixfold.security.domain.detectors import (
    bogons,
    ipv6_headers,
    neighbour_cache,
    router_advertisements,
    scan_patterns,
    tunnels,
)

from .flow_columns import NOW, after_restart, engine_of, fed, seen

SCANNER = "2001:db8:bad::1"
NET = int(ipaddress.ip_address("2001:db8:5::"))


def ask(number: int, **more: Any) -> dict[str, Any]:
    return {
        "src_address": SCANNER, "dst_address": str(ipaddress.IPv6Address(NET + number)), "dst_port": 22,
        "tcp_flags": 2, "packets": 1, "bytes": 80, **more,
    }  # fmt: skip


def answer(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "src_address": row["dst_address"], "dst_address": row["src_address"], "tcp_flags": 18}


@pytest.mark.parametrize(
    ("targets", "word"),
    [
        ([n + 1 for n in range(60)], "low-byte"),
        ([(n << 64) + 1 for n in range(60)], "low-byte"),
        ([0xC0000200 + 7 * n for n in range(60)], "IPv4"),
        ([0x0192_0168_0001_0000 + int(str(n), 16) for n in range(60)], "IPv4"),
        ([(n << 64) + 0x0443 for n in range(60)], "service port"),
        ([0x02AA_BBFF_FE00_0000 + 977 * n for n in range(60)], "00:aa:bb"),
        ([0x1234_5678_9ABC_DE00 + n for n in range(60)], "neighbouring"),
    ],
)
def test_patterns_of_rfc_7707(targets: list[int], word: str) -> None:
    signals = seen(scan_patterns.DETECTOR, [ask(target) for target in targets])
    assert any(word in one.reasons[0].text for one in signals)


def test_random_targets_have_no_pattern() -> None:
    random = np.random.default_rng(1)
    targets = [int(value) | 1 << 63 for value in random.integers(1 << 40, 1 << 62, 200)]
    assert not seen(scan_patterns.DETECTOR, [ask(target) for target in targets])


def test_a_resolver_of_low_byte_servers_is_answered() -> None:
    rows = [ask((n << 64) + 1, dst_port=53, protocol=17, tcp_flags=0) for n in range(100)]
    assert not seen(scan_patterns.DETECTOR, rows + [answer(row) for row in rows])


def test_neighbour_cache() -> None:
    random = np.random.default_rng(2)
    rows = [ask(int(value)) for value in random.integers(0, 1 << 63, 1_500)]
    (signal,) = seen(neighbour_cache.DETECTOR, rows)
    assert signal.network == (NET >> 64, 0, 64)
    assert signal.side == "destination"


def test_a_busy_link_whose_hosts_answer_is_none() -> None:
    rows = [ask(n + 10) for n in range(400)]
    engine = engine_of(neighbour_cache.DETECTOR)
    assert not fed(engine, rows)
    rows += [ask(n + 500) for n in range(400)]
    assert not fed(engine, rows + [answer(row) for row in rows])


def test_nat64_and_many_links_are_no_link() -> None:
    nat64 = [ask(0, dst_address=f"64:ff9b::{n:x}:{n + 1:x}") for n in range(1, 1_500)]
    links = [ask((n << 64) + 5) for n in range(1_500)]
    assert not seen(neighbour_cache.DETECTOR, nat64 + links)


def test_a_flood_of_extension_headers_in_few_flows() -> None:
    rows = [
        ask(1, protocol=60, tcp_flags=0, dst_port=0, packets=2_745, time_start=NOW - 9_000) for _ in range(13)
    ]
    (signal,) = seen(ipv6_headers.DETECTOR, rows)
    assert signal.vector == "ipv6-destination-options"
    assert signal.match == (("protocol", (60,)),)


def test_a_stream_that_the_exporter_shows_as_icmpv6() -> None:
    stream = ask(1, protocol=58, packets=35_690, time_start=NOW - 5_300)
    assert [one.vector for one in seen(ipv6_headers.DETECTOR, [stream])] == ["icmpv6-stream"]
    assert not seen(ipv6_headers.DETECTOR, [ask(n, protocol=58, packets=40) for n in range(2_000)])


def test_a_long_flow_of_few_headers_a_second_is_none() -> None:
    assert not seen(ipv6_headers.DETECTOR, [ask(1, protocol=43, packets=6_000, time_start=NOW - 3_600_000)])


def test_chains_of_authentication_headers() -> None:
    assert seen(ipv6_headers.DETECTOR, [ask(1, protocol=51, packets=35_690, time_start=NOW - 5_000)])


def test_fragments_have_a_threshold_of_their_own() -> None:
    assert not seen(ipv6_headers.DETECTOR, [ask(1, protocol=44, packets=5_000)])
    (signal,) = seen(ipv6_headers.DETECTOR, [ask(1, protocol=44, packets=50_000)])
    assert signal.vector == "ipv6-fragments"


def test_a_source_that_tries_headers_on_many() -> None:
    (signal,) = seen(ipv6_headers.DETECTOR, [ask(n, protocol=0, packets=1) for n in range(100)])
    assert signal.side == "source"


@pytest.mark.parametrize("module", [scan_patterns, neighbour_cache, ipv6_headers])
def test_state_outlives_a_restart(module: Any) -> None:
    rows = [ask(n + 1, protocol=60, packets=3_000) for n in range(600)]
    rows += [ask(n + 1) for n in range(900)]
    engine = engine_of(module.DETECTOR)
    before = len(fed(engine, rows))
    assert before > 0
    again = after_restart(module.DETECTOR, engine)
    assert len(fed(again, [ask(1, time_end=NOW + 100)])) == before


def test_forged_tunnels() -> None:
    private = [ask(1, src_address="2002:0a00:0001::1", packets=5)]
    assert [one.vector for one in seen(tunnels.DETECTOR, private)] == [tunnels.FORGED]
    assert not seen(tunnels.DETECTOR, [ask(1, src_address="2002:0808:0808::1", packets=5)])
    client = [ask(1, src_address="2001:0:4137:9e76::f5ff:fffe", packets=5)]  # ~10.0.0.1
    assert [one.vector for one in seen(tunnels.DETECTOR, client)] == [tunnels.FORGED]


def test_tunnels_that_carry_much() -> None:
    row = {"src_address": "198.51.100.9", "dst_address": "203.0.113.9", "protocol": 41, "dst_port": 0}
    assert [one.match for one in seen(tunnels.DETECTOR, [{**row, "packets": 5_000}])] == [
        (("protocol", (41,)),)
    ]
    assert not seen(tunnels.DETECTOR, [{**row, "packets": 500}])
    relay = {**row, "dst_address": "192.88.99.1", "packets": 200}
    assert [one.vector for one in seen(tunnels.DETECTOR, [relay])] == [tunnels.CARRIED]


@pytest.mark.parametrize(
    ("source", "destination", "vectors"),
    [
        ("8.8.8.8", "1.1.1.1", []),
        ("10.0.0.1", "100.64.0.9", []),
        ("2001:db8::1", "64:ff9b::808:808", []),
        ("2001:db8::1", "64:ff9b::f000:1", ["bogon-destination"]),
        ("127.0.0.1", "8.8.8.8", ["bogon-source"]),
        ("240.1.2.3", "8.8.8.8", ["bogon-source"]),
        ("224.0.0.5", "8.8.8.8", ["bogon-source"]),
        ("8.8.8.8", "224.0.0.5", []),
        ("2600::1", "ff02::1", []),
        ("1234::1", "2600::1", ["bogon-source"]),
        ("100::5", "2600::1", ["bogon-source"]),
        ("2600::1", "::1", ["bogon-destination"]),
    ],
)
def test_bogons(source: str, destination: str, vectors: list[str]) -> None:
    found = seen(bogons.DETECTOR, [{"src_address": source, "dst_address": destination, "packets": 20}])
    assert [one.vector for one in found] == vectors


def test_asking_for_an_address_is_no_bogon() -> None:
    discover = {"src_address": "0.0.0.0", "dst_address": "255.255.255.255", "protocol": 17, "dst_port": 67}
    duplicate = {"src_address": "::", "dst_address": "ff02::1:ff00:1", "protocol": 58, "dst_port": 0}
    assert not seen(bogons.DETECTOR, [{**discover, "packets": 50}, {**duplicate, "packets": 50}])
    assert seen(bogons.DETECTOR, [{"src_address": "10.0.0.1", "packets": 50}], allowed=("100.64.0.0/10",))


def advertisement(source: str, destination: str = "ff02::1", **more: Any) -> dict[str, Any]:
    return {
        "src_address": source, "dst_address": destination, "protocol": 58, "dst_port": 0, "tcp_flags": 0,
        "icmp_type_code": 134 << 8, "packets": 1, "input_interface": 7, **more,
    }  # fmt: skip


def test_rogue_advertisements() -> None:
    module = router_advertisements.DETECTOR
    assert not seen(module, [advertisement("fe80::1"), advertisement("fe80::2")])
    assert seen(module, [advertisement("2001:db8::1")])
    assert seen(module, [advertisement("fe80::1", "2001:db8::9")])
    assert seen(module, [advertisement(f"fe80::{n:x}") for n in range(1, 30)])
    (signal,) = seen(module, [advertisement("fe80::1"), advertisement("fe80::2")], routers=("fe80::1",))
    assert "fe80::2" in signal.reasons[0].text
    assert not seen(module, [advertisement("2001:db8::1", icmp_type_code=135 << 8)])
