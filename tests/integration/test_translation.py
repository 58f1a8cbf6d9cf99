"""Shared IPv4 on the real NATS: rules as events, both directions in time, allocation from pools, provisioning."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from sixfold.address.config import AddressSettings
from sixfold.address.service import Dependencies, build
from sixfold.agent.gateway.plan import read_plan
from sixfold.api.address.v1 import address_pb2, translation_events_pb2
from sixfold.api.address.v1 import translation_pb2 as pb
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.api.address.v1.translation_pb2_grpc import TranslationServiceStub
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect, reason_of
from sixfold.chassis.testing import assert_eventually

pytestmark = pytest.mark.nats
MAP = pb.MapRule(
    mode=pb.MAP_MODE_ENCAPSULATION, ipv6_prefix="2001:db8::/40", ipv4_prefix="192.0.2.0/24", ea_length=16,
    border="2001:db8:ffff::1",
)  # fmt: skip


@asynccontextmanager
async def centre(url, telemetry, **settings):
    """Stubs of both services, the bus, and where they listen."""
    messaging = Messaging(NatsSettings(servers=(url,), name="address"))
    await messaging.start()
    service = build(AddressSettings(**settings), Dependencies(messaging, telemetry))
    await service.start()
    try:
        async with connect(service.rpc.address) as channel:
            yield TranslationServiceStub(channel), AddressServiceStub(channel), messaging, service.rpc.address
    finally:
        await service.stop()
        await messaging.stop()


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name, reason_of(caught.value)


def put(rule_id="map", gateway="gw-1", **kind):
    return pb.PutTranslationRuleRequest(rule=pb.TranslationRule(rule_id=rule_id, gateway=gateway, **kind))


def question(address, port, time, tolerance=0):
    return pb.ResolveSubscriberSideRequest(
        public_address=address, port=port, time=time, tolerance_milliseconds=tolerance
    )


def reflected(target):
    with grpc.insecure_channel(target) as channel:
        return tuple(ProtoReflectionDescriptorDatabase(channel).get_services())


async def test_a_rule_is_kept_and_answers_for_the_past(nats_url, telemetry):
    before = datetime.now(UTC) - timedelta(seconds=1)
    async with centre(nats_url, telemetry) as (stub, _, messaging, target):
        answer = await stub.PutTranslationRule(put(map=MAP))
        assert answer.rule.map.psid_offset == 6
        assert "sixfold.api.address.v1.TranslationService" in await asyncio.to_thread(reflected, target)
        assert not answer.repeated_call
        assert (await stub.PutTranslationRule(put(map=MAP))).repeated_call
        ended = await stub.EndTranslationRule(pb.EndTranslationRuleRequest(rule_id="map"))
        moment = ended.rule.valid_until.ToDatetime(UTC)
        started = ended.rule.valid_from.ToDatetime(UTC)
        message = await messaging.js.get_msg(
            "LEDGER_ADDRESS", subject="event.address.translation-rule-put.v1", next=True, seq=1
        )
        assert translation_events_pb2.TranslationRulePut.FromString(message.data).map.ea_length == 16
    async with centre(nats_url, telemetry) as (stub, _, _, _):
        found = await stub.ResolveSubscriberSide(question("192.0.2.18", 1232, started))
        assert (found.resolution, found.subscriber_prefix) == (
            pb.RESOLUTION_SUBSCRIBER,
            "2001:db8:12:3400::/56",
        )
        assert (found.rule_id, found.gateway) == ("map", "gw-1")
        for time in (before, moment):
            nobody = await stub.ResolveSubscriberSide(question("192.0.2.18", 1232, time))
            assert nobody.resolution == pb.RESOLUTION_NO_RULE
        back = await stub.ResolvePublicSide(
            pb.ResolvePublicSideRequest(subscriber_address="2001:db8:12:3400::5", time=started)
        )
        assert back.public_prefix == "192.0.2.18/32"
        assert (len(back.ports), back.ports[0].first) == (63, 1232)
        told = await stub.DescribePublicAddress(
            pb.DescribePublicAddressRequest(public_address="192.0.2.18", port=1232, time=started)
        )
        assert {step.name: step.value for step in told.steps}["PSID"] == "0x34"
        assert told.rule.rule_id == "map"


async def test_the_rules_come_back_out_of_a_snapshot(nats_url, telemetry):
    async with centre(nats_url, telemetry, snapshot_every=100) as (stub, _, messaging, _):
        await stub.PutTranslationRule(put(map=MAP))
        lines = [
            pb.Lw4o6Binding(
                ipv6_prefix=f"2001:db9:0:{psid:x}::/64", public_address="203.0.113.9", psid_length=8, psid=psid,
                border="2001:db8:ffff::1",
            )
            for psid in range(120)
        ]  # fmt: skip
        await asyncio.gather(*(stub.PutTranslationRule(put(f"lw-{line.psid}", lw4o6=line)) for line in lines))
        # One more, after the appends that made a snapshot due.
        await stub.EndTranslationRule(pb.EndTranslationRuleRequest(rule_id="map"))
    async with centre(nats_url, telemetry, snapshot_every=100) as (stub, _, messaging, _):
        store = await messaging.js.object_store("SNAPSHOTS")
        assert (await store.get_info("address")).size
        now = datetime.now(UTC)
        found = await stub.ResolveSubscriberSide(question("203.0.113.9", 1232, now))
        assert found.subscriber_prefix == "2001:db9:0:34::/64"
        first = await stub.ListTranslationRules(pb.ListTranslationRulesRequest(page_size=100))
        rest = await stub.ListTranslationRules(
            pb.ListTranslationRulesRequest(page_size=100, page_token=first.next_page_token)
        )
        assert len({rule.rule_id for rule in [*first.rules, *rest.rules]}) == 121
        assert not rest.next_page_token
        now_only = await stub.ListTranslationRules(
            pb.ListTranslationRulesRequest(gateway="gw-1", at=now, page_size=1000)
        )
        assert len(now_only.rules) == 120


async def test_ipv4_is_taken_out_of_a_pool_and_given_back(nats_url, telemetry):
    async with centre(nats_url, telemetry) as (stub, addresses, _, _):
        await addresses.CreatePool(address_pb2.CreatePoolRequest(pool_id="public", prefix="192.0.2.0/24"))
        await addresses.CreatePool(address_pb2.CreatePoolRequest(pool_id="six", prefix="2001:db8::/32"))
        asked = pb.AllocateSharedIpv4Request(
            rule_id="homes", gateway="gw-1", ipv4_pool_id="public", subscribers=8_000, subscribers_per_address=64,
            map=pb.MapWish(mode=pb.MAP_MODE_TRANSLATION, ipv6_pool_id="six", border="64:ff9b::/96"),
        )  # fmt: skip
        answer = await stub.AllocateSharedIpv4(asked)
        rule = answer.rule.map
        assert (rule.ipv4_prefix, rule.ipv6_prefix, rule.ea_length) == ("192.0.2.0/25", "2001:db8::/43", 13)
        assert (answer.ports_per_subscriber, answer.subscribers) == (1008, 8_192)
        again = await stub.AllocateSharedIpv4(asked)
        assert again.repeated_call
        assert again.rule == answer.rule
        nat = await stub.AllocateSharedIpv4(
            pb.AllocateSharedIpv4Request(
                rule_id="cgn", gateway="gw-1", ipv4_pool_id="public", subscribers=1_000, subscribers_per_address=32,
                deterministic_nat=pb.DeterministicNatWish(inside_prefix="100.64.0.0/22", dynamic_factor=8),
            )
        )  # fmt: skip
        assert nat.rule.deterministic_nat.outside_prefix == "192.0.2.128/27"
        assert nat.ports_per_subscriber == 64_512 // 40
        pool = await stub.AllocateSharedIpv4(
            pb.AllocateSharedIpv4Request(
                rule_id="nat64", gateway="gw-1", ipv4_pool_id="public", subscribers=512, subscribers_per_address=64,
                nat64=pb.Nat64Wish(prefix="64:ff9b::/96"),
            )
        )  # fmt: skip
        assert list(pool.rule.nat64.ipv4_prefixes) == ["192.0.2.160/29"]
        now = datetime.now(UTC)
        inside = await stub.ResolvePublicSide(
            pb.ResolvePublicSideRequest(subscriber_address="100.64.0.7", gateway="gw-1", time=now)
        )
        first = inside.ports[0].first
        found = await stub.ResolveSubscriberSide(
            question(inside.public_prefix.removesuffix("/32"), first, now)
        )
        assert found.subscriber_prefix == "100.64.0.7/32"
        sessions = await stub.ResolveSubscriberSide(question("192.0.2.161", 4000, now))
        assert sessions.resolution == pb.RESOLUTION_NEEDS_SESSIONS
        too_many = pb.AllocateSharedIpv4Request()
        too_many.CopyFrom(asked)
        too_many.rule_id, too_many.subscribers = "more", 16_000
        assert await refused(stub.AllocateSharedIpv4(too_many)) == ("RESOURCE_EXHAUSTED", "POOL_EXHAUSTED")
        listed = await addresses.ListDelegations(address_pb2.ListDelegationsRequest(pool_id="six"))
        assert len(listed.delegations) == 1  # the refused wish took nothing, of IPv6 neither
        await stub.EndTranslationRule(pb.EndTranslationRuleRequest(rule_id="homes"))
        later = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
        await stub.EndTranslationRule(pb.EndTranslationRuleRequest(rule_id="cgn", valid_until=later))
        leased = await addresses.GetDelegation(
            address_pb2.GetDelegationRequest(delegation_id=nat.rule.ipv4_delegation_id)
        )
        assert timedelta(0) <= leased.delegation.expires.ToDatetime(UTC) - later < timedelta(seconds=2)


async def test_of_many_who_want_the_same_addresses_one_gets_them(nats_url, telemetry):
    async with centre(nats_url, telemetry) as (stub, _, _, _):
        wishes = [
            put(f"r{number}", nat64=pb.Nat64Pool(prefix="64:ff9b::/96", ipv4_prefixes=["198.18.0.0/24"]))
            for number in range(32)
        ]
        answers = await asyncio.gather(
            *(stub.PutTranslationRule(wish) for wish in wishes), return_exceptions=True
        )
        losers = [reason_of(answer) for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
        assert losers == ["PUBLIC_OVERLAPS"] * 31


async def test_an_edge_is_told_what_it_needs(nats_url, telemetry):
    async with centre(nats_url, telemetry) as (stub, _, _, _):
        await stub.PutTranslationRule(put(map=MAP))
        await stub.PutTranslationRule(
            put("nat64", nat64=pb.Nat64Pool(prefix="64:ff9b::/96", ipv4_prefixes=["198.18.0.0/24"]))
        )
        told = await stub.GetSoftwireProvisioning(
            pb.GetSoftwireProvisioningRequest(rule_id="map", subscriber_prefix="2001:db8:12:3400::/56")
        )
        assert told.options[:2] == bytes([0, 94])
        assert told.edge_address == "2001:db8:12:3400:0:c000:212:34"
        assert (told.public_prefix, told.ports[0].first) == ("192.0.2.18/32", 1232)
        for rule_id, prefix, reason in (
            ("none", "", "RULE_UNKNOWN"),
            ("nat64", "", "RULE_NOT_PROVISIONED"),
            ("map", "2001:db8::/129", "PREFIX_MALFORMED"),
            ("map", "2001:db9::/56", "PREFIX_OUTSIDE"),
            ("map", "2001:db8::/48", "PREFIX_OUTSIDE"),
            ("map", "192.0.2.0/24", "PREFIX_OUTSIDE"),
        ):
            wish = pb.GetSoftwireProvisioningRequest(rule_id=rule_id, subscriber_prefix=prefix)
            assert (await refused(stub.GetSoftwireProvisioning(wish)))[1] == reason


async def test_bad_questions_and_bad_rules_say_why(nats_url, telemetry):
    async with centre(nats_url, telemetry) as (stub, _, _, _):
        answer = await stub.PutTranslationRule(put(map=MAP))
        now = answer.rule.valid_from.ToDatetime(UTC)
        for wish, reason in (
            (pb.ResolveSubscriberSideRequest(public_address="192.0.2.18", time=now), "PORT_MISSING"),
            (pb.ResolveSubscriberSideRequest(public_address="192.0.2.18", port=1232), "TIME_MISSING"),
            (question("192.0.2.18", 1 << 16, now), "PORT_MALFORMED"),
            (question("x", 1, now), "ADDRESS_MALFORMED"),
        ):
            assert await refused(stub.ResolveSubscriberSide(wish)) == ("INVALID_ARGUMENT", reason)
        for wish, answer in (
            (put(), ("INVALID_ARGUMENT", "RULE_MALFORMED")),
            (put(gateway="", map=MAP), ("INVALID_ARGUMENT", "RULE_ID_MALFORMED")),
            (put("m", map=pb.MapRule(ipv6_prefix="2001:db8::/40")), ("INVALID_ARGUMENT", "RULE_MALFORMED")),
            (put("m", map=MAP), ("FAILED_PRECONDITION", "PUBLIC_OVERLAPS")),
            (put(gateway="gw-2", map=MAP), ("ALREADY_EXISTS", "RULE_EXISTS")),
            (put("m", map=MAP, valid_from=now - timedelta(days=1)), ("INVALID_ARGUMENT", "VALID_FROM_PAST")),
        ):
            assert await refused(stub.PutTranslationRule(wish)) == answer
        ended = pb.EndTranslationRuleRequest(rule_id="map", valid_until=now - timedelta(days=1))
        assert await refused(stub.EndTranslationRule(ended)) == ("INVALID_ARGUMENT", "VALID_UNTIL_PAST")


async def test_a_gateway_is_told_its_port_sets_and_can_use_them(nats_url, telemetry):
    nat = pb.DeterministicNat(
        inside_prefix="2001:dba::/44", subscriber_length=48, outside_prefix="203.0.113.1/32"
    )
    async with centre(nats_url, telemetry) as (stub, _, _, _):
        await stub.PutTranslationRule(put("homes", deterministic_nat=nat))
        pool = pb.Nat64Pool(prefix="2001:db8:64::/96", ipv4_prefixes=["203.0.113.16/28"])
        await stub.PutTranslationRule(put("nat64", nat64=pool))
        await stub.PutTranslationRule(put(map=MAP))
        told = await stub.GetGatewayTranslation(pb.GetGatewayTranslationRequest(gateway="gw-1"))
    assert [rule.rule_id for rule in told.omitted] == ["map"]
    told.configuration.access_interfaces.append("eth1")
    told.configuration.ipv4_interfaces.append("eth0")
    plan = read_plan(told.configuration)
    assert len(plan.port_sets) == 16
    assert plan.port_sets[1].ranges == ((5056, 9087),)


async def test_what_is_over_for_long_is_given_up(nats_url, telemetry):
    async with centre(nats_url, telemetry) as (stub, _, messaging, _):
        await stub.PutTranslationRule(put(map=MAP))
        await stub.EndTranslationRule(pb.EndTranslationRuleRequest(rule_id="map"))
        await stub.PutTranslationRule(
            put("nat64", nat64=pb.Nat64Pool(prefix="64:ff9b::/96", ipv4_prefixes=["203.0.113.0/28"]))
        )
        assert (await messaging.js.stream_info("LEDGER_ADDRESS")).state.messages == 3
    # a tenth of a second instead of half a year
    async with centre(nats_url, telemetry, log_days=1e-6, retention_hours=1e-4) as (stub, _, messaging, _):

        async def given_up():
            rules = (await stub.ListTranslationRules(pb.ListTranslationRulesRequest())).rules
            state = (await messaging.js.stream_info("LEDGER_ADDRESS")).state
            return [rule.rule_id for rule in rules] == ["nat64"] and state.first_seq > 3

        await assert_eventually(given_up, 60)
    async with centre(nats_url, telemetry) as (stub, _, _, _):
        found = await stub.ResolveSubscriberSide(
            question("192.0.2.18", 1232, datetime.now(UTC) - timedelta(seconds=1))
        )
        assert found.resolution == pb.RESOLUTION_NO_RULE
        (rule,) = (await stub.ListTranslationRules(pb.ListTranslationRulesRequest())).rules
        assert rule.rule_id == "nat64"
        await stub.PutTranslationRule(put(map=MAP))
