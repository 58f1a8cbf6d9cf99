"""Incidents: their state, and the pure decisions and evolution of it.

At most one incident per (victim, vector) is active. Refusals are raised as IncidentError:

    IncidentError
    ├── IncidentUnknownError     no such incident
    └── IncidentNotActiveError   it is closed already
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from sixfold.security.domain import addresses
from sixfold.security.domain.events import (
    Evidence,
    IncidentAcknowledged,
    IncidentClosed,
    IncidentEvent,
    IncidentMarkedFalsePositive,
    IncidentOpened,
    IncidentUpdated,
    Rates,
    Reason,
    Severity,
)
from sixfold.security.domain.signals import Signal

QUIET: Final = "quiet"
OPERATOR: Final = "operator"


class IncidentError(Exception):
    """A command on an incident is refused."""


class IncidentUnknownError(IncidentError):
    pass


class IncidentNotActiveError(IncidentError):
    pass


class Status(Enum):
    OPEN = 1
    ACKNOWLEDGED = 2
    CLOSED = 3
    FALSE_POSITIVE = 4


ACTIVE: Final = frozenset({Status.OPEN, Status.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Incident:
    incident_id: str
    victim: str
    vector: str
    status: Status
    severity: Severity
    confidence: float
    started: datetime
    opened: datetime
    updated: datetime
    last_seen: datetime
    expires: datetime
    peak: Rates
    reasons: tuple[Reason, ...]
    evidence: Evidence
    detector: str
    closed: datetime | None = None
    actor: str = ""
    note: str = ""
    close_cause: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.victim, self.vector


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCycle:
    """How incidents live. Times in seconds."""

    close_after: float = 60.0
    """An incident closes when nothing has been seen of it for so long."""
    update_interval: float = 30.0
    hold_after_close: float = 300.0
    hold_after_false_positive: float = 86_400.0
    active_limit: int = 10_000


@dataclass(frozen=True, slots=True)
class Incidents:
    """State of the ledger: incidents by id in opening order, the active ones by victim and vector, and
    what is held back.

    `ended` keeps, by victim and vector, until when (event time) its traffic belongs to an incident that is
    closed.
    """

    by_id: Mapping[str, Incident] = field(default_factory=dict[str, Incident])
    active: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    holds: Mapping[tuple[str, str], datetime] = field(default_factory=dict[tuple[str, str], datetime])
    ended: Mapping[tuple[str, str], datetime] = field(default_factory=dict[tuple[str, str], datetime])


KEPT_CLOSED: Final = 10_000
AT_ONCE: Final = 500
"""Events of one decision; what is left over is decided the next time."""


def incident_id(victim: str, vector: str, started: datetime) -> str:
    """The same attack has the same id whoever sees it first."""
    text = f"{victim}|{vector}|{int(started.timestamp() * 1000)}"
    return "inc-" + hashlib.blake2s(text.encode(), digest_size=8).hexdigest()


def victim_of(signal: Signal) -> str:
    return addresses.network_text(*signal.network)


def wanted(state: Incidents, signals: Sequence[Signal], now: datetime, life: LifeCycle) -> list[Signal]:
    """The signals that would make an event, so that evidence is gathered for those only."""
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
        elif signal.opens and room > 0 and not _held(state, key, signal, now):
            chosen.append(signal)
            room -= 1
    return chosen


def decide_observe(
    state: Incidents, found: Sequence[tuple[Signal, Evidence]], now: datetime, life: LifeCycle
) -> list[IncidentEvent]:
    """Open, or tell how it goes on. Deciding again on the state that results gives nothing new."""
    evidence_of = dict(found)
    events: list[IncidentEvent] = []
    seen: set[tuple[str, str]] = set()
    for signal in wanted(state, list(evidence_of), now, life):
        victim = victim_of(signal)
        if (victim, signal.vector) in seen:
            continue
        seen.add((victim, signal.vector))
        expires = now + timedelta(seconds=life.close_after + life.update_interval)
        active = state.active.get((victim, signal.vector))
        if active is None:
            started = _moment(signal.window_start)
            events.append(
                IncidentOpened(
                    incident_id=incident_id(victim, signal.vector, started),
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
                )
            )
            continue
        incident = state.by_id[active]
        worse = signal.severity.value >= incident.severity.value and signal.opens
        events.append(
            IncidentUpdated(
                incident_id=active,
                severity=signal.severity if worse else incident.severity,
                confidence=max(signal.confidence, incident.confidence),
                time=now,
                last_seen=max(_moment(signal.window_end), incident.last_seen),
                expires=expires,
                peak=_peak(incident.peak, signal.rates),
                reasons=signal.reasons if worse else incident.reasons,
                evidence=evidence_of[signal],
            )
        )
    return events


def decide_quiet(
    state: Incidents, sighted: Mapping[tuple[str, str], datetime], now: datetime, life: LifeCycle
) -> list[IncidentEvent]:
    """Close what has not been seen for `close_after`. `sighted` holds when each was last signalled, by the
    wall clock.
    """
    patience = timedelta(seconds=life.close_after)
    events: list[IncidentEvent] = []
    for key, identifier in state.active.items():
        updated = state.by_id[identifier].updated
        if now >= max(sighted.get(key, updated), updated) + patience:
            events.append(IncidentClosed(identifier, QUIET, "", "nothing seen for a while", now, now))
    return events[:AT_ONCE]


def decide_acknowledge(
    state: Incidents, identifier: str, actor: str, note: str, now: datetime
) -> list[IncidentEvent]:
    """Acknowledging twice is acknowledging once. Raises IncidentError."""
    incident = _find(state, identifier)
    if incident.status is Status.ACKNOWLEDGED:
        return []
    _require_active(incident)
    return [IncidentAcknowledged(identifier, actor, note, now)]


def decide_close(
    state: Incidents, identifier: str, actor: str, note: str, now: datetime, life: LifeCycle
) -> list[IncidentEvent]:
    """Close by hand. Raises IncidentError."""
    incident = _find(state, identifier)
    if incident.status is Status.CLOSED:
        return []
    _require_active(incident)
    hold = now + timedelta(seconds=life.hold_after_close)
    return [IncidentClosed(identifier, OPERATOR, actor, note, now, hold)]


def decide_false_positive(
    state: Incidents, identifier: str, actor: str, note: str, now: datetime, life: LifeCycle
) -> list[IncidentEvent]:
    """Mark as false, also after it has closed. Raises IncidentError."""
    if _find(state, identifier).status is Status.FALSE_POSITIVE:
        return []
    hold = now + timedelta(seconds=life.hold_after_false_positive)
    return [IncidentMarkedFalsePositive(identifier, actor, note, now, hold)]


def evolve(state: Incidents, event: IncidentEvent) -> Incidents:
    """The state after one event. Events about an incident that has been forgotten change nothing."""
    if isinstance(event, IncidentOpened):
        incident = Incident(
            incident_id=event.incident_id,
            victim=event.victim,
            vector=event.vector,
            status=Status.OPEN,
            severity=event.severity,
            confidence=event.confidence,
            started=event.started,
            opened=event.time,
            updated=event.time,
            last_seen=event.evidence.window_end,
            expires=event.expires,
            peak=event.evidence.rates,
            reasons=event.reasons,
            evidence=event.evidence,
            detector=event.detector,
        )
        by_id = _bounded({**state.by_id, incident.incident_id: incident})
        return replace(state, by_id=by_id, active={**state.active, incident.key: incident.incident_id})
    incident = state.by_id.get(event.incident_id)
    if incident is None:
        return state
    if isinstance(event, IncidentUpdated):
        incident = replace(
            incident,
            severity=event.severity,
            confidence=event.confidence,
            updated=event.time,
            last_seen=event.last_seen,
            expires=event.expires,
            peak=event.peak,
            reasons=event.reasons,
            evidence=event.evidence,
        )
    elif isinstance(event, IncidentAcknowledged):
        incident = replace(incident, status=Status.ACKNOWLEDGED, actor=event.actor, note=event.note)
    else:
        false = isinstance(event, IncidentMarkedFalsePositive)
        incident = replace(
            incident,
            status=Status.FALSE_POSITIVE if false else Status.CLOSED,
            actor=event.actor or incident.actor,
            note=event.note,
            closed=event.time,
            close_cause="false-positive" if isinstance(event, IncidentMarkedFalsePositive) else event.cause,
        )
        state = _ended(state, incident, event.time, event.hold_until)
    return replace(state, by_id={**state.by_id, incident.incident_id: incident})


def _ended(state: Incidents, incident: Incident, now: datetime, hold_until: datetime) -> Incidents:
    active = {
        key: identifier for key, identifier in state.active.items() if identifier != incident.incident_id
    }
    holds = {key: until for key, until in state.holds.items() if until > now}
    if hold_until > now:
        holds[incident.key] = hold_until
    ended = dict(state.ended)
    ended.pop(incident.key, None)
    ended[incident.key] = incident.last_seen
    while len(ended) > KEPT_CLOSED:
        del ended[next(iter(ended))]
    return replace(state, active=active, holds=holds, ended=ended)


def _bounded(by_id: dict[str, Incident]) -> dict[str, Incident]:
    """Forget the oldest closed incidents; the ledger still has them."""
    excess = len(by_id) - KEPT_CLOSED
    if excess > 0:
        closed = [identifier for identifier, incident in by_id.items() if incident.status not in ACTIVE]
        for identifier in closed[:excess]:
            del by_id[identifier]
    return by_id


def _held(state: Incidents, key: tuple[str, str], signal: Signal, now: datetime) -> bool:
    """Held back by a person, or late traffic of an incident that has closed."""
    hold = state.holds.get(key)
    ended = state.ended.get(key)
    return (hold is not None and now < hold) or (ended is not None and _moment(signal.window_end) <= ended)


def _update_due(incident: Incident, signal: Signal, now: datetime, life: LifeCycle) -> bool:
    worse = signal.opens and signal.severity.value > incident.severity.value
    return worse or now >= incident.updated + timedelta(seconds=life.update_interval)


def _peak(one: Rates, other: Rates) -> Rates:
    return Rates(
        max(one.bits_per_second, other.bits_per_second),
        max(one.packets_per_second, other.packets_per_second),
        max(one.flows_per_second, other.flows_per_second),
    )


def _find(state: Incidents, identifier: str) -> Incident:
    incident = state.by_id.get(identifier)
    if incident is None:
        raise IncidentUnknownError(f"no incident {identifier!r}")
    return incident


def _require_active(incident: Incident) -> None:
    if incident.status not in ACTIVE:
        raise IncidentNotActiveError(f"incident {incident.incident_id} is {incident.status.name.lower()}")


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
