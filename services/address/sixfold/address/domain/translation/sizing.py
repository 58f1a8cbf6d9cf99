"""How much IPv4 so many subscribers need, and the rule over it."""

from collections.abc import Callable
from dataclasses import dataclass

from sixfold.address.domain.translation.engine import engine_of
from sixfold.address.domain.translation.events import DeterministicNatSpec, MapSpec, Nat64Spec, Spec
from sixfold.address.domain.values import RefusedError
from sixfold.api.addressing.deterministic_nat import DeterministicNat
from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.map_rule import LONGEST_EA, MapRule, Mode
from sixfold.api.addressing.port_set import DEFAULT_OFFSET, PORTS

LARGEST_SHARING = PORTS - 1


@dataclass(frozen=True, slots=True)
class MapAsk:
    """The IPv6 prefix itself, or the pool that it comes out of."""

    mode: Mode
    psid_offset: int = DEFAULT_OFFSET
    ipv6_pool_id: str = ""
    ipv6_prefix: str = ""
    subscriber_length: int = 56
    border: str = ""
    forwarding: bool = False


@dataclass(frozen=True, slots=True)
class NatAsk:
    """`spec.outside_prefix` is not known yet."""

    spec: DeterministicNatSpec


@dataclass(frozen=True, slots=True)
class Nat64Ask:
    prefix: str


Ask = MapAsk | NatAsk | Nat64Ask


@dataclass(frozen=True, slots=True)
class SharedWish:
    rule_id: str
    gateway: str
    ipv4_pool_id: str
    subscribers: int
    subscribers_per_address: int
    ask: Ask


@dataclass(frozen=True, slots=True)
class Size:
    """Prefix lengths to be delegated (`ipv6_length` 0: none) and the rule over what comes."""

    ipv4_length: int
    ipv6_length: int
    spec: Callable[[str, str], Spec]
    """Of the IPv4 and the IPv6 prefix."""


def size_of(wish: SharedWish) -> Size:
    each = wish.subscribers_per_address
    if not 1 <= each <= LARGEST_SHARING:
        raise _out_of_range("subscribers_per_address", f"{each} is not in 1 to {LARGEST_SHARING}")
    if not 1 <= wish.subscribers <= each << 32:
        raise _out_of_range("subscribers", f"{wish.subscribers} is not in 1 to what all of IPv4 has room for")
    match wish.ask:
        case MapAsk() as ask:
            return _size_of_map(wish, ask)
        case NatAsk(spec=spec):
            length = 32 - _bits(-(-wish.subscribers // each))

            def nat(ipv4: str, _: str) -> Spec:
                return DeterministicNatSpec(
                    spec.inside_prefix,
                    ipv4,
                    spec.subscriber_length,
                    spec.dynamic_factor,
                    spec.maximum_ports,
                    spec.assignment,
                    spec.reserved_ports,
                )

            _require_room(wish, nat(f"0.0.0.0/{length}", ""))
            return Size(length, 0, nat)
        case Nat64Ask(prefix=prefix):
            length = 32 - _bits(-(-wish.subscribers // each))
            return Size(length, 0, lambda ipv4, _: Nat64Spec(prefix, (ipv4,)))


def _size_of_map(wish: SharedWish, ask: MapAsk) -> Size:
    sharing = _bits(wish.subscribers_per_address)
    if sharing > 16 - ask.psid_offset:
        detail = f"2^{sharing} port sets do not fit beside offset {ask.psid_offset}"
        raise _out_of_range("subscribers_per_address", detail)
    host = _bits(-(-wish.subscribers // (1 << sharing)))
    ea = host + sharing
    length = ask.subscriber_length - ea
    if bool(ask.ipv6_pool_id) == bool(ask.ipv6_prefix):
        raise _out_of_range("ipv6_pool_id", "either a pool or a prefix of IPv6 is needed")
    if ea > LONGEST_EA or not length > 0:
        detail = f"{ea} EA bits before a /{ask.subscriber_length} leave no prefix for the rule"
        raise _out_of_range("subscribers", detail)
    if ask.ipv6_prefix and not ask.ipv6_prefix.endswith(f"/{length}"):
        detail = (
            f"{ask.ipv6_prefix} is no /{length}, which {ea} EA bits before a /{ask.subscriber_length} need"
        )
        raise _out_of_range("ipv6_prefix", detail)
    alone = ea == 0  # one subscriber of one whole address

    def spec(ipv4: str, ipv6: str) -> Spec:
        return MapSpec(
            ask.mode,
            ipv6 or ask.ipv6_prefix,
            ipv4,
            0 if alone else ea,
            ask.psid_offset,
            border=ask.border,
            forwarding=ask.forwarding,
        )

    return Size(32 - host, length if ask.ipv6_pool_id else 0, spec)


def room_of(spec: Spec) -> tuple[int, int]:
    """(ports that each subscriber has, subscribers); ports 0 for those given on demand alone."""
    engine = engine_of(spec)
    match engine:
        case MapRule():
            contiguous = 1 << (16 - engine.psid_offset - engine.sharing_bits)
            excluded = contiguous if engine.psid_offset else 0
            ports = (1 << (16 - engine.sharing_bits)) - excluded if engine.is_shared else PORTS
            return ports, 1 << engine.ea_length
        case DeterministicNat():
            return engine.ports_each, engine.subscribers
        case _:
            return 0, 0


def _require_room(wish: SharedWish, spec: Spec) -> None:
    try:
        ports, subscribers = room_of(spec)
    except AddressingError as error:
        raise RefusedError("invalid", "RULE_MALFORMED", error.detail[:300], error.field) from error
    if subscribers < wish.subscribers:
        detail = f"the inside has room for {subscribers}, not for {wish.subscribers}; {ports} ports each"
        raise _out_of_range("subscribers", detail)


def _bits(number: int) -> int:
    """The smallest n with 2^n at least `number`."""
    return (number - 1).bit_length()


def _out_of_range(field: str, detail: str) -> RefusedError:
    return RefusedError("invalid", "SIZE_OUT_OF_RANGE", detail, field)
