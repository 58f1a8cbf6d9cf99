"""From the entries of a feed to a set of prefixes: what is refused, by cause, and what makes the whole feed unusable.

A feed is foreign input. One that lists the default route, far too many prefixes, or suddenly much more or less than
before is not believed as a whole; single entries that are malformed, too wide, reserved or somebody's own are left
out and counted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain.addresses import mask_words, parse_network
from sixfold.security.domain.intel.prefixes import FOREVER, PrefixSet, Ranges, sixteen

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
Network = tuple[int, int, int]

RESERVED_IPV4: Final = tuple(
    parse_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3"),
    )
)
RESERVED_IPV6: Final = tuple(parse_network(text) for text in ("::/8", "fc00::/7", "fe80::/10", "ff00::/8"))
"""Never somebody's on the Internet: RFC 6890 without the documentation prefixes, which harm nobody."""


class FeedRefusedError(ValueError):
    """The whole feed is not taken. `cause` is a stable word."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What is believed of a feed."""

    shortest_ipv4: int = 8
    shortest_ipv6: int = 19
    most: int = 12_000_000
    """Entries."""
    most_refused: float = 0.2
    """Part of the entries that may be refused before the whole is."""
    largest_coverage: float = 0.05
    """Part of all IPv4 addresses that it may list."""
    growth: float = 4.0
    shrink: float = 0.25
    """How many times more, or down to which part, of the last reading's prefixes it may list."""
    small: int = 1_000
    """A change of fewer prefixes is never sudden."""
    protected: tuple[Network, ...] = ()
    """Own prefixes: never listed, whoever says so."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Some entries in columns: address words, prefix length in 128 bits, confidence in percent, expiry in seconds
    since 1970.
    """

    hi: U64
    lo: U64
    length: U8
    confidence: U8
    expires: U32

    def __len__(self) -> int:
        return len(self.hi)

    def only(self, rows: npt.NDArray[Any]) -> "Entries":
        return Entries(
            self.hi[rows], self.lo[rows], self.length[rows], self.confidence[rows], self.expires[rows]
        )


@dataclass(slots=True)
class Reading:
    """A feed being read, part by part."""

    trust: Trust
    default_confidence: int
    refused: Counter[str] = field(default_factory=Counter[str])
    passed_over: Counter[str] = field(default_factory=Counter[str])
    """What is no prefix and harms nobody: indicators of other things, revoked or expired ones."""
    read: int = 0
    _four: list[tuple[U32, U8, U8, U32]] = field(default_factory=list[tuple[U32, U8, U8, U32]])
    _six: list[Entries] = field(default_factory=list[Entries])

    def refuse(self, cause: str, number: int = 1) -> None:
        self.read += number
        if number:
            self.refused[cause] += number

    def add(self, entries: Entries) -> None:
        """Judge entries, and keep those that are believed. Raises FeedRefusedError."""
        self.read += len(entries)
        if self.read > self.trust.most:
            raise FeedRefusedError("too-large", f"more than {self.trust.most:,} entries")
        bad = self._judged(entries)
        kept = entries.only(np.flatnonzero(~bad))
        four = _is_four(kept)
        chosen = kept.only(np.flatnonzero(four))
        self._four.append(
            (chosen.lo.astype(np.uint32), chosen.length - np.uint8(96), chosen.confidence, chosen.expires)
        )
        if not four.all():
            self._six.append(kept.only(np.flatnonzero(~four)))

    def _judged(self, entries: Entries) -> npt.NDArray[np.bool_]:
        """Which entries are refused; each counts under the first cause that fits."""
        four, length = _is_four(entries), entries.length.astype(np.int64)
        masks = _masks(entries.length)
        if (length == np.where(four, 96, 0)).any():
            raise FeedRefusedError("default-route", "it lists the default route: everybody")
        bad = np.zeros(len(entries), bool)
        shortest = np.where(four, 96 + self.trust.shortest_ipv4, self.trust.shortest_ipv6)
        reserved = np.where(
            four, _overlaps(entries, masks, RESERVED_IPV4), _overlaps(entries, masks, RESERVED_IPV6)
        )
        causes = [
            ("host-bits", ((entries.hi & ~masks[0]) | (entries.lo & ~masks[1])) != 0),
            ("too-short", length < shortest),
            ("reserved", reserved),
            ("protected", _overlaps(entries, masks, self.trust.protected)),
            ("confidence", (entries.confidence == 0) | (entries.confidence > 100)),
        ]
        for cause, rows in causes:
            fresh = rows & ~bad
            self.refused[cause] += int(fresh.sum())
            bad |= rows
        self.refused += Counter()  # no zeros
        return bad

    def finished(self, before: int | None) -> PrefixSet:
        """The set; `before` is the number of prefixes of the last reading that was taken, None: none was, or any
        change is accepted. Raises FeedRefusedError.
        """
        refused = self.refused.total()
        if self.read and refused > max(self.trust.most_refused * self.read, 10):
            causes = ", ".join(f"{cause} {number:,}" for cause, number in self.refused.most_common())
            raise FeedRefusedError("too-many-refused", f"{refused:,} of {self.read:,} entries: {causes}")
        four = _merged_four(self._four)
        covered = int((four.last.astype(np.uint64) - four.first.astype(np.uint64) + np.uint64(1)).sum())
        if covered > self.trust.largest_coverage * 2**32:
            raise FeedRefusedError("too-wide", f"it lists {covered / 2**32:.0%} of all IPv4 addresses")
        wide, narrow = _merged_six(self._six)
        self._six.clear()
        made = PrefixSet(four, wide, narrow)
        if before is not None and abs(len(made) - before) > self.trust.small:
            if len(made) > before * self.trust.growth:
                raise FeedRefusedError("grew", f"{len(made):,} prefixes, {before:,} before")
            if len(made) < before * self.trust.shrink:
                raise FeedRefusedError("shrank", f"{len(made):,} prefixes, {before:,} before")
        return made


def entries_of(networks: Iterable[tuple[Network, int, int]]) -> Entries:
    """From (network, confidence in percent, expiry) one by one."""
    rows = list(networks)
    return Entries(
        np.array([network[0] for network, _, _ in rows], np.uint64),
        np.array([network[1] for network, _, _ in rows], np.uint64),
        np.array([network[2] for network, _, _ in rows], np.uint8),
        np.array([min(max(confidence, 0), 255) for _, confidence, _ in rows], np.uint8),
        np.array([min(max(expires, 0), FOREVER) for _, _, expires in rows], np.uint32),
    )


def _is_four(entries: Entries) -> npt.NDArray[np.bool_]:
    """IPv4 prefixes, by their length too: `::/80` covers the mapped addresses and is none."""
    mapped = (entries.hi == 0) & ((entries.lo >> np.uint64(32)) == np.uint64(0xFFFF))
    return mapped & (entries.length >= 96)


def _masks(length: U8) -> tuple[U64, U64]:
    """Netmasks of prefix lengths in 128 bits, as words."""
    both = np.array(
        [divmod(((1 << 128) - 1) ^ ((1 << (128 - bits)) - 1), 1 << 64) for bits in range(129)], np.uint64
    )
    chosen = both[np.minimum(length, 128)]
    return chosen[:, 0], chosen[:, 1]


def _overlaps(entries: Entries, masks: tuple[U64, U64], networks: Sequence[Network]) -> npt.NDArray[np.bool_]:
    """Which prefixes cover one of `networks`, or lie in one."""
    found = np.zeros(len(entries), bool)
    for hi, lo, length in networks:
        own_hi, own_lo = mask_words(length)
        both_hi, both_lo = masks[0] & np.uint64(own_hi), masks[1] & np.uint64(own_lo)
        found |= ((entries.hi ^ np.uint64(hi)) & both_hi == 0) & ((entries.lo ^ np.uint64(lo)) & both_lo == 0)
    return found


def _merged_four(parts: list[tuple[U32, U8, U8, U32]]) -> Ranges:
    if not parts:
        return PrefixSet().four
    first = np.concatenate([part[0] for part in parts])
    length = np.concatenate([part[1] for part in parts])
    confidence = np.concatenate([part[2] for part in parts])
    expires = np.concatenate([part[3] for part in parts])
    parts.clear()  # millions of entries need not lie here twice
    # sorted by first address, the wider first
    order = np.argsort(first.astype(np.uint64) << np.uint64(8) | length, kind="stable")
    first, length = first[order], length[order]
    last = first | (np.uint64(0xFFFFFFFF) >> length.astype(np.uint64)).astype(np.uint32)
    return _disjoint(first, last, confidence, expires, order)


def _merged_six(parts: list[Entries]) -> tuple[Ranges, Ranges]:
    if not parts:
        return PrefixSet().wide, PrefixSet().narrow
    hi, lo, length, confidence, expires = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("hi", "lo", "length", "confidence", "expires")
    )
    wide = length <= 64
    order = np.lexsort((length[wide], hi[wide]))
    mask_hi, _ = _masks(length[wide][order])
    first = hi[wide][order]
    upper = _disjoint(first, first | ~mask_hi, confidence[wide], expires[wide], order)
    narrow = ~wide
    order = np.lexsort((length[narrow], lo[narrow], hi[narrow]))
    _, mask_lo = _masks(length[narrow][order])
    hi, lo = hi[narrow][order], lo[narrow][order]
    lower = _disjoint(sixteen(hi, lo), sixteen(hi, lo | ~mask_lo), confidence[narrow], expires[narrow], order)
    return upper, lower


def _disjoint(
    first: npt.NDArray[Any], last: npt.NDArray[Any], confidence: U8, expires: U32, order: npt.NDArray[Any]
) -> Ranges:
    """Ranges sorted by first address, the wider first, without those inside another."""
    if last.dtype.kind == "S":
        # nested ranges end no later than the one they lie in, which comes right before them
        kept = np.ones(len(first), bool)
        end = b""
        for at, (start, stop) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            kept[at] = at == 0 or start.ljust(16, b"\0") > end
            if kept[at]:
                end = stop.ljust(16, b"\0")
    else:
        reach = np.maximum.accumulate(last) if len(last) else last
        kept = np.concatenate([np.ones(min(len(last), 1), bool), first[1:] > reach[:-1]])
    rows = np.flatnonzero(kept)
    return Ranges(first[rows], last[rows], _one(confidence, order, rows), _one(expires, order, rows))


def _one(values: npt.NDArray[Any], order: npt.NDArray[Any], rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values in order, or the one that they all have."""
    if not len(values):
        return np.zeros(1, values.dtype)
    if (values == values[0]).all():
        return values[:1].copy()
    return values[order][rows]
