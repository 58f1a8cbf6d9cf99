"""Deterministic address mapping of carrier-grade NAT (RFC 7422): whose port it is follows from the configuration."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.port_list import Candidates, Ranges, candidates, joined, parse_ports

Inside = IPv4Network | IPv6Network
_RESERVED: Final = "0-1023"


class Assignment(IntEnum):
    """Numbers of RFC 7422, section 2."""

    SEQUENTIAL = 0
    STAGGERED = 1


@dataclass(frozen=True, slots=True)
class OnDemand:
    """The port is given as it is needed: only the log of blocks says to whom."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a subscriber always has: one public address and these ports."""

    inside: Inside
    address: IPv4Address
    ranges: Ranges


@dataclass(frozen=True)
class DeterministicNat:
    """I, O, D, M, A, R of RFC 7422. Inside an IPv4 prefix the first and the last address are no hosts, as in the
    RFC's example; inside IPv6 every prefix of `subscriber_length` is a subscriber."""

    inside: Inside
    outside: IPv4Network
    dynamic_factor: int = 0
    maximum_ports: int = 0
    assignment: Assignment = Assignment.SEQUENTIAL
    reserved_ports: str = _RESERVED
    subscriber_length: int = 0
    """0: 32 of IPv4, 64 of IPv6."""

    def __post_init__(self) -> None:
        longest = 32 if isinstance(self.inside, IPv4Network) else 128
        if self.subscriber_length and not self.inside.prefixlen <= self.subscriber_length <= longest:
            detail = f"{self.subscriber_length} is not in {self.inside.prefixlen} to {longest}"
            raise AddressingError("subscriber_length", detail)
        if longest == 32 and self.subscriber_length not in (0, 32):
            raise AddressingError("subscriber_length", "a subscriber of IPv4 is one address")
        if self.unit_length < self.inside.prefixlen:
            raise AddressingError("inside_prefix", f"{self.inside} is longer than one subscriber's /64")
        if self.dynamic_factor < 0:
            raise AddressingError("dynamic_factor", "is negative")
        if self.ports_each < 1:
            detail = (
                f"{self.compression} subscribers and {self.dynamic_factor} parts on demand leave no port each"
            )
            raise AddressingError("outside_prefix", detail)
        if self.maximum_ports and not self.ports_each <= self.maximum_ports < 65_536:
            detail = (
                f"{self.maximum_ports} is less than the {self.ports_each} that everyone has, or over 65535"
            )
            raise AddressingError("maximum_ports", detail)

    @property
    def unit_length(self) -> int:
        return self.subscriber_length or (32 if isinstance(self.inside, IPv4Network) else 64)

    @property
    def _first_host(self) -> int:
        return 1 if isinstance(self.inside, IPv4Network) and self.inside.prefixlen < 31 else 0

    @cached_property
    def subscribers(self) -> int:
        return (1 << (self.unit_length - self.inside.prefixlen)) - 2 * self._first_host

    @cached_property
    def compression(self) -> int:
        """C: subscribers on one public address, rounded up."""
        return -(-self.subscribers // self.outside.num_addresses)

    @cached_property
    def _candidates(self) -> Candidates:
        return candidates(parse_ports(self.reserved_ports))

    @cached_property
    def ports_each(self) -> int:
        """(65536 - R) / (C + D), rounded down."""
        return self._candidates.count // (self.compression + self.dynamic_factor)

    @property
    def on_demand_each(self) -> int:
        """Ports beside the fixed ones that one subscriber may have."""
        return max(0, self.maximum_ports - self.ports_each)

    @property
    def has_on_demand(self) -> bool:
        return self.dynamic_factor > 0

    def on_demand_ranges(self) -> Ranges:
        """Ports of each public address that are nobody's for good. Without a dynamic factor what the division leaves
        is used by nobody, and none are given on demand."""
        fixed = self.compression * self.ports_each
        return joined(list(self._candidates.ranges_of(fixed, self._candidates.count - fixed)))

    def subscriber_of(self, address: IPv4Address, port: int) -> Inside | OnDemand | None:
        """Who always has that address and port; OnDemand for a port that only the block log knows; None for what
        nobody can have."""
        if address not in self.outside:
            return None
        rank = self._candidates.rank(port)
        if rank is None:
            return None
        if rank >= self.compression * self.ports_each:
            return OnDemand() if self.has_on_demand else None
        slot = (
            rank // self.ports_each if self.assignment is Assignment.SEQUENTIAL else rank % self.compression
        )
        number = (int(address) - int(self.outside.network_address)) * self.compression + slot
        return self._unit(number) if number < self.subscribers else None

    def fixed_of(self, inside: IPv4Address | IPv6Address) -> Fixed | None:
        """What the subscriber has in whose unit the inside address lies; None outside, and for the first and last
        address of an IPv4 prefix."""
        if inside.version != self.inside.version or inside not in self.inside:
            return None
        shift = self.inside.max_prefixlen - self.unit_length
        number = (int(inside) - int(self.inside.network_address) >> shift) - self._first_host
        if not 0 <= number < self.subscribers:
            return None
        return self.fixed_at(number)

    def fixed_at(self, number: int) -> Fixed:
        """What subscriber `number`, 0 to subscribers - 1, has."""
        which, slot = divmod(number, self.compression)
        address = IPv4Address(int(self.outside.network_address) + which)
        return Fixed(self._unit(number), address, self._ranges(slot))

    def _unit(self, number: int) -> Inside:
        shift = self.inside.max_prefixlen - self.unit_length
        network = int(self.inside.network_address) + ((number + self._first_host) << shift)
        return type(self.inside)((network, self.unit_length))

    def _ranges(self, slot: int) -> Ranges:
        if self.assignment is Assignment.SEQUENTIAL:
            return joined(list(self._candidates.ranges_of(slot * self.ports_each, self.ports_each)))
        ports = (self._candidates.port(n * self.compression + slot) for n in range(self.ports_each))
        return joined([(port, port) for port in ports])


def config_record(nat: DeterministicNat, time: datetime) -> str:
    """The one log line that RFC 7422 section 3 asks for, at every change. IPv6 stands in brackets, and a subscriber's
    length other than 64 after the inside length, `40-56`; of both the RFC says nothing."""
    inside, outside = nat.inside, nat.outside
    network = str(inside.network_address)
    length = str(inside.prefixlen)
    if isinstance(inside, IPv6Network):
        network = f"[{network}]"
        length += f"-{nat.unit_length}" if nat.unit_length != 64 else ""
    return (
        f"[{time:%a %b} {time.day:2d} {time:%H:%M:%S %Y}]:{network}:{length}:"
        f"{outside.network_address}:{outside.prefixlen}:"
        f"{nat.dynamic_factor}:{nat.maximum_ports}:{int(nat.assignment)}:{nat.reserved_ports}"
    )


def parse_config_record(line: str) -> tuple[datetime, DeterministicNat]:
    """The way back of `config_record`; the time is as it was written, without a zone. Raises AddressingError."""
    try:
        stamp, rest = line.strip()[1:].split("]:", 1)
        time = datetime.strptime(stamp, "%a %b %d %H:%M:%S %Y")
        if rest.startswith("["):
            network, rest = rest[1:].split("]:", 1)
        else:
            network, rest = rest.split(":", 1)
        length, outside, outside_length, factor, most, assignment, reserved = rest.split(":", 6)
        length, _, unit = length.partition("-")
        nat = DeterministicNat(
            inside=ip_network(f"{network}/{length}"),
            outside=IPv4Network(f"{outside}/{outside_length}"),
            dynamic_factor=int(factor),
            maximum_ports=int(most),
            assignment=Assignment(int(assignment)),
            reserved_ports=reserved,
            subscriber_length=int(unit or 0),
        )
    except AddressingError:
        raise
    except ValueError as error:
        raise AddressingError("record", f"no record of RFC 7422: {error}") from error
    return time, nat
