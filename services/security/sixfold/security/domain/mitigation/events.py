"""Facts of the ledger about mitigations. Field names are those of the protos."""

from dataclasses import dataclass
from datetime import datetime

from sixfold.security.domain.mitigation.values import BlastRadius, Effect, Policy


@dataclass(frozen=True, slots=True)
class MitigationProposed:
    mitigation_id: str
    incident_id: str
    policy: Policy
    gateways: tuple[str, ...]
    proposer: str
    note: str
    seconds: int
    estimate: BlastRadius | None
    two_person_reasons: tuple[str, ...]
    time: datetime


@dataclass(frozen=True, slots=True)
class MitigationApproved:
    mitigation_id: str
    approver: str
    note: str
    time: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class MitigationEnded:
    """It will not be, or is no longer, enforced."""

    mitigation_id: str
    cause: str
    actor: str
    note: str
    time: datetime


@dataclass(frozen=True, slots=True)
class MitigationMeasured:
    mitigation_id: str
    effect: Effect


@dataclass(frozen=True, slots=True)
class PoliciesAnswered:
    """A gateway's answer to the policies that it was sent; outcome `ahead`: it has a generation never sent to it."""

    gateway: str
    generation: int
    outcome: str
    cause: str
    time: datetime


MitigationEvent = (
    MitigationProposed | MitigationApproved | MitigationEnded | MitigationMeasured | PoliciesAnswered
)
EVENTS: tuple[type, ...] = (
    MitigationProposed,
    MitigationApproved,
    MitigationEnded,
    MitigationMeasured,
    PoliciesAnswered,
)
