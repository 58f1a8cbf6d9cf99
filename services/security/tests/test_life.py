"""The life of incidents: joined signals, relations, feedback of false positives, mitigation, notes, snapshots."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.security.adapters.ledger import CentreSnapshots, codec
from sixfold.security.domain import decisions
from sixfold.security.domain.addresses import parse_network
from sixfold.security.domain.centre import Centre, evolve_centre
from sixfold.security.domain.decisions import LifeCycle
from sixfold.security.domain.events import Evidence, Rates, Reason, Severity
from sixfold.security.domain.evidence import NEEDED, gather, query
from sixfold.security.domain.incidents import KEPT_NOTES, Incidents, Status, evolve
from sixfold.security.domain.signals import Signal

NOW_MS = 1_800_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
LIFE = LifeCycle()


def signal(
    network: str = "203.0.113.7",
    vector: str = "syn-flood",
    *,
    times: float = 2.0,
    detector: str = "floods",
    severity: Severity = Severity.MEDIUM,
    at: int = 0,
) -> Signal:
    return Signal(
        detector=detector,
        vector=vector,
        network=parse_network(network),
        window_start=NOW_MS + at - 10_000,
        window_end=NOW_MS + at,
        rates=Rates(1e9 * times, 1e5 * times, 1e4),
        opens=times >= 1,
        severity=severity,
        confidence=0.8,
        reasons=(Reason("packets-over-threshold", f"{times} times", times * 1_000, 1_000),),
        technique="T1498.001",
    )


def seen(state: Incidents, *signals: Signal, now: datetime = NOW) -> tuple[Incidents, list]:
    chosen = decisions.wanted(state, decisions.joined(signals), now, LIFE)
    events = decisions.decide_observe(state, [(one, gather(one, [])) for one in chosen], now, LIFE)
    return after(state, events), events


def after(state: Incidents, events: list) -> Incidents:
    for event in events:
        state = evolve(state, event)
    return state


def test_signals_of_one_victim_and_vector_are_one_incident_of_all_detectors() -> None:
    state, events = seen(
        Incidents(), signal(), signal(detector="volumetric", severity=Severity.HIGH), signal(times=0.8)
    )
    [opened] = events
    assert (opened.severity, opened.detector, opened.technique) == (Severity.HIGH, "volumetric", "T1498.001")
    assert opened.confidence == pytest.approx(0.96)
    state, [_] = seen(state, signal(), signal(detector="scans"), now=NOW + timedelta(seconds=31))
    [incident] = state.by_id.values()
    assert set(incident.detectors) == {"volumetric", "floods", "scans"}
    assert incident.signals == 2


def test_other_vectors_and_prefixes_of_the_same_victim_are_linked_both_ways() -> None:
    state, _ = seen(Incidents(), signal(), signal(vector="udp-flood"), signal("198.51.100.1"))
    state, _ = seen(state, signal("203.0.113.0/24", "carpet-bombing"))
    by_key = {incident.key: incident for incident in state.by_id.values()}
    syn, udp = by_key["203.0.113.7/32", "syn-flood"], by_key["203.0.113.7/32", "udp-flood"]
    carpet = by_key["203.0.113.0/24", "carpet-bombing"]
    assert set(syn.related) == {udp.incident_id, carpet.incident_id}
    assert set(udp.related) == {syn.incident_id, carpet.incident_id}
    assert set(carpet.related) == {syn.incident_id, udp.incident_id}
    assert by_key["198.51.100.1/32", "syn-flood"].related == ()


def test_a_false_positive_raises_this_threshold_only_until_it_expires_or_is_taken_back() -> None:
    state, [opened] = seen(Incidents(), signal(times=2.0))
    events = decisions.decide_false_positive(state, opened.incident_id, "li", "backup", NOW, LIFE)
    state = after(state, events)
    [adjustment] = state.adjustments.values()
    assert (adjustment.object, adjustment.vector, adjustment.factor) == ("203.0.113.7/32", "syn-flood", 2.5)
    assert decisions.decide_false_positive(state, opened.incident_id, "li", "", NOW, LIFE) == []
    later = NOW + timedelta(hours=1)
    assert seen(state, signal(times=2.4, at=60_000), now=later)[1] == []
    assert len(seen(state, signal(times=2.6, at=60_000), now=later)[1]) == 1
    assert len(seen(state, signal(vector="udp-flood"), now=later)[1]) == 1
    assert len(seen(state, signal("203.0.113.8"), now=later)[1]) == 1
    expired = NOW + timedelta(days=8)
    assert len(seen(state, signal(times=2.0, at=60_000), now=expired)[1]) == 1
    reverted = after(state, decisions.decide_revert(state, adjustment.adjustment_id, "li", "", later))
    assert len(seen(reverted, signal(times=2.0, at=60_000), now=later)[1]) == 1
    with pytest.raises(decisions.AdjustmentUnknownError):
        decisions.decide_revert(reverted, adjustment.adjustment_id, "li", "", later)


def test_a_second_false_positive_raises_further_and_never_lowers() -> None:
    state, [first] = seen(Incidents(), signal(times=4.0))
    state = after(state, decisions.decide_false_positive(state, first.incident_id, "li", "", NOW, LIFE))
    state, [second] = seen(state, signal(times=8.0, at=60_000))
    state = after(state, decisions.decide_false_positive(state, second.incident_id, "li", "", NOW, LIFE))
    [adjustment] = state.adjustments.values()
    assert adjustment.factor == 10.0


def test_mitigated_stays_until_the_last_mitigation_ends_and_is_not_closed_by_silence() -> None:
    state, [opened] = seen(Incidents(), signal())
    identifier, much_later = opened.incident_id, NOW + timedelta(hours=1)
    for mitigation in ("mit-1", "mit-2", "mit-2"):
        events = decisions.decide_mitigated(state, identifier, mitigation, "li", "block", NOW)
        state = after(state, events)
    assert state.by_id[identifier].status is Status.MITIGATED
    assert state.by_id[identifier].mitigations == ("mit-1", "mit-2")
    assert decisions.decide_quiet(state, {}, much_later, LIFE) == []
    for mitigation in ("mit-1", "mit-2"):
        events = decisions.decide_mitigation_ended(state, identifier, mitigation, "", "over", much_later)
        state = after(state, events)
    assert state.by_id[identifier].status is Status.OPEN
    assert decisions.decide_quiet(state, {}, much_later, LIFE) == []
    state = after(state, decisions.decide_quiet(state, {}, much_later + timedelta(seconds=61), LIFE))
    assert state.by_id[identifier].status is Status.CLOSED
    assert decisions.decide_mitigated(state, identifier, "mit-3", "li", "", much_later) == []
    actions = [note.action for note in state.by_id[identifier].notes]
    assert actions == ["opened", "mitigated", "mitigated", "mitigation-ended", "mitigation-ended", "closed"]


def test_who_acknowledged_is_remembered_through_a_mitigation() -> None:
    state, [opened] = seen(Incidents(), signal())
    identifier = opened.incident_id
    state = after(state, decisions.decide_mitigated(state, identifier, "mit-1", "li", "", NOW))
    state = after(state, decisions.decide_acknowledge(state, identifier, "wang", "", NOW))
    assert state.by_id[identifier].status is Status.MITIGATED
    state = after(state, decisions.decide_mitigation_ended(state, identifier, "mit-1", "", "", NOW))
    assert state.by_id[identifier].status is Status.ACKNOWLEDGED


def test_notes_are_bounded_and_keep_the_opening() -> None:
    state, [opened] = seen(Incidents(), signal())
    for number in range(KEPT_NOTES + 20):
        state = after(state, decisions.decide_note(state, opened.incident_id, "li", f"{number}", NOW))
    notes = state.by_id[opened.incident_id].notes
    assert len(notes) == KEPT_NOTES
    assert notes[0].action == "opened"
    assert notes[-1].text == str(KEPT_NOTES + 19)


STEPS = st.lists(
    st.one_of(
        st.builds(
            signal,
            st.sampled_from(["203.0.113.7", "203.0.113.0/24", "2001:db8::/64"]),
            st.sampled_from(["syn-flood", "udp-flood"]),
            times=st.sampled_from([0.8, 1.5, 3.0]),
            at=st.integers(0, 100_000),
        ),
        st.sampled_from(["acknowledge", "close", "false", "mitigate", "unmitigate", "note", "quiet"]),
    ),
    max_size=25,
)


@given(STEPS)
def test_whatever_happens_a_victim_and_vector_has_one_active_incident_and_the_snapshot_is_the_state(
    steps: list,
) -> None:
    """Every event also travels through its codec."""
    centre, wire = Centre(), codec()
    for number, step in enumerate(steps):
        now = NOW + timedelta(seconds=40 * number)
        state = centre.incidents
        newest = next(reversed(list(state.by_id)), "")
        if isinstance(step, Signal):
            chosen = decisions.wanted(state, decisions.joined([step]), now, LIFE)
            found = [(one, gather(one, [])) for one in chosen]
            events = decisions.decide_observe(state, found, now, LIFE)
        else:
            decide = {
                "acknowledge": lambda s, i, t: decisions.decide_acknowledge(s, i, "li", "", t),
                "close": lambda s, i, t: decisions.decide_close(s, i, "li", "", t, LIFE),
                "false": lambda s, i, t: decisions.decide_false_positive(s, i, "li", "", t, LIFE),
                "mitigate": lambda s, i, t: decisions.decide_mitigated(s, i, "mit-1", "li", "", t),
                "unmitigate": lambda s, i, t: decisions.decide_mitigation_ended(s, i, "mit-1", "", "", t),
                "note": lambda s, i, t: decisions.decide_note(s, i, "li", "text", t),
                "quiet": lambda s, i, t: decisions.decide_quiet(s, {}, t, LIFE),
            }[step]
            try:
                events = decide(state, newest, now)
            except decisions.IncidentError:
                events = []
        for event in events:
            centre = evolve_centre(centre, wire.decode(*wire.encode(event)))
    state = centre.incidents
    active = [
        one
        for one in state.by_id.values()
        if one.status in (Status.OPEN, Status.ACKNOWLEDGED, Status.MITIGATED)
    ]
    assert {one.key: one.incident_id for one in active} == dict(state.active)
    assert len({one.key for one in active}) == len(active)
    snapshots = CentreSnapshots()
    assert snapshots.load(snapshots.dump(centre)) == centre


def heavy(one: Signal, octets: int, port: int) -> Evidence:
    """Evidence of one flow of so much."""
    hosts = np.zeros((1, 16), np.uint8)
    hosts[:, 10:12], hosts[:, 12:] = 255, (203, 0, 113, 7)
    columns = {name: np.full(1, NOW_MS if "time" in name else 1) for name in NEEDED}
    columns |= dict.fromkeys(("src_address", "dst_address", "exporter"), hosts)
    columns |= {
        "bytes": np.array([octets]),
        "packets": np.array([octets // 100]),
        "src_port": np.array([port]),
    }
    return gather(one, [("gw-1", columns)])


def test_evidence_of_the_attack_outlives_its_last_flows_and_those_of_a_client_after_it() -> None:
    first = signal()
    state = after(
        Incidents(), decisions.decide_observe(Incidents(), [(first, heavy(first, 10**8, 53))], NOW, LIFE)
    )

    def ports(evidence: Evidence, later: Signal, seconds: int) -> tuple[list[str], str]:
        nonlocal state
        now = NOW + timedelta(seconds=seconds)
        state = after(state, decisions.decide_observe(state, [(later, evidence)], now, LIFE))
        [incident] = state.by_id.values()
        return [one.value for one in incident.evidence.top_source_ports], incident.evidence.query

    later = signal(at=60_000)
    kept, query_text = ports(heavy(later, 10**6, 443), later, 60)
    assert kept == ["53"]
    assert f"time_end >= fromUnixTimestamp64Milli({first.window_start})" in query_text
    assert f"time_start < fromUnixTimestamp64Milli({later.window_end})" in query_text
    assert ports(gather(later, []), later, 120)[0] == ["53"]
    assert ports(heavy(later, 3 * 10**7, 123), later, 180)[0] == ["123"]  # the attack goes on by another port
    graver = signal(severity=Severity.CRITICAL, at=200_000)
    assert ports(heavy(graver, 10**6, 389), graver, 240)[0] == ["389"]


def test_evidence_looks_on_the_side_and_at_the_flows_that_the_signal_means() -> None:
    source = replace(
        signal("10.0.0.1", "scan"), side="source", match=(("dst_port", (22, 23)), ("protocol", (6,)))
    )
    addresses = np.zeros((4, 16), np.uint8)
    addresses[:, 10:12] = 255
    origin = addresses.copy()
    origin[:, 12:] = [(10, 0, 0, 1), (10, 0, 0, 1), (10, 0, 0, 1), (10, 0, 0, 2)]
    columns = {name: np.full(4, NOW_MS if "time" in name else 1) for name in NEEDED}
    columns |= {"src_address": origin, "dst_address": addresses, "exporter": addresses}
    columns |= {"dst_port": np.array([22, 80, 23, 22]), "protocol": np.array([6, 6, 6, 6])}
    evidence = gather(source, [("gw-1", columns)])
    assert sorted(share.value for share in evidence.top_destination_ports) == ["22", "23"]
    assert "src_address BETWEEN toIPv6('10.0.0.1') AND toIPv6('10.0.0.1')" in query(source)
    assert "AND dst_port IN (22, 23) AND protocol IN (6)" in query(source)
