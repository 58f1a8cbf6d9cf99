"""The rules of shared IPv4, fetched from the address centre and computed here: no log, no call a question."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any, Final

import grpc

from sixfold.api.address.v1 import translation_pb2 as pb
from sixfold.api.address.v1.translation_pb2_grpc import TranslationServiceStub
from sixfold.api.addressing.deterministic_nat import Assignment, DeterministicNat, OnDemand
from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.lw4o6 import Binding
from sixfold.api.addressing.map_rule import MapRule
from sixfold.api.addressing.port_set import DEFAULT_OFFSET, PortSet
from sixfold.chassis.rpc import ClientSettings, connect
from sixfold.identity.domain.case import Asked
from sixfold.identity.domain.prefix import parse_prefix
from sixfold.identity.trace.ports import RuleAnswer, SourceUnavailableError

PAGE: Final = 1_000
REMEMBERED: Final = 5.0
"""Seconds that the rules are remembered, or twenty times as long as reading them takes."""
_FOREVER: Final = 1 << 62
Function = MapRule | DeterministicNat | Binding | None
"""None: a pool of a stateful NAT64, whose sessions tell."""


@dataclass(frozen=True, slots=True)
class Rule:
    """In force from `since` until just before `until`, UTC milliseconds."""

    path: str
    gateway: str
    since: int
    until: int
    function: Function

    @property
    def is_shared(self) -> bool:
        match self.function:
            case MapRule():
                return self.function.is_shared
            case Binding():
                return self.function.ports is not None
            case _:
                return True

    def inside(self, address: IPv4Address, port: int) -> int | OnDemand | None:
        """The address on the subscriber's side as a number of 128 bits; None: the port is nobody's."""
        match self.function:
            case MapRule():
                network = self.function.subscriber_of(address, port)
            case DeterministicNat():
                network = self.function.subscriber_of(address, port)
            case Binding():
                network = self.function.ipv6_prefix if self.function.holds(address, port) else None
            case _:
                return OnDemand()
        if network is None or isinstance(network, OnDemand):
            return network
        return parse_prefix(str(network)).network


class Rules:
    """By the public prefixes that they cover: one look for each length in use."""

    def __init__(self, rules: Iterable[tuple[IPv4Network, Rule]]) -> None:
        self._by_place: dict[tuple[int, int], list[Rule]] = {}
        for network, rule in rules:
            place = (network.prefixlen, int(network.network_address))
            self._by_place.setdefault(place, []).append(rule)
        self._lengths = sorted({length for length, _ in self._by_place})

    def covering(self, asked: Asked) -> list[Rule]:
        number = asked.address & 0xFFFFFFFF
        return [
            rule
            for length in self._lengths
            for rule in self._by_place.get((length, number >> (32 - length) << (32 - length)), ())
            if rule.since <= asked.end and asked.start < rule.until
        ]

    def answer(self, asked: Asked) -> RuleAnswer | None:
        """What the rules in force within the tolerance say; None where none was."""
        rules = self.covering(asked)
        if not rules:
            return None
        if not asked.port and any(rule.is_shared for rule in rules):
            return RuleAnswer("port-required")
        address = IPv4Address(asked.address & 0xFFFFFFFF)
        said = {(rule.inside(address, asked.port), rule.gateway, rule.path) for rule in rules}
        if len({inside for inside, _, _ in said}) > 1:
            return RuleAnswer("ambiguous")
        inside, gateway, path = next(iter(said))
        if isinstance(inside, OnDemand):
            return RuleAnswer("sessions")
        return RuleAnswer("nobody") if inside is None else RuleAnswer("subscriber", path, inside, gateway)


class AddressRules:
    """ports.Rules; a component."""

    name = "translation-rules"

    def __init__(self, target: str, settings: ClientSettings) -> None:
        self._target = target
        self._settings = settings
        self._channel: grpc.aio.Channel | None = None
        self._rules = Rules(())
        self._until = 0.0

    async def start(self) -> None:
        self._channel = connect(self._target, self._settings)

    async def stop(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def answers(self, questions: Sequence[Asked]) -> list[RuleAnswer | None]:
        if time.monotonic() >= self._until:
            began = time.monotonic()
            self._rules = Rules([place for rule in await self._read() for place in read_rule(rule)])
            took = time.monotonic() - began
            self._until = time.monotonic() + max(REMEMBERED, 20 * took)
        return [self._rules.answer(asked) for asked in questions]

    async def _read(self) -> list[pb.TranslationRule]:
        assert self._channel is not None, "the rules are not started"
        stub: Any = TranslationServiceStub(self._channel)
        rules: list[pb.TranslationRule] = []
        token = ""
        while True:
            request = pb.ListTranslationRulesRequest(page_size=PAGE, page_token=token)
            try:
                page = await stub.ListTranslationRules(request)
            except grpc.aio.AioRpcError as error:
                raise SourceUnavailableError(
                    f"the address centre does not answer: {error.code().name}: {error.details()}"
                ) from error
            rules += page.rules
            token = page.next_page_token
            if not token:
                return rules


def read_rule(rule: pb.TranslationRule) -> list[tuple[IPv4Network, Rule]]:
    """The rule at each public prefix that it covers. Raises SourceUnavailableError for one that cannot be read: its
    addresses would be answered as if nobody shared them."""
    kind = rule.WhichOneof("kind") or ""
    since = rule.valid_from.ToMilliseconds() if rule.HasField("valid_from") else 0
    until = rule.valid_until.ToMilliseconds() if rule.HasField("valid_until") else _FOREVER
    try:
        path, networks, function = _READERS[kind](rule)
    except (KeyError, AddressingError, ValueError) as error:
        raise SourceUnavailableError(f"translation rule {rule.rule_id} cannot be read: {error}") from error
    return [(network, Rule(path, rule.gateway, since, until, function)) for network in networks]


def _map(rule: pb.TranslationRule) -> tuple[str, list[IPv4Network], Function]:
    one = rule.map
    ipv4 = IPv4Network(one.ipv4_prefix)
    offset = one.psid_offset if one.HasField("psid_offset") else DEFAULT_OFFSET
    # Which of the two modes it is changes nothing in who has which port.
    function = MapRule(IPv6Network(one.ipv6_prefix), ipv4, one.ea_length, offset, one.psid_length, one.psid)
    return "map", [ipv4], function


def _deterministic(rule: pb.TranslationRule) -> tuple[str, list[IPv4Network], Function]:
    one = rule.deterministic_nat
    staggered = one.assignment == pb.PORT_ASSIGNMENT_STAGGERED
    outside = IPv4Network(one.outside_prefix)
    function = DeterministicNat(
        ip_network(one.inside_prefix),
        outside,
        one.dynamic_factor,
        one.maximum_ports,
        Assignment.STAGGERED if staggered else Assignment.SEQUENTIAL,
        one.reserved_ports if one.HasField("reserved_ports") else "0-1023",
        one.subscriber_length,
    )
    return "deterministic-nat", [outside], function


def _lw4o6(rule: pb.TranslationRule) -> tuple[str, list[IPv4Network], Function]:
    one = rule.lw4o6
    offset = one.psid_offset if one.HasField("psid_offset") else DEFAULT_OFFSET
    ports = PortSet(offset, one.psid_length, one.psid) if one.psid_length else None
    address = IPv4Address(one.public_address)
    border = IPv6Address(one.border) if one.border else IPv6Address(0)
    return "lw4o6", [IPv4Network(address)], Binding(IPv6Network(one.ipv6_prefix), address, ports, border)


def _nat64(rule: pb.TranslationRule) -> tuple[str, list[IPv4Network], Function]:
    return "nat-session", [IPv4Network(prefix) for prefix in rule.nat64.ipv4_prefixes], None


_READERS: Final = {"map": _map, "deterministic_nat": _deterministic, "lw4o6": _lw4o6, "nat64": _nat64}
