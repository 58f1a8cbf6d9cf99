"""Longest-prefix lookup of a whole column of addresses at once.

The prefixes are flattened into disjoint intervals of the 128-bit space (IPv4 as IPv4-mapped IPv6); a
lookup is one binary
search, whatever the number of prefix lengths.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MAPPED: Final = 0xFFFF << 32


def interval_of(prefix: str) -> tuple[int, int]:
    """First and last address of a prefix or address as 128-bit numbers. Raises ValueError."""
    network: Any = ipaddress.ip_network(prefix, strict=True)
    first, last = int(network.network_address), int(network.broadcast_address)
    return (first, last) if network.version == 6 else (MAPPED | first, MAPPED | last)


class PrefixTable:
    """Rules by prefix. `rules[code]` are the rules of the prefixes around an address, the longest prefix
    first.
    """

    def __init__(self, entries: Iterable[tuple[str, int]]) -> None:
        """`entries` are (prefix, rule); of equal prefixes the first stands first."""
        spans = sorted(
            ((*interval_of(prefix), rule) for prefix, rule in entries), key=lambda span: (span[0], -span[1])
        )
        edges: list[int] = [0]
        covers: list[tuple[int, ...]] = [()]
        stack: list[tuple[int, int, int]] = []

        def edge(at: int) -> None:
            cover = _cover(stack)
            if edges[-1] == at:
                covers[-1] = cover
            elif covers[-1] != cover:
                edges.append(at)
                covers.append(cover)

        def leave(before: int) -> None:
            while stack and stack[-1][0] < before:
                last = stack.pop()[0]
                while stack and stack[-1][0] == last:
                    stack.pop()
                if last + 1 < 1 << 128:
                    edge(last + 1)

        for first, last, rule in spans:
            leave(first)
            stack.append((last, first, rule))
            edge(first)
        leave(1 << 128)
        self.rules: list[tuple[int, ...]] = covers
        self._edges = _sortable(
            np.frombuffer(b"".join(at.to_bytes(16, "big") for at in edges), dtype=np.uint8).reshape(-1, 16)
        )

    def codes(self, addresses: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
        """The code of every address of a `(n, 16) uint8` column."""
        if len(self.rules) == 1:
            return np.zeros(len(addresses), dtype=np.intp)
        return np.searchsorted(self._edges, _sortable(addresses), side="right") - 1


def _cover(stack: list[tuple[int, int, int]]) -> tuple[int, ...]:
    """Innermost prefix first; within equal prefixes the order of entry."""
    groups: dict[tuple[int, int], list[int]] = {}
    for last, first, rule in stack:
        groups.setdefault((last, first), []).append(rule)
    return tuple(rule for rules in reversed(groups.values()) for rule in rules)


def _sortable(addresses: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """16 bytes that numpy orders like the address: its byte strings compare as if padded with zeros."""
    return np.ascontiguousarray(addresses).view("S16").reshape(-1)
