"""What is done against incidents at the gateways, for the page of the security centre."""

from typing import Any

from sixfold.api.agent.v1 import agent_pb2
from sixfold.api.security.v1 import mitigation_pb2 as pb
from sixfold.console.pages.wording import moment, word

_MOODS = {"proposed": "warn", "active": "good"}
_SHOWN = 3
"""Prefixes of one side."""


def mitigation(message: pb.Mitigation) -> dict[str, Any]:
    status = word(pb.MitigationStatus, message.status, "MITIGATION_STATUS_")
    match, action = message.policy.match, message.policy.action
    return {
        "id": message.mitigation_id,
        "incident": message.incident_id,
        "status": status,
        "mood": _MOODS.get(status, ""),
        "action": word(agent_pb2.PolicyAction.Kind, action.kind, "KIND_"),
        "rate": (action.packets_per_second, action.bytes_per_second),
        "sources": _few(match.sources),
        "destinations": _few(match.destinations),
        "protocols": ", ".join(map(str, match.protocols)),
        "source_ports": _ranges(match.source_ports),
        "ports": _ranges(match.destination_ports),
        "gateways": ", ".join(message.gateways),
        "people": " · ".join(one for one in (message.proposer, message.approver) if one),
        "reasons": list(message.two_person_reasons),
        "good_sources": message.estimate.good_sources if message.HasField("estimate") else None,
        "expires": moment(message, "expires"),
        "end_cause": message.end_cause,
        "acted": message.effect.acted_packets,
        "passed": message.effect.passed_bits_per_second,
        "collateral": message.effect.collateral_flows if message.effect.collateral_known else None,
    }


def gateway(message: pb.Enforcement) -> dict[str, Any]:
    """A gateway that does not enforce what it should."""
    return {
        "name": message.gateway,
        "wanted": message.wanted_generation,
        "reported": message.reported_generation if message.HasField("reported") else None,
        "cause": message.cause,
        "troubles": list(message.troubles),
    }


def behind(message: pb.Enforcement) -> bool:
    return message.wanted_generation != message.reported_generation or bool(message.troubles)


def _few(prefixes: Any) -> str:
    more = f" +{len(prefixes) - _SHOWN}" if len(prefixes) > _SHOWN else ""
    return ", ".join(prefixes[:_SHOWN]) + more


def _ranges(ranges: Any) -> str:
    return ", ".join(
        str(one.first) if one.first == one.last else f"{one.first}-{one.last}" for one in ranges[:_SHOWN]
    )
