"""EmergencyService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract
from collections.abc import AsyncIterator
from typing import Any, cast

from google.rpc.error_details_pb2 import BadRequest

from sixfold.api.emergency.v1 import emergency_pb2 as pb
from sixfold.api.emergency.v1 import emergency_pb2_grpc, events_pb2
from sixfold.chassis.rpc import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    RpcError,
)
from sixfold.emergency.domain.document import RefusedError
from sixfold.emergency.domain.state import Alert, AlertState, Delivery, DeliveryState
from sixfold.emergency.handlers import Alerts

LARGEST_PAGE = 1_000
STATES = {
    state: cast("pb.AlertState", pb.AlertState.Value(f"ALERT_STATE_{state.name}")) for state in AlertState
}
DELIVERY_STATES = {
    state: cast("pb.DeliveryState", pb.DeliveryState.Value(f"DELIVERY_STATE_{state.name}"))
    for state in DeliveryState
}


class DocumentRefused(InvalidArgument):
    """Every finding is a field violation: its field is the element's path, its reason the rule."""

    def __init__(self, refusal: RefusedError) -> None:
        super().__init__("cap", refusal.detail, refusal.reason)
        self._refusal = refusal

    def more_details(self) -> list[BadRequest]:
        if not self._refusal.findings:
            return super().more_details()
        return [
            BadRequest(
                field_violations=[
                    BadRequest.FieldViolation(
                        field=found.path, description=found.detail, reason=found.rule.upper()
                    )
                    for found in self._refusal.findings
                ]
            )
        ]


def refusal(error: RefusedError) -> RpcError:
    match error.reason:
        case "ALERT_UNKNOWN" | "REFERENCE_UNKNOWN":
            return NotFound(error.detail, reason=error.reason)
        case "ALERT_ENDED":
            return FailedPrecondition(error.detail, reason=error.reason)
        case "CONTENT_DIFFERS":
            return AlreadyExists(error.detail, reason=error.reason)
        case "TOO_MANY_ACTIVE":
            return ResourceExhausted(error.detail, reason=error.reason)
        case _:
            return DocumentRefused(error)


class EmergencyServicer(emergency_pb2_grpc.EmergencyServiceServicer):
    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    async def SubmitAlert(self, request: pb.SubmitAlertRequest, context: Any) -> pb.SubmitAlertResponse:
        try:
            alert, known = await self._alerts.submit(request.cap, lenient=request.lenient)
        except RefusedError as error:
            raise refusal(error) from error
        return pb.SubmitAlertResponse(alert=alert_message(alert), repeated_call=known)

    async def GetAlert(self, request: pb.GetAlertRequest, context: Any) -> pb.GetAlertResponse:
        alert = self._alert(request.alert_id)
        return pb.GetAlertResponse(alert=alert_message(alert), cap=alert.accepted.cap)

    async def ListAlerts(self, request: pb.ListAlertsRequest, context: Any) -> pb.ListAlertsResponse:
        size = min(request.page_size or 100, LARGEST_PAGE)
        before = _page(request.page_token)
        found: list[Alert] = []
        for alert in reversed(list(self._alerts.state.alerts.values())):
            wanted = not request.state or STATES[alert.state] == request.state
            if wanted and (before == 0 or alert.number < before):
                found.append(alert)
            if len(found) > size:
                break
        more = str(found[size - 1].number) if len(found) > size else ""
        return pb.ListAlertsResponse(
            alerts=[alert_message(alert) for alert in found[:size]], next_page_token=more
        )

    async def CancelAlert(self, request: pb.CancelAlertRequest, context: Any) -> pb.CancelAlertResponse:
        if len(request.reason) > 1_024:
            raise InvalidArgument("reason", "at most 1024 characters", "REASON_TOO_LONG")
        try:
            alert = await self._alerts.cancel(request.alert_id, request.reason)
        except RefusedError as error:
            raise refusal(error) from error
        return pb.CancelAlertResponse(alert=alert_message(alert))

    async def GetDelivery(self, request: pb.GetDeliveryRequest, context: Any) -> pb.GetDeliveryResponse:
        alert = self._alert(request.alert_id)
        deliveries = sorted(alert.deliveries.values(), key=lambda delivery: delivery.gateway)
        return pb.GetDeliveryResponse(
            deliveries=[delivery_message(request.alert_id, delivery) for delivery in deliveries]
        )

    async def WatchDeliveries(
        self, request: pb.WatchDeliveriesRequest, context: Any
    ) -> AsyncIterator[pb.WatchDeliveriesResponse]:
        if request.alert_id:
            self._alert(request.alert_id)
        async for alert_id, delivery in self._alerts.watch(request.alert_id):
            yield pb.WatchDeliveriesResponse(delivery=delivery_message(alert_id, delivery))

    def _alert(self, alert_id: str) -> Alert:
        try:
            return self._alerts.alert(alert_id)
        except RefusedError as error:
            raise refusal(error) from error


def _page(token: str) -> int:
    if token and not token.isdigit():
        raise InvalidArgument("page_token", "is none that this service gave", "PAGE_TOKEN_MALFORMED")
    return int(token or 0)


def alert_message(alert: Alert) -> pb.Alert:
    accepted = alert.accepted
    message = pb.Alert(
        alert_id=accepted.alert_id,
        identifier=accepted.identifier,
        sender=accepted.sender,
        status=accepted.status,
        message_type=accepted.message_type,
        state=STATES[alert.state],
        headline=accepted.headline,
        event=accepted.event,
        severity=accepted.severity,
        language=accepted.language,
        geocodes=[events_pb2.Geocode(name=code.name, value=code.value) for code in accepted.geocodes],
        signature=accepted.signature,
        findings=[
            events_pb2.Finding(path=found.path, rule=found.rule, detail=found.detail)
            for found in accepted.findings
        ],
        referenced=accepted.referenced,
    )
    message.sent.FromDatetime(accepted.sent)
    message.expires.FromDatetime(accepted.expires)
    message.accepted.FromDatetime(accepted.accepted)
    return message


def delivery_message(alert_id: str, delivery: Delivery) -> pb.Delivery:
    message = pb.Delivery(
        alert_id=alert_id,
        gateway=delivery.gateway,
        state=DELIVERY_STATES[delivery.state],
        cause=delivery.cause,
    )
    message.sent.FromDatetime(delivery.sent)
    if delivery.receipt is not None:
        message.receipt.FromDatetime(delivery.receipt)
    return message
