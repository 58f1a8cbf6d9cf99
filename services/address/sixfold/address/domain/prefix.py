"""Prefixes as numbers. One space of 128 bits holds both families: IPv4 lies in ::ffff:0:0/96 (RFC 4291,
2.5.5.2)."""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

BITS: Final = 128
_MAPPED: Final = 0xFFFF << 32
_MAPPED_LENGTH: Final = 96


class PrefixError(ValueError):
    """Text that is no prefix, or a prefix with host bits."""


@dataclass(frozen=True, slots=True, order=True)
class Prefix:
    """`network` is the first address as a number, `length` counts the bits of 128 (192.0.2.0/24 has 120)."""

    network: int
    length: int

    @property
    def is_ipv4(self) -> bool:
        return self.length >= _MAPPED_LENGTH and self.network >> 32 == 0xFFFF

    @property
    def size(self) -> int:
        return 1 << (BITS - self.length)

    @property
    def last(self) -> int:
        return self.network + self.size - 1

    def holds(self, other: "Prefix") -> bool:
        return self.length <= other.length and other.network >> (BITS - self.length) == self.network >> (
            BITS - self.length
        )

    def overlaps(self, other: "Prefix") -> bool:
        return self.holds(other) or other.holds(self)

    @property
    def packed(self) -> bytes:
        return self.network.to_bytes(16)

    @property
    def family_length(self) -> int:
        """The length as people write it: bits of the prefix's own family."""
        return self.length - _MAPPED_LENGTH if self.is_ipv4 else self.length

    def in_bits_of_128(self, family_length: int) -> int:
        """A length of this prefix's family as bits of 128."""
        return family_length + _MAPPED_LENGTH if self.is_ipv4 else family_length

    def __str__(self) -> str:
        if self.is_ipv4:
            return f"{ipaddress.IPv4Address(self.network & 0xFFFFFFFF)}/{self.family_length}"
        if self.network >> 64:
            return f"{socket.inet_ntop(socket.AF_INET6, self.packed)}/{self.length}"
        return f"{ipaddress.IPv6Address(self.network)}/{self.length}"


def from_packed(network: bytes, length: int) -> Prefix:
    return Prefix(int.from_bytes(network), length)


def _refuse_zone(text: str) -> None:
    if "%" in text:
        raise PrefixError(f"{text[:80]!r} has a zone, which only one machine understands")


def parse_prefix(text: str) -> Prefix:
    """`2001:db8::/40` or `192.0.2.0/24`. Raises PrefixError for anything else: /129, host bits, a missing
    length."""
    if "/" not in text:
        raise PrefixError(f"{text[:80]!r} has no /length")
    try:
        _refuse_zone(text)
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise PrefixError(str(error)[:200]) from error
    if isinstance(network, ipaddress.IPv4Network):
        return Prefix(_MAPPED | int(network.network_address), network.prefixlen + _MAPPED_LENGTH)
    prefix = Prefix(int(network.network_address), network.prefixlen)
    if prefix.overlaps(Prefix(_MAPPED, _MAPPED_LENGTH)):
        raise PrefixError(
            f"{text[:80]!r} covers ::ffff:0:0/96, where IPv4 stands: write IPv4 prefixes as IPv4"
        )
    return prefix


def parse_address(text: str) -> int:
    """One address as a number of 128 bits. Raises PrefixError."""
    try:
        _refuse_zone(text)
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise PrefixError(str(error)[:200]) from error
    return _MAPPED | int(address) if isinstance(address, ipaddress.IPv4Address) else int(address)
