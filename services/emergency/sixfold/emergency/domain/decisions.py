"""Decisions of the emergency centre: from the state and a wish to the events that it takes, or a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sixfold.emergency.domain.document import Finding, RefusedError
from sixfold.emergency.domain.events import (
    AlertAccepted,
    AlertCancelled,
    AlertExpired,
    AlertFannedOut,
    Event,
    ReceiptRecorded,
    ReceiptsRecorded,
)
from sixfold.emergency.domain.message import Message, severest
from sixfold.emergency.domain.state import Alert, AlertState, DeliveryState, State, command_id, content_digest


@dataclass(frozen=True, slots=True)
class Policy:
    """What an operator may set: the life of an alert that names none, and the bounds of what is kept
    active."""

    default_lifetime: timedelta = timedelta(hours=24)
    clock_tolerance: timedelta = timedelta(minutes=10)
    most_active: int = 2_000
    most_active_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Command:
    """One command to one gateway that has to be sent."""

    alert_id: str
    gateway: str
    withdrawal: bool

    @property
    def command_id(self) -> str:
        return command_id(self.alert_id, self.gateway, withdrawal=self.withdrawal)


def accept(
    state: State,
    message: Message,
    findings: tuple[Finding, ...],
    cap: bytes,
    *,
    policy: Policy,
    now: datetime,
) -> tuple[list[Event], bool]:
    """Events and whether the message was known. RefusedError: CONTENT_DIFFERS, REFERENCE_UNKNOWN,
    TOO_MANY_ACTIVE."""
    known = state.alerts.get(message.alert_id)
    if known is not None:
        if known.digest != content_digest(cap):
            raise RefusedError(
                "CONTENT_DIFFERS",
                "a message of this sender, identifier and sent is stored with other content: a change "
                "needs a new identifier",
            )
        return [], True
    ends = _ended_by(state, message)
    if message.message_type == "Cancel" and not ends:
        raise RefusedError(
            "REFERENCE_UNKNOWN", f"the Cancel names no alert of {message.sender} that this centre holds"
        )
    _require_room(state, cap, policy)
    accepted = _acceptance(message, findings, cap, ends, policy, now)
    events: list[Event] = [accepted]
    if message.message_type in ("Cancel", "Update"):
        superseded = message.message_type == "Update"
        events.extend(
            AlertCancelled(
                alert.accepted.alert_id,
                accepted.alert_id,
                superseded,
                f"{message.message_type} {message.identifier}",
                now,
            )
            for alert in ends
            if alert.state is AlertState.ACTIVE
        )
    if message.message_type != "Cancel" and accepted.expires <= now:
        events.append(AlertExpired(accepted.alert_id, now))
    return events, False


def _ended_by(state: State, message: Message) -> list[Alert]:
    """Alerts that the message names and may end: those of its own sender."""
    names = dict.fromkeys(
        reference.alert_id for reference in message.references if reference.sender == message.sender
    )
    return [state.alerts[name] for name in names if name in state.alerts]


def _require_room(state: State, cap: bytes, policy: Policy) -> None:
    active = state.active
    size = sum(len(alert.accepted.cap) for alert in active) + len(cap)
    if len(active) >= policy.most_active or size > policy.most_active_bytes:
        raise RefusedError(
            "TOO_MANY_ACTIVE",
            f"{len(active)} alerts are active, with {size} bytes: end some, or raise the limits in the "
            "settings",
        )


def _acceptance(
    message: Message,
    findings: tuple[Finding, ...],
    cap: bytes,
    ends: Sequence[Alert],
    policy: Policy,
    now: datetime,
) -> AlertAccepted:
    first = message.infos[0] if message.infos else None
    return AlertAccepted(
        alert_id=message.alert_id,
        identifier=message.identifier,
        sender=message.sender,
        sent=message.sent,
        status=message.status,
        message_type=message.message_type,
        cap=cap,
        expires=message.expires or now + policy.default_lifetime,
        headline=(first.headline or first.event) if first else "",
        event=first.event if first else "",
        severity=severest(message),
        language=first.language if first else "",
        geocodes=message.geocodes,
        signature=message.signature,
        findings=findings,
        referenced=tuple(alert.accepted.alert_id for alert in ends),
        accepted=now,
    )


def cancel(state: State, alert_id: str, reason: str, now: datetime) -> list[Event]:
    """RefusedError: ALERT_UNKNOWN, ALERT_ENDED."""
    alert = state.alerts.get(alert_id)
    if alert is None:
        raise RefusedError("ALERT_UNKNOWN", f"no alert {alert_id!r} is held here")
    if alert.state is not AlertState.ACTIVE:
        raise RefusedError("ALERT_ENDED", f"the alert is {alert.state.value}")
    return [AlertCancelled(alert_id, "", False, reason, now)]


def expire(state: State, now: datetime, *, most: int = 256) -> list[Event]:
    due = [alert.accepted.alert_id for alert in state.active if alert.accepted.expires <= now]
    return [AlertExpired(alert_id, now) for alert_id in due[:most]]


def concerns(alert: AlertAccepted, areas: Sequence[str]) -> bool:
    """Whether an alert concerns a gateway that serves `areas`.

    Codes are hierarchical (an administrative code's trailing zeros stand for "all of it"), so either may hold
    the other. An alert
    without geocodes, and a gateway without areas, concern everyone: a warning too many does less harm than
    one too few.
    """
    if not alert.geocodes or not areas:
        return True
    codes = [_significant(code.value) for code in alert.geocodes]
    own = [_significant(area) for area in areas]
    return any(code.startswith(area) or area.startswith(code) for code in codes for area in own)


def _significant(code: str) -> str:
    return code.rstrip("0") if code.isdigit() else code


def due_commands(state: State, gateways: Mapping[str, Sequence[str]], now: datetime) -> list[Command]:
    """What has to be sent, deliveries before withdrawals, so that no one is between an alert and its update
    without either."""
    deliveries: list[Command] = []
    withdrawals: list[Command] = []
    reached = (DeliveryState.SENT, DeliveryState.DELIVERED)
    for alert in state.alerts.values():
        name = alert.accepted.alert_id
        if alert.state is AlertState.ACTIVE and alert.accepted.expires > now:
            deliveries.extend(
                Command(name, gateway, False)
                for gateway, areas in gateways.items()
                if gateway not in alert.deliveries and concerns(alert.accepted, areas)
            )
        elif alert.state in (AlertState.CANCELLED, AlertState.SUPERSEDED) and alert.accepted.expires > now:
            withdrawals.extend(
                Command(name, delivery.gateway, True)
                for delivery in alert.deliveries.values()
                if delivery.state in reached
            )
    return deliveries + withdrawals


def fanned_out(state: State, sent: Sequence[Command], now: datetime) -> list[Event]:
    """Notes what was sent, without what is noted already."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for command in sent:
        alert = state.alerts.get(command.alert_id)
        if alert is None:
            continue
        before = alert.deliveries.get(command.gateway)
        is_new = (
            before is None
            if not command.withdrawal
            else before is not None and before.state in (DeliveryState.SENT, DeliveryState.DELIVERED)
        )
        if is_new:
            groups.setdefault((command.alert_id, command.withdrawal), []).append(command.gateway)
    return [
        AlertFannedOut(alert_id, tuple(gateways), now, withdrawal)
        for (alert_id, withdrawal), gateways in groups.items()
    ]


def record_receipts(
    state: State, receipts: Sequence[ReceiptRecorded]
) -> tuple[list[Event], list[ReceiptRecorded]]:
    """Events, and the receipts that belong to no alert held here. A receipt that is recorded already is left
    out."""
    strange = [receipt for receipt in receipts if receipt.alert_id not in state.alerts]
    fresh: dict[tuple[str, str, str], ReceiptRecorded] = {}
    for receipt in receipts:
        alert = state.alerts.get(receipt.alert_id)
        if alert is None:
            continue
        before = alert.deliveries.get(receipt.gateway)
        if before is None or before.receipt != receipt.time or before.cause != receipt.cause:
            fresh[receipt.command_id, receipt.outcome, receipt.cause] = receipt
    events: list[Event] = [ReceiptsRecorded(tuple(fresh.values()))] if fresh else []
    return events, strange
