"""Sets of prefixes with millions of entries, matched against whole columns of addresses.

Prefixes of one kind are sorted, disjoint ranges; an address is searched by bisection (numpy's searchsorted). Three
kinds keep that cheap: IPv4 in 32 bits, IPv6 down to /64 by the upper 64 bits, longer IPv6 in 16 bytes. Prefixes are
nested or apart, never half over each other: where they are nested the widest stays, and its confidence counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain.addresses import is_ipv4

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.bool_]
NONE: Final = -1
FOREVER: Final = 0xFFFFFFFF
"""As an expiry in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """Sorted, disjoint ranges `first` to `last`; `confidence` (percent) and `expires` have one value for each, or one
    for all.
    """

    first: npt.NDArray[Any]
    last: npt.NDArray[Any]
    confidence: U8
    expires: U32

    def __len__(self) -> int:
        return len(self.first)

    def find(self, keys: npt.NDArray[Any], now: int) -> tuple[npt.NDArray[np.intp], U8]:
        """By key, the range that it lies in (NONE outside all) and its confidence; `now` in seconds."""
        if not len(self.first):
            return np.full(len(keys), NONE), np.zeros(len(keys), np.uint8)
        order = np.argsort(keys)  # neighbours are searched one after the other: the cache helps
        at = np.empty(len(keys), np.intp)
        at[order] = np.searchsorted(self.first, keys[order], side="right") - 1
        inside = (at >= 0) & (keys <= self.last[at]) & (_of(self.expires, at) > now)
        return np.where(inside, at, NONE), np.where(inside, _of(self.confidence, at), 0).astype(np.uint8)


def _of(values: npt.NDArray[Any], at: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    return values[at] if len(values) > 1 else np.broadcast_to(values, at.shape)


def _empty(kind: str) -> Ranges:
    return Ranges(np.zeros(0, kind), np.zeros(0, kind), np.zeros(1, np.uint8), np.zeros(1, np.uint32))


@dataclass(frozen=True, slots=True)
class PrefixSet:
    """What one feed lists."""

    four: Ranges = field(default_factory=lambda: _empty("u4"))
    wide: Ranges = field(default_factory=lambda: _empty("u8"))
    """IPv6 to /64, by the upper 64 bits."""
    narrow: Ranges = field(default_factory=lambda: _empty("S16"))
    """IPv6 longer than /64, as 16 bytes."""

    def __len__(self) -> int:
        return len(self.four) + len(self.wide) + len(self.narrow)

    @property
    def bytes(self) -> int:
        parts = (self.four, self.wide, self.narrow)
        return sum(
            array.nbytes for one in parts for array in (one.first, one.last, one.confidence, one.expires)
        )

    def confidence(self, hi: U64, lo: U64, now: int) -> U8:
        """By address, the confidence with which it is listed, in percent; 0: it is not."""
        found = np.zeros(len(hi), np.uint8)
        four = is_ipv4(hi, lo)
        chosen = np.flatnonzero(four)
        if len(chosen) and len(self.four):
            found[chosen] = self.four.find(lo[chosen].astype(np.uint32), now)[1]
        chosen = np.flatnonzero(~four)
        if len(chosen) and len(self.wide):
            found[chosen] = self.wide.find(hi[chosen], now)[1]
        if len(chosen) and len(self.narrow):
            narrow = self.narrow.find(sixteen(hi[chosen], lo[chosen]), now)[1]
            found[chosen] = np.maximum(found[chosen], narrow)
        return found

    def range_of(self, hi: int, lo: int, now: int) -> tuple[int, int, int] | None:
        """First and last address (128-bit numbers) of the range that holds an address, and its confidence."""
        words = np.array([hi], np.uint64), np.array([lo], np.uint64)
        tries: tuple[tuple[Ranges, npt.NDArray[Any], int], ...] = (
            ((self.four, words[1].astype(np.uint32), 0),)
            if is_ipv4(*words)[0]
            else ((self.wide, words[0], 64), (self.narrow, sixteen(*words), 0))
        )
        for ranges, keys, shift in tries:
            at, confidence = ranges.find(keys, now)
            if at[0] != NONE:
                first, last = (_number(one[at[0]]) << shift for one in (ranges.first, ranges.last))
                base = 0xFFFF << 32 if ranges is self.four else 0
                return base | first, base | last | ((1 << shift) - 1), int(confidence[0])
        return None

    def dump(self) -> dict[str, npt.NDArray[Any]]:
        return {
            f"{kind}.{name}": getattr(getattr(self, kind), name)
            for kind in ("four", "wide", "narrow")
            for name in ("first", "last", "confidence", "expires")
        }

    @classmethod
    def load(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "PrefixSet":
        """Raises KeyError where something lacks."""
        kinds = {
            kind: Ranges(*(arrays[f"{kind}.{name}"] for name in ("first", "last", "confidence", "expires")))
            for kind in ("four", "wide", "narrow")
        }
        return cls(**kinds)


def sixteen(hi: U64, lo: U64) -> npt.NDArray[Any]:
    """Addresses as 16 bytes that sort like them (numpy pads with zero bytes, so none is lost)."""
    pairs = np.empty((len(hi), 2), ">u8")
    pairs[:, 0], pairs[:, 1] = hi, lo
    return pairs.view("S16").reshape(-1)


def _number(value: Any) -> int:
    if isinstance(value, bytes):
        return int.from_bytes(value.ljust(16, b"\0"), "big")
    return int(value)


class Listed:
    """All feeds together, asked by column. Made once after a change, then only read."""

    def __init__(self, feeds: Mapping[str, PrefixSet] | None = None) -> None:
        self.feeds: Mapping[str, PrefixSet] = dict(feeds or {})
        self.names: Sequence[str] = tuple(self.feeds)
        self._blocks: Bits | None = None
        """By /24 of IPv4, whether anything is listed in it: most addresses need no search."""
        if any(len(one.four) for one in self.feeds.values()):
            self._blocks = np.zeros(1 << 24, bool)
            for one in self.feeds.values():
                _mark(self._blocks, one.four)
        self._upper: U32 = np.unique(
            np.concatenate(
                [np.zeros(0, np.uint32), *(part for one in self.feeds.values() for part in _uppers(one))]
            )
        )
        self._short: list[tuple[int, int]] = [
            (int(first), int(last))
            for one in self.feeds.values()
            for first, last in _shorter_than_32(one.wide)
        ]

    def __len__(self) -> int:
        return sum(len(one) for one in self.feeds.values())

    def candidates(self, hi: U64, lo: U64) -> npt.NDArray[np.intp]:
        """Rows whose neighbourhood has anything listed."""
        if not self.feeds:
            return np.zeros(0, np.intp)
        four = is_ipv4(hi, lo)
        possible = np.zeros(len(hi), bool)
        if self._blocks is not None:
            possible |= four & self._blocks[((lo >> np.uint64(8)) & np.uint64(0xFFFFFF)).astype(np.intp)]
        if len(self._upper):
            upper = (hi >> np.uint64(32)).astype(np.uint32)
            at = np.minimum(np.searchsorted(self._upper, upper), len(self._upper) - 1)
            possible |= ~four & (self._upper[at] == upper)
        for first, last in self._short:
            possible |= ~four & (hi >= np.uint64(first)) & (hi <= np.uint64(last))
        return np.flatnonzero(possible)

    def find(self, hi: U64, lo: U64, now: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], U8]:
        """The listed rows, the feed (place in `names`) that is surest of each, and its confidence in percent."""
        rows = self.candidates(hi, lo)
        best = np.zeros(len(rows), np.uint8)
        feed = np.zeros(len(rows), np.intp)
        for place, one in enumerate(self.feeds.values()):
            confidence = one.confidence(hi[rows], lo[rows], now)
            better = confidence > best
            best[better], feed[better] = confidence[better], place
        hit = best > 0
        return rows[hit], feed[hit], best[hit]


def _mark(blocks: Bits, four: Ranges) -> None:
    first, last = four.first >> np.uint32(8), four.last >> np.uint32(8)
    blocks[first] = True
    wide = np.flatnonzero(last > first)
    for start, end in zip(first[wide].tolist(), last[wide].tolist(), strict=True):
        blocks[start : end + 1] = True


def _uppers(one: PrefixSet) -> list[U32]:
    """The upper 32 bits of listed IPv6 ranges of /32 and longer."""
    wide = one.wide
    same = (wide.first >> np.uint64(32)) == (wide.last >> np.uint64(32))
    narrow = one.narrow.first
    raw = (
        np.frombuffer(np.ascontiguousarray(narrow).tobytes(), ">u4").reshape(-1, 4)[:, 0]
        if len(narrow)
        else narrow
    )
    return [(wide.first[same] >> np.uint64(32)).astype(np.uint32), raw.astype(np.uint32)]


def _shorter_than_32(wide: Ranges) -> list[tuple[Any, Any]]:
    different = (wide.first >> np.uint64(32)) != (wide.last >> np.uint64(32))
    return list(zip(wide.first[different], wide.last[different], strict=True))
