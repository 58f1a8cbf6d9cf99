"""Dense numbers for hosts: whole columns of addresses to indices of arrays, by one hash table in numpy.

Open addressing, at most half full. A place holds 42 bits of a host's digest and its number, the digest's other
bits say which place: one read finds most hosts. The digest is keyed by chance so that nobody outside can
make two hosts meet; that one of n hosts is taken for another has a probability under n / 2^41: 5e-7 for a
million.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
Lanes32 = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.intp]
_SMALLEST: Final = 1_024
_BITS: Final = np.uint64(22)
_MOST: Final = np.uint64(1 << 22)
_ODD: Final = tuple(
    np.uint64(value) for value in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93)
)


class HostRegister:
    """Hosts numbered 0, 1, 2 … as they come, those of one call in any order. Not thread-safe."""

    def __init__(self, random: np.random.Generator) -> None:
        self._key: U64 = random.integers(0, 1 << 64, 2, dtype=np.uint64)
        self.clear()

    def clear(self, capacity: int = _SMALLEST) -> None:
        """Forget all hosts, with room for `capacity`, a power of two."""
        self.size = 0
        capacity = max(capacity, _SMALLEST)
        self.lane: Lanes32 = np.zeros(capacity, np.uint32)
        self.hi: U64 = np.zeros(capacity, np.uint64)
        self.lo: U64 = np.zeros(capacity, np.uint64)
        self._digest: U64 = np.zeros(capacity, np.uint64)
        self._spread_out()

    @property
    def capacity(self) -> int:
        """What arrays by host number need to hold; a power of two."""
        return len(self.hi)

    def numbers(self, hi: U64, lo: U64, lanes: Lanes32 | None = None) -> Numbers:
        """The number of every host; unknown ones are entered. Without `lanes` all are in lane 0."""
        digest = self._digest_of(hi, lo, lanes)
        numbers, unknown = self._find(digest)
        if len(unknown):
            lane = np.zeros(len(unknown), np.uint32) if lanes is None else lanes[unknown]
            numbers[unknown] = self._enter(digest[unknown], lane, hi[unknown], lo[unknown])
        return numbers

    def known(self, hi: U64, lo: U64, lanes: Lanes32) -> Numbers:
        """The numbers of those of the hosts that are known."""
        numbers, unknown = self._find(self._digest_of(hi, lo, lanes))
        return np.delete(numbers, unknown)

    def _digest_of(self, hi: U64, lo: U64, lanes: Lanes32 | None) -> U64:
        digest = (hi ^ self._key[0]) * _ODD[0]
        if lanes is not None:
            digest += lanes * _ODD[2]
        digest ^= digest >> np.uint64(32)
        digest ^= lo
        digest ^= self._key[1]
        digest *= _ODD[1]
        digest ^= digest >> np.uint64(29)
        digest *= _ODD[2]
        return digest

    def _find(self, digest: U64) -> tuple[Numbers, Numbers]:
        """The number of every digest, and the rows whose host is not known."""
        at = (digest >> self._shift).astype(np.intp)
        tag = digest << _BITS
        held = self._places.take(at)
        numbers = _number(held, tag)
        if numbers.max(initial=0) < _MOST:
            return numbers.view(np.intp), at[:0]
        rest = np.flatnonzero((numbers >= _MOST) & (held != 0))
        at, tag = at.take(rest), tag.take(rest)
        step = 0
        while len(rest):
            step += 1
            at = (at + step) & (len(self._places) - 1)
            held = self._places.take(at)
            numbers[rest] = found = _number(held, tag)
            on = np.flatnonzero((found >= _MOST) & (held != 0))
            rest, at, tag = rest.take(on), at.take(on), tag.take(on)
        return numbers.view(np.intp), np.flatnonzero(numbers >= _MOST)

    def _enter(self, digest: U64, lane: Lanes32, hi: U64, lo: U64) -> Numbers:
        """Number hosts that are not known; a host may be in several rows."""
        order = np.argsort(digest)
        ordered = digest[order]
        opens = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        new = order[opens]
        numbers = np.empty(len(digest), np.intp)
        numbers[order] = self.size - 1 + np.cumsum(opens)
        self._grow(self.size + len(new))
        span = slice(self.size, self.size + len(new))
        self._digest[span], self.lane[span] = digest[new], lane[new]
        self.hi[span], self.lo[span] = hi[new], lo[new]
        self.size = span.stop
        self._put(span)
        return numbers

    def _put(self, span: slice) -> None:
        """Find places for the hosts of these numbers."""
        digest = self._digest[span]
        at = (digest >> self._shift).astype(np.intp)
        entry = (digest << _BITS) | np.arange(span.start + 1, span.stop + 1, dtype=np.uint64)
        step = 0
        while len(at):
            free = self._places[at] == 0
            self._places[at[free]] = entry[free]
            lost = self._places[at] != entry
            step += 1
            at, entry = (at[lost] + step) & (len(self._places) - 1), entry[lost]

    def _grow(self, size: int) -> None:
        capacity = 1 << (size - 1).bit_length()
        if capacity > self.capacity:
            more = capacity - self.capacity
            self.lane = np.pad(self.lane, (0, more))
            self.hi, self.lo = np.pad(self.hi, (0, more)), np.pad(self.lo, (0, more))
            self._digest = np.pad(self._digest, (0, more))
            self._spread_out()

    def _spread_out(self) -> None:
        """Place all hosts anew, in twice as many places as the capacity."""
        places = 2 * self.capacity
        self._shift = np.uint64(65 - places.bit_length())
        self._places: U64 = np.zeros(places, np.uint64)
        self._put(slice(0, self.size))


def _number(held: U64, tag: U64) -> U64:
    """The number that a place holds, _MOST or more where it is free or another host's."""
    return (held ^ tag) - np.uint64(1)
