"""Scans by source, and what looks like them and is none."""

from typing import Any

from sixfold.security.domain.detectors.scans import BLOCK, DETECTOR, HORIZONTAL, VERTICAL

from .flow_columns import NOW, after_restart, engine_of, fed, seen

SCANNER = "198.51.100.66"


def syn(host: int, port: int = 22, **more: Any) -> dict[str, Any]:
    return {
        "src_address": SCANNER, "dst_address": f"203.0.{host // 256}.{host % 256}", "dst_port": port,
        "tcp_flags": 2, "packets": 1, "bytes": 60, **more,
    }  # fmt: skip


def vectors(rows: list[dict[str, Any]]) -> list[str]:
    return [one.vector for one in seen(DETECTOR, rows)]


def test_many_hosts_one_port() -> None:
    (signal,) = seen(DETECTOR, [syn(host) for host in range(100)])
    assert signal.vector == HORIZONTAL
    assert signal.side == "source"
    assert signal.match == (("protocol", (6,)), ("dst_port", (22,)))
    assert "TCP port 22" in signal.reasons[0].text
    assert 80 <= signal.reasons[0].measured <= 100


def test_one_host_many_ports_names_the_host() -> None:
    (signal,) = seen(DETECTOR, [syn(5, port) for port in range(1, 200)])
    assert signal.vector == VERTICAL
    assert signal.peer is not None
    assert "203.0.0.5" in signal.reasons[0].text


def test_many_hosts_many_ports_is_one_block() -> None:
    assert vectors([syn(host, port) for host in range(20) for port in range(1, 41)]) == [BLOCK]


def test_echo_requests_to_many() -> None:
    rows = [syn(host, 0, protocol=58, tcp_flags=0, icmp_type_code=128 << 8) for host in range(300)]
    (signal,) = seen(DETECTOR, rows)
    assert signal.match == (("protocol", (58,)),)


def test_a_slow_scan_is_added_up_over_minutes() -> None:
    engine = engine_of(DETECTOR)
    signals = []
    for step in range(100):
        signals = fed(engine, [syn(step, time_end=NOW + 2_000 * step)])
    assert [one.vector for one in signals] == [HORIZONTAL]


def test_conversations_are_no_scan() -> None:
    assert not seen(DETECTOR, [syn(host, 443, tcp_flags=27, packets=12) for host in range(500)])


def test_a_server_that_answers_many_is_no_scan() -> None:
    rows = [syn(host, 50_000 + host, src_port=53, protocol=17, tcp_flags=0) for host in range(500)]
    assert not seen(DETECTOR, rows)
    assert not seen(DETECTOR, [syn(1, 1_024 + n, src_port=443, tcp_flags=18) for n in range(500)])


def test_a_resolver_that_is_answered_is_no_scan() -> None:
    asks = [syn(host, 53, protocol=17, tcp_flags=0) for host in range(400)]
    back = [
        {**ask, "src_address": ask["dst_address"], "dst_address": SCANNER, "src_port": 53, "dst_port": 40_000}
        for ask in asks
    ]
    assert not seen(DETECTOR, asks + back)
    assert vectors(asks) == [HORIZONTAL]


def test_a_spoofed_flood_is_no_scan() -> None:
    rows = [syn(1, 80, src_address=f"198.18.{n // 256}.{n % 256}", src_port=1_024 + n) for n in range(5_000)]
    assert not seen(DETECTOR, rows)


def test_state_outlives_a_restart() -> None:
    engine = engine_of(DETECTOR)
    assert not fed(engine, [syn(host) for host in range(24)])
    again = after_restart(DETECTOR, engine)
    assert [one.vector for one in fed(again, [syn(host) for host in range(24, 70)])] == [HORIZONTAL]
