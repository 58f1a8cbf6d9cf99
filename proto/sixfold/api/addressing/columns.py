"""The frequent computations over numpy columns; addresses are (n, 16) uint8 as in flow batches. Needs numpy."""

from ipaddress import IPv6Network

import numpy as np
from numpy.typing import NDArray

from sixfold.api.addressing.embedded import check_prefix
from sixfold.api.addressing.map_rule import MapRule

_BYTES_AFTER = {
    32: (4, 5, 6, 7), 40: (5, 6, 7, 9), 48: (6, 7, 9, 10), 56: (7, 9, 10, 11), 64: (9, 10, 11, 12),
    96: (12, 13, 14, 15),
}  # fmt: skip
"""Where the four bytes of IPv4 stand, by the prefix's length (RFC 6052, 2.2)."""


def psid_of(ports: NDArray[np.integer], offset: int, length: int) -> NDArray[np.int32]:
    """(n,) PSIDs; -1 for a port that is excluded."""
    numbers = ports.astype(np.int32)
    found = (numbers >> (16 - offset - length)) & ((1 << length) - 1)
    outside = (numbers < 0) | (numbers > 0xFFFF)
    if offset:
        outside |= numbers >> (16 - offset) == 0
    return np.where(outside, np.int32(-1), found).astype(np.int32)


def embed(prefix: IPv6Network, addresses: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """(n, 16) addresses. The rule of the well-known prefix is the caller's. Raises AddressingError."""
    check_prefix(prefix)
    out = np.tile(np.frombuffer(prefix.network_address.packed, np.uint8), (len(addresses), 1))
    out[:, _BYTES_AFTER[prefix.prefixlen]] = addresses.astype(">u4").view(np.uint8).reshape(-1, 4)
    return out


def extract(
    prefix: IPv6Network, addresses: NDArray[np.uint8]
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """(n,) IPv4 numbers, and which of the addresses lie in the prefix; the others' numbers mean nothing."""
    check_prefix(prefix)
    size = prefix.prefixlen // 8
    head = np.frombuffer(prefix.network_address.packed, np.uint8)[:size]
    inside = (addresses[:, :size] == head).all(axis=1)
    four = np.ascontiguousarray(addresses[:, _BYTES_AFTER[prefix.prefixlen]])
    return four.view(">u4").ravel().astype(np.uint32), inside


def subscribers_of(
    rule: MapRule, addresses: NDArray[np.uint32], ports: NDArray[np.integer]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """(n, 16) first addresses of the subscribers' prefixes, and which rows are somebody's. For rules whose EA bits
    end by bit 64; raises ValueError for others."""
    if rule.subscriber_length > 64:
        raise ValueError(f"a subscriber of {rule.ipv6_prefix} has a /{rule.subscriber_length}, over /64")
    base = int(rule.ipv4_prefix.network_address)
    host_bits = 32 - rule.ipv4_prefix.prefixlen
    numbers = addresses.astype(np.int64)
    held = numbers >> host_bits == base >> host_bits
    host = numbers & ((1 << host_bits) - 1)
    if rule.is_shared:
        psid = psid_of(ports, rule.psid_offset, rule.sharing_bits).astype(np.int64)
        held &= psid >= 0 if rule.ea_length else psid == rule.psid
        ea = host << rule.sharing_bits | psid if rule.ea_length else np.zeros_like(host)
    else:
        ea = host >> (host_bits - rule.ea_length) if rule.ea_length else np.zeros_like(host)
    high = np.uint64(int(rule.ipv6_prefix.network_address) >> 64)
    shift = np.uint64(64 - rule.subscriber_length)
    out = np.zeros((len(numbers), 16), np.uint8)
    top = high | (np.where(held, ea, 0).astype(np.uint64) << shift)
    out[:, :8] = top.astype(">u8").view(np.uint8).reshape(-1, 8)
    return out, held
