"""Scans by pattern, exhausted neighbour caches, extension headers."""

import ipaddress
from typing import Any

import numpy as np
import pytest

from sixfold.security.domain.detectors import ipv6_headers, neighbour_cache, scan_patterns

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


def test_a_long_flow_of_few_headers_a_second_is_none() -> None:
    assert not seen(ipv6_headers.DETECTOR, [ask(1, protocol=43, packets=6_000, time_start=NOW - 3_600_000)])


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
