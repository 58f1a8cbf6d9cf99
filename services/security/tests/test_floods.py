"""Floods, reflection and carpet bombing, and what looks like them and is none."""

from typing import Any

import pytest

from sixfold.security.domain.detectors import carpet, floods, reflection
from sixfold.security.domain.events import Severity

from .flow_columns import NOW, after_restart, engine_of, fed, seen

VICTIM = "203.0.113.5"


def source(number: int) -> str:
    return f"198.18.{number // 250 % 250}.{number % 250}"


def flood(flags: int, packets: int, *, flows: int = 1_000, **more: Any) -> list[dict[str, Any]]:
    """`packets` of short flows from many sources in the newest seconds."""
    return [
        {
            "src_address": source(number), "dst_address": VICTIM, "tcp_flags": flags, "packets": packets // flows,
            "bytes": 60 * packets // flows, "src_port": 1_024 + number, "time_start": NOW - 4_000, **more,
        }
        for number in range(flows)
    ]  # fmt: skip


def service(packets: int = 200_000, flows: int = 500) -> list[dict[str, Any]]:
    """A busy server's visitors: whole conversations."""
    return flood(27, packets, flows=flows, bytes=1_000 * packets // flows)


@pytest.mark.parametrize(
    ("rows", "vector"),
    [
        (flood(2, 200_000), "syn-flood"),
        (flood(18, 200_000), "synack-flood"),
        (flood(4, 200_000), "rst-flood"),
        (flood(41, 100_000), "tcp-flags-flood"),
        (flood(0, 2_000_000, protocol=17), "udp-flood"),
        (flood(0, 400_000, protocol=17, src_port=0, dst_port=0), "fragment-flood"),
        (flood(0, 200_000, protocol=58, src_port=0, dst_port=0), "icmp-flood"),
    ],
)
def test_each_flood_has_its_vector(rows: list[dict[str, Any]], vector: str) -> None:
    signals = [one for one in seen(floods.DETECTOR, rows) if one.opens]
    assert [one.vector for one in signals] == [vector]
    for signal in signals:
        assert signal.side == "destination"
        assert "1,000" in signal.reasons[1].text or "sources" in signal.reasons[1].text
        assert signal.reasons[0].measured >= signal.reasons[0].threshold


def test_acks_of_many_short_flows_are_a_flood_and_of_downloads_are_none() -> None:
    short = [
        {
            "src_address": source(n),
            "dst_address": VICTIM,
            "tcp_flags": 16,
            "packets": 1,
            "bytes": 40,
            "src_port": n,
        }
        for n in range(60_000)
    ]
    rows = [{**row, "sampling_rate": 10, "packets": 10, "bytes": 400} for row in short[:45_000]]
    assert [one.vector for one in seen(floods.DETECTOR, rows)] == ["ack-flood"]
    downloads = flood(16, 1_000_000, flows=1_000)
    assert not seen(floods.DETECTOR, downloads)


def test_a_busy_server_and_a_flash_crowd_are_none() -> None:
    assert not seen(floods.DETECTOR, service())
    # everybody comes at once: many SYN, and more of everything else
    crowd = [*flood(2, 60_000, flows=3_000), *flood(27, 900_000, flows=3_000)]
    assert not seen(floods.DETECTOR, crowd)


def test_a_flood_beside_a_busy_server_s_own_traffic_is_seen() -> None:
    assert "syn-flood" in [one.vector for one in seen(floods.DETECTOR, [*service(), *flood(2, 300_000)])]


def test_a_flood_that_was_folded_into_few_flows_weighs_the_same() -> None:
    rows = flood(2, 200_000, flows=13, time_start=NOW - 8_000)
    (signal,) = seen(floods.DETECTOR, rows)
    assert signal.vector == "syn-flood"
    assert signal.severity.value >= Severity.LOW.value


def test_a_long_flow_that_is_exported_at_its_end_makes_no_peak() -> None:
    rows = flood(2, 600_000, flows=3, time_start=NOW - 1_800_000)
    assert not seen(floods.DETECTOR, rows)


def test_few_sampled_packets_are_no_flood_and_many_are() -> None:
    def sampled(flows: int) -> list[dict[str, Any]]:
        return flood(2, 20_000 * flows, flows=flows, sampling_rate=20_000)

    assert not [one for one in seen(floods.DETECTOR, sampled(4)) if one.opens]
    assert [one.vector for one in seen(floods.DETECTOR, sampled(60)) if one.opens] == ["syn-flood"]


def test_sensitivity_moves_every_threshold() -> None:
    rows = flood(2, 15_000)
    assert not [one for one in seen(floods.DETECTOR, rows, sensitivity=0.5) if one.opens]
    assert [one for one in seen(floods.DETECTOR, rows, sensitivity=2.0) if one.opens]


# --- reflection


def answers(
    port: int, megabytes: float, *, sources: int = 200, size: int = 1_000, per: int = 50
) -> list[dict[str, Any]]:
    flows = max(sources, int(megabytes * 1e6 / size / per))
    return [
        {
            "src_address": source(number % sources), "dst_address": VICTIM, "protocol": 17, "tcp_flags": 0,
            "src_port": port, "dst_port": 1_024 + number % 60_000, "packets": per, "bytes": per * size,
            "time_start": NOW - 4_000,
        }
        for number in range(flows)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("port", "name"), [(123, "ntp"), (11_211, "memcached"), (389, "cldap"), (1_900, "ssdp")]
)
def test_answers_that_nobody_asked_for(port: int, name: str) -> None:
    (signal,) = seen(reflection.DETECTOR, answers(port, 150))
    assert signal.vector == f"reflection-{name}"
    assert signal.technique == "T1498.002"
    assert signal.match == (("protocol", (17,)), ("src_port", (port,)))
    assert "asked for none" in signal.reasons[1].text


def test_a_resolver_s_answers_are_none_and_a_victim_s_are() -> None:
    given = answers(53, 300, size=400)
    asks = [
        {
            "src_address": VICTIM, "dst_address": row["src_address"], "protocol": 17, "tcp_flags": 0,
            "src_port": row["dst_port"], "dst_port": 53, "packets": 50, "bytes": 50 * 70, "time_start": NOW - 4_000,
        }
        for row in given
    ]  # fmt: skip
    assert not seen(reflection.DETECTOR, [*given, *asks])
    (signal,) = seen(reflection.DETECTOR, [*given, *asks[:100]])
    assert signal.vector == "reflection-dns"
    assert "bytes" in signal.reasons[1].text


def test_downloads_by_quic_are_none_and_reflected_handshakes_are() -> None:
    assert not seen(reflection.DETECTOR, answers(443, 2_000, per=500, size=1_250))
    (signal,) = seen(reflection.DETECTOR, answers(443, 1_000, per=3, size=1_200)[:300_000])
    assert signal.vector == "reflection-quic"


def test_one_server_s_many_bytes_are_no_reflection() -> None:
    assert not seen(reflection.DETECTOR, answers(123, 150, sources=2))
    assert not seen(reflection.DETECTOR, answers(123, 150, size=90, per=500))


def test_what_was_asked_outlives_a_restart() -> None:
    engine = engine_of(reflection.DETECTOR)
    given = answers(123, 150)
    asks = [
        {**row, "src_address": VICTIM, "dst_address": row["src_address"], "src_port": 5_000, "dst_port": 123}
        for row in given
    ]
    fed(engine, asks)
    assert not fed(after_restart(reflection.DETECTOR, engine), given)


# --- carpet bombing


def carpet_of(hosts: int, packets: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "src_address": source(number * 7), "dst_address": f"203.0.113.{number % hosts}", "protocol": 17,
            "tcp_flags": 0, "src_port": 123, "packets": packets // 2_000, "bytes": 468 * packets // 2_000,
            "time_start": NOW - 4_000, **more,
        }
        for number in range(2_000)
    ]  # fmt: skip


def over_time(detector: Any, rows: list[dict[str, Any]]) -> list[Any]:
    """A prefix is broken down once it has been seen to be busy: the same in two seconds' time."""
    engine = engine_of(detector)
    fed(engine, rows)
    later = [{**row, "time_end": NOW + 2_000, "time_start": NOW - 1_000} for row in rows]
    return fed(engine, later)


def test_many_hosts_a_little_each_is_a_carpet() -> None:
    (signal,) = over_time(carpet.DETECTOR, carpet_of(200, 800_000))
    assert (signal.vector, signal.network[2]) == ("carpet-bombing", 96 + 24)
    assert "of its hosts" in signal.reasons[1].text


def test_one_host_of_the_prefix_is_its_own_flood() -> None:
    assert not over_time(carpet.DETECTOR, carpet_of(1, 800_000))
    assert not over_time(carpet.DETECTOR, carpet_of(5, 800_000))


def test_a_busy_prefix_is_no_carpet() -> None:
    assert not over_time(carpet.DETECTOR, carpet_of(200, 2_000_000, protocol=6, tcp_flags=27, src_port=443))
