"""Minutes, exactly-once recording, closing and revising, without bus or clock."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.convergence.domain import cells, traffic
from sixfold.convergence.domain.events import TrafficMinuteClosed, TrafficMinuteRevised, TrafficRecorded
from sixfold.convergence.domain.minutes import MINUTE, BatchTraffic, Clock, by_minute
from sixfold.convergence.domain.traffic import Patience, decide_close, decide_record, evolve

NOW = 30_000_000 * MINUTE
THIS = NOW // MINUTE


def columns(rows: list[tuple[int, int, int, int]]) -> dict:
    start, end, size, packets = zip(*rows, strict=True)
    return {
        "time_start": np.array(start, np.int64) + NOW,
        "time_end": np.array(end, np.int64) + NOW,
        "bytes": np.array(size, np.uint64),
        "packets": np.array(packets, np.uint64),
    }


def minutes(rows: list[tuple[int, int, int, int]], clock: Clock | None = None) -> tuple[dict, int, int]:
    return by_minute(columns(rows), np.zeros(len(rows), np.int64), NOW, clock or Clock())


FLOW = st.tuples(
    st.integers(-3_000_000, 0), st.integers(-600_000, 50_000), st.integers(0, 2**46), st.integers(0, 2**30)
)


@settings(deadline=None)
@given(st.lists(FLOW, min_size=1, max_size=30))
def test_every_byte_packet_and_flow_is_in_some_minute(rows: list) -> None:
    found, watermark, implausible = minutes(rows)
    sums = sum(found.values()).sum(axis=(0, 1, 2)).tolist()
    assert sums == [sum(row[2] for row in rows), sum(row[3] for row in rows), len(rows)]
    assert (watermark, implausible) == (NOW + max(row[1] for row in rows), 0)
    assert all(totals.min() >= 0 for totals in found.values())


def test_a_flow_is_laid_over_its_minutes() -> None:
    found, _, _ = minutes([(-90_000, 30_000, 1_200, 12)])
    assert {number - THIS: totals[0, 0, 0].tolist() for number, totals in found.items()} == {
        -2: [300, 3, 0],
        -1: [600, 6, 0],
        0: [300, 3, 1],
    }


def test_implausible_flows_are_in_no_minute() -> None:
    far = 50 * 365 * 86_400_000
    found, watermark, implausible = minutes(
        [(far, far, 1, 1), (-far, -far, 1, 1), (0, 0, 2**50, 1), (0, 0, 5, 1)]
    )
    assert implausible == 3
    assert watermark == NOW
    assert found[THIS].sum() == 7


def batch(
    sequence: int, minute: int = THIS, size: int = 10, gateway: str = "gw-1", epoch: str = "e"
) -> BatchTraffic:
    totals = cells.empty()
    totals[2, 0, 1] = (size, 1, 1)
    return BatchTraffic(gateway, epoch, sequence, {minute: totals}, minute * MINUTE + 1, 0)


def apply(state: dict, events: list) -> dict:
    for event in events:
        state = evolve(state, event)
    return state


def total(state: dict, gateway: str = "gw-1") -> int:
    return int(sum(minute.totals[..., 0].sum() for minute in state[gateway].minutes.values()))


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=8), min_size=1, max_size=20))
def test_each_batch_counts_once_in_any_order_and_repetition(calls: list[list[int]]) -> None:
    state: dict = {}
    for call in calls:
        state = apply(state, decide_record(state, [batch(sequence, size=sequence) for sequence in call]))
    assert total(state) == sum({sequence for call in calls for sequence in call})
    assert decide_record(state, [batch(sequence) for call in calls for sequence in call]) == []


def test_gateways_and_epochs_are_apart() -> None:
    given_batches = [batch(1), batch(1, epoch="f"), batch(1, gateway="gw-2"), batch(1)]
    events = decide_record({}, given_batches)
    assert [event.gateway for event in events] == ["gw-1", "gw-2"]
    state = apply({}, events)
    assert (total(state), total(state, "gw-2")) == (20, 10)


def test_a_minute_is_told_once_then_revised() -> None:
    patience = Patience(lateness_ms=60_000)
    state = apply({}, decide_record({}, [batch(1), batch(2, THIS + 1)]))
    assert decide_close(state, (), patience) == []
    state = apply(state, decide_record(state, [batch(3, THIS + 2)]))
    [closed] = decide_close(state, (), patience)
    assert isinstance(closed, TrafficMinuteClosed)
    assert (traffic.number_of(closed.minute), closed.cells[0].bytes) == (THIS, 10)
    state = apply(state, [closed])
    assert decide_close(state, (), patience) == []
    state = apply(state, decide_record(state, [batch(4)]))
    assert decide_close(state, (), patience, revise=False) == []
    [revised] = decide_close(state, (), patience)
    assert isinstance(revised, TrafficMinuteRevised)
    assert (revised.revision, revised.cells[0].bytes, revised.cells[0].flows) == (2, 20, 2)
    state = apply(state, [revised])
    assert decide_close(state, (), patience) == []
    assert {traffic.number_of(e.minute) for e in decide_close(state, ("gw-1",), patience)} == {
        THIS + 1,
        THIS + 2,
    }


def test_an_event_holds_what_it_says() -> None:
    [event] = decide_record({}, [batch(7), batch(8), batch(3)])
    assert isinstance(event, TrafficRecorded)
    assert [(one.epoch, one.first, one.last) for one in event.batches] == [("e", 3, 3), ("e", 7, 8)]
    assert event.minutes[0].cells[0].bytes == 30


def test_old_minutes_are_forgotten_once_told() -> None:
    state: dict = {}
    step = traffic.KEPT_MINUTES // 2 + 1
    for sequence in range(4):
        state = apply(state, decide_record(state, [batch(sequence, THIS + sequence * step)]))
        state = apply(state, decide_close(state, ("gw-1",), Patience()))
    assert len(state["gw-1"].minutes) == 2


def test_totals_saturate_instead_of_wrapping() -> None:
    huge = np.full(cells.SHAPE, cells.MOST - 1, np.int64)
    assert cells.add(huge, huge).max() == cells.MOST


@pytest.mark.parametrize("family", [4, 6])
def test_cells_there_and_back(family: int) -> None:
    totals = cells.empty()
    totals[1, 3, cells.FAMILIES.index(family)] = (5, 4, 3)
    assert (cells.from_cells(cells.to_cells(totals)) == totals).all()
