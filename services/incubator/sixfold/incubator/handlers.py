"""What each operation of the contract does: ask a centre, say the answer in the contract's words."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.message import Message

from sixfold.api.address.v1 import address_pb2
from sixfold.api.credit.v1 import credit_pb2
from sixfold.api.emergency.v1 import emergency_pb2
from sixfold.api.security.v1 import events_pb2, security_pb2
from sixfold.incubator.adapters.centres import Centres
from sixfold.incubator.adapters.contract import Checked
from sixfold.incubator.domain.keys import ApiKey
from sixfold.incubator.domain.redaction import victim_network

FRESH: Final = timedelta(minutes=1)
"""A gateway whose newest heartbeat is older is not healthy."""


@dataclass(frozen=True)
class Result:
    """Status and JSON body."""

    body: Mapping[str, Any]
    status: int = 200


Handler = Callable[[Centres, Checked, ApiKey | None], Awaitable[Result]]


def when(message: Message, name: str) -> dict[str, str]:
    """`{camelName: RFC 3339}`; empty where the timestamp is absent."""
    if not message.HasField(name):
        return {}
    head, *rest = name.split("_")
    key = head + "".join(part.title() for part in rest)
    moment: datetime = getattr(message, name).ToDatetime(tzinfo=UTC)
    return {key: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


async def get_ipv6_share(centres: Centres, request: Checked, key: ApiKey | None) -> Result:
    hours: int = request.query["hours"]
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    wish = credit_pb2.GetIpv6ShareRequest(gateway=request.query.get("gateway", ""))
    wish.start_time.FromDatetime(this_hour - timedelta(hours=hours - 1))
    reply = await centres.ask("credit", centres.credit.GetIpv6Share, wish)
    return Result(
        {
            "items": [
                {
                    "gateway": one.gateway,
                    "bytesIpv4": one.bytes_ipv4,
                    "bytesIpv6": one.bytes_ipv6,
                    "share": one.bytes_ipv6 / max(one.bytes_ipv4 + one.bytes_ipv6, 1),
                    **when(one, "hour"),
                }
                for one in reply.shares
            ]
        }
    )


async def get_gateways(centres: Centres, request: Checked, key: ApiKey | None) -> Result:
    reply = await centres.ask("credit", centres.credit.ListGateways, credit_pb2.ListGatewaysRequest())
    now = datetime.now(UTC)
    items = []
    for one in reply.gateways:
        beat = one.heartbeat
        seen = when(beat, "time")
        fresh = bool(seen) and now - beat.time.ToDatetime(tzinfo=UTC) < FRESH
        items.append(
            {
                "gateway": one.gateway,
                "healthy": fresh and not beat.troubles,
                "agentVersion": beat.agent_version,
                **({"lastSeen": seen["time"]} if seen else {}),
            }
        )
    return Result({"items": items})


async def get_incidents(centres: Centres, request: Checked, key: ApiKey | None) -> Result:
    status = request.query.get("status")
    wish = security_pb2.ListIncidentsRequest(page_size=request.query["limit"])
    if status:
        wish.statuses.append(security_pb2.IncidentStatus.Value(f"INCIDENT_STATUS_{status}"))  # pyright: ignore[reportArgumentType]
    reply = await centres.ask("security", centres.security.ListIncidents, wish)
    return Result(
        {
            "items": [
                {
                    "incidentId": one.incident_id,
                    "victimNetwork": victim_network(one.victim),
                    "vector": one.vector,
                    "status": security_pb2.IncidentStatus.Name(one.status).removeprefix("INCIDENT_STATUS_"),
                    "severity": events_pb2.Severity.Name(one.severity).removeprefix("SEVERITY_"),
                    "peakBitsPerSecond": one.peak.bits_per_second,
                    **when(one, "opened"),
                    **when(one, "last_seen"),
                }
                for one in reply.incidents
            ]
        }
    )


async def get_alerts(centres: Centres, request: Checked, key: ApiKey | None) -> Result:
    state = f"ALERT_STATE_{request.query.get('state', 'UNSPECIFIED')}"  # protobuf takes the name, too
    wish = emergency_pb2.ListAlertsRequest(page_size=request.query["limit"], state=state)
    reply = await centres.ask("emergency", centres.emergency.ListAlerts, wish)
    return Result(
        {
            "items": [
                {
                    "alertId": one.alert_id,
                    "identifier": one.identifier,
                    "sender": one.sender,
                    "status": one.status,
                    "state": emergency_pb2.AlertState.Name(one.state).removeprefix("ALERT_STATE_"),
                    "headline": one.headline,
                    "event": one.event,
                    "severity": one.severity,
                    "language": one.language,
                    **when(one, "sent"),
                    **when(one, "expires"),
                }
                for one in reply.alerts
            ]
        }
    )


async def create_prefix_delegation(centres: Centres, request: Checked, key: ApiKey | None) -> Result:
    if key is None:
        raise ValueError("the contract asks for a key here")
    holder = f"application:{key.name}"
    wish = address_pb2.DelegatePrefixRequest(
        pool_id=request.body["pool"],
        length=request.body["length"],
        # two applications that choose the same key do not meet
        idempotency_key=f"{holder}:{request.headers['Idempotency-Key']}",
        holder=holder,
        lease_seconds=request.body.get("leaseSeconds", 0),
    )
    reply = await centres.ask("address", centres.address.DelegatePrefix, wish)
    one = reply.delegation
    body = {
        "delegationId": str(one.delegation_id),
        "pool": one.pool_id,
        "prefix": one.prefix,
        "holder": one.holder,
        **when(one, "expires"),
    }
    return Result(body, 200 if reply.repeated_call else 201)


async def get_health(centres: Centres, request: Checked, key: ApiKey | None) -> Result:
    serving = await centres.health()
    return Result(
        {
            "status": "UP" if all(serving.values()) else "DEGRADED",
            "centres": [{"centre": centre, "serving": up} for centre, up in serving.items()],
        }
    )


HANDLERS: Final[Mapping[str, Handler]] = {
    "getIpv6Share": get_ipv6_share,
    "getGateways": get_gateways,
    "getIncidents": get_incidents,
    "getAlerts": get_alerts,
    "createPrefixDelegation": create_prefix_delegation,
    "getHealth": get_health,
}
SCOPE_OF: Final[Mapping[str, str]] = {
    "getIpv6Share": "traffic:read",
    "getGateways": "traffic:read",
    "getIncidents": "security:read",
    "getAlerts": "alerts:read",
    "createPrefixDelegation": "addresses:write",
}
