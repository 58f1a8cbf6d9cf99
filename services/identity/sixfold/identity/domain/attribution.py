"""Which addresses of a column belong to a binding, on whole columns.

Bindings are compiled into one sorted column of networks per length in use; a column of addresses is masked to
each length and searched at once. Memory is that of the bindings, 16 bytes each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class BoundNetworks:
    """One length: its mask of 16 bytes and the networks, sorted, as byte strings of 16."""

    mask: Bytes
    networks: Bytes


def compile_networks(places: Iterable[tuple[int, int]]) -> tuple[BoundNetworks, ...]:
    """From (network, length) in bits of 128 to what `attributed` searches."""
    by_length: dict[int, list[bytes]] = {}
    for network, length in places:
        by_length.setdefault(length, []).append(network.to_bytes(16))
    compiled: list[BoundNetworks] = []
    for length, networks in by_length.items():
        mask = ((1 << 128) - 1) ^ ((1 << (128 - length)) - 1)
        compiled.append(
            BoundNetworks(
                np.frombuffer(mask.to_bytes(16), dtype=np.uint8),
                np.sort(np.frombuffer(b"".join(networks), dtype="S16")),
            )
        )
    return tuple(compiled)


def attributed(addresses: Bytes, bound: tuple[BoundNetworks, ...]) -> Bytes:
    """For `(n, 16) uint8` addresses, `(n,)` of whether some binding holds each."""
    found = np.zeros(len(addresses), dtype=np.bool_)
    for networks in bound:
        masked = np.ascontiguousarray(addresses & networks.mask).view("S16").ravel()
        at = np.searchsorted(networks.networks, masked)
        at[at == len(networks.networks)] = 0
        found |= networks.networks[at] == masked
    return found
