"""The free space of one pool: binary buddies.

Free space is kept as the set of its largest aligned blocks, by length. Its content alone decides what is
given next, never the order in
which it came about, so that a replay gives the same answers. A refusal is one look at a bit mask, however
full the pool
and however many blocks it holds; taking and giving back cost at most one step per length.
"""

import heapq
from typing import Literal

from sixfold.address.domain.prefix import BITS, Prefix

Strategy = Literal["dense", "sparse"]


class SpaceError(ValueError):
    """A prefix that is not free was taken, or one that is free was given back."""


class FreeSpace:
    """Starts as the whole of `whole`, free."""

    __slots__ = ("_free", "_heaps", "_lengths", "free_addresses", "whole")

    def __init__(self, whole: Prefix) -> None:
        self.whole = whole
        self.free_addresses = 0
        # Bit `length` is set where a free block of that length exists.
        self._lengths = 0
        self._free: dict[int, set[int]] = {}
        # Lowest block first. A block that was taken otherwise stays behind in its heap until it surfaces.
        self._heaps: dict[int, list[int]] = {}
        self._add(whole.network, whole.length)

    def fits(self, length: int) -> bool:
        """Whether a prefix of that length is free. O(1)."""
        return bool(self._lengths & ((2 << length) - 1))

    @property
    def largest(self) -> int | None:
        """The shortest length that is free; None where nothing is."""
        return (self._lengths & -self._lengths).bit_length() - 1 if self._lengths else None

    def blocks(self) -> list[Prefix]:
        return sorted(
            Prefix(network, length) for length, networks in self._free.items() for network in networks
        )

    def choose(self, length: int, strategy: Strategy) -> Prefix | None:
        """The prefix that a wish for `length` would get, still free; None where nothing fits.

        Dense: from the smallest block that will do. Sparse: from the largest, which halves the room between
        neighbours each time (RFC 3531, leftmost). Of equal blocks the lowest.
        """
        fitting = self._lengths & ((2 << length) - 1)
        if not fitting:
            return None
        block = fitting.bit_length() - 1 if strategy == "dense" else (fitting & -fitting).bit_length() - 1
        return Prefix(self._lowest(block), length)

    def is_free(self, prefix: Prefix) -> bool:
        return self._block_around(prefix) is not None

    def take(self, prefix: Prefix) -> None:
        """Raises SpaceError unless all of `prefix` is free."""
        block = self._block_around(prefix)
        if block is None:
            raise SpaceError(f"{prefix} is not free in {self.whole}")
        self._remove(block.network, block.length)
        for length in range(block.length + 1, prefix.length + 1):
            half = 1 << (BITS - length)
            # Of the two halves, the one that does not hold the prefix becomes free.
            self._add(((prefix.network >> (BITS - length)) << (BITS - length)) ^ half, length)

    def give_back(self, prefix: Prefix) -> None:
        """Frees a prefix that was taken whole. Raises SpaceError where it is free already or lies outside."""
        if not self.whole.holds(prefix):
            raise SpaceError(f"{prefix} lies outside of {self.whole}")
        if self._block_around(prefix) is not None:
            raise SpaceError(f"{prefix} is free already")
        network, length = prefix.network, prefix.length
        while length > self.whole.length:
            buddy = network ^ (1 << (BITS - length))
            if buddy not in self._free.get(length, ()):
                break
            self._remove(buddy, length)
            network = min(network, buddy)
            length -= 1
        self._add(network, length)

    def _block_around(self, prefix: Prefix) -> Prefix | None:
        if not self.whole.holds(prefix):
            return None
        lengths = self._lengths & ((2 << prefix.length) - 1)
        while lengths:
            length = lengths.bit_length() - 1
            network = (prefix.network >> (BITS - length)) << (BITS - length)
            if network in self._free[length]:
                return Prefix(network, length)
            lengths ^= 1 << length
        return None

    def _lowest(self, length: int) -> int:
        heap, free = self._heaps[length], self._free[length]
        while heap[0] not in free:
            heapq.heappop(heap)
        return heap[0]

    def _add(self, network: int, length: int) -> None:
        free = self._free.setdefault(length, set())
        free.add(network)
        heap = self._heaps.setdefault(length, [])
        heapq.heappush(heap, network)
        if len(heap) > 2 * len(free) + 64:
            heap[:] = sorted(free)
        self._lengths |= 1 << length
        self.free_addresses += 1 << (BITS - length)

    def _remove(self, network: int, length: int) -> None:
        free = self._free[length]
        free.remove(network)
        if not free:
            self._lengths &= ~(1 << length)
            self._heaps[length].clear()
        self.free_addresses -= 1 << (BITS - length)
