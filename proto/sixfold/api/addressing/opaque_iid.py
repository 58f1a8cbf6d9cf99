"""Interface identifiers that say nothing (RFC 7217), and those that must not be used (RFC 5453)."""

import hashlib
import hmac
from ipaddress import IPv6Network
from typing import Final

from sixfold.api.addressing.errors import AddressingError

SHORTEST_KEY: Final = 16
MOST_COLLISIONS: Final = 16
_RESERVED: Final = (
    (0, 0),
    (0x02005EFFFE000000, 0x02005EFFFEFFFFFF),
    (0xFDFFFFFFFFFFFF80, 0xFDFFFFFFFFFFFFFF),
)


def is_reserved(identifier: int) -> bool:
    """Whether 64 bits are an identifier that RFC 5453 keeps from use."""
    return any(first <= identifier <= last for first, last in _RESERVED)


def opaque_iid(
    key: bytes, prefix: IPv6Network, interface: str, *, network: str = "", dad_counter: int = 0
) -> int:
    """The identifier for one value of the DAD counter, reserved or not: the last 64 bits of HMAC-SHA256 over prefix,
    interface, network and counter, each with its length before it. Raises AddressingError."""
    if len(key) < SHORTEST_KEY:
        raise AddressingError("key", f"{8 * len(key)} bits, at least {8 * SHORTEST_KEY} (RFC 7217, 5)")
    if prefix.prefixlen != 64:
        raise AddressingError("prefix", f"{prefix} is no /64")
    message = b""
    for part in (prefix.network_address.packed[:8], interface.encode(), network.encode()):
        if len(part) > 255:
            raise AddressingError("interface", f"{len(part)} bytes, at most 255")
        message += bytes([len(part)]) + part
    message += dad_counter.to_bytes(4, "big")
    return int.from_bytes(hmac.digest(key, message, hashlib.sha256)[-8:], "big")


def stable_iid(
    key: bytes, prefix: IPv6Network, interface: str, *, network: str = "", dad_counter: int = 0
) -> tuple[int, int]:
    """The identifier to use and its DAD counter: from `dad_counter` on, the first that is not reserved. After a
    collision ask again with the counter plus one. Raises AddressingError."""
    for counter in range(dad_counter, dad_counter + MOST_COLLISIONS):
        identifier = opaque_iid(key, prefix, interface, network=network, dad_counter=counter)
        if not is_reserved(identifier):
            return identifier, counter
    raise AddressingError("dad_counter", f"{MOST_COLLISIONS} reserved identifiers in a row")
