"""Guessing, slow connections, exfiltration and covert channels, exhausted translations."""

from typing import Any

import numpy as np
import pytest

from sixfold.security.domain.detectors import brute_force, exfiltration, exhaustion, slow

from .flow_columns import NOW, after_restart, columns, engine_of, fed, packed, seen

CLIENT, SERVER = "198.51.100.7", "203.0.113.5"


def attempt(n: int, **more: Any) -> dict[str, Any]:
    return {
        "src_port": 20_000 + n,
        "dst_port": 22,
        "tcp_flags": 27,
        "packets": 14,
        "time_end": NOW + n,
        **more,
    }


def test_guessing_at_one_host() -> None:
    (signal,) = seen(brute_force.DETECTOR, [attempt(n) for n in range(80)])
    assert signal.vector == brute_force.VECTOR
    assert signal.peer is not None
    assert SERVER in signal.reasons[0].text


def test_spraying_is_one_signal() -> None:
    rows = [attempt(n, dst_address=f"203.0.113.{n % 40}") for n in range(200)]
    assert [(one.vector, one.side) for one in seen(brute_force.DETECTOR, rows)] == [
        (brute_force.SPRAYED, "source")
    ]


def test_a_guessing_botnet_is_told_by_its_victim() -> None:
    rows = [attempt(n, src_address=f"198.18.0.{n % 200}") for n in range(400)]
    (signal,) = seen(brute_force.DETECTOR, rows)
    assert signal.side == "destination"


def test_work_over_ssh_is_no_guessing() -> None:
    assert not seen(brute_force.DETECTOR, [attempt(n, packets=4_000) for n in range(100)])
    assert not seen(brute_force.DETECTOR, [attempt(n) for n in range(20)])
    assert not seen(brute_force.DETECTOR, [attempt(n, dst_port=443) for n in range(300)])
    assert not seen(brute_force.DETECTOR, [attempt(n, tcp_flags=2, packets=1) for n in range(300)])


def test_connections_in_vain() -> None:
    rows = [attempt(n, dst_port=902, tcp_flags=2, packets=1) for n in range(900)]
    (signal,) = seen(brute_force.DETECTOR, rows)
    assert signal.vector == brute_force.HAMMERED
    assert signal.peer is not None


def idle(n: int, **more: Any) -> dict[str, Any]:
    return {
        "src_port": 2_000 + n,
        "packets": 3,
        "bytes": 240,
        "tcp_flags": 24,
        "time_start": NOW - 60_000,
        **more,
    }


def test_slowloris() -> None:
    (signal,) = seen(slow.DETECTOR, [idle(n, dst_port=80) for n in range(300)])
    assert signal.side == "source"
    rows = [idle(n, src_address=f"198.18.0.{n % 40}") for n in range(1_200)]
    assert [one.side for one in seen(slow.DETECTOR, rows)] == ["destination"]


def test_many_clients_that_wait_are_no_slow_attack() -> None:
    rows = [idle(n, src_address=f"198.18.{n // 250}.{n % 250}") for n in range(2_000)]
    assert not seen(slow.DETECTOR, rows)
    assert not seen(slow.DETECTOR, [idle(n, bytes=200_000) for n in range(500)])


def upload(**more: Any) -> dict[str, Any]:
    return {"src_port": 50_000, "packets": 600_000, "bytes": 800_000_000, "time_start": NOW - 600_000, **more}


def back(octets: int) -> dict[str, Any]:
    return {
        "src_address": SERVER,
        "dst_address": CLIENT,
        "src_port": 443,
        "dst_port": 50_000,
        "bytes": octets,
    }


def test_upload_to_a_rare_peer() -> None:
    (signal,) = seen(exfiltration.DETECTOR, [upload(), back(2_000_000)])
    assert signal.vector == exfiltration.UPLOAD
    assert signal.peer is not None


def test_lawful_transfers() -> None:
    assert not seen(exfiltration.DETECTOR, [upload(), back(500_000_000)])
    assert not seen(exfiltration.DETECTOR, [upload(src_port=443, dst_port=50_000)])
    assert not seen(exfiltration.DETECTOR, [upload(src_address=f"198.51.100.{n}") for n in range(20)])


def test_tunnels_in_names_and_echoes() -> None:
    name = {"protocol": 17, "dst_port": 53, "tcp_flags": 0}
    long = [{**name, "src_port": 3_000 + n, "packets": 1, "bytes": 190} for n in range(400)]
    assert [one.vector for one in seen(exfiltration.DETECTOR, long)] == [exfiltration.DNS]
    plain = [{**name, "src_port": 3_000 + n, "packets": 1, "bytes": 71} for n in range(4_000)]
    assert not seen(exfiltration.DETECTOR, plain)
    echo = {"protocol": 1, "src_port": 0, "dst_port": 0, "icmp_type_code": 8 << 8, "tcp_flags": 0}
    assert [
        one.vector for one in seen(exfiltration.DETECTOR, [{**echo, "packets": 200, "bytes": 160_000}])
    ] == [exfiltration.ECHO]
    assert not seen(exfiltration.DETECTOR, [{**echo, "packets": 2_000, "bytes": 168_000}])


def test_ports_of_a_shared_translation() -> None:
    rows = [
        {"src_address": "100.64.0.9", "post_nat_src_address": "8.8.4.4", "post_nat_src_port": 1_024 + n}
        for n in range(3_000)
    ]
    assert [one.vector for one in seen(exhaustion.DETECTOR, rows)] == [exhaustion.PORTS]
    assert not seen(exhaustion.DETECTOR, rows[:500])


def test_states_of_nat64_by_the_subscriber_s_network() -> None:
    rows = [
        {"src_address": f"2001:db8:7::{n:x}", "dst_address": f"64:ff9b::{n // 250 + 1:x}:{n % 250 + 1:x}"}
        for n in range(8_000)
    ]
    (signal,) = seen(exhaustion.DETECTOR, rows)
    assert signal.vector == exhaustion.STATES
    assert signal.network[2] == 64


def sessions(count: int, event: int) -> dict[str, Any]:
    address = np.frombuffer(packed("100.64.0.9") * count, np.uint8).reshape(-1, 16)
    return {
        "time": np.full(count, NOW, np.int64), "event": np.full(count, event, np.uint8),
        "protocol": np.full(count, 17, np.uint8), "src_address": address, "post_nat_src_address": address,
        "src_port": np.arange(count, dtype=np.uint16), "post_nat_src_port": np.arange(count, dtype=np.uint16),
    }  # fmt: skip


@pytest.mark.parametrize(("event", "vector"), [(4, exhaustion.PORTS), (13, exhaustion.REFUSED)])
def test_sessions_that_gateways_report(event: int, vector: str) -> None:
    engine = engine_of(exhaustion.DETECTOR)
    running = engine.entries[0].running
    assert isinstance(running, exhaustion.Exhaustion)
    running.add_sessions(sessions(2_500, 5), NOW)
    running.add_sessions(sessions(2_500, event), NOW - 7_200_000)
    assert engine.look([], NOW)["translation-exhaustion"] == []
    running.add_sessions(sessions(2_500, event), NOW)
    assert [one.vector for one in engine.look([], NOW)["translation-exhaustion"]] == [vector]


@pytest.mark.parametrize("module", [brute_force, slow, exfiltration, exhaustion])
def test_state_outlives_a_restart(module: Any) -> None:
    rows = [attempt(n) for n in range(80)] + [idle(n) for n in range(300)] + [upload()]
    rows += [{"post_nat_src_port": n + 1, "post_nat_src_address": "8.8.4.4"} for n in range(3_000)]
    engine = engine_of(module.DETECTOR)
    before = len(fed(engine, rows))
    assert before > 0
    again = after_restart(module.DETECTOR, engine)
    again.add(columns([{"time_end": NOW + 100}]), NOW)
    assert len(again.look([NOW // 5_000], NOW)[module.DETECTOR.name]) == before
