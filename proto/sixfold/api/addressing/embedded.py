"""IPv4 addresses in IPv6 addresses (RFC 6052)."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final

from sixfold.api.addressing.errors import AddressingError

LENGTHS: Final = (32, 40, 48, 56, 64, 96)
WELL_KNOWN: Final = IPv6Network("64:ff9b::/96")
_OCTET_U: Final = 0xFF << 56
"""Bits 64 to 71, which are zero in every such address (section 2.2)."""


def check_prefix(prefix: IPv6Network) -> None:
    """Raises AddressingError for a length that section 2.2 does not allow, or a /96 with a set bit 64 to 71."""
    if prefix.prefixlen not in LENGTHS:
        allowed = ", ".join(f"/{length}" for length in LENGTHS)
        raise AddressingError("prefix", f"{prefix} is none of {allowed} (RFC 6052, 2.2)")
    if int(prefix.network_address) & _OCTET_U:
        raise AddressingError("prefix", f"{prefix} has bits 64 to 71 set (RFC 6052, 2.2)")


def embed(prefix: IPv6Network, address: IPv4Address) -> IPv6Address:
    """The IPv4-embedded IPv6 address. Raises AddressingError, also for an address that is not global in the
    well-known prefix (section 3.1)."""
    check_prefix(prefix)
    if prefix == WELL_KNOWN and not is_global(address):
        raise AddressingError("address", f"{address} is not global, so not in {WELL_KNOWN} (RFC 6052, 3.1)")
    return IPv6Address(int(prefix.network_address) | _spread(prefix.prefixlen, int(address)))


def extract(prefix: IPv6Network, address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address; None for an IPv6 address outside of the prefix, or one in the well-known prefix whose IPv4
    address is not global: its packets are dropped (section 3.1). Suffix bits are not looked at (section 2.2)."""
    check_prefix(prefix)
    if address not in prefix:
        return None
    found = IPv4Address(_gather(prefix.prefixlen, int(address)))
    return None if prefix == WELL_KNOWN and not is_global(found) else found


def is_global(address: IPv4Address) -> bool:
    """Whether the IPv4 address may stand in the well-known prefix. Documentation addresses count as global: the RFC
    embeds them itself."""
    documented = any(
        int(address) >> 8 == network for network in (0xC00002, 0xC63364, 0xCB0071)
    )  # 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24
    return documented or (address.is_global and not address.is_multicast)


def _spread(length: int, number: int) -> int:
    if length == 96:
        return number
    above = 64 - length if length < 64 else 0  # bits of it before octet u
    below = 32 - above if above <= 32 else 0
    if above >= 32:
        return number << (above - 32 + 64)
    return (number >> below) << 64 | (number & ((1 << below) - 1)) << (56 - below)


def _gather(length: int, number: int) -> int:
    if length == 96:
        return number & 0xFFFFFFFF
    above = 64 - length
    if above >= 32:
        return number >> (above - 32 + 64) & 0xFFFFFFFF
    below = 32 - above
    high = number >> 64 & ((1 << above) - 1)
    return high << below | number >> (56 - below) & ((1 << below) - 1)
