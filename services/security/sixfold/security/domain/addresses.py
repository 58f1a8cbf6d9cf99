"""Addresses as two 64-bit words, so that grouping, masking and comparing work on whole columns.

An address column is `(n, 16) uint8` (IPv4 as IPv4-mapped IPv6, RFC 4291, 2.5.5.2); its words are
`(hi, lo)`, each `(n,) uint64`, numerically ordered like the address.
"""

import ipaddress
from typing import Any, Final

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
_MAPPED: Final = 0xFFFF
_ALL: Final = (1 << 64) - 1


def words(addresses: npt.NDArray[np.uint8]) -> tuple[U64, U64]:
    """`(n, 16) uint8` as `(hi, lo)`."""
    pairs = np.ascontiguousarray(addresses).view(">u8").reshape(-1, 2)
    return pairs[:, 0].astype(np.uint64), pairs[:, 1].astype(np.uint64)


def is_ipv4(hi: U64, lo: U64) -> npt.NDArray[np.bool_]:
    return (hi == 0) & ((lo >> np.uint64(32)) == np.uint64(_MAPPED))


def mask_words(length: int) -> tuple[int, int]:
    """The netmask of an IPv6 prefix length (0 to 128) as two words."""
    mask = ((1 << 128) - 1) ^ ((1 << (128 - length)) - 1)
    return mask >> 64, mask & _ALL


def prefixes_of(hi: U64, lo: U64, length_ipv4: int, length_ipv6: int) -> tuple[U64, U64]:
    """The network words of each address's prefix, by its family."""
    hi4, lo4 = mask_words(96 + length_ipv4)
    hi6, lo6 = mask_words(length_ipv6)
    four = is_ipv4(hi, lo)
    return (
        hi & np.where(four, np.uint64(hi4), np.uint64(hi6)),
        lo & np.where(four, np.uint64(lo4), np.uint64(lo6)),
    )


def inside(hi: U64, lo: U64, network: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Which addresses lie in `(hi, lo, length)`, the length counted in 128 bits."""
    mask_hi, mask_lo = mask_words(network[2])
    return ((hi & np.uint64(mask_hi)) == np.uint64(network[0])) & (
        (lo & np.uint64(mask_lo)) == np.uint64(network[1])
    )


def address_text(hi: int, lo: int) -> str:
    """RFC 5952 text, IPv4 dotted."""
    if hi == 0 and lo >> 32 == _MAPPED:
        return str(ipaddress.IPv4Address(lo & 0xFFFFFFFF))
    return str(ipaddress.IPv6Address((hi << 64) | lo))


def network_text(hi: int, lo: int, length: int) -> str:
    """`address/length` with the length counted in the family's own bits."""
    mapped = hi == 0 and lo >> 32 == _MAPPED and length >= 96
    return f"{address_text(hi, lo)}/{length - 96 if mapped else length}"


def parse_network(text: str) -> tuple[int, int, int]:
    """An address or prefix as `(hi, lo, length)`, the length counted in 128 bits. Raises ValueError."""
    network: Any = ipaddress.ip_network(text, strict=True)
    if network.version == 4:
        return 0, (_MAPPED << 32) | int(network.network_address), 96 + network.prefixlen
    value = int(network.network_address)
    return value >> 64, value & _ALL, network.prefixlen


def covers(outer: tuple[int, int, int], inner: tuple[int, int, int]) -> bool:
    """Whether the network `inner` lies within `outer`; both `(hi, lo, length)`."""
    mask_hi, mask_lo = mask_words(outer[2])
    return inner[2] >= outer[2] and (inner[0] & mask_hi, inner[1] & mask_lo) == outer[:2]
