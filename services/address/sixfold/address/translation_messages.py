"""Translation rules: proto to domain and back."""

from datetime import UTC, datetime
from typing import Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from sixfold.address.domain.translation.book import Rule
from sixfold.address.domain.translation.decisions import RuleWish
from sixfold.address.domain.translation.events import (
    DeterministicNatSpec,
    Lw4o6Spec,
    MapSpec,
    Nat64Spec,
    Spec,
)
from sixfold.address.domain.translation.gateways import GatewayTranslation
from sixfold.address.domain.translation.resolving import Resolution, SubscriberSide
from sixfold.address.domain.translation.sizing import Ask, MapAsk, Nat64Ask, NatAsk, SharedWish
from sixfold.address.domain.values import RefusedError
from sixfold.api.address.v1 import translation_pb2 as pb
from sixfold.api.addressing.deterministic_nat import Assignment
from sixfold.api.addressing.map_rule import Mode
from sixfold.api.addressing.port_set import DEFAULT_OFFSET
from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.chassis.codec import to_message

_RESERVED: Final = "0-1023"
_RESOLUTIONS: Final = {
    Resolution.SUBSCRIBER: pb.RESOLUTION_SUBSCRIBER,
    Resolution.NEEDS_SESSIONS: pb.RESOLUTION_NEEDS_SESSIONS,
    Resolution.PORT_UNASSIGNED: pb.RESOLUTION_PORT_UNASSIGNED,
    Resolution.NO_RULE: pb.RESOLUTION_NO_RULE,
    Resolution.AMBIGUOUS: pb.RESOLUTION_AMBIGUOUS,
}


def milliseconds(message: Message, field: str) -> int | None:
    """UTC milliseconds of a Timestamp field, None where it is absent. Refuses one that is none, or before 1970."""
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    found = stamp.ToMilliseconds() if 0 <= stamp.nanos < 1_000_000_000 else 0
    if not 0 < found < 253_402_300_800_000:
        raise RefusedError("invalid", "TIME_MALFORMED", "is no time from 1970 to 9999", field)
    return found


def resolution(answer: Resolution) -> pb.Resolution:
    return _RESOLUTIONS[answer]


def rule_wish(request: pb.PutTranslationRuleRequest) -> RuleWish:
    rule = request.rule
    return RuleWish(
        rule.rule_id,
        rule.gateway,
        _spec(rule),
        milliseconds(rule, "valid_from") or 0,
        milliseconds(rule, "valid_until") or 0,
        tuple(request.replaces),
        request.take_over,
    )


def _spec(rule: pb.TranslationRule) -> Spec:
    match rule.WhichOneof("kind"):
        case "map":
            return MapSpec(
                _mode(rule.map.mode),
                rule.map.ipv6_prefix,
                rule.map.ipv4_prefix,
                rule.map.ea_length,
                _offset(rule.map),
                rule.map.psid_length,
                rule.map.psid,
                rule.map.border,
                rule.map.forwarding,
            )
        case "deterministic_nat":
            nat = rule.deterministic_nat
            return _nat_spec(nat, nat.outside_prefix)
        case "lw4o6":
            line = rule.lw4o6
            return Lw4o6Spec(
                line.ipv6_prefix, line.public_address, line.border, _offset(line), line.psid_length, line.psid
            )
        case "nat64":
            return Nat64Spec(rule.nat64.prefix, tuple(rule.nat64.ipv4_prefixes))
        case _:
            raise RefusedError("invalid", "RULE_MALFORMED", "has no kind", "rule")


def _nat_spec(nat: pb.DeterministicNat | pb.DeterministicNatWish, outside: str) -> DeterministicNatSpec:
    staggered = nat.assignment == pb.PORT_ASSIGNMENT_STAGGERED
    return DeterministicNatSpec(
        nat.inside_prefix,
        outside,
        nat.subscriber_length,
        nat.dynamic_factor,
        nat.maximum_ports,
        Assignment.STAGGERED if staggered else Assignment.SEQUENTIAL,
        nat.reserved_ports if nat.HasField("reserved_ports") else _RESERVED,
    )


def _offset(message: pb.MapRule | pb.Lw4o6Binding | pb.MapWish) -> int:
    return message.psid_offset if message.HasField("psid_offset") else DEFAULT_OFFSET


def _mode(mode: pb.MapMode) -> Mode:
    if mode == pb.MAP_MODE_UNSPECIFIED:
        raise RefusedError("invalid", "RULE_MALFORMED", "encapsulation or translation?", "mode")
    return Mode.TRANSLATION if mode == pb.MAP_MODE_TRANSLATION else Mode.ENCAPSULATION


def shared_wish(request: pb.AllocateSharedIpv4Request) -> SharedWish:
    return SharedWish(
        request.rule_id,
        request.gateway,
        request.ipv4_pool_id,
        request.subscribers,
        request.subscribers_per_address,
        _ask(request),
    )


def _ask(request: pb.AllocateSharedIpv4Request) -> Ask:
    match request.WhichOneof("wish"):
        case "map":
            ask = request.map
            return MapAsk(
                _mode(ask.mode),
                _offset(ask),
                ask.ipv6_pool_id,
                ask.ipv6_prefix,
                ask.subscriber_length or 56,
                ask.border,
                ask.forwarding,
            )
        case "deterministic_nat":
            return NatAsk(_nat_spec(request.deterministic_nat, ""))
        case "nat64":
            return Nat64Ask(request.nat64.prefix)
        case _:
            raise RefusedError("invalid", "RULE_MALFORMED", "has no wish", "wish")


def rule_message(rule: Rule) -> pb.TranslationRule:
    put = rule.put
    message = pb.TranslationRule(
        rule_id=put.rule_id,
        gateway=put.gateway,
        ipv4_delegation_id=put.ipv4_delegation_id,
        ipv6_delegation_id=put.ipv6_delegation_id,
    )
    for name in ("map", "deterministic_nat", "lw4o6", "nat64"):
        spec, field = getattr(put, name), getattr(message, name)
        if spec is not None:
            field.MergeFrom(to_message(spec, type(field)))
    message.valid_from.FromDatetime(_moment(put.valid_from))
    message.recorded.FromDatetime(_moment(put.time))
    if put.valid_until:
        message.valid_until.FromDatetime(_moment(put.valid_until))
    return message


def subscriber_message(answer: SubscriberSide) -> pb.ResolveSubscriberSideResponse:
    return pb.ResolveSubscriberSideResponse(
        resolution=resolution(answer.resolution),
        rule_id=answer.rule.put.rule_id if answer.rule is not None else "",
        gateway=answer.rule.put.gateway if answer.rule is not None else "",
        subscriber_prefix=str(answer.subscriber) if answer.subscriber is not None else "",
    )


def gateway_message(translation: GatewayTranslation) -> pb.GetGatewayTranslationResponse:
    configuration = agent.GatewayConfiguration()
    if translation.prefix is not None:
        configuration.nat64.prefix = str(translation.prefix)
    if translation.pools:
        configuration.nat64.ipv4_pool.extend(map(str, translation.pools))
    for held in translation.held:
        ranges = [agent.PortRange(first=first, last=last) for first, last in held.fixed.ranges]
        configuration.port_sets.add(
            slot=held.slot,
            subscriber_prefix=str(held.fixed.inside),
            public_address=str(held.fixed.address),
            ranges=ranges,
        )
    omitted = [pb.OmittedRule(rule_id=rule_id, why=why) for rule_id, why in translation.omitted]
    return pb.GetGatewayTranslationResponse(configuration=configuration, omitted=omitted)


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, UTC)
