"""What is decided about incidents: pure, from the state to events. Refusals are raised as IncidentError:

IncidentError
├── IncidentUnknownError     no such incident
├── IncidentNotActiveError   it is closed already
└── AdjustmentUnknownError   no such raised threshold
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sixfold.security.domain.addresses import covers, parse_network
from sixfold.security.domain.events import (
    Evidence,
    IncidentAcknowledged,
    IncidentClosed,
    IncidentEvent,
    IncidentMarkedFalsePositive,
    IncidentMitigated,
    IncidentMitigationEnded,
    IncidentNoted,
    IncidentOpened,
    IncidentUpdated,
    Rates,
    Severity,
    ThresholdRaised,
    ThresholdReverted,
)
from sixfold.security.domain.evidence import query
from sixfold.security.domain.incidents import (
    ACTIVE,
    KEPT_RELATED,
    Incident,
    Incidents,
    Key,
    Status,
    incident_id,
    moment,
    victim_of,
)
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.thresholds import HIGHEST, adjustment_id, judged, strength

QUIET: Final = "quiet"
OPERATOR: Final = "operator"
AT_ONCE: Final = 500
"""Events of one decision; what is left over is decided the next time."""
VOLUMETRIC: Final = "volumetric"
FLOODING: Final = ("T1498", "T1499")
"""Techniques that fill a victim's link or tables."""
FADED: Final = 4
"""Evidence of so many times less traffic than what an incident shows does not take its place."""


class IncidentError(Exception):
    """A command on an incident is refused."""


class IncidentUnknownError(IncidentError):
    pass


class IncidentNotActiveError(IncidentError):
    pass


class AdjustmentUnknownError(IncidentError):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCycle:
    """How incidents live. Times in seconds."""

    close_after: float = 60.0
    """An incident closes when nothing has been seen of it for so long."""
    update_interval: float = 30.0
    hold_after_close: float = 300.0
    raised_for: float = 604_800.0
    """How long a false positive raises its object's threshold, and how far over what was seen."""
    raised_margin: float = 1.25
    active_limit: int = 10_000


def joined(signals: Sequence[Signal]) -> list[Signal]:
    """One signal for each victim and vector: the gravest, with everybody's reasons.

    Several detectors that agree are surer than one: their doubts are multiplied, down to 1 %. That a victim gets too
    much is no incident of its own where another vector says what it is: it goes into that one's reasons.
    """
    groups: dict[Key, list[Signal]] = {}
    for signal in signals:
        groups.setdefault((victim_of(signal), signal.vector), []).append(signal)
    for victim in [victim for victim, vector in groups if vector == VOLUMETRIC]:
        told = _explained(groups, victim)
        if told is not None:
            groups[told] += [replace(one, opens=False) for one in groups.pop((victim, VOLUMETRIC))]
    return [group[0] if len(group) == 1 else _join(group) for group in groups.values()]


def _explained(groups: Mapping[Key, Sequence[Signal]], victim: str) -> Key | None:
    """The vector that makes most of what this victim gets too much of."""
    floods = [
        (max(one.rates.packets_per_second for one in group), key)
        for key, group in groups.items()
        if key[0] == victim
        and key[1] != VOLUMETRIC
        and any(
            one.opens and one.side == "destination" and one.technique.startswith(FLOODING) for one in group
        )
    ]
    return max(floods)[1] if floods else None


def _join(group: list[Signal]) -> Signal:
    main = max(group, key=lambda one: (one.opens, one.severity.value, one.confidence, one.window_end))
    by_detector: dict[str, float] = {}
    for signal in group:
        by_detector[signal.detector] = max(by_detector.get(signal.detector, 0.0), signal.confidence)
    doubt = 1.0
    for confidence in by_detector.values():
        doubt *= 1.0 - confidence
    said = [main, *(one for one in group if one is not main and one.detector != main.detector)]
    return replace(
        main,
        window_start=min(one.window_start for one in group),
        confidence=max(main.confidence, min(0.99, round(1 - doubt, 3)))
        if len(by_detector) > 1
        else main.confidence,
        reasons=tuple(dict.fromkeys(reason for one in said for reason in one.reasons)),
        also=tuple(name for name in by_detector if name != main.detector),
    )


def wanted(state: Incidents, signals: Sequence[Signal], now: datetime, life: LifeCycle) -> list[Signal]:
    """The signals, one of a victim and vector, that would make an event, so that evidence is gathered for those
    only.
    """
    chosen: list[Signal] = []
    room = life.active_limit - len(state.active)
    for signal in signals:
        if len(chosen) == AT_ONCE:
            break
        key = (victim_of(signal), signal.vector)
        active = state.active.get(key)
        if active is not None:
            if _update_due(state.by_id[active], signal, now, life):
                chosen.append(signal)
        elif room > 0 and judged(state.adjustments, signal, now).opens and not _held(state, key, signal, now):
            chosen.append(signal)
            room -= 1
    return chosen


def decide_observe(
    state: Incidents, found: Sequence[tuple[Signal, Evidence]], now: datetime, life: LifeCycle
) -> list[IncidentEvent]:
    """Open, or tell how it goes on; the signals are `joined`. Deciding again on the state that results gives nothing
    new.
    """
    evidence_of = dict(found)
    events: list[IncidentEvent] = []
    relations: _Relations | None = None
    for signal in wanted(state, list(evidence_of), now, life):
        victim = victim_of(signal)
        expires = now + timedelta(seconds=life.close_after + life.update_interval)
        active = state.active.get((victim, signal.vector))
        if active is not None:
            events.append(_updated(state.by_id[active], signal, evidence_of[signal], now, expires))
            continue
        relations = relations or _Relations(state)
        started = moment(signal.window_start)
        identifier = incident_id(victim, signal.vector, started)
        events.append(
            IncidentOpened(
                incident_id=identifier,
                victim=victim,
                vector=signal.vector,
                severity=signal.severity,
                confidence=signal.confidence,
                started=started,
                time=now,
                expires=expires,
                reasons=signal.reasons,
                evidence=evidence_of[signal],
                detector=signal.detector,
                technique=signal.technique,
                side=signal.side,
                related=relations.of(signal.network),
            )
        )
        relations.add(identifier, signal.network)
    return events


class _Relations:
    """The active incidents by network: those of the same one, of one that covers it, and of those inside it."""

    def __init__(self, state: Incidents) -> None:
        self._ids: dict[tuple[int, int, int], list[str]] = {}
        for (victim, _), identifier in state.active.items():
            self.add(identifier, parse_network(victim))

    def add(self, identifier: str, network: tuple[int, int, int]) -> None:
        self._ids.setdefault(network, []).append(identifier)

    def of(self, network: tuple[int, int, int]) -> tuple[str, ...]:
        near = [
            identifier
            for other, identifiers in self._ids.items()
            if covers(other, network) or covers(network, other)
            for identifier in identifiers
        ]
        return tuple(near[:KEPT_RELATED])


def _updated(
    incident: Incident, signal: Signal, evidence: Evidence, now: datetime, expires: datetime
) -> IncidentUpdated:
    worse = signal.severity.value >= incident.severity.value and signal.opens
    severity: Severity = signal.severity if worse else incident.severity
    return IncidentUpdated(
        incident_id=incident.incident_id,
        severity=severity,
        confidence=max(signal.confidence, incident.confidence),
        time=now,
        last_seen=max(moment(signal.window_end), incident.last_seen),
        expires=expires,
        peak=_peak(incident.peak, signal.rates),
        reasons=signal.reasons if worse else incident.reasons,
        evidence=shown(
            incident.evidence,
            evidence,
            query(replace(signal, window_start=_since(incident))),
            graver=severity.value > incident.severity.value,
        ),
        detectors=tuple(dict.fromkeys((*incident.detectors, signal.detector, *signal.also))),
    )


def shown(before: Evidence, now: Evidence, whole: str, *, graver: bool) -> Evidence:
    """The newer evidence, unless it is of far less traffic: the last flows of an attack, or those of a client after it,
    tell less of it, and a mitigation that is made of them would meet the client. `whole` is the query for all of it.
    """
    octets, packets = _volume(before)
    octets_now, packets_now = _volume(now)
    as_much = octets_now * FADED >= octets and packets_now * FADED >= packets
    if not before.sample_flows or (now.sample_flows and (as_much or graver or packets_now >= packets)):
        return replace(now, query=whole)
    return replace(before, window_end=max(before.window_end, now.window_end), query=whole)


def _volume(evidence: Evidence) -> tuple[int, int]:
    return sum(one.bytes for one in evidence.protocols), sum(one.packets for one in evidence.protocols)


def _since(incident: Incident) -> int:
    return int(incident.started.timestamp() * 1000)


def decide_quiet(
    state: Incidents, sighted: Mapping[Key, datetime], now: datetime, life: LifeCycle
) -> list[IncidentEvent]:
    """Close what has not been seen for `close_after`. `sighted` holds when each was last signalled, by the
    wall clock. While a mitigation is in force its end decides: what it drops is not seen.
    """
    patience = timedelta(seconds=life.close_after)
    events: list[IncidentEvent] = []
    for key, identifier in state.active.items():
        incident = state.by_id[identifier]
        updated = incident.updated
        if not incident.mitigations and now >= max(sighted.get(key, updated), updated) + patience:
            events.append(IncidentClosed(identifier, QUIET, "", "nothing seen for a while", now, now))
    return events[:AT_ONCE]


def decide_acknowledge(
    state: Incidents, identifier: str, actor: str, note: str, now: datetime
) -> list[IncidentEvent]:
    """Acknowledging twice is acknowledging once. Raises IncidentError."""
    incident = find(state, identifier)
    if incident.status is Status.ACKNOWLEDGED or (incident.status is Status.MITIGATED and incident.actor):
        return []
    _require_active(incident)
    return [IncidentAcknowledged(identifier, actor, note, now)]


def decide_note(
    state: Incidents, identifier: str, actor: str, note: str, now: datetime
) -> list[IncidentEvent]:
    """Also of a closed one. Raises IncidentUnknownError."""
    find(state, identifier)
    return [IncidentNoted(identifier, actor, note, now)]


def decide_close(
    state: Incidents, identifier: str, actor: str, note: str, now: datetime, life: LifeCycle
) -> list[IncidentEvent]:
    """Close by hand. Raises IncidentError."""
    incident = find(state, identifier)
    if incident.status is Status.CLOSED:
        return []
    _require_active(incident)
    hold = now + timedelta(seconds=life.hold_after_close)
    return [IncidentClosed(identifier, OPERATOR, actor, note, now, hold)]


def decide_false_positive(
    state: Incidents, identifier: str, actor: str, note: str, now: datetime, life: LifeCycle
) -> list[IncidentEvent]:
    """Mark as false, also after it has closed, and raise the threshold of its victim and vector over what was
    seen. Raises IncidentUnknownError.
    """
    incident = find(state, identifier)
    if incident.status is Status.FALSE_POSITIVE:
        return []
    adjustment = adjustment_id(*incident.key)
    before = state.adjustments.get(adjustment)
    factor = strength(incident.reasons) * life.raised_margin
    if before is not None and before.expires > now:
        factor = max(factor, before.factor)
    return [
        IncidentMarkedFalsePositive(identifier, actor, note, now, now),
        ThresholdRaised(
            adjustment_id=adjustment,
            object=incident.victim,
            vector=incident.vector,
            detector=incident.detector,
            factor=round(min(factor, HIGHEST), 3),
            incident_id=identifier,
            actor=actor,
            note=note,
            time=now,
            expires=now + timedelta(seconds=life.raised_for),
        ),
    ]


def decide_revert(
    state: Incidents, adjustment: str, actor: str, note: str, now: datetime
) -> list[IncidentEvent]:
    """Take a raised threshold back. Raises AdjustmentUnknownError."""
    found = state.adjustments.get(adjustment)
    if found is None or found.expires <= now:
        raise AdjustmentUnknownError(f"no raised threshold {adjustment!r}")
    return [ThresholdReverted(adjustment, actor, note, now)]


def decide_mitigated(
    state: Incidents, identifier: str, mitigation: str, actor: str, note: str, now: datetime
) -> list[IncidentEvent]:
    """A mitigation against it is in force. Nothing where it is not active, or knows already."""
    incident = state.by_id.get(identifier)
    if incident is None or incident.status not in ACTIVE or mitigation in incident.mitigations:
        return []
    return [IncidentMitigated(identifier, mitigation, actor, note, now)]


def decide_mitigation_ended(
    state: Incidents, identifier: str, mitigation: str, actor: str, note: str, now: datetime
) -> list[IncidentEvent]:
    incident = state.by_id.get(identifier)
    if incident is None or mitigation not in incident.mitigations:
        return []
    return [IncidentMitigationEnded(identifier, mitigation, actor, note, now)]


def find(state: Incidents, identifier: str) -> Incident:
    """Raises IncidentUnknownError."""
    incident = state.by_id.get(identifier)
    if incident is None:
        raise IncidentUnknownError(f"no incident {identifier!r}")
    return incident


def _held(state: Incidents, key: Key, signal: Signal, now: datetime) -> bool:
    """Held back by a person, or late traffic of an incident that has closed."""
    hold = state.holds.get(key)
    ended = state.ended.get(key)
    return (hold is not None and now < hold) or (ended is not None and moment(signal.window_end) <= ended)


def _update_due(incident: Incident, signal: Signal, now: datetime, life: LifeCycle) -> bool:
    worse = signal.opens and signal.severity.value > incident.severity.value
    return worse or now >= incident.updated + timedelta(seconds=life.update_interval)


def _peak(one: Rates, other: Rates) -> Rates:
    return Rates(
        max(one.bits_per_second, other.bits_per_second),
        max(one.packets_per_second, other.packets_per_second),
        max(one.flows_per_second, other.flows_per_second),
    )


def _require_active(incident: Incident) -> None:
    if incident.status not in ACTIVE:
        raise IncidentNotActiveError(f"incident {incident.incident_id} is {incident.status.name.lower()}")
