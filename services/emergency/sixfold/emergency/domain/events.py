"""Facts of the emergency centre, as its ledger holds them."""

from dataclasses import dataclass
from datetime import datetime

from sixfold.emergency.domain.document import Finding
from sixfold.emergency.domain.message import Geocode


@dataclass(frozen=True, slots=True)
class AlertAccepted:
    alert_id: str
    identifier: str
    sender: str
    sent: datetime
    status: str
    message_type: str
    cap: bytes
    expires: datetime
    headline: str
    event: str
    severity: str
    language: str
    geocodes: tuple[Geocode, ...]
    signature: str
    findings: tuple[Finding, ...]
    referenced: tuple[str, ...]
    accepted: datetime


@dataclass(frozen=True, slots=True)
class AlertFannedOut:
    alert_id: str
    gateways: tuple[str, ...]
    time: datetime
    withdrawal: bool


@dataclass(frozen=True, slots=True)
class ReceiptRecorded:
    alert_id: str
    gateway: str
    command_id: str
    outcome: str
    cause: str
    time: datetime


@dataclass(frozen=True, slots=True)
class ReceiptsRecorded:
    receipts: tuple[ReceiptRecorded, ...]


@dataclass(frozen=True, slots=True)
class AlertCancelled:
    alert_id: str
    by_alert_id: str
    superseded: bool
    reason: str
    time: datetime


@dataclass(frozen=True, slots=True)
class AlertExpired:
    alert_id: str
    time: datetime


Event = AlertAccepted | AlertFannedOut | ReceiptsRecorded | AlertCancelled | AlertExpired
EVENTS = (AlertAccepted, AlertFannedOut, ReceiptsRecorded, AlertCancelled, AlertExpired)
