"""What the ledger's events add up to: alerts and their deliveries. Values are never changed in place."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Final, assert_never

from sixfold.emergency.domain.events import (
    AlertAccepted,
    AlertCancelled,
    AlertExpired,
    AlertFannedOut,
    Event,
    ReceiptRecorded,
    ReceiptsRecorded,
)

MOST_FINISHED: Final = 1_000
"""Ended alerts that stay in memory; the ledger keeps all."""
MOST_FINISHED_BYTES: Final = 64 * 1024 * 1024


class AlertState(Enum):
    ACTIVE = "active"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    DONE = "done"


class DeliveryState(Enum):
    SENT = "sent"
    DELIVERED = "delivered"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWAL_SENT = "withdrawal-sent"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Delivery:
    gateway: str
    state: DeliveryState
    sent: datetime
    receipt: datetime | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """`number` counts acceptances, so that lists have an order that stays."""

    number: int
    accepted: AlertAccepted
    state: AlertState
    digest: bytes
    deliveries: Mapping[str, Delivery] = field(default_factory=dict[str, Delivery])


@dataclass(frozen=True, slots=True)
class State:
    """`alerts` in order of acceptance; `finished` the ended ones in order of their ends."""

    alerts: Mapping[str, Alert] = field(default_factory=dict[str, Alert])
    finished: tuple[str, ...] = ()
    accepted: int = 0

    @property
    def active(self) -> list[Alert]:
        return [alert for alert in self.alerts.values() if alert.state is AlertState.ACTIVE]


def content_digest(cap: bytes) -> bytes:
    return hashlib.sha256(cap).digest()


def command_id(alert_id: str, gateway: str, *, withdrawal: bool) -> str:
    """The same for the same command, however often it is sent."""
    return f"{alert_id}:{gateway}:{'withdraw' if withdrawal else 'deliver'}"


def evolve(state: State, event: Event) -> State:
    match event:
        case AlertAccepted():
            return _accepted(state, event)
        case AlertFannedOut():
            return _fanned_out(state, event)
        case ReceiptsRecorded():
            for receipt in event.receipts:
                state = _receipt(state, receipt)
            return state
        case AlertCancelled():
            return _end(
                state, event.alert_id, AlertState.SUPERSEDED if event.superseded else AlertState.CANCELLED
            )
        case AlertExpired():
            return _end(state, event.alert_id, AlertState.EXPIRED)
        case _:
            assert_never(event)


def _with(state: State, alert: Alert) -> State:
    return replace(state, alerts={**state.alerts, alert.accepted.alert_id: alert})


def _accepted(state: State, event: AlertAccepted) -> State:
    number = state.accepted + 1
    alert = Alert(number, event, AlertState.ACTIVE, content_digest(event.cap))
    state = replace(_with(state, alert), accepted=number)
    return _end(state, event.alert_id, AlertState.DONE) if event.message_type == "Cancel" else state


def _end(state: State, alert_id: str, end: AlertState) -> State:
    alert = state.alerts.get(alert_id)
    if alert is None or alert.state is not AlertState.ACTIVE:
        return state
    state = replace(_with(state, replace(alert, state=end)), finished=(*state.finished, alert_id))
    return _forget(state)


def _forget(state: State) -> State:
    size = sum(len(state.alerts[name].accepted.cap) for name in state.finished)
    drop = 0
    while len(state.finished) - drop > MOST_FINISHED or size > MOST_FINISHED_BYTES:
        size -= len(state.alerts[state.finished[drop]].accepted.cap)
        drop += 1
    if drop == 0:
        return state
    gone = set(state.finished[:drop])
    return replace(
        state,
        alerts={name: alert for name, alert in state.alerts.items() if name not in gone},
        finished=state.finished[drop:],
    )


def _fanned_out(state: State, event: AlertFannedOut) -> State:
    alert = state.alerts.get(event.alert_id)
    if alert is None:
        return state
    changed: dict[str, Delivery] = {}
    for gateway in event.gateways:
        before = alert.deliveries.get(gateway)
        if event.withdrawal and before is not None:
            changed[gateway] = Delivery(gateway, DeliveryState.WITHDRAWAL_SENT, event.time)
        elif not event.withdrawal and before is None:
            changed[gateway] = Delivery(gateway, DeliveryState.SENT, event.time)
    return _with(state, replace(alert, deliveries={**alert.deliveries, **changed}))


def _receipt(state: State, receipt: ReceiptRecorded) -> State:
    alert = state.alerts.get(receipt.alert_id)
    withdrawal = receipt.command_id == command_id(receipt.alert_id, receipt.gateway, withdrawal=True)
    if alert is None:
        return state
    before = alert.deliveries.get(receipt.gateway)
    # A receipt may overtake the note that its command was sent.
    sent = before.sent if before is not None else receipt.time
    match receipt.outcome:
        case "delivered" | "duplicate":
            new = DeliveryState.WITHDRAWN if withdrawal else DeliveryState.DELIVERED
        case "expired":
            new = DeliveryState.EXPIRED
        case _:
            new = DeliveryState.REFUSED
    if (
        before is not None
        and not withdrawal
        and before.state in (DeliveryState.WITHDRAWAL_SENT, DeliveryState.WITHDRAWN)
    ):
        return state
    delivery = Delivery(receipt.gateway, new, sent, receipt.time, receipt.cause)
    return _with(state, replace(alert, deliveries={**alert.deliveries, receipt.gateway: delivery}))
