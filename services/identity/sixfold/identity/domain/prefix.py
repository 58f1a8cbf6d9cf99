"""Prefixes as numbers. One space of 128 bits holds both families: IPv4 lies in ::ffff:0:0/96 (RFC 4291,
2.5.5.2)."""

import ipaddress
from dataclasses import dataclass
from typing import Final

BITS: Final = 128
_MAPPED: Final = 0xFFFF << 32
_MAPPED_LENGTH: Final = 96


class PrefixError(ValueError):
    """Text that is no address or prefix, or a prefix with host bits."""


@dataclass(frozen=True, slots=True, order=True)
class Prefix:
    """`network` is the first address as a number, `length` counts the bits of 128 (192.0.2.0/24 has 120)."""

    network: int
    length: int

    @property
    def packed(self) -> bytes:
        return self.network.to_bytes(16)

    def __str__(self) -> str:
        if self.length >= _MAPPED_LENGTH and self.network >> 32 == 0xFFFF:
            return f"{ipaddress.IPv4Address(self.network & 0xFFFFFFFF)}/{self.length - _MAPPED_LENGTH}"
        return f"{ipaddress.IPv6Address(self.network)}/{self.length}"


def from_packed(network: bytes, length: int) -> Prefix:
    return Prefix(int.from_bytes(network), length)


def parse_prefix(text: str) -> Prefix:
    """`2001:db8::/56`, `192.0.2.0/28`, or one address without a length. Raises PrefixError for anything
    else."""
    if "%" in text:
        raise PrefixError(f"{text[:80]!r} has a zone, which only one machine understands")
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise PrefixError(str(error)[:200]) from error
    if isinstance(network, ipaddress.IPv4Network):
        return Prefix(_MAPPED | int(network.network_address), network.prefixlen + _MAPPED_LENGTH)
    if (
        network.prefixlen < _MAPPED_LENGTH
        and network.network_address <= ipaddress.IPv6Address(_MAPPED) <= network[-1]
    ):
        raise PrefixError(f"{text[:80]!r} covers ::ffff:0:0/96, where IPv4 stands")
    return Prefix(int(network.network_address), network.prefixlen)


def parse_address(text: str) -> int:
    """One address as a number of 128 bits. Raises PrefixError."""
    prefix = parse_prefix(text)
    if "/" in text:
        raise PrefixError(f"{text[:80]!r} is a prefix, not an address")
    return prefix.network
