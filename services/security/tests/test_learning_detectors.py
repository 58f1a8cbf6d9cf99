"""Detectors that learn over time: beacons, new services, ways that change."""

from typing import Any

import numpy as np
import pytest

from sixfold.security.domain.detectors import beaconing, shifts

from .flow_columns import NOW, after_restart, columns, engine_of, fed

HOUR = 3_600_000


def calls(count: int, gap: float, jitter: float = 0.0, **more: Any) -> list[dict[str, Any]]:
    random = np.random.default_rng(3)
    at = NOW + np.cumsum(gap * 1000 * (1 + random.uniform(-jitter, jitter, count))).astype(int)
    return [{"time_start": int(one), "time_end": int(one) + 300, "dst_port": 8_080, **more} for one in at]


def told(engine: Any, rows: list[dict[str, Any]]) -> list[Any]:
    found = []
    for row in rows:
        found += fed(engine, [row])
    return found


@pytest.mark.parametrize("jitter", [0.0, 0.15])
def test_a_beacon_is_told(jitter: float) -> None:
    found = told(engine_of(beaconing.DETECTOR), calls(40, 60.0, jitter))
    assert found
    assert found[0].peer is not None
    assert "203.0.113.5" in found[0].reasons[0].text


def test_a_beacon_in_one_part() -> None:
    engine = engine_of(beaconing.DETECTOR)
    found = fed(engine, calls(14, 60.0)) + fed(engine, [{**row} for row in calls(30, 60.0)[14:]])
    assert len(found) == 1


def test_people_are_no_beacons() -> None:
    random = np.random.default_rng(4)
    at = NOW + np.cumsum(random.exponential(60_000, 200)).astype(int)
    rows = [{"time_start": int(one), "time_end": int(one) + 300} for one in at]
    assert not told(engine_of(beaconing.DETECTOR), rows)
    assert not told(engine_of(beaconing.DETECTOR), calls(40, 60.0, dst_port=123))
    assert not told(engine_of(beaconing.DETECTOR), calls(40, 2.0))


def test_a_service_that_many_call_is_no_beacon_s_peer() -> None:
    engine = engine_of(beaconing.DETECTOR)
    many = [calls(30, 60.0, src_address=f"198.51.100.{n}") for n in range(10)]
    assert not [one for rows in zip(*many, strict=True) for one in fed(engine, list(rows))]


def test_more_pairs_than_there_is_room_for() -> None:
    engine = engine_of(beaconing.DETECTOR, limit=1_024)
    for part in range(4):
        rows = [{"dst_address": f"198.18.{n // 250}.{n % 250}", "dst_port": 80 + part} for n in range(2_000)]
        engine.add(columns(rows), NOW)
    running = engine.entries[0].running
    assert isinstance(running, beaconing.Beacons)
    assert running.watched < 1
    assert len(running.dump()["pairs"]) <= 1_024 + 2_000


def test_beacons_outlive_a_restart() -> None:
    rows = calls(30, 60.0)
    engine = engine_of(beaconing.DETECTOR)
    assert not told(engine, rows[:15])
    assert told(after_restart(beaconing.DETECTOR, engine), rows[15:])


def answer(port: int, at: int, client: int = 1) -> dict[str, Any]:
    return {
        "src_address": "203.0.113.80", "dst_address": f"198.51.100.{client}", "src_port": port, "dst_port": 50_000,
        "tcp_flags": 27, "time_end": at,
    }  # fmt: skip


def test_a_new_service_at_a_known_server() -> None:
    engine = engine_of(shifts.DETECTOR)
    rows = [answer(443, NOW + hour * HOUR) for hour in range(30)]
    assert not told(engine, rows)
    again = after_restart(shifts.DETECTOR, engine)
    late = NOW + 30 * HOUR
    assert not fed(again, [answer(443, late, n) for n in range(20)])
    (signal,) = fed(again, [answer(4_444, late, n) for n in range(8)])
    assert signal.vector == shifts.SERVICE
    assert signal.match[1] == ("src_port", (4_444,))


def test_a_new_server_is_no_new_service() -> None:
    engine = engine_of(shifts.DETECTOR)
    assert not told(engine, [answer(port, NOW + port) for port in range(1, 40)])


def coming(number: int, interface: int, slot: int) -> dict[str, Any]:
    at = NOW + slot * 300_000
    return {
        "src_as": number,
        "input_interface": interface,
        "time_end": at,
        "packets": 100_000,
        "bytes": 90_000_000,
    }


@pytest.mark.parametrize(("moving", "vector"), [(1, shifts.INGRESS), (5, shifts.LEAK)])
def test_networks_that_come_by_another_way(moving: int, vector: str) -> None:
    engine = engine_of(shifts.DETECTOR)
    networks = range(64_500, 64_508)
    for slot in range(20):
        assert not fed(engine, [coming(number, 1 + number % 2, slot) for number in networks])
    again = after_restart(shifts.DETECTOR, engine)
    moved = [coming(number, 9 if number < 64_500 + moving else 1 + number % 2, 20) for number in networks]
    found = fed(again, moved) + fed(again, [coming(number, 1, 21) for number in networks])
    assert [one.vector for one in found] == [vector]
    assert f"{moving} networks" in found[0].reasons[0].text
