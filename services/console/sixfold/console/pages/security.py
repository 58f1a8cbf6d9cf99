"""Security: incidents whole, mitigations, raised thresholds, feeds, and the heaviest hosts of the last minute."""

import asyncio
from typing import Any

from starlette.requests import Request

from sixfold.api.security.v1 import events_pb2, mitigation_pb2, security_pb2
from sixfold.console.adapters.centres import Centres
from sixfold.console.pages.mitigations import behind, gateway, mitigation
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
        "side": message.side or "destination",
        "technique": message.technique,
        "detectors": list(message.detectors) or [message.detector],
        "related": list(message.related),
        "mitigations": list(message.mitigations),
        "notes": [(moment(note, "time"), note.action, note.actor, note.text) for note in message.notes],
        "flows": [
            {
                "start": moment(flow, "time_start"),
                "source": _end(flow.src_address, flow.src_port),
                "destination": _end(flow.dst_address, flow.dst_port),
                "protocol": flow.protocol,
                "bytes": flow.bytes,
                "packets": flow.packets,
                "gateway": flow.gateway,
            }
            for flow in message.evidence.sample_flows
        ],
    }


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def adjustment(message: security_pb2.ThresholdAdjustment) -> dict[str, Any]:
    return {
        "id": message.adjustment_id,
        "object": message.object,
        "vector": message.vector,
        "factor": message.factor,
        "actor": message.actor,
        "note": message.note,
        "expires": moment(message, "expires"),
    }


_FEED_MOODS = {"current": "good", "stale": "warn", "failed": "bad"}


def feed(message: security_pb2.Feed) -> dict[str, Any]:
    state = word(security_pb2.FeedState, message.state, "FEED_STATE_")
    return {
        "name": message.name,
        "kind": message.kind,
        "state": state,
        "mood": _FEED_MOODS.get(state, ""),
        "prefixes": message.prefixes,
        "taken": moment(message, "taken"),
        "refused": sorted(message.refused.items()),
        "trouble": message.trouble,
    }


async def security(centres: Centres, request: Request) -> dict[str, Any]:
    side = "source" if request.query_params.get("side") == "source" else "destination"
    sides = {"source": security_pb2.SIDE_SOURCE, "destination": security_pb2.SIDE_DESTINATION}
    incidents, talkers, thresholds, feeds, mitigations, enforcement = await asyncio.gather(
        centres.ask(
            "security", centres.security.ListIncidents, security_pb2.ListIncidentsRequest(page_size=50)
        ),
        centres.ask(
            "security",
            centres.security.ListTopTalkers,
            security_pb2.ListTopTalkersRequest(metric=security_pb2.METRIC_BYTES, side=sides[side], limit=15),
        ),
        centres.ask(
            "security",
            centres.security.ListThresholdAdjustments,
            security_pb2.ListThresholdAdjustmentsRequest(),
        ),
        centres.ask("security", centres.security.ListFeeds, security_pb2.ListFeedsRequest()),
        centres.ask(
            "security",
            centres.mitigation.ListMitigations,
            mitigation_pb2.ListMitigationsRequest(page_size=20),
        ),
        centres.ask("security", centres.mitigation.ListEnforcement, mitigation_pb2.ListEnforcementRequest()),
    )
    return {
        "side": side,
        "incidents": incidents.map(lambda reply: [incident(message) for message in reply.incidents]),
        "thresholds": thresholds.map(lambda reply: [adjustment(message) for message in reply.adjustments]),
        "mitigations": mitigations.map(lambda reply: [mitigation(one) for one in reply.mitigations]),
        "behind": enforcement.map(lambda reply: [gateway(one) for one in reply.gateways if behind(one)]),
        "feeds": feeds.map(lambda reply: [feed(message) for message in reply.feeds]),
        "talkers": talkers.map(
            lambda reply: {
                "most": max((talker.bytes for talker in reply.talkers), default=1.0) or 1.0,
                "rows": [
                    (talker.address, talker.bytes, talker.packets, talker.flows) for talker in reply.talkers
                ],
            }
        ),
    }
