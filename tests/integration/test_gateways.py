"""Gateways' configurations on the real NATS: composed of rules and profile, signed, sent until they are in force."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import nkeys
import pytest
from google.protobuf import json_format

from sixfold.address.config import AddressSettings, GatewaySettings
from sixfold.address.service import Dependencies, build
from sixfold.api.address.v1 import gateways_pb2 as pb
from sixfold.api.address.v1 import translation_pb2
from sixfold.api.address.v1.gateways_pb2_grpc import GatewayServiceStub
from sixfold.api.address.v1.translation_pb2_grpc import TranslationServiceStub
from sixfold.chassis.commands import load_signer
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect, reason_of
from sixfold.chassis.testing import assert_eventually

from .gateway_in_words import SpokenGateway, make_command_streams

pytestmark = pytest.mark.nats
PROFILE = {
    "gateway": "gw-1",
    "own": {"accessInterfaces": ["a0"], "ipv4Interfaces": ["w0"], "dns64": {"listen": ["2001:db8:53::53"]}},
}
LONG = 60.0


@pytest.fixture
def seed_file(tmp_path: Path) -> Path:
    path = tmp_path / "configuration-issuer.nk"
    path.write_bytes(nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER))
    return path


@asynccontextmanager
async def centre(url, telemetry, seed_file):
    messaging = Messaging(NatsSettings(servers=(url,), name="address"))
    await messaging.start()
    settings = AddressSettings(gateways=GatewaySettings(signing_seed_file=seed_file))
    service = build(settings, Dependencies(messaging, telemetry))
    await service.start()
    try:
        async with connect(service.rpc.address) as channel:
            yield GatewayServiceStub(channel), TranslationServiceStub(channel), messaging
    finally:
        await service.stop()
        await messaging.stop()


def rule(rule_id, *, until=None, gateway="gw-1", **kind):
    made = translation_pb2.TranslationRule(rule_id=rule_id, gateway=gateway, **kind)
    if until is not None:
        made.valid_until.FromDatetime(until)
    return translation_pb2.PutTranslationRuleRequest(rule=made)


POOL = translation_pb2.Nat64Pool(prefix="2001:db8:64::/96", ipv4_prefixes=["203.0.113.4/30"])


def line(number):
    return translation_pb2.DeterministicNat(
        inside_prefix=f"2001:db8:{number:x}::/56",
        subscriber_length=56,
        outside_prefix=f"203.0.113.{number}/32",
    )


async def applied(gateways, gateway, subscribers):
    """Once the gateway has a configuration with so many subscribers."""

    async def told():
        await gateway.beat()
        answer = await gateways.GetGateway(pb.GetGatewayRequest(gateway=gateway.name))
        last = gateway.commands[-1].configure_gateway if gateway.commands else None
        done = (
            last is not None
            and len(last.configuration.port_sets) == subscribers
            and answer.state.outcome == pb.GatewayState.OUTCOME_APPLIED
            and last.generation == answer.state.generation == gateway.configuration
        )
        return answer if done else None

    return await assert_eventually(told, timeout=LONG)


async def test_rules_and_profile_reach_the_gateway_and_so_does_each_change(nats_url, telemetry, seed_file):
    issuer = load_signer(seed_file).issuer
    async with centre(nats_url, telemetry, seed_file) as (gateways, rules, messaging):
        await make_command_streams(messaging)
        gateway = SpokenGateway(messaging, "gw-1", issuer)
        other = SpokenGateway(messaging, "gw-2", issuer)
        for one in (gateway, other):
            await one.listen()
        await rules.PutTranslationRule(rule("pool", nat64=POOL))
        await rules.PutTranslationRule(rule("one", deterministic_nat=line(1)))
        await gateways.PutGateway(
            pb.PutGatewayRequest(profile=json_format.ParseDict(PROFILE, pb.GatewayProfile()))
        )
        answer = await applied(gateways, gateway, 1)
        assert answer.configuration == gateway.commands[-1].configure_gateway.configuration
        assert answer.configuration.dns64.listen == ["2001:db8:53::53"]
        # One that ends by its time: told again without anybody asking.
        until = datetime.now(UTC) + timedelta(seconds=5)
        await rules.PutTranslationRule(rule("two", until=until, deterministic_nat=line(2)))
        seen = len(gateway.commands)

        async def both():
            return any(
                len(one.configure_gateway.configuration.port_sets) == 2 for one in gateway.commands[seen:]
            )

        await assert_eventually(both, timeout=LONG)
        await applied(gateways, gateway, 1)
        # Many changes at once are few configurations.
        before = gateway.configuration
        for number in range(8, 20):
            await rules.PutTranslationRule(rule(f"line-{number}", deterministic_nat=line(number)))
        last = await applied(gateways, gateway, 13)
        assert last.state.generation - before < 12
        await rules.PutTranslationRule(rule("elsewhere", gateway="gw-2", deterministic_nat=line(30)))
        # The gateway has forgotten, or another took its place: its heartbeat says so.
        gateway.configuration, gateway.started = 0, datetime.now(UTC)
        told = len(gateway.commands)
        await applied(gateways, gateway, 13)
        assert len(gateway.commands) == told + 1
        # Somebody applied a later one by hand: the next number is above it.
        gateway.configuration = 500
        assert (await applied(gateways, gateway, 13)).state.generation == 501
        assert other.commands == []
    # A new run of the centre goes on with the numbers, and sends nothing that is in force.
    async with centre(nats_url, telemetry, seed_file) as (gateways, rules, messaging):
        gateway.messaging = messaging
        await gateway.beat()
        assert (await applied(gateways, gateway, 13)).state.generation == 501
        await rules.EndTranslationRule(translation_pb2.EndTranslationRuleRequest(rule_id="one"))

        async def without():
            await gateway.beat()
            state = (await gateways.GetGateway(pb.GetGatewayRequest(gateway="gw-1"))).state
            return state.generation == 502

        await assert_eventually(without, timeout=LONG)


async def test_a_refusal_is_shown_and_what_is_unknown_refused(nats_url, telemetry, seed_file):
    async with centre(nats_url, telemetry, seed_file) as (gateways, rules, messaging):
        await make_command_streams(messaging)
        gateway = SpokenGateway(messaging, "gw-1", load_signer(seed_file).issuer)
        gateway.refuses = {1}
        await gateway.listen()
        await rules.PutTranslationRule(rule("pool", nat64=POOL))
        profile = json_format.ParseDict(PROFILE, pb.GatewayProfile())
        await gateways.PutGateway(pb.PutGatewayRequest(profile=profile))

        async def refused():
            await gateway.beat()
            state = (await gateways.ListGateways(pb.ListGatewaysRequest())).gateways[0].state
            return state if state.outcome == pb.GatewayState.OUTCOME_REFUSED else None

        state = await assert_eventually(refused, timeout=LONG)
        assert (state.generation, state.cause) == (1, "generation-gap: for the test")
        await gateways.RemoveGateway(pb.RemoveGatewayRequest(gateway="gw-1"))
        for call in (
            gateways.GetGateway(pb.GetGatewayRequest(gateway="gw-1")),
            gateways.RemoveGateway(pb.RemoveGatewayRequest(gateway="gw-1")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert reason_of(caught.value) == "GATEWAY_UNKNOWN"
        profile.own.port_sets.add(slot=1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await gateways.PutGateway(pb.PutGatewayRequest(profile=profile))
        assert reason_of(caught.value) == "PROFILE_MALFORMED"
        assert not (await gateways.ListGateways(pb.ListGatewaysRequest())).gateways
