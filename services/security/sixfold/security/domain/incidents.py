"""Incidents: what they are, and how their events add up. `decisions` has what is decided about them.

At most one incident per (victim, vector) is active.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from sixfold.security.domain import addresses
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
    Reason,
    Severity,
    ThresholdRaised,
    ThresholdReverted,
)
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.thresholds import Adjustment

KEPT_CLOSED: Final = 10_000
KEPT_NOTES: Final = 100
KEPT_RELATED: Final = 32
KEPT_ADJUSTMENTS: Final = 10_000
Key = tuple[str, str]
"""Victim and vector."""


class Status(Enum):
    OPEN = 1
    ACKNOWLEDGED = 2
    CLOSED = 3
    FALSE_POSITIVE = 4
    MITIGATED = 5


ACTIVE: Final = frozenset({Status.OPEN, Status.ACKNOWLEDGED, Status.MITIGATED})


@dataclass(frozen=True, slots=True)
class Note:
    """One step of an incident's life, or what somebody wrote about it."""

    time: datetime
    actor: str
    action: str
    text: str


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
    technique: str = ""
    side: str = "destination"
    related: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    signals: int = 1
    mitigations: tuple[str, ...] = ()
    """Those in force."""
    notes: tuple[Note, ...] = ()

    @property
    def key(self) -> Key:
        return self.victim, self.vector

    @property
    def changed(self) -> datetime:
        """When its newest event was."""
        return max(self.updated, self.notes[-1].time) if self.notes else self.updated


@dataclass(frozen=True, slots=True)
class Incidents:
    """State of the ledger: incidents by id in opening order, the active ones by victim and vector, and
    what is held back.

    `ended` keeps, by victim and vector, until when (event time) its traffic belongs to an incident that is
    closed.
    """

    by_id: Mapping[str, Incident] = field(default_factory=dict[str, Incident])
    active: Mapping[Key, str] = field(default_factory=dict[Key, str])
    holds: Mapping[Key, datetime] = field(default_factory=dict[Key, datetime])
    ended: Mapping[Key, datetime] = field(default_factory=dict[Key, datetime])
    adjustments: Mapping[str, Adjustment] = field(default_factory=dict[str, Adjustment])


def incident_id(victim: str, vector: str, started: datetime) -> str:
    """The same attack has the same id whoever sees it first."""
    text = f"{victim}|{vector}|{int(started.timestamp() * 1000)}"
    return "inc-" + hashlib.blake2s(text.encode(), digest_size=8).hexdigest()


def victim_of(signal: Signal) -> str:
    return addresses.network_text(*signal.network)


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def evolve(state: Incidents, event: IncidentEvent) -> Incidents:
    """The state after one event. Events about an incident that has been forgotten change nothing."""
    if isinstance(event, IncidentOpened):
        return _opened(state, event)
    if isinstance(event, ThresholdRaised):
        raised = Adjustment(
            **{name: getattr(event, name) for name in Adjustment.__dataclass_fields__}  # of the same names
        )
        kept = {key: one for key, one in state.adjustments.items() if one.expires > event.time}
        kept.pop(raised.adjustment_id, None)
        while len(kept) >= KEPT_ADJUSTMENTS:
            del kept[next(iter(kept))]
        return replace(state, adjustments={**kept, raised.adjustment_id: raised})
    if isinstance(event, ThresholdReverted):
        kept = {key: one for key, one in state.adjustments.items() if key != event.adjustment_id}
        return replace(state, adjustments=kept)
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
            detectors=event.detectors or incident.detectors,
            signals=incident.signals + event.signals,
        )
    elif isinstance(event, IncidentAcknowledged):
        status = Status.MITIGATED if incident.mitigations else Status.ACKNOWLEDGED
        incident = _noted(incident, event.time, event.actor, "acknowledged", event.note)
        incident = replace(incident, status=status, actor=event.actor, note=event.note)
    elif isinstance(event, IncidentNoted):
        incident = _noted(incident, event.time, event.actor, "note", event.note)
    elif isinstance(event, IncidentMitigated):
        incident = _noted(incident, event.time, event.actor, "mitigated", _of(event))
        mitigations = (*incident.mitigations, event.mitigation_id)
        incident = replace(incident, status=Status.MITIGATED, mitigations=mitigations)
    elif isinstance(event, IncidentMitigationEnded):
        incident = _mitigation_ended(incident, event)
    else:
        incident = _end(incident, event)
        state = _ended(state, incident, event.time, event.hold_until)
    return replace(state, by_id={**state.by_id, incident.incident_id: incident})


def _opened(state: Incidents, event: IncidentOpened) -> Incidents:
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
        technique=event.technique,
        side=event.side or "destination",
        related=event.related,
        detectors=(event.detector,),
        notes=(Note(event.time, event.detector, "opened", event.reasons[0].text if event.reasons else ""),),
    )
    by_id = {**state.by_id, incident.incident_id: incident}
    for other in event.related:
        known = by_id.get(other)
        if known is not None and len(known.related) < KEPT_RELATED:
            by_id[other] = replace(known, related=(*known.related, incident.incident_id))
    return replace(state, by_id=_bounded(by_id), active={**state.active, incident.key: incident.incident_id})


def _noted(incident: Incident, time: datetime, actor: str, action: str, text: str) -> Incident:
    """With one more note; past KEPT_NOTES the oldest after the opening goes."""
    notes = (*incident.notes, Note(time, actor, action, text))
    if len(notes) > KEPT_NOTES:
        notes = (notes[0], *notes[-KEPT_NOTES + 1 :])
    return replace(incident, notes=notes)


def _of(event: IncidentMitigated | IncidentMitigationEnded) -> str:
    return f"{event.mitigation_id}: {event.note}" if event.note else event.mitigation_id


def _mitigation_ended(incident: Incident, event: IncidentMitigationEnded) -> Incident:
    left = tuple(one for one in incident.mitigations if one != event.mitigation_id)
    incident = _noted(incident, event.time, event.actor, "mitigation-ended", _of(event))
    status = incident.status
    if status is Status.MITIGATED and not left:
        status = Status.ACKNOWLEDGED if incident.actor else Status.OPEN
    # What was dropped at the gateways is not seen here: from now on it has to be quiet again.
    return replace(incident, status=status, mitigations=left, updated=event.time)


def _end(incident: Incident, event: IncidentClosed | IncidentMarkedFalsePositive) -> Incident:
    false = isinstance(event, IncidentMarkedFalsePositive)
    cause = "false-positive" if isinstance(event, IncidentMarkedFalsePositive) else event.cause
    action = "false-positive" if false else "closed"
    incident = _noted(incident, event.time, event.actor, action, event.note)
    return replace(
        incident,
        status=Status.FALSE_POSITIVE if false else Status.CLOSED,
        actor=event.actor or incident.actor,
        note=event.note,
        closed=event.time,
        close_cause=cause,
    )


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
