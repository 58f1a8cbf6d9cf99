"""MitigationService over gRPC, on the real bus: decisions, refusals with their reasons, signed policies, a restart."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import nkeys
import pytest
from nats.js.api import StreamConfig

from sixfold.agent.commands import verify
from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.api.security.v1 import mitigation_pb2 as pb
from sixfold.api.security.v1.mitigation_pb2_grpc import MitigationServiceStub
from sixfold.api.subjects import COMMAND_STREAM, FLOW_STREAM
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.rpc import connect, reason_of
from sixfold.chassis.telemetry import Telemetry
from sixfold.security import service as security
from sixfold.security.config import MitigationOptions, SecuritySettings

pytestmark = pytest.mark.nats
Eventually = Callable[..., Awaitable[Any]]
PAIR = nkeys.from_seed(nkeys.encode_seed(b"m" * 32, nkeys.PREFIX_BYTE_USER))
ISSUER = bytes(PAIR.public_key).decode()


def settings(folder: Path, **changes: Any) -> SecuritySettings:
    seed = folder / "policy.nk"
    seed.write_bytes(bytes(nkeys.encode_seed(b"m" * 32, nkeys.PREFIX_BYTE_USER)))
    options = {"signing_seed_file": seed, "credit": "127.0.0.1:1", "never_touch": ("10.0.0.0/8",)}
    return SecuritySettings(mitigation=MitigationOptions(**(options | changes)))


@asynccontextmanager
async def centre(
    messaging: Messaging, telemetry: Telemetry, chosen: SecuritySettings
) -> AsyncIterator[tuple[security.Service, Any]]:
    service = security.build(chosen, security.Dependencies(messaging, telemetry))
    await service.start()
    try:
        async with connect(service.rpc.address) as channel:
            yield service, MitigationServiceStub(channel)
    finally:
        await service.stop()


@pytest.fixture
async def streams(messaging: Messaging) -> None:
    for name, subject in (
        (FLOW_STREAM, "flow.>"), (COMMAND_STREAM, "command.>"), ("RECEIPTS", "receipt.>"), ("REPORTS", "report.>"),
    ):  # fmt: skip
        await messaging.ensure_stream(StreamConfig(name=name, subjects=[subject]))


def proposal(
    *destinations: str, dry_run: bool = False, actor: str = "ann", **more: Any
) -> pb.ProposeMitigationRequest:
    request = pb.ProposeMitigationRequest(actor=actor, dry_run=dry_run, **more)
    request.policy.match.destinations.extend(destinations)
    request.policy.action.kind = agent.PolicyAction.KIND_MARK
    request.policy.action.dscp = 8
    return request


async def reason(call: Awaitable[Any]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return reason_of(refused.value)


async def test_decisions_reach_the_gateway_signed_and_live_over_a_restart(
    messaging: Messaging, telemetry: Telemetry, tmp_path: Path, streams: None, assert_eventually: Eventually
) -> None:
    commands: list[agent.SetPolicies] = []

    async def take(message: Any) -> None:
        command = verify(message.data, gateway="gw-1", issuers=[ISSUER], now=datetime.now(UTC))
        commands.append(command.set_policies)

    await messaging.nc.subscribe("command.gw-1.policy", cb=take)
    async with centre(messaging, telemetry, settings(tmp_path)) as (service, stub):
        dry = (await stub.ProposeMitigation(proposal("203.0.113.7/32", dry_run=True))).mitigation
        assert dry.estimate.trouble.startswith("the warehouse does not answer")
        made = (await stub.ProposeMitigation(proposal("203.0.113.7/32", seconds=600))).mitigation
        assert made.status == pb.MITIGATION_STATUS_PROPOSED
        request = pb.ApproveMitigationRequest(mitigation_id=made.mitigation_id, actor="ann")
        approved = (await stub.ApproveMitigation(request)).mitigation
        assert approved.expires.seconds - approved.approved.seconds == 600
        await messaging.nc.publish("heartbeat.gw-1", b"")
        await assert_eventually(lambda: commands != [])
        assert (commands[0].generation, commands[0].policies[0].policy_id) == (1, made.mitigation_id)
        assert commands[0].policies[0].expires == approved.expires
        # The gateway says that it obeyed, and what it has counted; words about others are not taken.
        report = agent.PolicyReport(gateway="gw-1", generation=1)
        report.policies.add(policy_id=made.mitigation_id, matched_packets=7)
        report.time.FromDatetime(datetime.now(UTC))
        await messaging.nc.publish("report.gw-2.policy", report.SerializeToString())
        await messaging.nc.publish("report.gw-1.policy", report.SerializeToString())
        await assert_eventually(lambda: service.mitigation.enforcement.places["gw-1"].generation == 1)
        assert "gw-2" not in service.mitigation.enforcement.places
        found = (await stub.ListEnforcement(pb.ListEnforcementRequest())).gateways
        assert [(one.gateway, one.wanted_generation, one.reported_generation) for one in found] == [
            ("gw-1", 1, 1)
        ]
        before = len(commands)
    async with centre(messaging, telemetry, settings(tmp_path)) as (service, stub):
        listed = (await stub.ListMitigations(pb.ListMitigationsRequest())).mitigations
        assert [one.status for one in listed] == [pb.MITIGATION_STATUS_ACTIVE]
        request = pb.WithdrawMitigationRequest(mitigation_id=made.mitigation_id, actor="bob", note="enough")
        assert (await stub.WithdrawMitigation(request)).mitigation.end_cause == "withdrawn"
        await messaging.nc.publish("heartbeat.gw-1", b"")
        await assert_eventually(lambda: len(commands) > before and commands[-1].generation == 2)
        assert not commands[-1].policies


async def test_what_is_refused_says_why(
    messaging: Messaging, telemetry: Telemetry, tmp_path: Path, streams: None
) -> None:
    async with centre(messaging, telemetry, settings(tmp_path)) as (_, stub):
        propose, approve = stub.ProposeMitigation, stub.ApproveMitigation
        assert await reason(propose(proposal("0.0.0.0/0"))) == "MATCHES_ALL"
        assert await reason(propose(proposal())) == "MATCHES_ALL"
        assert await reason(propose(proposal("203.0.0.0/9"))) == "TOO_BROAD"
        assert await reason(propose(proposal("10.1.2.3/32"))) == "NEVER_TOUCH"
        assert await reason(propose(proposal("203.0.113.7/32", incident_id="inc-x"))) == "INCIDENT_UNKNOWN"
        assert await reason(propose(proposal("203.0.113.7/32", actor=""))) == "ACTOR_REQUIRED"
        assert await reason(propose(proposal("203.0.113.7/32", actor="Automatic"))) == "ACTOR_RESERVED"
        assert await reason(propose(proposal("203.0.113.7/32", gateways=["a.b"]))) == "GATEWAY_MALFORMED"
        assert await reason(propose(proposal("203.0.113.7/32", seconds=100_000))) == "TOO_LONG"
        unknown = pb.ApproveMitigationRequest(mitigation_id="mit-x", actor="bob")
        assert await reason(approve(unknown)) == "MITIGATION_UNKNOWN"
        wide = (await propose(proposal("203.0.112.0/22"))).mitigation
        assert wide.two_person_reasons[0].startswith("network-size")
        assert await reason(propose(proposal("203.0.112.0/22"))) == "MITIGATION_EXISTS"
        mine = pb.ApproveMitigationRequest(mitigation_id=wide.mitigation_id, actor="Ann ")
        assert await reason(approve(mine)) == "SECOND_PERSON_NEEDED"
        other = pb.ApproveMitigationRequest(mitigation_id=wide.mitigation_id, actor="bob")
        await approve(other)
        assert await reason(approve(other)) == "MITIGATION_STATE"
        assert (
            await reason(stub.SuggestMitigation(pb.SuggestMitigationRequest(incident_id="x")))
            == "INCIDENT_UNKNOWN"
        )
        assert (
            await reason(stub.GetMitigation(pb.GetMitigationRequest(mitigation_id="x")))
            == "MITIGATION_UNKNOWN"
        )
    async with centre(messaging, telemetry, settings(tmp_path, signing_seed_file=None)) as (_, stub):
        made = (await stub.ProposeMitigation(proposal("203.0.113.99/32"))).mitigation
        request = pb.ApproveMitigationRequest(mitigation_id=made.mitigation_id, actor="bob")
        assert await reason(stub.ApproveMitigation(request)) == "NO_SIGNING_KEY"
