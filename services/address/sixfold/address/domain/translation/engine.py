"""What a rule computes, whatever its kind: whose a port is, what a subscriber has, what it holds for itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from sixfold.address.domain.prefix import Prefix, parse_address
from sixfold.address.domain.translation.events import (
    DeterministicNatSpec,
    Lw4o6Spec,
    MapSpec,
    Nat64Spec,
    Spec,
)
from sixfold.api.addressing.deterministic_nat import DeterministicNat, OnDemand
from sixfold.api.addressing.embedded import check_prefix
from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.lw4o6 import Binding
from sixfold.api.addressing.map_rule import MapRule, Mode
from sixfold.api.addressing.port_set import PortSet

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
MOST_PREFIXES = 256
_IPV4 = Prefix(0xFFFF << 32, 96)


@dataclass(frozen=True, slots=True)
class Nat64:
    prefix: IPv6Network
    ipv4_prefixes: tuple[IPv4Network, ...]


Engine = MapRule | DeterministicNat | Binding | Nat64


@dataclass(frozen=True, slots=True)
class Claim:
    """Public addresses that a rule holds: all their ports, or of one address a port set."""

    prefix: Prefix
    ports: PortSet | None


@dataclass(frozen=True, slots=True)
class PublicSide:
    """What a subscriber has. `ranges` None: every port."""

    subscriber: Network
    public: IPv4Network
    ranges: tuple[tuple[int, int], ...] | None
    on_demand: int = 0


def engine_of(spec: Spec) -> Engine:
    """Raises AddressingError for a rule that cannot be."""
    match spec:
        case MapSpec():
            border = _network6("border", spec.border) if spec.border else None
            return MapRule(
                _network6("ipv6_prefix", spec.ipv6_prefix),
                _network4("ipv4_prefix", spec.ipv4_prefix),
                spec.ea_length,
                spec.psid_offset,
                spec.psid_length,
                spec.psid,
                spec.mode,
                border,
            )
        case DeterministicNatSpec():
            return DeterministicNat(
                _network("inside_prefix", spec.inside_prefix),
                _network4("outside_prefix", spec.outside_prefix),
                spec.dynamic_factor,
                spec.maximum_ports,
                spec.assignment,
                spec.reserved_ports,
                spec.subscriber_length,
            )
        case Lw4o6Spec():
            ports = None
            if spec.psid_length:
                ports = PortSet(spec.psid_offset, spec.psid_length, spec.psid)
            elif spec.psid:
                raise AddressingError("psid", "without psid_length")
            public = _network4("public_address", spec.public_address)
            border = _network6("border", spec.border)
            if public.prefixlen != 32 or border.prefixlen != 128:
                raise AddressingError("public_address", "a binding is of one address, and its border is one")
            return Binding(
                _network6("ipv6_prefix", spec.ipv6_prefix),
                public.network_address,
                ports,
                border.network_address,
            )
        case Nat64Spec():
            prefix = _network6("prefix", spec.prefix)
            check_prefix(prefix)
            if not 1 <= len(spec.ipv4_prefixes) <= MOST_PREFIXES:
                raise AddressingError("ipv4_prefixes", f"{len(spec.ipv4_prefixes)}, not 1 to {MOST_PREFIXES}")
            pools = tuple(_network4("ipv4_prefixes", text) for text in spec.ipv4_prefixes)
            if any(one.overlaps(other) for at, one in enumerate(pools) for other in pools[:at]):
                raise AddressingError("ipv4_prefixes", "overlap each other")
            return Nat64(prefix, pools)


def claims_of(engine: Engine) -> Iterator[Claim]:
    match engine:
        case MapRule() if engine.ea_length == 0 and engine.psid_length:
            ports = PortSet(engine.psid_offset, engine.psid_length, engine.psid)
            yield Claim(prefix_of(engine.ipv4_prefix), ports)
        case MapRule():
            yield Claim(prefix_of(engine.ipv4_prefix), None)
        case DeterministicNat():
            yield Claim(prefix_of(engine.outside), None)
        case Binding():
            yield Claim(prefix_of(IPv4Network(engine.ipv4_address)), engine.ports)
        case Nat64():
            for network in engine.ipv4_prefixes:
                yield Claim(prefix_of(network), None)


def inside_of(engine: Engine) -> Network | None:
    """Where its subscribers are; None of a NAT64, which takes whoever comes."""
    match engine:
        case MapRule() | Binding():
            return engine.ipv6_prefix
        case DeterministicNat():
            return engine.inside
        case Nat64():
            return None


def is_shared(engine: Engine) -> bool:
    """Whether an address alone, without a port, does not say whose it is."""
    match engine:
        case MapRule():
            return engine.is_shared
        case DeterministicNat():
            return True
        case Binding():
            return engine.ports is not None
        case Nat64():
            return True


def subscriber_of(engine: Engine, address: IPv4Address, port: int) -> Network | OnDemand | None:
    """Who has that address and port; OnDemand where only session records say, None where nobody has."""
    match engine:
        case MapRule() | DeterministicNat():
            return engine.subscriber_of(address, port)
        case Binding():
            return engine.ipv6_prefix if engine.holds(address, port) else None
        case Nat64():
            return OnDemand() if any(address in network for network in engine.ipv4_prefixes) else None


def public_of(engine: Engine, address: Address) -> PublicSide | None:
    """What the subscriber at an inside address has; None for who is none."""
    match engine:
        case MapRule():
            share = engine.share_of(address) if isinstance(address, IPv6Address) else None
            if share is None:
                return None
            ranges = tuple(share.ports.ranges()) if share.ports is not None else None
            return PublicSide(share.ipv6_prefix, share.ipv4_prefix, ranges)
        case DeterministicNat():
            fixed = engine.fixed_of(address)
            if fixed is None:
                return None
            on_demand = engine.on_demand_each if engine.has_on_demand else 0
            return PublicSide(fixed.inside, IPv4Network(fixed.address), fixed.ranges, on_demand)
        case Binding():
            if not isinstance(address, IPv6Address) or address not in engine.ipv6_prefix:
                return None
            ranges = tuple(engine.ports.ranges()) if engine.ports is not None else None
            return PublicSide(engine.ipv6_prefix, IPv4Network(engine.ipv4_address), ranges)
        case Nat64():
            return None


def prefix_of(network: Network) -> Prefix:
    if isinstance(network, IPv4Network):
        return Prefix(0xFFFF << 32 | int(network.network_address), network.prefixlen + 96)
    return Prefix(int(network.network_address), network.prefixlen)


def mode_of(spec: Spec) -> str:
    """The kind as people say it."""
    match spec:
        case MapSpec():
            return "MAP-E" if spec.mode is Mode.ENCAPSULATION else "MAP-T"
        case DeterministicNatSpec():
            return "deterministic CGN"
        case Lw4o6Spec():
            return "lw4o6"
        case Nat64Spec():
            return "NAT64 pool"


def as_address(text: str) -> Address:
    """Raises PrefixError."""
    parse_address(text)
    return ip_address(text)


def _network(field: str, text: str) -> Network:
    """A lone address is its /32 or /128."""
    if "%" in text:
        raise AddressingError(field, f"{text[:80]!r} has a zone, which only one machine understands")
    try:
        network = ip_network(text)
    except ValueError as error:
        raise AddressingError(field, str(error)[:200]) from error
    if isinstance(network, IPv6Network) and prefix_of(network).overlaps(_IPV4):
        raise AddressingError(field, f"{text[:80]!r} covers ::ffff:0:0/96, where IPv4 stands")
    return network


def _network4(field: str, text: str) -> IPv4Network:
    network = _network(field, text)
    if not isinstance(network, IPv4Network):
        raise AddressingError(field, f"{text} is not IPv4")
    return network


def _network6(field: str, text: str) -> IPv6Network:
    network = _network(field, text)
    if not isinstance(network, IPv6Network):
        raise AddressingError(field, f"{text} is not IPv6")
    return network
