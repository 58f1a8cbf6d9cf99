"""The Merkle tree of RFC 9162, 2.1: roots, inclusion and consistency proofs, and how they are verified.

A tree keeps the hash of every full subtree it has seen (two hashes a record), so that each proof takes
logarithmic time.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

HASH_BYTES: Final = 32


class BeyondTreeError(ValueError):
    """A proof of a record or of a size that the tree does not have."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


EMPTY: Final = hashlib.sha256(b"").digest()


class MerkleTree:
    """Grows by `append` alone."""

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """`leaf` is a leaf hash."""
        level, carried = 0, leaf
        while True:
            if level == len(self._levels):
                self._levels.append(bytearray())
            hashes = self._levels[level]
            hashes += carried
            if len(hashes) // HASH_BYTES % 2:
                return
            carried = node_hash(bytes(hashes[-2 * HASH_BYTES : -HASH_BYTES]), carried)
            level += 1

    def leaf(self, index: int) -> bytes:
        if not 0 <= index < self.size:
            raise BeyondTreeError(f"there is no record {index} in a tree of {self.size}")
        return self._at(0, index)

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` records (default: of all)."""
        size = self.size if size is None else size
        self._require(size)
        return self._range(0, size) if size else EMPTY

    def root_with(self, leaf: bytes) -> bytes:
        """The root that the tree would have with one more leaf."""
        size, carried = self.size, leaf
        for level in range(size.bit_length()):
            if size >> level & 1:
                carried = node_hash(self._at(level, (size >> level) - 1), carried)
        return carried

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """RFC 9162, 2.1.3.1."""
        self._require(size)
        if not 0 <= index < size:
            raise BeyondTreeError(f"there is no record {index} in a tree of {size}")
        return self._path(index, 0, size)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """RFC 9162, 2.1.4.1."""
        self._require(second)
        if not 0 < first <= second:
            raise BeyondTreeError(f"a tree of {second} has no beginning of {first}")
        return [] if first == second else self._subproof(first, 0, second, whole=True)

    def _require(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise BeyondTreeError(f"the tree has {self.size} records, not {size}")

    def _at(self, level: int, index: int) -> bytes:
        return bytes(self._levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def _range(self, start: int, end: int) -> bytes:
        count = end - start
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return self._at(level, start >> level)
        middle = start + _split(count)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._range(middle, end)]
        return [*self._path(index, middle, end), self._range(start, middle)]

    def _subproof(self, first: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if first == end:
            return [] if whole else [self._range(start, end)]
        middle = start + _split(end - start)
        if first <= middle:
            return [*self._subproof(first, start, middle, whole=whole), self._range(middle, end)]
        return [*self._subproof(first, middle, end, whole=False), self._range(start, middle)]


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    place, last, carried = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            carried = node_hash(step, carried)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            carried = node_hash(carried, step)
        place, last = place >> 1, last >> 1
    return last == 0 and carried == root


def is_consistent(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> bool:
    """RFC 9162, 2.1.4.2: whether the tree of `second` records begins with the tree of `first`."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    steps = list(proof)
    if first & (first - 1) == 0:
        steps = [first_root, *steps]
    if not steps:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, step)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
