"""TranslationService: shared IPv4, both directions at any time."""

# ruff: noqa: N802 - the methods have the names of the contract

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_network
from itertools import islice
from typing import Any, Final

from sixfold.address.domain.translation.book import Rule
from sixfold.address.domain.translation.decisions import rule_of
from sixfold.address.domain.translation.engine import PublicSide, public_of
from sixfold.address.domain.translation.events import MapSpec
from sixfold.address.domain.translation.sizing import room_of
from sixfold.address.domain.values import RefusedError
from sixfold.address.servicer import refusing
from sixfold.address.translation_handlers import Translations
from sixfold.address.translation_messages import (
    gateway_message,
    milliseconds,
    resolution,
    rule_message,
    rule_wish,
    shared_wish,
    subscriber_message,
)
from sixfold.api.address.v1 import translation_pb2 as pb
from sixfold.api.address.v1 import translation_pb2_grpc
from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.lw4o6 import Binding
from sixfold.api.addressing.map_rule import MapRule
from sixfold.api.addressing.provisioning import lightweight_container, map_container
from sixfold.chassis.rpc import InvalidArgument

LARGEST_PAGE: Final = 1_000


class TranslationServicer(translation_pb2_grpc.TranslationServiceServicer):
    def __init__(self, translations: Translations) -> None:
        self._translations = translations

    @refusing
    async def PutTranslationRule(
        self, request: pb.PutTranslationRuleRequest, context: Any
    ) -> pb.PutTranslationRuleResponse:
        rule, repeated = await self._translations.put(rule_wish(request))
        return pb.PutTranslationRuleResponse(rule=rule_message(rule), repeated_call=repeated)

    @refusing
    async def EndTranslationRule(
        self, request: pb.EndTranslationRuleRequest, context: Any
    ) -> pb.EndTranslationRuleResponse:
        until = milliseconds(request, "valid_until") or 0
        rule = await self._translations.end(request.rule_id, until)
        return pb.EndTranslationRuleResponse(rule=rule_message(rule))

    @refusing
    async def ListTranslationRules(
        self, request: pb.ListTranslationRulesRequest, context: Any
    ) -> pb.ListTranslationRulesResponse:
        if request.page_token and not (request.page_token.isascii() and request.page_token.isdigit()):
            raise InvalidArgument("page_token", "is none that this service gave", "PAGE_TOKEN_MALFORMED")
        at = milliseconds(request, "at")
        size = min(request.page_size or 100, LARGEST_PAGE)
        seen = int(request.page_token or 0)
        rules = (rule for rule in self._translations.book.rules.values() if rule.number > seen)
        fitting = (
            rule
            for rule in rules
            if request.gateway in ("", rule.put.gateway)
            and (rule.span.start < rule.span.end if at is None else rule.in_force(at))
        )
        found = list(islice(fitting, size + 1))
        token = str(found[size - 1].number) if len(found) > size else ""
        return pb.ListTranslationRulesResponse(
            rules=[rule_message(rule) for rule in found[:size]], next_page_token=token
        )

    @refusing
    async def AllocateSharedIpv4(
        self, request: pb.AllocateSharedIpv4Request, context: Any
    ) -> pb.AllocateSharedIpv4Response:
        rule, repeated = await self._translations.allocate(shared_wish(request))
        ports, subscribers = room_of(rule.put.spec)
        return pb.AllocateSharedIpv4Response(
            rule=rule_message(rule),
            ports_per_subscriber=ports,
            subscribers=subscribers,
            repeated_call=repeated,
        )

    @refusing
    async def ResolveSubscriberSide(
        self, request: pb.ResolveSubscriberSideRequest, context: Any
    ) -> pb.ResolveSubscriberSideResponse:
        port = request.port if request.HasField("port") else None
        return subscriber_message(
            self._translations.subscriber_side(
                request.public_address, port, milliseconds(request, "time"), request.tolerance_milliseconds
            )
        )

    @refusing
    async def ResolvePublicSide(
        self, request: pb.ResolvePublicSideRequest, context: Any
    ) -> pb.ResolvePublicSideResponse:
        answer = self._translations.public_side(
            request.subscriber_address, request.gateway, milliseconds(request, "time")
        )
        response = pb.ResolvePublicSideResponse(resolution=resolution(answer.resolution))
        if answer.rule is not None and answer.side is not None:
            response.rule_id = answer.rule.put.rule_id
            response.gateway = answer.rule.put.gateway
            response.public_prefix = str(answer.side.public)
            response.subscriber_prefix = str(answer.side.subscriber)
            response.ports_on_demand = answer.side.on_demand
            response.ports.extend(_ports(answer.side.ranges or ()))
        return response

    @refusing
    async def DescribePublicAddress(
        self, request: pb.DescribePublicAddressRequest, context: Any
    ) -> pb.DescribePublicAddressResponse:
        port = request.port if request.HasField("port") else None
        answer, steps = self._translations.describe(
            request.public_address, port, milliseconds(request, "time")
        )
        return pb.DescribePublicAddressResponse(
            answer=subscriber_message(answer),
            rule=rule_message(answer.rule) if answer.rule is not None else None,
            steps=[pb.DescriptionStep(name=step.name, value=step.value, how=step.how) for step in steps],
        )

    @refusing
    async def GetSoftwireProvisioning(
        self, request: pb.GetSoftwireProvisioningRequest, context: Any
    ) -> pb.GetSoftwireProvisioningResponse:
        rule = rule_of(self._translations.book, request.rule_id)
        response = pb.GetSoftwireProvisioningResponse(options=_options(rule))
        if request.subscriber_prefix:
            side = _side_of(rule, request.subscriber_prefix)
            response.edge_address = _edge(rule, side)
            response.public_prefix = str(side.public)
            response.ports.extend(_ports(side.ranges or ()))
        return response

    @refusing
    async def GetGatewayTranslation(
        self, request: pb.GetGatewayTranslationRequest, context: Any
    ) -> pb.GetGatewayTranslationResponse:
        return gateway_message(self._translations.gateway(request.gateway, milliseconds(request, "at")))


def _ports(ranges: Iterable[tuple[int, int]]) -> list[pb.PublicPorts]:
    return [pb.PublicPorts(first=first, last=last) for first, last in ranges]


def _options(rule: Rule) -> bytes:
    match rule.engine, rule.put.spec:
        case MapRule() as engine, MapSpec(forwarding=forwarding):
            try:
                return map_container(engine, forwarding=forwarding)
            except AddressingError as error:
                raise RefusedError("precondition", "RULE_NOT_PROVISIONED", error.detail) from error
        case Binding() as engine, _:
            return lightweight_container(engine)
        case _:
            detail = "edges are told of MAP and lw4o6 only; this rule works without their knowing"
            raise RefusedError("precondition", "RULE_NOT_PROVISIONED", detail)


def _side_of(rule: Rule, text: str) -> PublicSide:
    try:
        prefix = ip_network(text)
    except ValueError as error:
        detail = str(error)[:200]
        raise RefusedError("invalid", "PREFIX_MALFORMED", detail, "subscriber_prefix") from error
    side = public_of(rule.engine, prefix.network_address)
    if side is None or prefix.version != 6 or prefix.prefixlen < side.subscriber.prefixlen:
        detail = f"{text[:60]} is no subscriber of rule {rule.put.rule_id!r}"
        raise RefusedError("invalid", "PREFIX_OUTSIDE", detail, "subscriber_prefix")
    return side


def _edge(rule: Rule, side: PublicSide) -> str:
    match rule.engine:
        case MapRule() as engine:
            inside = side.subscriber.network_address
            share = engine.share_of(inside) if isinstance(inside, IPv6Address) else None
            return str(engine.ce_address(share)) if share is not None else ""
        case Binding() as engine:
            return str(engine.edge_address)
        case _:
            return ""
