"""Alerts with the state of their deliveries, and the form that sends a test alert."""

import asyncio
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request

from sixfold.api.emergency.v1 import emergency_pb2
from sixfold.console.adapters.centres import Answer, Centres
from sixfold.console.pages.wording import moment, word

_NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
SEVERITIES: Final = ("Minor", "Moderate", "Severe", "Extreme")
_SHOWN: Final = 20


@dataclass(frozen=True)
class TestAlert:
    """What the form asks for; `problem` is the key of a text when it cannot be sent."""

    headline: str
    area: str
    severity: str
    problem: str | None = None


def read_form(form: Mapping[str, str]) -> TestAlert:
    headline, area = form.get("headline", "").strip()[:160], form.get("area", "").strip()[:160]
    severity = form.get("severity", "")
    problem = None
    if not headline:
        problem = "alerts.need_headline"
    elif not area:
        problem = "alerts.need_area"
    elif severity not in SEVERITIES:
        problem = "alerts.need_severity"
    return TestAlert(headline, area, severity, problem)


def cap_document(alert: TestAlert, language: str, now: datetime, identifier: str) -> bytes:
    """A CAP 1.2 message with status Test that expires in ten minutes."""
    ET.register_namespace("", _NAMESPACE)

    def child(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
        element = ET.SubElement(parent, f"{{{_NAMESPACE}}}{name}")
        element.text = text
        return element

    def time(value: datetime) -> str:
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")

    root = ET.Element(f"{{{_NAMESPACE}}}alert")
    for name, text in (
        ("identifier", identifier),
        ("sender", "console@sixfold.example"),
        ("sent", time(now)),
        ("status", "Test"),
        ("msgType", "Alert"),
        ("scope", "Public"),
    ):
        child(root, name, text)
    info = child(root, "info")
    for name, text in (
        ("language", language),
        ("category", "Infra"),
        ("event", "Test"),
        ("urgency", "Immediate"),
        ("severity", alert.severity),
        ("certainty", "Observed"),
        ("expires", time(now + timedelta(minutes=10))),
        ("headline", alert.headline),
        ("description", alert.headline),
    ):
        child(info, name, text)
    child(child(info, "area"), "areaDesc", alert.area)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


async def send_test_alert(centres: Centres, alert: TestAlert, language: str) -> Answer[Any]:
    document = cap_document(alert, language, datetime.now(UTC), f"console-{uuid.uuid4()}")
    request = emergency_pb2.SubmitAlertRequest(cap=document)
    return await centres.ask("emergency", centres.emergency.SubmitAlert, request)


def _delivery(message: emergency_pb2.Delivery) -> dict[str, Any]:
    state = word(emergency_pb2.DeliveryState, message.state, "DELIVERY_STATE_")
    moods = {"delivered": "good", "withdrawn": "good", "refused": "bad", "expired": "warn"}
    return {"gateway": message.gateway, "state": state, "mood": moods.get(state, ""), "cause": message.cause}


async def alerts(centres: Centres, request: Request) -> dict[str, Any]:
    listed = await centres.ask(
        "emergency", centres.emergency.ListAlerts, emergency_pb2.ListAlertsRequest(page_size=_SHOWN)
    )
    messages = list(listed.value.alerts) if listed.value is not None else []
    deliveries = await asyncio.gather(
        *(
            centres.ask(
                "emergency",
                centres.emergency.GetDelivery,
                emergency_pb2.GetDeliveryRequest(alert_id=message.alert_id),
            )
            for message in messages
        )
    )
    rows = []
    for message, answer in zip(messages, deliveries, strict=True):
        state = word(emergency_pb2.AlertState, message.state, "ALERT_STATE_")
        rows.append(
            {
                "id": message.alert_id,
                "headline": message.headline or message.event or message.identifier,
                "language": message.language,
                "status": message.status,
                "severity": message.severity,
                "state": state,
                "mood": "good" if state == "active" else "",
                "sender": message.sender,
                "accepted": moment(message, "accepted"),
                "expires": moment(message, "expires"),
                "deliveries": [_delivery(one) for one in answer.value.deliveries] if answer.value else [],
            }
        )
    return {"alerts": listed.map(lambda _: rows), "severities": SEVERITIES}
