"""A GatewayConfiguration as checked values. Everything that is wrong is told at once, each with where it stands."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sixfold.api.addressing.embedded import LENGTHS
from sixfold.api.agent.v1 import agent_pb2 as pb

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_SLOT: Final = 8_191
INNER_IPV4: Final = "100.127.0.0/18"
INNER_IPV6: Final = "fd64:6978:666f:6c64::/64"
NAT64_INTERFACE: Final = "nat64"
_OWN_IPV6: Final = 0xFFFF
_INTERFACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_HOST: Final = re.compile(r"[A-Za-z0-9_.:-]{1,253}")
_ZONE: Final = re.compile(r"[A-Za-z0-9_.-]{1,253}")


@dataclass(frozen=True, slots=True)
class Problem:
    """where: the field, as in the JSON of the configuration. cause: a short stable word."""

    where: str
    cause: str
    detail: str

    def __str__(self) -> str:
        return f"{self.where}: {self.detail} ({self.cause})"


class PlanError(ValueError):
    """The configuration cannot be used."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems[:20])))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Nat64:
    translator: str
    prefix: ipaddress.IPv6Network
    pool: tuple[ipaddress.IPv4Network, ...]
    inner_ipv4: ipaddress.IPv4Network
    inner_ipv6: ipaddress.IPv6Network
    interface: str

    def ipv4_of(self, slot: int) -> ipaddress.IPv4Address:
        return self.inner_ipv4[slot]

    def ipv6_of(self, slot: int) -> ipaddress.IPv6Address:
        return self.inner_ipv6[slot]

    @property
    def own_ipv4(self) -> ipaddress.IPv4Address:
        """The translator's own, in the ICMP errors that it sends."""
        return self.inner_ipv4[-2]

    @property
    def own_ipv6(self) -> ipaddress.IPv6Address:
        return self.inner_ipv6[_OWN_IPV6]

    @property
    def capacity(self) -> int:
        return min(MAX_SLOT, self.inner_ipv4.num_addresses - 3)


@dataclass(frozen=True, slots=True)
class PortSet:
    slot: int
    subscriber: Network
    public: ipaddress.IPv4Address
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class StaticMapping:
    """port and server_port: 0 for everything that comes to the public address; protocol: 0 then, too."""

    slot: int
    public: ipaddress.IPv4Address
    protocol: int
    port: int
    server: ipaddress.IPv6Address
    server_port: int


@dataclass(frozen=True, slots=True)
class Dns64:
    listen: tuple[Address, ...]
    forwarders: tuple[str, ...]
    stub_zones: tuple[tuple[str, tuple[str, ...]], ...]
    clients: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class FlowExport:
    host: str
    port: int
    interfaces: tuple[str, ...]
    maximum_lifetime: int


@dataclass(frozen=True, slots=True)
class ValidSource:
    interface: str
    prefix: Network


@dataclass(frozen=True, slots=True)
class SourceValidation:
    """action: `count` or `drop`."""

    action: str
    valid: tuple[ValidSource, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    access: tuple[str, ...]
    ipv4_side: tuple[str, ...]
    management: tuple[Network, ...]
    nat64: Nat64 | None
    port_sets: tuple[PortSet, ...]
    static: tuple[StaticMapping, ...]
    dns64: Dns64 | None
    export: FlowExport | None
    validation: SourceValidation | None


class Reader:
    """Collects what is wrong while it reads texts."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, where: str, cause: str, detail: str) -> None:
        self.problems.append(Problem(where, cause, detail))

    def network(self, where: str, text: str, version: int = 0) -> Network | None:
        try:
            found = ipaddress.ip_network(text)
        except ValueError as error:
            self.wrong(where, "malformed-prefix", str(error))
            return None
        if version and found.version != version:
            self.wrong(where, "wrong-family", f"{text} is not IPv{version}")
            return None
        return found

    def networks(self, where: str, texts: Iterable[str], version: int = 0) -> tuple[Network, ...]:
        found = (self.network(f"{where}[{at}]", text, version) for at, text in enumerate(texts))
        return tuple(one for one in found if one is not None)

    def address(self, where: str, text: str, version: int = 0) -> Address | None:
        try:
            found = ipaddress.ip_address(text)
        except ValueError as error:
            self.wrong(where, "malformed-address", str(error))
            return None
        if version and found.version != version:
            self.wrong(where, "wrong-family", f"{text} is not IPv{version}")
            return None
        return found

    def interface(self, where: str, name: str) -> str:
        if not _INTERFACE.fullmatch(name):
            self.wrong(where, "malformed-interface", f"{name!r} is no name of an interface")
        return name

    def interfaces(self, where: str, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.interface(f"{where}[{at}]", name) for at, name in enumerate(names))


def valid_source(reader: Reader, where: str, one: pb.ValidSource) -> ValidSource | None:
    prefix = reader.network(f"{where}.prefix", one.prefix)
    interface = reader.interface(f"{where}.interface", one.interface)
    return None if prefix is None else ValidSource(interface, prefix)


def read_plan(configuration: pb.GatewayConfiguration) -> Plan:
    """Raises PlanError. What the parts have to do with each other is for `validate`."""
    reader = Reader()
    plan = Plan(
        access=reader.interfaces("accessInterfaces", configuration.access_interfaces),
        ipv4_side=reader.interfaces("ipv4Interfaces", configuration.ipv4_interfaces),
        management=reader.networks("managementPrefixes", configuration.management_prefixes),
        nat64=_nat64(reader, configuration.nat64) if configuration.HasField("nat64") else None,
        port_sets=_port_sets(reader, configuration.port_sets),
        static=_static(reader, configuration.static_mappings),
        dns64=_dns64(reader, configuration.dns64) if configuration.HasField("dns64") else None,
        export=_export(reader, configuration) if configuration.HasField("flow_export") else None,
        validation=_validation(reader, configuration.source_validation),
    )
    if reader.problems:
        raise PlanError(reader.problems)
    return plan


def _nat64(reader: Reader, one: pb.Nat64) -> Nat64 | None:
    prefix = reader.network("nat64.prefix", one.prefix, 6)
    pool = reader.networks("nat64.ipv4Pool", one.ipv4_pool, 4)
    inner4 = reader.network("nat64.innerIpv4", one.inner_ipv4 or INNER_IPV4, 4)
    inner6 = reader.network("nat64.innerIpv6", one.inner_ipv6 or INNER_IPV6, 6)
    interface = reader.interface("nat64.interface", one.interface or NAT64_INTERFACE)
    if prefix is not None and prefix.prefixlen not in LENGTHS:
        lengths = ", ".join(map(str, LENGTHS))
        reader.wrong("nat64.prefix", "malformed-prefix", f"RFC 6052 has prefixes of {lengths} bits")
    if prefix is not None and prefix.prefixlen == 96 and prefix.network_address.packed[8]:
        reader.wrong("nat64.prefix", "malformed-prefix", "bits 64 to 71 must be zero (RFC 6052, 2.2)")
    if inner4 is not None and inner4.prefixlen > 28:
        reader.wrong("nat64.innerIpv4", "too-small", f"{inner4} has no room for slots; /28 at least")
    if inner6 is not None and inner6.prefixlen > 112:
        reader.wrong("nat64.innerIpv6", "too-small", f"{inner6} has no room for slots; /112 at least")
    if (
        not isinstance(prefix, ipaddress.IPv6Network)
        or not isinstance(inner4, ipaddress.IPv4Network)
        or not isinstance(inner6, ipaddress.IPv6Network)
    ):
        return None
    translator = "jool" if one.translator == pb.Nat64.TRANSLATOR_JOOL else "tayga"
    networks = tuple(network for network in pool if isinstance(network, ipaddress.IPv4Network))
    return Nat64(translator, prefix, networks, inner4, inner6, interface)


def _port_sets(reader: Reader, given: Iterable[pb.PortSet]) -> tuple[PortSet, ...]:
    found = []
    for at, one in enumerate(given):
        where = f"portSets[{at}]"
        subscriber = reader.network(f"{where}.subscriberPrefix", one.subscriber_prefix)
        public = reader.address(f"{where}.publicAddress", one.public_address, 4)
        ranges = tuple((some.first, some.last) for some in one.ranges)
        if not ranges:
            reader.wrong(f"{where}.ranges", "no-ports", "a port set without ports")
        if any(not 0 < first <= last <= 65_535 for first, last in ranges):
            reader.wrong(f"{where}.ranges", "malformed-range", "a range goes from 1 to 65,535, first to last")
        if subscriber is not None and isinstance(public, ipaddress.IPv4Address):
            found.append(PortSet(one.slot, subscriber, public, tuple(sorted(ranges))))
    return tuple(found)


def _static(reader: Reader, given: Iterable[pb.StaticMapping]) -> tuple[StaticMapping, ...]:
    found = []
    for at, one in enumerate(given):
        where = f"staticMappings[{at}]"
        public = reader.address(f"{where}.publicAddress", one.public_address, 4)
        server = reader.address(f"{where}.serverAddress", one.server_address, 6)
        if bool(one.public_port) != bool(one.protocol) or one.protocol not in (0, 6, 17):
            reader.wrong(
                f"{where}.protocol", "malformed-mapping", "a port with TCP (6) or UDP (17), or neither"
            )
        if max(one.public_port, one.server_port) > 65_535 or (one.server_port and not one.public_port):
            reader.wrong(f"{where}.publicPort", "malformed-mapping", "ports go to 65,535, and come in pairs")
        if isinstance(public, ipaddress.IPv4Address) and isinstance(server, ipaddress.IPv6Address):
            port = one.server_port or one.public_port
            found.append(StaticMapping(one.slot, public, one.protocol, one.public_port, server, port))
    return tuple(found)


def _dns64(reader: Reader, one: pb.Dns64) -> Dns64:
    zones = []
    for at, zone in enumerate(one.stub_zones):
        where = f"dns64.stubZones[{at}]"
        if not _ZONE.fullmatch(zone.name):
            reader.wrong(f"{where}.name", "malformed-zone", f"{zone.name!r} is no name of a zone")
        zones.append((zone.name, _servers(reader, f"{where}.servers", zone.servers)))
    listen = (reader.address(f"dns64.listen[{at}]", text) for at, text in enumerate(one.listen))
    return Dns64(
        listen=tuple(address for address in listen if address is not None),
        forwarders=_servers(reader, "dns64.forwarders", one.forwarders),
        stub_zones=tuple(zones),
        clients=reader.networks("dns64.clients", one.clients),
    )


def _servers(reader: Reader, where: str, given: Iterable[str]) -> tuple[str, ...]:
    for at, text in enumerate(given):
        address, _, port = text.partition("@")
        reader.address(f"{where}[{at}]", address)
        if port and not (port.isdecimal() and 0 < int(port) <= 65_535):
            reader.wrong(f"{where}[{at}]", "malformed-port", f"{port!r} is no port")
    return tuple(given)


def _export(reader: Reader, configuration: pb.GatewayConfiguration) -> FlowExport:
    one = configuration.flow_export
    if not _HOST.fullmatch(one.host):
        reader.wrong("flowExport.host", "malformed-host", f"{one.host!r} is no host")
    if not 0 < one.port <= 65_535:
        reader.wrong("flowExport.port", "malformed-port", f"{one.port} is no port")
    interfaces = reader.interfaces("flowExport.interfaces", one.interfaces)
    return FlowExport(
        one.host,
        one.port,
        interfaces or tuple(configuration.access_interfaces),
        one.maximum_lifetime_seconds or 60,
    )


def _validation(reader: Reader, one: pb.SourceValidation) -> SourceValidation | None:
    valid = [valid_source(reader, f"sourceValidation.valid[{at}]", some) for at, some in enumerate(one.valid)]
    actions = {pb.SourceValidation.ACTION_COUNT: "count", pb.SourceValidation.ACTION_DROP: "drop"}
    if one.action == pb.SourceValidation.ACTION_UNSPECIFIED:
        return None
    if one.action not in actions:
        reader.wrong("sourceValidation.action", "unknown-action", str(one.action))
        return None
    return SourceValidation(actions[one.action], tuple(some for some in valid if some is not None))
