"""Sequence numbers: gaps, late datagrams, wraps and restarts, per exporter and domain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from netflow_wire import NOW, V4, Station, data_set, flow, ipfix, template, v5, v5_record, v9

from sixfold.agent.netflow.sequence import FARTHEST, UNKNOWN, Event, follow, judge


def message(sequence: int, n: int = 2, domain: int = 1) -> bytes:
    return ipfix(data_set(256, *[flow()] * n), sequence=sequence % (1 << 32), domain=domain)


@pytest.fixture
def station() -> Station:
    opened = Station.open()
    for domain in (1, 2):
        opened.feed(ipfix(template(256, V4), domain=domain))
        opened.feed(message(0, domain=domain))
    return opened


def losses(station: Station) -> tuple[int, int, int, int]:
    return tuple(station.count(f"sequence_{name}") for name in ("gaps", "lost", "late", "restarts"))  # type: ignore[return-value]


def test_records_in_order_lose_nothing(station: Station) -> None:
    station.feed(*[message(2 + 2 * n) for n in range(50)], *[message(2 + 2 * n, domain=2) for n in range(50)])
    station.feed(message(102, 5), message(107))
    assert losses(station) == (0, 0, 0, 0)


def test_a_gap_is_counted_in_records(station: Station) -> None:
    station.feed(message(2), message(10), message(12), message(2, domain=2))
    assert losses(station) == (1, 6, 0, 0)
    assert station.count('sequence_lost{domain="1",exporter="192.0.2.1"}') == 6


def test_a_gap_over_two_batches(station: Station) -> None:
    station.feed(message(2))
    station.feed(message(9))
    assert losses(station) == (1, 5, 0, 0)


def test_a_late_datagram_is_taken_off_the_losses(station: Station) -> None:
    station.feed(message(4), message(2), message(6))
    assert losses(station) == (1, 2, 2, 0)


def test_the_number_wraps(station: Station) -> None:
    station.feed(message((1 << 32) - 4))
    assert losses(station)[1:] == (0, 2, 0)  # a step back of six is a late datagram
    opened = Station.open()
    opened.feed(
        ipfix(template(256, V4), sequence=(1 << 32) - 4),
        message((1 << 32) - 4),
        message(-2),
        message(0),
        message(2),
    )
    assert losses(opened) == (0, 0, 0, 0)


def test_a_restart_is_no_loss() -> None:
    station = Station.open()
    station.feed(
        ipfix(template(256, V4), sequence=5_000_000),
        message(5_000_000),
        message(0),
        message(2),
        message(40_000_000),
    )
    assert losses(station) == (0, 0, 0, 2)


def test_records_that_cannot_be_counted_start_anew(station: Station) -> None:
    station.feed(ipfix(data_set(999, flow()), sequence=2), message(77), message(79), message(83))
    assert losses(station) == (1, 2, 0, 0)


def test_v9_counts_datagrams_and_v5_counts_flows() -> None:
    station = Station.open()
    sets = template(256, V4, 9), data_set(256, flow(), flow())
    station.feed(v9(*sets, sequence=7), v9(*sets, sequence=8), v9(*sets, sequence=11))
    assert losses(station) == (1, 2, 0, 0)
    station.feed(*[v5(v5_record(), v5_record(), sequence=n) for n in (100, 102, 110)])
    assert losses(station) == (2, 8, 0, 0)


def test_options_data_counts_too(station: Station) -> None:
    from netflow_wire import options_template

    station.feed(
        ipfix(options_template(300, [(149, 4)], [(34, 4)]), sequence=2),
        ipfix(data_set(300, bytes(16)), data_set(256, flow()), sequence=2),
        message(5),
    )
    assert losses(station) == (0, 0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(-1, 5)), max_size=60))
def test_whole_arrays_are_followed_as_one_by_one(messages: list[tuple[int, int, int]]) -> None:
    expected, simple = np.full(4, UNKNOWN, dtype=np.int64), [UNKNOWN] * 4
    got: list[tuple[int, Event]] = []
    wanted: list[tuple[int, Event]] = []
    columns = np.array(messages, dtype=np.int64).reshape(-1, 3)
    follow(
        columns[:, 0],
        columns[:, 1],
        columns[:, 2],
        expected,
        np.full(4, FARTHEST, dtype=np.int64),
        lambda slot, event: got.append((slot, event)),
    )
    for slot, sequence, units in messages:
        event = judge(simple[slot], sequence)
        if event is not None and event.kind == "late":
            wanted.append((slot, Event("late", max(units, 0))))
            continue
        if event is not None:
            wanted.append((slot, event))
        simple[slot] = UNKNOWN if units == UNKNOWN else sequence + units
    assert expected.tolist() == simple
    assert sorted(got, key=repr) == sorted(wanted, key=repr)


def restarted(station: Station, elapsed: int = 1000, **settings: int) -> Station:
    """Another collector that knows the numbers of the first, and its templates."""
    again = Station.open(**settings)
    again.collector.restore(station.collector.state(), NOW * 1000)
    again.collector.resume(station.collector.numbers(), elapsed)
    return again


def test_what_came_while_the_agent_was_away_is_counted(station: Station) -> None:
    again = restarted(station)
    assert len(again.flows(message(12), message(2, domain=2))) == 4
    assert losses(again) == (1, 10, 0, 0)
    assert again.count('sequence_lost{domain="1",exporter="192.0.2.1"}') == 10


def test_a_session_without_a_template_is_expected_too() -> None:
    station = Station.open()
    station.feed(v5(*[v5_record()] * 3, sequence=100))
    again = restarted(station)
    again.feed(v5(v5_record(), sequence=110))
    assert losses(again) == (1, 7, 0, 0)


def test_more_may_be_missing_the_longer_the_agent_was_away(station: Station) -> None:
    for elapsed, expected in ((1_000, (0, 0, 0, 1)), (10_000, (1, 5_000_000, 0, 0))):
        again = restarted(station, elapsed)
        again.feed(message(5_000_002))
        assert losses(again) == expected
    again.feed(message(10_000_002))
    assert losses(again) == (1, 5_000_000, 0, 1)


def test_numbers_that_do_not_fit_are_left_out() -> None:
    station = Station.open(max_sessions=8)
    for domain in range(8):
        station.feed(v5(v5_record(), sequence=1, engine=domain), received=NOW * 1000 + domain)
    again = restarted(station, max_sessions=4)
    again.feed(v5(v5_record(), sequence=9, engine=77))
    assert losses(again) == (0, 0, 0, 0)
    again.collector.resume(b"123", 0)
    assert again.count("netflow_malformed") == 1
