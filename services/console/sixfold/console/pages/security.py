"""Security: open incidents with their reasons, and the heaviest hosts of the last minute."""

import asyncio
from typing import Any

from starlette.requests import Request

from sixfold.api.security.v1 import events_pb2, security_pb2
from sixfold.console.adapters.centres import Centres
from sixfold.console.pages.wording import moment, word

_MOODS = {"low": "", "medium": "warn", "high": "bad", "critical": "bad"}


def incident(message: security_pb2.Incident) -> dict[str, Any]:
    severity = word(events_pb2.Severity, message.severity, "SEVERITY_")
    return {
        "id": message.incident_id,
        "victim": message.victim,
        "vector": message.vector,
        "severity": severity,
        "mood": _MOODS.get(severity, ""),
        "status": word(security_pb2.IncidentStatus, message.status, "INCIDENT_STATUS_"),
        "confidence": message.confidence,
        "opened": moment(message, "opened"),
        "last_seen": moment(message, "last_seen"),
        "bits": message.peak.bits_per_second,
        "packets": message.peak.packets_per_second,
        "reasons": [
            (reason.text or reason.code, reason.measured, reason.threshold) for reason in message.reasons
        ],
        "sources": [(share.value, share.share) for share in message.evidence.top_sources[:5]],
        "query": message.evidence.query,
    }


async def security(centres: Centres, request: Request) -> dict[str, Any]:
    side = "source" if request.query_params.get("side") == "source" else "destination"
    sides = {"source": security_pb2.SIDE_SOURCE, "destination": security_pb2.SIDE_DESTINATION}
    incidents, talkers = await asyncio.gather(
        centres.ask(
            "security", centres.security.ListIncidents, security_pb2.ListIncidentsRequest(page_size=50)
        ),
        centres.ask(
            "security",
            centres.security.ListTopTalkers,
            security_pb2.ListTopTalkersRequest(metric=security_pb2.METRIC_BYTES, side=sides[side], limit=15),
        ),
    )
    return {
        "side": side,
        "incidents": incidents.map(lambda reply: [incident(message) for message in reply.incidents]),
        "talkers": talkers.map(
            lambda reply: {
                "most": max((talker.bytes for talker in reply.talkers), default=1.0) or 1.0,
                "rows": [
                    (talker.address, talker.bytes, talker.packets, talker.flows) for talker in reply.talkers
                ],
            }
        ),
    }
