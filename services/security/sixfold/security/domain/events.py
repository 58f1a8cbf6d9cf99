"""Facts of the security ledger and the values they are made of. Field names are those of the protos."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Severity(Enum):
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True, slots=True)
class Rates:
    """Means over a window, after correction for sampling."""

    bits_per_second: float
    packets_per_second: float
    flows_per_second: float


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a detector spoke: one measured value against one threshold."""

    code: str
    text: str
    measured: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Share:
    value: str
    bytes: int
    packets: int
    flows: int
    share: float


@dataclass(frozen=True, slots=True)
class FlowSample:
    time_start: datetime
    time_end: datetime
    gateway: str
    exporter: str
    src_address: str
    dst_address: str
    src_port: int
    dst_port: int
    protocol: int
    bytes: int
    packets: int
    sampling_rate: int


@dataclass(frozen=True, slots=True)
class Evidence:
    window_start: datetime
    window_end: datetime
    rates: Rates
    top_sources: tuple[Share, ...]
    top_destination_ports: tuple[Share, ...]
    top_source_ports: tuple[Share, ...]
    protocols: tuple[Share, ...]
    sample_flows: tuple[FlowSample, ...]
    query: str


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    incident_id: str
    victim: str
    vector: str
    severity: Severity
    confidence: float
    started: datetime
    time: datetime
    expires: datetime
    reasons: tuple[Reason, ...]
    evidence: Evidence
    detector: str
    technique: str = ""
    side: str = ""
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentUpdated:
    incident_id: str
    severity: Severity
    confidence: float
    time: datetime
    last_seen: datetime
    expires: datetime
    peak: Rates
    reasons: tuple[Reason, ...]
    evidence: Evidence
    detectors: tuple[str, ...] = ()
    signals: int = 1


@dataclass(frozen=True, slots=True)
class IncidentAcknowledged:
    incident_id: str
    actor: str
    note: str
    time: datetime


@dataclass(frozen=True, slots=True)
class IncidentClosed:
    incident_id: str
    cause: str
    actor: str
    note: str
    time: datetime
    hold_until: datetime


@dataclass(frozen=True, slots=True)
class IncidentMarkedFalsePositive:
    incident_id: str
    actor: str
    note: str
    time: datetime
    hold_until: datetime


@dataclass(frozen=True, slots=True)
class IncidentNoted:
    incident_id: str
    actor: str
    note: str
    time: datetime


@dataclass(frozen=True, slots=True)
class IncidentMitigated:
    """A mitigation against it is in force."""

    incident_id: str
    mitigation_id: str
    actor: str
    note: str
    time: datetime


@dataclass(frozen=True, slots=True)
class IncidentMitigationEnded:
    incident_id: str
    mitigation_id: str
    actor: str
    note: str
    time: datetime


@dataclass(frozen=True, slots=True)
class ThresholdRaised:
    """Signals of `vector` about `object` open an incident only above `factor` times the threshold."""

    adjustment_id: str
    object: str
    vector: str
    detector: str
    factor: float
    incident_id: str
    actor: str
    note: str
    time: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class ThresholdReverted:
    adjustment_id: str
    actor: str
    note: str
    time: datetime


OfIncident = (
    IncidentOpened
    | IncidentUpdated
    | IncidentAcknowledged
    | IncidentClosed
    | IncidentMarkedFalsePositive
    | IncidentNoted
    | IncidentMitigated
    | IncidentMitigationEnded
)
OfThreshold = ThresholdRaised | ThresholdReverted
IncidentEvent = OfIncident | OfThreshold
EVENTS: tuple[type, ...] = (
    IncidentOpened,
    IncidentUpdated,
    IncidentAcknowledged,
    IncidentClosed,
    IncidentMarkedFalsePositive,
    IncidentNoted,
    IncidentMitigated,
    IncidentMitigationEnded,
    ThresholdRaised,
    ThresholdReverted,
)
