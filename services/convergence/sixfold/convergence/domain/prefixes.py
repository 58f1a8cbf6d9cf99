"""Longest-prefix lookup of a whole column of addresses at once.

The prefixes are flattened into disjoint intervals of the 128-bit space (IPv4 as IPv4-mapped IPv6). The first 16 bits
of an address mostly decide, by a table; where an interval ends within them, a binary search does, whatever
the number of prefix lengths.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MAPPED: Final = 0xFFFF << 32
LEADS: Final = 2 << 16
_FOUR: Final = 1 << 16
_MIXED: Final = -1
_MAPPED_WORD, _MAPPED_MASK = (
    np.frombuffer(bytes.fromhex(text), dtype=np.uint64)[0]
    for text in ("0000ffff00000000", "ffffffff00000000")
)
Leads = npt.NDArray[np.intp]


def interval_of(prefix: str) -> tuple[int, int]:
    """First and last address of a prefix or address as 128-bit numbers. Raises ValueError."""
    network: Any = ipaddress.ip_network(prefix, strict=True)
    first, last = int(network.network_address), int(network.broadcast_address)
    return (first, last) if network.version == 6 else (MAPPED | first, MAPPED | last)


def leads(addresses: npt.NDArray[np.uint8]) -> Leads:
    """What the first 16 bits of every address of a `(n, 16) uint8` column are, in its own family: as the machine
    reads them, 2^16 more for IPv4. They count as indices only.
    """
    packed = np.ascontiguousarray(addresses)
    pairs, whole = packed.view(np.uint16).reshape(-1, 8), packed.view(np.uint64).reshape(-1, 2)
    first = pairs[:, 0].astype(np.intp)
    four = whole[:, 0] == 0
    if four.any():
        four &= (whole[:, 1] & _MAPPED_MASK) == _MAPPED_WORD
        first = np.where(four, pairs[:, 6] + np.intp(_FOUR), first)
    return first


def is_ipv4(known: Leads) -> npt.NDArray[np.bool_]:
    return known >= _FOUR


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
        first, last = (self._search(of_leads(fill)) for fill in (0x00, 0xFF))
        self._by_lead = np.where(first == last, first, _MIXED)

    def codes(self, addresses: npt.NDArray[np.uint8], known: Leads | None = None) -> npt.NDArray[np.intp]:
        """The code of every address of a `(n, 16) uint8` column, of which `known` are the leads."""
        if len(self.rules) == 1:
            return np.zeros(len(addresses), dtype=np.intp)
        codes = self._by_lead[leads(addresses) if known is None else known]
        mixed = np.flatnonzero(codes == _MIXED)
        if len(mixed):
            codes[mixed] = self._search(addresses[mixed])
        return codes

    def _search(self, addresses: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
        return np.searchsorted(self._edges, _sortable(addresses), side="right") - 1


def of_leads(fill: int) -> npt.NDArray[np.uint8]:
    """The first (`fill` 0x00) or last (0xFF) address of every lead."""
    addresses = np.full((LEADS, 16), fill, dtype=np.uint8)
    numbers = np.arange(_FOUR, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    addresses[:_FOUR, :2] = numbers
    addresses[_FOUR:, :10], addresses[_FOUR:, 10:12] = 0, 0xFF
    addresses[_FOUR:, 12:14] = numbers
    return addresses


def _cover(stack: list[tuple[int, int, int]]) -> tuple[int, ...]:
    """Innermost prefix first; within equal prefixes the order of entry."""
    groups: dict[tuple[int, int], list[int]] = {}
    for last, first, rule in stack:
        groups.setdefault((last, first), []).append(rule)
    return tuple(rule for rules in reversed(groups.values()) for rule in rules)


def _sortable(addresses: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """16 bytes that numpy orders like the address: its byte strings compare as if padded with zeros."""
    return np.ascontiguousarray(addresses).view("S16").reshape(-1)
