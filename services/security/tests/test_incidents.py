"""Volumetric detection and the life of incidents, without bus or clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sixfold.security.domain import decisions as incident_rules
from sixfold.security.domain.decisions import LifeCycle
from sixfold.security.domain.detectors.volumetric import Thresholds, Volumetric, VolumetricSettings
from sixfold.security.domain.events import IncidentClosed, IncidentOpened, IncidentUpdated, Severity
from sixfold.security.domain.evidence import gather, query
from sixfold.security.domain.incidents import Incidents, Status, evolve, victim_of
from sixfold.security.domain.window import Window, WindowSettings

NOW_MS = 1_800_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
LIFE = LifeCycle(close_after=60, update_interval=30)
DETECTOR = Volumetric(
    VolumetricSettings(host=Thresholds(1_000_000, 1_000, 100), prefix=Thresholds(4_000_000, 4_000, 400))
)


def mapped(last: np.ndarray, network: int = 0xCB007100) -> np.ndarray:
    columns = np.zeros((len(last), 16), np.uint8)
    columns[:, 10:12] = 255
    columns[:, 12:] = (network + last).astype(">u4").view(np.uint8).reshape(-1, 4)
    return columns


def traffic(bits: float, *, hosts: int = 1, start: int = 0, seconds: int = 10, flows: int = 50) -> dict:
    """`bits` per second towards each of `hosts` hosts of 203.0.113.0/24, in flows of that length."""
    count = flows * hosts
    victims = np.arange(count) % hosts
    end = np.full(count, NOW_MS + start + seconds * 1000 - 1, np.int64)
    return {
        "time_start": end - seconds * 1000 + 1,
        "time_end": end,
        "exporter": mapped(np.zeros(count, np.int64)),
        "src_address": mapped(np.arange(count), 0x0A000000),
        "dst_address": mapped(victims),
        "src_port": np.full(count, 53, np.uint16),
        "dst_port": np.full(count, 40_000, np.uint16),
        "protocol": np.full(count, 17, np.uint8),
        "bytes": np.full(count, int(bits * seconds / 8 / flows), np.uint64),
        "packets": np.full(count, 3, np.uint64),
        "sampling_rate": np.full(count, 1, np.uint32),
    }


def seen(*batches: dict) -> list:
    window = Window(WindowSettings(light_bytes=0, prefix_ipv4=24, future_ms=600_000))
    grown: set[int] = set()
    for columns in batches:
        grown |= set(window.add(columns, NOW_MS).slots)
    return DETECTOR.detect(window, sorted(grown))


def observe(
    state: Incidents, signals: list, now: datetime, columns: dict | None = None
) -> tuple[Incidents, list]:
    found = [
        (signal, gather(signal, [("gw-1", columns or traffic(1_000))]))
        for signal in incident_rules.wanted(state, signals, now, LIFE)
    ]
    events = incident_rules.decide_observe(state, found, now, LIFE)
    for event in events:
        state = evolve(state, event)
    return state, events


def test_under_the_release_nothing_is_said() -> None:
    assert seen(traffic(600_000)) == []


def test_between_release_and_threshold_a_victim_is_still_on_but_opens_nothing() -> None:
    [signal] = seen(traffic(800_000))
    assert not signal.opens
    assert observe(Incidents(), [signal], NOW)[1] == []


def test_over_the_threshold_opens_with_reasons_evidence_and_query() -> None:
    columns = traffic(3_000_000)
    [signal] = seen(columns)
    state, [opened] = observe(Incidents(), [signal], NOW, columns)
    assert isinstance(opened, IncidentOpened)
    assert opened.victim == "203.0.113.0/32"
    assert opened.severity is Severity.MEDIUM
    assert 0.5 < opened.confidence < 1
    [reason] = opened.reasons
    assert (reason.code, reason.threshold) == ("bits-over-threshold", 1_000_000)
    assert reason.measured == pytest.approx(3_000_000, rel=0.01)
    assert len(opened.evidence.top_sources) == 10
    assert [share.value for share in opened.evidence.protocols] == ["17"]
    assert opened.evidence.sample_flows[0].src_address.startswith("10.0.0.")
    assert "toIPv6('203.0.113.0') AND toIPv6('203.0.113.0')" in opened.evidence.query
    assert state.active == {("203.0.113.0/32", "volumetric"): opened.incident_id}


def test_a_long_flow_reported_at_its_end_raises_nothing() -> None:
    # 200 Mbit in one flow of 250 s is 0.8 of the threshold, though it all arrives in one export.
    assert [s for s in seen(traffic(500_000, seconds=250, start=-250_000, flows=1)) if s.opens] == []


def test_a_late_batch_counts_in_its_own_window() -> None:
    first, late = traffic(700_000, start=-60_000), traffic(700_000, start=-60_000)
    newer = traffic(1_000)
    [signal] = [s for s in seen(first, newer, late) if s.opens]
    assert signal.window_end <= NOW_MS - 45_000


def test_many_hosts_under_their_threshold_make_one_incident_of_the_prefix() -> None:
    signals = [signal for signal in seen(traffic(600_000, hosts=20, flows=5)) if signal.opens]
    assert [victim_of(signal) for signal in signals] == ["203.0.113.0/24"]
    assert "toIPv6('203.0.113.0') AND toIPv6('203.0.113.255')" in query(signals[0])


def test_one_host_over_its_threshold_is_not_told_again_as_a_prefix() -> None:
    signals = [signal for signal in seen(traffic(30_000_000)) if signal.opens]
    assert [victim_of(signal) for signal in signals] == ["203.0.113.0/32"]


def test_one_incident_while_active_updates_rate_limited_and_at_once_when_worse() -> None:
    [weak], [strong] = seen(traffic(3_000_000)), seen(traffic(30_000_000))
    state, _ = observe(Incidents(), [weak], NOW)
    state, events = observe(state, [weak], NOW + timedelta(seconds=10))
    assert events == []
    state, [worse] = observe(state, [strong], NOW + timedelta(seconds=11))
    assert isinstance(worse, IncidentUpdated)
    assert worse.severity is Severity.CRITICAL
    state, [later] = observe(state, [weak], NOW + timedelta(seconds=42))
    assert later.severity is Severity.CRITICAL
    assert later.peak.bits_per_second == pytest.approx(30_000_000, rel=0.01)
    assert len(state.by_id) == 1


def test_quiet_closes_and_late_traffic_of_it_opens_nothing() -> None:
    [signal] = seen(traffic(3_000_000))
    state, [opened] = observe(Incidents(), [signal], NOW)
    key = ("203.0.113.0/32", "volumetric")
    assert (
        incident_rules.decide_quiet(
            state, {key: NOW + timedelta(seconds=30)}, NOW + timedelta(seconds=80), LIFE
        )
        == []
    )
    [closed] = incident_rules.decide_quiet(state, {}, NOW + timedelta(seconds=80), LIFE)
    assert isinstance(closed, IncidentClosed)
    state = evolve(state, closed)
    assert state.active == {}
    assert state.by_id[opened.incident_id].status is Status.CLOSED
    assert observe(state, [signal], NOW + timedelta(seconds=81))[1] == []
    [again] = seen(traffic(3_000_000, start=120_000))
    assert len(observe(state, [again], NOW + timedelta(seconds=130))[1]) == 1


def test_operator_acknowledges_closes_and_marks_false() -> None:
    [signal] = seen(traffic(3_000_000))
    state, [opened] = observe(Incidents(), [signal], NOW)
    identifier = opened.incident_id
    [acknowledged] = incident_rules.decide_acknowledge(state, identifier, "li", "looking", NOW)
    state = evolve(state, acknowledged)
    assert incident_rules.decide_acknowledge(state, identifier, "li", "looking", NOW) == []
    for event in incident_rules.decide_false_positive(state, identifier, "li", "backup", NOW, LIFE):
        state = evolve(state, event)
    assert state.by_id[identifier].status is Status.FALSE_POSITIVE
    with pytest.raises(incident_rules.IncidentNotActiveError):
        incident_rules.decide_close(state, identifier, "li", "", NOW, LIFE)
    with pytest.raises(incident_rules.IncidentUnknownError):
        incident_rules.decide_acknowledge(state, "inc-0", "li", "", NOW)


def test_deciding_again_on_the_resulting_state_gives_nothing() -> None:
    [signal] = seen(traffic(3_000_000))
    state, _ = observe(Incidents(), [signal], NOW)
    assert observe(state, [signal], NOW)[1] == []


def test_too_much_of_what_another_vector_explains_is_no_incident_of_its_own():
    (much,) = seen(traffic(5_000_000))
    flood = replace(
        much,
        detector="floods",
        vector="udp-flood",
        technique="T1498.001",
        confidence=0.6,
        reasons=much.reasons[:1],
    )
    (told,) = incident_rules.joined([much, flood])
    assert (told.vector, told.also) == ("udp-flood", ("volumetric",))
    assert set(much.reasons) <= set(told.reasons)
    assert told.confidence > much.confidence
    # another victim's, one that does not open, or no flood at all: each stays itself
    elsewhere = replace(flood, network=(0, 1, 128))
    faint = replace(flood, opens=False)
    listed = replace(flood, vector="listed", technique="T1071")
    for other in (elsewhere, faint, listed):
        assert {one.vector for one in incident_rules.joined([much, other])} == {"volumetric", other.vector}
