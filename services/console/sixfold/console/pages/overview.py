"""Overview: is traffic flowing, over which family, through which gateways, what was lost, do the centres stand."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from sixfold.api.emergency.v1 import emergency_pb2
from sixfold.api.security.v1 import security_pb2
from sixfold.console.adapters.centres import Centres
from sixfold.console.pages.gateways import ask_gateways, losses_of
from sixfold.console.pages.traffic import ask_traffic, by_minute, pictures

_COUNTED = 500


async def overview(centres: Centres, request: Request) -> dict[str, Any]:
    open_states = [security_pb2.INCIDENT_STATUS_OPEN, security_pb2.INCIDENT_STATUS_ACKNOWLEDGED]
    traffic, incidents, alerts, gateways, health = await asyncio.gather(
        ask_traffic(centres, minutes=31),
        centres.ask(
            "security",
            centres.security.ListIncidents,
            security_pb2.ListIncidentsRequest(statuses=open_states, page_size=_COUNTED),
        ),
        centres.ask(
            "emergency",
            centres.emergency.ListAlerts,
            emergency_pb2.ListAlertsRequest(state=emergency_pb2.ALERT_STATE_ACTIVE, page_size=_COUNTED),
        ),
        ask_gateways(centres),
        centres.health(),
    )
    minutes = by_minute(traffic.value.minutes, now=datetime.now(UTC)) if traffic.value is not None else []
    return {
        "traffic": traffic,
        "flowing": traffic.value is not None and bool(traffic.value.minutes),
        "minute": minutes[-1] if minutes else None,
        "pictures": pictures(minutes),
        "incidents": incidents.map(lambda reply: len(reply.incidents)),
        "alerts": alerts.map(lambda reply: len(reply.alerts)),
        "gateways": gateways,
        "losses": losses_of(gateways.value or []),
        "health": health,
    }
