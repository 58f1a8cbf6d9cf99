"""Choices of packets by prefixes, protocols, ports, flags and lengths: what is wrong with one, and what it touches.

A centre asks before it decides, an agent asks again before it enforces; both by these rules, each with its own
settings. The values are those of `PolicyMatch` and `PolicyAction` in `sixfold.api.agent.v1`, or anything of that shape.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Final, Protocol

from sixfold.api.addressing.embedded import LENGTHS, WELL_KNOWN

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_PREFIXES: Final = 4_096
"""Of one side of a policy."""
MAX_RANGES: Final = 64
MAX_ROUTES: Final = 256
"""Of one policy: a FlowSpec route has one source and one destination."""
PORTED: Final = frozenset({6, 17, 33, 132, 136})
TCP: Final = 6
ALL_FLAGS: Final = 0x3F
_TARGET: Final = re.compile(r"(\d{1,10}):(\d{1,10})")
BLOCK, RATE_LIMIT, DIVERT, MARK = 1, 2, 3, 4
BLACKHOLE, FLOWSPEC = 1, 2


class Range(Protocol):
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...


class Match(Protocol):
    @property
    def sources(self) -> Sequence[str]: ...
    @property
    def destinations(self) -> Sequence[str]: ...
    @property
    def protocols(self) -> Sequence[int]: ...
    @property
    def source_ports(self) -> Sequence[Range]: ...
    @property
    def destination_ports(self) -> Sequence[Range]: ...
    @property
    def tcp_flags_mask(self) -> int: ...
    @property
    def tcp_flags(self) -> int: ...
    @property
    def lengths(self) -> Sequence[Range]: ...


@dataclass(frozen=True, slots=True)
class Action:
    """kind, per, route: numbers of their enums in `PolicyAction`."""

    kind: int
    packets_per_second: int = 0
    bytes_per_second: int = 0
    per: int = 0
    dscp: int = 0
    route: int = 0
    redirect: str = ""


@dataclass(frozen=True, slots=True)
class Wrong:
    """where: the field. cause: a short stable word."""

    where: str
    cause: str
    detail: str

    def __str__(self) -> str:
        return f"{self.where}: {self.detail} ({self.cause})"


@dataclass(frozen=True, slots=True)
class Sides:
    """The prefixes of a choice of packets; an empty side is any address. No prefix covers another of its side."""

    sources: tuple[Network, ...]
    destinations: tuple[Network, ...]

    def of(self, version: int) -> tuple[tuple[Network, ...], tuple[Network, ...]] | None:
        """(sources, destinations) of one family; None where no packet of it can be meant."""
        sources = tuple(one for one in self.sources if one.version == version)
        destinations = tuple(one for one in self.destinations if one.version == version)
        if (self.sources and not sources) or (self.destinations and not destinations):
            return None
        return sources, destinations


def sides(match: Match) -> Sides:
    """Raises ValueError for what is no prefix."""
    return Sides(_collapsed(match.sources), _collapsed(match.destinations))


def _collapsed(texts: Iterable[str]) -> tuple[Network, ...]:
    networks = [ipaddress.ip_network(text) for text in texts]
    four = [one for one in networks if isinstance(one, ipaddress.IPv4Network)]
    six = [one for one in networks if isinstance(one, ipaddress.IPv6Network)]
    return (*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six))


def wrong(match: Match, action: Action) -> list[Wrong]:
    """All that is wrong with a policy; empty for one that can be enforced."""
    found = [*_prefixes(match)]
    if not found:
        chosen = sides(match)
        found += [
            # Halves of it count as what they are together.
            Wrong("match", "matches-all", f"the prefixes are {one} together, which is every address")
            for one in (*chosen.sources, *chosen.destinations)
            if one.prefixlen == 0
        ]
        if not chosen.sources and not chosen.destinations:
            found.append(Wrong("match", "matches-all", "a source or a destination prefix is needed"))
        elif chosen.of(4) is None and chosen.of(6) is None:
            found.append(Wrong("match", "no-family", "sources and destinations are of different families"))
        elif action.kind == DIVERT:
            found += _routes(chosen)
    return [*found, *_protocols(match), *_ranges(match), *_flags(match), *_action(match, action)]


def _prefixes(match: Match) -> Iterator[Wrong]:
    for where, texts in (("match.sources", match.sources), ("match.destinations", match.destinations)):
        if len(texts) > MAX_PREFIXES:
            yield Wrong(where, "too-many", f"{len(texts)} prefixes, at most {MAX_PREFIXES}")
            continue
        for at, text in enumerate(texts):
            try:
                network = ipaddress.ip_network(text)
            except ValueError as error:
                yield Wrong(f"{where}[{at}]", "malformed-prefix", str(error))
                continue
            if network.prefixlen == 0:
                yield Wrong(f"{where}[{at}]", "matches-all", f"{network} is every address")


def _routes(chosen: Sides) -> Iterator[Wrong]:
    number = sum(
        max(len(some[0]), 1) * max(len(some[1]), 1) for some in map(chosen.of, (4, 6)) if some is not None
    )
    if number > MAX_ROUTES:
        yield Wrong(
            "match", "too-many-routes", f"{number} pairs of source and destination, at most {MAX_ROUTES}"
        )


def _protocols(match: Match) -> Iterator[Wrong]:
    for at, number in enumerate(match.protocols):
        if not 0 <= number <= 255:
            yield Wrong(f"match.protocols[{at}]", "out-of-range", f"{number} is no protocol")
    if (match.source_ports or match.destination_ports) and (
        not match.protocols or not set(match.protocols) <= PORTED
    ):
        yield Wrong("match.protocols", "no-ports", "ports need protocols that have them, such as 6 and 17")


def _ranges(match: Match) -> Iterator[Wrong]:
    for name, ranges in (
        ("sourcePorts", match.source_ports),
        ("destinationPorts", match.destination_ports),
        ("lengths", match.lengths),
    ):
        if len(ranges) > MAX_RANGES:
            yield Wrong(f"match.{name}", "too-many", f"{len(ranges)} ranges, at most {MAX_RANGES}")
        ordered = sorted((one.first, one.last) for one in ranges)
        for first, last in ordered:
            if not 0 <= first <= last <= 65_535:
                yield Wrong(f"match.{name}", "out-of-range", f"{first} to {last} is no range in 0 to 65535")
        if any(last >= first for (_, last), (first, _) in pairwise(ordered)):
            yield Wrong(f"match.{name}", "overlap", "ranges overlap")


def _flags(match: Match) -> Iterator[Wrong]:
    if match.tcp_flags_mask == 0 and match.tcp_flags == 0:
        return
    if match.tcp_flags_mask & ~ALL_FLAGS or match.tcp_flags & ~match.tcp_flags_mask:
        yield Wrong(
            "match.tcpFlags", "out-of-range", "flags are 6 bits, and those that are set are in the mask"
        )
    if list(match.protocols) != [TCP]:
        yield Wrong("match.tcpFlags", "not-tcp", "flags need protocol 6 and no other")


def _action(match: Match, action: Action) -> Iterator[Wrong]:
    if action.kind not in (BLOCK, RATE_LIMIT, DIVERT, MARK):
        yield Wrong("action.kind", "unknown-action", f"{action.kind} is no action")
    if action.kind == RATE_LIMIT:
        if bool(action.packets_per_second) == bool(action.bytes_per_second):
            yield Wrong("action", "no-rate", "a rate limit has packets or bytes per second, and not both")
        if action.packets_per_second > 1 << 31 or action.bytes_per_second > 1 << 40:
            yield Wrong("action", "out-of-range", "at most 2^31 packets or 2^40 bytes per second")
        if action.per not in (0, 1, 2):
            yield Wrong("action.per", "unknown-per", f"{action.per} is none")
    if action.kind == MARK and not 0 <= action.dscp <= 63:
        yield Wrong("action.dscp", "out-of-range", f"{action.dscp} is no DSCP")
    if action.kind == DIVERT:
        yield from _route(match, action)


def _route(match: Match, action: Action) -> Iterator[Wrong]:
    if action.route == BLACKHOLE:
        narrowed = (
            match.sources,
            match.protocols,
            match.source_ports,
            match.destination_ports,
            match.lengths,
        )
        if any(narrowed) or match.tcp_flags_mask or not match.destinations:
            yield Wrong(
                "action.route", "blackhole-is-whole", "a black hole takes destinations whole, nothing else"
            )
    elif action.route != FLOWSPEC:
        yield Wrong("action.route", "unknown-route", f"{action.route} is none")
    target = _TARGET.fullmatch(action.redirect)
    if action.redirect and (target is None or int(target[1]) >= 1 << 32 or int(target[2]) >= 1 << 32):
        yield Wrong(
            "action.redirect", "malformed", f"{action.redirect!r} is no route target such as 64500:666"
        )


@dataclass(frozen=True, slots=True)
class Touch:
    """A prefix of a policy and what of it must never be touched. common: their intersection."""

    where: str
    prefix: Network
    never: Network
    common: Network

    def __str__(self) -> str:
        return f"{self.where} {self.prefix} holds {self.common} of {self.never}"


def touched(match: Match, never: Iterable[Network], nat64: Iterable[Network] = (WELL_KNOWN,)) -> list[Touch]:
    """Every meeting of the policy's prefixes with those that must never be touched.

    An IPv4 network is met also in its IPv6 form behind the NAT64 prefixes (RFC 6052). A side without prefixes meets
    nothing: packets of the networks in `never` are let through before any policy is looked at.
    """
    prefixes = tuple(nat64)
    guarded = [(network, form) for network in never for form in forms(network, prefixes)]
    chosen = sides(match)
    found = [
        Touch(where, prefix, network, prefix if prefix.prefixlen >= form.prefixlen else form)
        for where, networks in (("source", chosen.sources), ("destination", chosen.destinations))
        for prefix, (network, form) in product(networks, guarded)
        if prefix.version == form.version and prefix.overlaps(form)
    ]
    return found


def forms(network: Network, nat64: Iterable[Network]) -> list[Network]:
    """The network, and for an IPv4 one its form behind each NAT64 prefix, as narrow as a prefix can say it."""
    if not isinstance(network, ipaddress.IPv4Network):
        return [network]
    found: list[Network] = [network]
    found += [
        _embedded(prefix, network)
        for prefix in nat64
        if isinstance(prefix, ipaddress.IPv6Network) and prefix.prefixlen in LENGTHS
    ]
    return found


def _embedded(prefix: ipaddress.IPv6Network, network: ipaddress.IPv4Network) -> ipaddress.IPv6Network:
    """Octet u (bits 64 to 71) is skipped, RFC 6052, 2.2. Raises nothing: the length was looked at."""
    bits = f"{int(network.network_address):032b}"[: network.prefixlen]
    room = 64 - prefix.prefixlen
    if prefix.prefixlen < 96 and len(bits) > room:
        bits = bits[:room] + "0" * 8 + bits[room:]
    length = prefix.prefixlen + len(bits)
    number = int(prefix.network_address) | (int(bits or "0", 2) << (128 - length))
    return ipaddress.IPv6Network((number, length))
