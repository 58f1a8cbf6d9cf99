"""Sets of block numbers as bits, sparse: what is free at one length of a pool.

A chunk is 1,024 neighbouring blocks as one integer of so many bits; empty chunks are not kept. So a million
free blocks that lie near each other cost about a bit each, and work on many blocks goes chunk by chunk.
"""

import heapq
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]

_SHIFT: Final = 10
_CHUNK: Final = 1 << _SHIFT
_MASK: Final = np.uint64(_CHUNK - 1)
_BITS: Final = np.uint64(_SHIFT)
EMPTY: Final[Numbers] = np.empty(0, np.uint64)


class BlockSet:
    """Block numbers; those given in arrays must be sorted, and unique."""

    __slots__ = ("_heap", "chunks", "count")

    def __init__(self) -> None:
        self.chunks: dict[int, int] = {}
        self.count = 0
        # Lowest chunk first. One that was emptied stays behind until it surfaces.
        self._heap: list[int] = []

    def __bool__(self) -> bool:
        return self.count > 0

    def __contains__(self, number: int) -> bool:
        return bool((self.chunks.get(number >> _SHIFT, 0) >> (number & (_CHUNK - 1))) & 1)

    def __iter__(self) -> Iterator[int]:
        """In order."""
        for chunk in self._ordered():
            rest = self.chunks[chunk]
            while rest:
                low = rest & -rest
                yield (chunk << _SHIFT) + low.bit_length() - 1
                rest ^= low

    def lowest(self) -> int:
        while self._heap[0] not in self.chunks:
            heapq.heappop(self._heap)
        bits = self.chunks[self._heap[0]]
        return (self._heap[0] << _SHIFT) + (bits & -bits).bit_length() - 1

    def add(self, number: int) -> None:
        self._set(number >> _SHIFT, self.chunks.get(number >> _SHIFT, 0) | 1 << (number & (_CHUNK - 1)))
        self.count += 1

    def remove(self, number: int) -> None:
        self._set(number >> _SHIFT, self.chunks[number >> _SHIFT] ^ 1 << (number & (_CHUNK - 1)))
        self.count -= 1

    def add_many(self, numbers: Numbers) -> None:
        """None of them may be there."""
        for chunk, bits in _grouped(numbers):
            self._set(chunk, self.chunks.get(chunk, 0) | _mask(bits))
        self.count += len(numbers)

    def remove_many(self, numbers: Numbers) -> None:
        """All of them must be there."""
        for chunk, bits in _grouped(numbers):
            self._set(chunk, self.chunks[chunk] & ~_mask(bits))
        self.count -= len(numbers)

    def holds(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Which of them are there."""
        found = np.zeros(len(numbers), np.bool_)
        if not self.count:
            return found
        at = 0
        for chunk, bits in _grouped(numbers):
            held = self.chunks.get(chunk)
            if held is not None:
                found[at : at + len(bits)] = _unpacked(held)[bits]
            at += len(bits)
        return found

    def first(self, most: int) -> Numbers:
        """Up to `most`, lowest first. They stay."""
        parts: list[Numbers] = []
        for chunk in self._ordered():
            if most <= 0:
                break
            bits = np.flatnonzero(_unpacked(self.chunks[chunk]))[:most].astype(np.uint64)
            parts.append(bits + np.uint64(chunk << _SHIFT))
            most -= len(bits)
        return np.concatenate(parts) if parts else EMPTY

    def pairs_out(self, numbers: Numbers) -> Numbers:
        """Takes out every pair of buddies that one of `numbers` belongs to; returns the numbers of the pairs."""
        parts: list[Numbers] = []
        for chunk, _ in _grouped(numbers):
            held = self.chunks[chunk]
            lower = held & (held >> 1) & _EVEN
            if lower:
                self._set(chunk, held ^ (lower | lower << 1))
                pairs = np.flatnonzero(_unpacked(lower)[::2]).astype(np.uint64)
                parts.append(pairs + np.uint64(chunk << (_SHIFT - 1)))
                self.count -= 2 * len(pairs)
        return np.concatenate(parts) if parts else EMPTY

    def restore(self, chunks: dict[int, int]) -> None:
        self.chunks = chunks
        self.count = sum(bits.bit_count() for bits in chunks.values())
        self._heap = sorted(chunks)

    def _set(self, chunk: int, bits: int) -> None:
        if not bits:
            self.chunks.pop(chunk, None)
            return
        if chunk not in self.chunks:
            heapq.heappush(self._heap, chunk)
            if len(self._heap) > 2 * len(self.chunks) + 64:
                self._heap[:] = sorted({*self.chunks, chunk})
        self.chunks[chunk] = bits

    def _ordered(self) -> Iterator[int]:
        """Chunks, lowest first, as far as they are asked for: a walk through the heap by a second heap."""
        heap, before = self._heap, -1
        ahead = [(heap[0], 0)] if heap else []
        while ahead:
            chunk, at = heapq.heappop(ahead)
            for child in (2 * at + 1, 2 * at + 2):
                if child < len(heap):
                    heapq.heappush(ahead, (heap[child], child))
            if chunk != before and chunk in self.chunks:
                yield chunk
            before = chunk


_EVEN: Final = sum(1 << bit for bit in range(0, _CHUNK, 2))


def _grouped(numbers: Numbers) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(chunk, positions in it) of sorted numbers."""
    if not len(numbers):
        return
    chunks = numbers >> _BITS
    bits = (numbers & _MASK).astype(np.int64)
    edges = [0, *(np.flatnonzero(chunks[1:] != chunks[:-1]) + 1).tolist(), len(numbers)]
    firsts = chunks[edges[:-1]].tolist()
    for chunk, start, end in zip(firsts, edges[:-1], edges[1:], strict=True):
        yield chunk, bits[start:end]


def _mask(bits: NDArray[np.int64]) -> int:
    number, low = len(bits), int(bits[0])
    if int(bits[-1]) - low + 1 == number:
        return ((1 << number) - 1) << low
    if number <= 8:
        mask = 0
        for bit in bits.tolist():
            mask |= 1 << bit
        return mask
    spread = np.zeros(_CHUNK, np.uint8)
    spread[bits] = 1
    return int.from_bytes(np.packbits(spread, bitorder="little").tobytes(), "little")


def _unpacked(bits: int) -> NDArray[Any]:
    packed = np.frombuffer(bits.to_bytes(_CHUNK // 8, "little"), np.uint8)
    return np.unpackbits(packed, bitorder="little").view(np.bool_)
