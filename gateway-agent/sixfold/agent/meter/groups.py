"""Packets of one flow found without a step per packet: 40-byte keys, hashed, sorted, verified."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.packets import Headers

Keys = npt.NDArray[np.uint64]
Hashes = npt.NDArray[np.uint64]
_ICMP, _ICMPV6 = 1, 58
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(32)


def flow_keys(headers: Headers) -> Keys:
    """(n, 5) words: source, destination (two each), then ports and protocol; ICMP has type and code as its port."""
    rows = len(headers)
    keys = np.empty((rows, 5), dtype=np.uint64)
    keys[:, 0:2] = np.ascontiguousarray(headers.src_address).view(np.uint64)
    keys[:, 2:4] = np.ascontiguousarray(headers.dst_address).view(np.uint64)
    # type * 256 + code stands in no other protocol's row, ports in none of ICMP's.
    port = headers.dst_port | headers.icmp_type_code
    keys[:, 4] = (
        headers.src_port.astype(np.uint64) << np.uint64(24)
        | port.astype(np.uint64) << np.uint64(8)
        | headers.protocol
    )
    return keys


@dataclass(frozen=True, slots=True)
class KeyParts:
    src_address: npt.NDArray[np.uint8]
    dst_address: npt.NDArray[np.uint8]
    src_port: npt.NDArray[np.uint16]
    dst_port: npt.NDArray[np.uint16]
    protocol: npt.NDArray[np.uint8]
    icmp_type_code: npt.NDArray[np.uint16]


def key_parts(keys: Keys) -> KeyParts:
    """The inverse of `flow_keys`."""
    last = keys[:, 4]
    protocol = (last & np.uint64(0xFF)).astype(np.uint8)
    port = (last >> np.uint64(8) & np.uint64(0xFFFF)).astype(np.uint16)
    source = np.ascontiguousarray(keys[:, 0:2]).view(np.uint8).reshape(-1, 16)
    mapped = (source[:, :10] == 0).all(axis=1) & (source[:, 10:12] == 0xFF).all(axis=1)
    icmp = (protocol == _ICMP) & mapped | (protocol == _ICMPV6) & ~mapped
    return KeyParts(
        src_address=source,
        dst_address=np.ascontiguousarray(keys[:, 2:4]).view(np.uint8).reshape(-1, 16),
        src_port=(last >> np.uint64(24)).astype(np.uint16),
        dst_port=np.where(icmp, 0, port).astype(np.uint16),
        protocol=protocol,
        icmp_type_code=np.where(icmp, port, 0).astype(np.uint16),
    )


def hash_keys(keys: Keys, seed: int) -> Hashes:
    """64-bit hash of each key. The seed is secret to the process, so that collisions cannot be aimed at it."""
    value = np.full(len(keys), seed, dtype=np.uint64)
    for word in range(keys.shape[1]):
        value = (value ^ keys[:, word]) * _MULTIPLIER
        value ^= value >> _SHIFT
    return value


@dataclass(frozen=True, slots=True)
class Groups:
    """order: packets sorted by group, within a group in their order of arrival. starts: first place of each group."""

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    keys: Keys
    hashes: Hashes

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        return np.diff(np.append(self.starts, len(self.order)))


def group(keys: Keys, hashes: Hashes) -> Groups:
    """Group equal keys; two different keys of one hash come out as two groups."""
    order = np.argsort(hashes, kind="stable")
    same = _same_as_before(keys[order])
    same_hash = hashes[order][1:] == hashes[order][:-1]
    if not (same[1:] | ~same_hash).all():
        order = np.lexsort(keys.T)
        same = _same_as_before(keys[order])
    starts = np.flatnonzero(~same)
    first = order[starts]
    return Groups(order, starts, keys[first], hashes[first])


def _same_as_before(keys: Keys) -> npt.NDArray[np.bool_]:
    same = np.zeros(len(keys), dtype=bool)
    same[1:] = (keys[1:] == keys[:-1]).all(axis=1)
    return same
