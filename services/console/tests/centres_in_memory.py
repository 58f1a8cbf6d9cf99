"""The centres' gRPC services with fixed answers, behind a real server; tests/integration asks the real ones."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health, health_pb2_grpc

from sixfold.api.address.v1 import address_pb2, address_pb2_grpc
from sixfold.api.agent.v1 import agent_pb2
from sixfold.api.convergence.v1 import convergence_pb2, convergence_pb2_grpc
from sixfold.api.credit.v1 import credit_pb2, credit_pb2_grpc
from sixfold.api.emergency.v1 import emergency_pb2, emergency_pb2_grpc
from sixfold.api.identity.v1 import identity_pb2, identity_pb2_grpc
from sixfold.api.security.v1 import events_pb2 as security_events
from sixfold.api.security.v1 import mitigation_pb2, mitigation_pb2_grpc, security_pb2, security_pb2_grpc


def stamp(value: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(value)
    return result


NOW = datetime.now(UTC).replace(second=0, microsecond=0)


class Security(security_pb2_grpc.SecurityServiceServicer):
    async def ListIncidents(self, request, context):
        incident = security_pb2.Incident(
            incident_id="i-1",
            victim="203.0.113.7/32",
            vector="volumetric",
            status=security_pb2.INCIDENT_STATUS_OPEN,
            severity=security_events.SEVERITY_HIGH,
            confidence=0.93,
            opened=stamp(NOW - timedelta(minutes=4)),
            last_seen=stamp(NOW),
            peak=security_events.Rates(bits_per_second=2.4e9, packets_per_second=410_000),
        )
        incident.reasons.add(
            code="bits-over-threshold", text="bits over threshold", measured=2.4e9, threshold=1e9
        )
        incident.evidence.top_sources.add(value="198.51.100.0/24", share=0.61)
        incident.evidence.query = "SELECT * FROM v_flows WHERE dst_address = '203.0.113.7'"
        incident.technique, incident.side = "T1498.001", "destination"
        incident.related.append("i-2")
        incident.mitigations.append("mit-1")
        incident.notes.add(time=stamp(NOW), actor="li", action="acknowledged", text="<i>looking</i>")
        incident.evidence.sample_flows.add(
            time_start=stamp(NOW),
            src_address="2001:db8::9",
            src_port=53,
            dst_address="203.0.113.7",
            protocol=17,
        )
        return security_pb2.ListIncidentsResponse(incidents=[incident])

    async def ListThresholdAdjustments(self, request, context):
        raised = security_pb2.ThresholdAdjustment(
            adjustment_id="adj-1", object="203.0.113.9/32", vector="udp-flood", factor=2.5, actor="li",
            expires=stamp(NOW),
        )  # fmt: skip
        return security_pb2.ListThresholdAdjustmentsResponse(adjustments=[raised])

    async def ListFeeds(self, request, context):
        feed = security_pb2.Feed(
            name="drop", kind="list", state=security_pb2.FEED_STATE_STALE, prefixes=1_234_567, trouble="HTTP 503",
            refused={"malformed": 3},
        )  # fmt: skip
        return security_pb2.ListFeedsResponse(feeds=[feed])

    async def ListTopTalkers(self, request, context):
        rows = [("2001:db8:77::15", 9.2e9), ("203.0.113.7", 5.1e9), ("<b>not markup</b>", 7e8)]
        return security_pb2.ListTopTalkersResponse(
            talkers=[
                security_pb2.Talker(address=a, bytes=b, packets=b / 900, flows=b / 9000) for a, b in rows
            ]
        )


class Emergency(emergency_pb2_grpc.EmergencyServiceServicer):
    def __init__(self) -> None:
        self.submitted: list[bytes] = []

    async def SubmitAlert(self, request, context):
        self.submitted.append(request.cap)
        return emergency_pb2.SubmitAlertResponse(alert=emergency_pb2.Alert(alert_id="a-2"))

    async def ListAlerts(self, request, context):
        alert = emergency_pb2.Alert(
            alert_id="a-1",
            identifier="x",
            sender="weather@example.org",
            status="Actual",
            state=emergency_pb2.ALERT_STATE_ACTIVE,
            headline="台风橙色预警",
            severity="Severe",
            language="zh-CN",
            accepted=stamp(NOW),
            expires=stamp(NOW + timedelta(hours=3)),
        )
        return emergency_pb2.ListAlertsResponse(alerts=[alert])

    async def GetDelivery(self, request, context):
        delivered = emergency_pb2.Delivery(gateway="gw-1", state=emergency_pb2.DELIVERY_STATE_DELIVERED)
        refused = emergency_pb2.Delivery(
            gateway="gw-2", state=emergency_pb2.DELIVERY_STATE_REFUSED, cause="issuer-unknown"
        )
        return emergency_pb2.GetDeliveryResponse(deliveries=[delivered, refused])


class Address(address_pb2_grpc.AddressServiceServicer):
    async def ListPools(self, request, context):
        pool = address_pb2.Pool(pool_id="region", prefix="2001:db8::/32", purpose="subscribers")
        child = address_pb2.Pool(pool_id="partners", parent_id="region", prefix="2001:db8:100::/40")
        return address_pb2.ListPoolsResponse(pools=[pool, child])

    async def GetPool(self, request, context):
        used = address_pb2.Utilisation(delegations=1840, free_share=0.37, largest_free_length=36)
        return address_pb2.GetPoolResponse(utilisation=used)

    async def ListDelegations(self, request, context):
        one = address_pb2.Delegation(
            delegation_id=7,
            pool_id="region",
            prefix="2001:db8:0:700::/56",
            holder="s-4f1c",
            state=address_pb2.DELEGATION_STATE_ACTIVE,
            expires=stamp(NOW + timedelta(days=1)),
        )
        return address_pb2.ListDelegationsResponse(delegations=[one] if request.pool_id != "partners" else [])


class Identity(identity_pb2_grpc.IdentityServiceServicer):
    terminal = identity_pb2.Terminal(
        terminal="t-9a3e77c1",
        subscriber="s-4f1c02bd",
        terminal_class=identity_pb2.TERMINAL_CLASS_LTE,
        state=identity_pb2.LIFECYCLE_STATE_ACTIVE,
        enrolled=stamp(NOW - timedelta(days=30)),
    )

    async def GetTerminal(self, request, context):
        if request.terminal != self.terminal.terminal:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no terminal has this pseudonym")
        return identity_pb2.GetTerminalResponse(terminal=self.terminal)

    async def LookupTerminal(self, request, context):
        if request.address != "192.0.2.1":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no binding covers this address")
        return identity_pb2.LookupTerminalResponse(terminal=self.terminal)

    async def ListBindings(self, request, context):
        binding = identity_pb2.Binding(
            binding_id=1, prefix="192.0.2.1/32", port_first=1024, port_last=2047, gateway="gw-1"
        )
        binding.since.CopyFrom(stamp(NOW - timedelta(hours=2)))
        return identity_pb2.ListBindingsResponse(bindings=[binding])


class Convergence(convergence_pb2_grpc.ConvergenceServiceServicer):
    async def GetTraffic(self, request, context):
        reply = convergence_pb2.GetTrafficResponse()
        shares = [("web", 0.3, 1), ("iptv", 0.35, 2), ("quic", 0.2, 3), ("iot", 0.05, 1), ("dns", 0.02, 3)]
        for back in range(30, 0, -1):
            minute = reply.minutes.add(
                gateway="gw-1", minute=stamp(NOW - timedelta(minutes=back)), closed=True
            )
            for name, share, network in shares:
                for family, part in ((4, 0.55 - 0.005 * (30 - back)), (6, 0.45 + 0.005 * (30 - back))):
                    minute.cells.add(
                        network=network,
                        service_class=name,
                        family=family,
                        bytes=int(9e9 * share * part * (1 + 0.2 * ((back * 7) % 5) / 5)),
                        flows=int(120_000 * share * part),
                    )
            reply.totals.extend(minute.cells)
        return reply


class Credit(credit_pb2_grpc.CreditServiceServicer):
    async def ListGateways(self, request, context):
        beat = agent_pb2.Heartbeat(agent_version="0.1.0", time=stamp(datetime.now(UTC)), exporters=3)
        beat.counters['kernel_drops{port="4739"}'] = 17
        beat.spool.bytes = 4096
        old = agent_pb2.Heartbeat(
            time=stamp(NOW - timedelta(hours=1)), troubles=["the disk is full: free some"]
        )
        return credit_pb2.ListGatewaysResponse(
            gateways=[
                credit_pb2.Gateway(gateway="gw-1", heartbeat=beat),
                credit_pb2.Gateway(gateway="gw-2", heartbeat=old),
            ]
        )

    async def GetIpv6Share(self, request, context):
        share = credit_pb2.Ipv6Share(gateway="gw-1", hour=stamp(NOW), bytes_ipv4=400, bytes_ipv6=600)
        return credit_pb2.GetIpv6ShareResponse(shares=[share])


class Mitigation(mitigation_pb2_grpc.MitigationServiceServicer):
    async def ListMitigations(self, request, context):
        one = mitigation_pb2.Mitigation(
            mitigation_id="mit-1",
            status=mitigation_pb2.MITIGATION_STATUS_PROPOSED,
            proposer="<i>ann</i>",
            two_person_reasons=["good-sources: 60 good sources, 50 are allowed"],
        )
        one.policy.match.destinations.append("2001:db8::7/128")
        one.policy.match.protocols.append(17)
        one.policy.action.kind = 2
        one.policy.action.packets_per_second = 5_000
        one.effect.acted_packets = 7_000_000
        return mitigation_pb2.ListMitigationsResponse(mitigations=[one])

    async def ListEnforcement(self, request, context):
        late = mitigation_pb2.Enforcement(gateway="gw-9", wanted_generation=4, cause="not-enabled: x")
        return mitigation_pb2.ListEnforcementResponse(gateways=[late])


ADDERS = {
    "credit": (credit_pb2_grpc.add_CreditServiceServicer_to_server, Credit),
    "security": (security_pb2_grpc.add_SecurityServiceServicer_to_server, Security),
    "mitigation": (mitigation_pb2_grpc.add_MitigationServiceServicer_to_server, Mitigation),
    "emergency": (emergency_pb2_grpc.add_EmergencyServiceServicer_to_server, Emergency),
    "address": (address_pb2_grpc.add_AddressServiceServicer_to_server, Address),
    "identity": (identity_pb2_grpc.add_IdentityServiceServicer_to_server, Identity),
    "convergence": (convergence_pb2_grpc.add_ConvergenceServiceServicer_to_server, Convergence),
}


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[int, dict[str, object]]]:
    """One loopback server with all of them; gives its port and the servicers."""
    server = grpc.aio.server()
    servicers = {}
    for name, (add, servicer) in ADDERS.items():
        servicers[name] = servicer()
        add(servicers[name], server)
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port, servicers
    finally:
        await server.stop(0)
