"""How many different things each key met in the last minutes: destinations of a source, ports of a pair.

The common ground of the detectors that ask "how many different". A key is (lane, hi, lo): an address, and 32 bits
that say what is counted for it. Memory is bounded by `limit` keys of 128 bytes for each slot. Under a flood a call
takes `rows_at_once` rows, drawn by chance, and passes the others over (`passed_over` counts them): what is counted of
a scan in the midst of a flood is then its share, never more than its truth beyond the sketch's error of 9 %.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain import addresses
from sixfold.security.domain.detector import Look
from sixfold.security.domain.events import Rates, Reason, Severity
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.hosts import Lanes32, Numbers
from sixfold.security.domain.keyed import F64, U64, Keyed
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

METRICS: Final = ("flows", "packets", "bytes")


@dataclass(frozen=True, slots=True)
class Met:
    """Keys that met much. Arrays of n."""

    lane: Lanes32
    hi: U64
    lo: U64
    different: F64
    """Different items, within sketch.ERROR."""
    sums: F64
    """(METRICS, n)."""
    fresh: npt.NDArray[np.bool_]
    """Met something in the newest two slots."""

    @property
    def count(self) -> int:
        return len(self.hi)


class Contacts:
    """Not thread-safe. Times are of flow ends, event time in milliseconds."""

    def __init__(
        self, *, seconds: float, limit: int, slot_ms: int = 30_000, rows_at_once: int = 2_048
    ) -> None:
        if seconds <= 0 or limit < 16 or slot_ms < 100 or rows_at_once < 1:
            raise ValueError("seconds and slot must be positive, limit at least 16")
        self.slot_ms = slot_ms
        self._slots = max(int(-(-seconds * 1000 // slot_ms)) + 1, 2)
        self._keyed = Keyed(metrics=len(METRICS), slots=self._slots, limit=limit, distinct=True)
        self._rows = rows_at_once
        self._random = np.random.default_rng()
        self.passed_over = 0

    def drawn(self, rows: Numbers, by: Numbers | None = None) -> Numbers:
        """At most `rows_at_once` of these rows: by chance, half of them from whoever has most of them where it is told
        who has which (`by`, dense numbers of all rows).
        """
        most = self._rows
        if len(rows) <= most:
            return rows
        self.passed_over += len(rows) - most
        if by is None:
            return rows[self._random.integers(0, len(rows), most)]
        whose = by[rows]
        many = np.bincount(whose)[whose]
        heavy = np.argpartition(many, len(rows) - most // 2)[-(most // 2) :]
        return rows[np.concatenate([heavy, self._random.integers(0, len(rows), most - most // 2)])]

    def add(self, flows: Flows, rows: Numbers, lane: Lanes32 | int, hi: U64, lo: U64, items: U64) -> None:
        """Count these rows of the flows for keys of theirs; all but `flows` are of the rows' length."""
        if not len(rows):
            return
        columns = flows.columns
        lanes = np.full(len(rows), lane, np.uint32) if isinstance(lane, int) else lane
        end = columns["time_end"][rows]
        slot = end // self.slot_ms
        # Of a flow that is longer than all slots together only what falls into them.
        span = self._slots * self.slot_ms
        share = span / np.maximum(end - columns["time_start"][rows], span)
        values = (np.ones(len(rows)), columns["packets"][rows] * share, columns["bytes"][rows] * share)
        self._keyed.add(lanes, hi, lo, slot, values, items)

    @property
    def span(self) -> tuple[int, int]:
        """The event time that is looked over: from and to, milliseconds."""
        head = self._keyed.head
        return (head - self._slots + 1) * self.slot_ms, (head + 1) * self.slot_ms

    @property
    def error(self) -> F64:
        """By METRICS, what a key that was pruned may have lost."""
        return self._keyed.error

    def over(
        self, least: float, kinds: Sequence[int] = (), bits: int = 28, floors: Sequence[float] = (0, 0, 0)
    ) -> Met:
        """Keys with at least `least` different items, of lanes whose bits from `bits` on are one of `kinds`, and with
        at least `floors` of METRICS.
        """
        keyed = self._keyed
        head, size = keyed.head, keyed.size
        sums = keyed.sums(head - self._slots + 1, head)
        # No more different items than flows: the sketches of most keys need not be read. 0.7: its error.
        chosen = sums[0] >= max(least * 0.7, 1)
        for values, floor in zip(sums, floors, strict=True):
            if floor > 0:
                chosen &= values >= floor
        lanes = keyed.keys.lane[:size]
        if kinds:
            chosen &= np.isin(lanes >> np.uint32(bits), np.array(kinds, np.uint32))
        numbers = np.flatnonzero(chosen)
        different = np.minimum(keyed.different(numbers, head - self._slots + 1, head), sums[0][numbers])
        kept = different >= least
        numbers, different = numbers[kept], different[kept]
        recent = keyed.sums(head - 1, head)[0]
        return Met(
            lanes[numbers],
            keyed.keys.hi[numbers],
            keyed.keys.lo[numbers],
            different,
            sums[:, numbers],
            recent[numbers] > 0,
        )

    def count(self, end: npt.NDArray[np.int64], lane: int, hi: U64, lo: U64, items: U64) -> None:
        """Count what is no flow: one of each, at these times."""
        if len(end):
            one = np.ones(len(end))
            lanes = np.full(len(end), lane, np.uint32)
            self._keyed.add(
                lanes, hi, lo, end // self.slot_ms, (one, np.zeros(len(end)), np.zeros(len(end))), items
            )

    def matching(self, flows: Flows, side: str, wanted: U64) -> Numbers:
        """Some of the rows whose host on that side ("source", "destination") is one of `wanted` (sorted digests)."""
        groups = flows.groups(side)
        hi, lo = flows.words("src_address" if side == "source" else "dst_address")
        found = np.isin(digest(hi[groups.first], lo[groups.first]), wanted)
        return self.drawn(np.flatnonzero(found[groups.of])) if found.any() else np.zeros(0, np.intp)

    def dump(self) -> dict[str, npt.NDArray[Any]]:
        return self._keyed.dump()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """ValueError or KeyError: it cannot be used."""
        self._keyed.restore(state)


class Recalled:
    """Who the other side of the busiest keys was: a key holds only 28 bits of it. For people to read, not kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._peers: OrderedDict[tuple[int, int, int], tuple[int, int]] = OrderedDict()

    def note(self, flows: Flows, rows: Numbers, lane: Lanes32, hi: U64, lo: U64) -> None:
        """The destinations of the keys that have most of these rows."""
        keys = digest(hi, lo ^ lane)
        _, first, count = np.unique(keys, return_index=True, return_counts=True)
        peers = flows.words("dst_address")
        for at in first[np.argsort(count)[::-1][:64]].tolist():
            key = (int(lane[at]), int(hi[at]), int(lo[at]))
            self._peers[key] = (int(peers[0][rows[at]]), int(peers[1][rows[at]]))
            self._peers.move_to_end(key)
        while len(self._peers) > self._limit:
            self._peers.popitem(last=False)

    def peer(self, lane: int, hi: int, lo: int) -> tuple[int, int, int] | None:
        """As a network of one address."""
        found = self._peers.get((lane, hi, lo))
        return None if found is None else (*found, 128)


class Counted:
    """A detector whose whole state is its contacts, and that speaks only when something new came."""

    def __init__(self, contacts: Contacts, most: int) -> None:
        self._contacts = contacts
        self._most = most

    def look(self, look: Look) -> list[Signal]:
        if not look.grown:
            return []
        signals = self.judged(look)
        signals.sort(key=lambda one: (one.severity.value, one.reasons[0].measured), reverse=True)
        return signals[: self._most]

    def judged(self, look: Look) -> list[Signal]:
        raise NotImplementedError

    def dump(self) -> Mapping[str, npt.NDArray[Any]]:
        return self._contacts.dump()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self._contacts.restore(state)


def index(met: Met) -> dict[tuple[int, int, int], int]:
    """(lane, hi, lo) to the row."""
    keys = zip(met.lane.tolist(), met.hi.tolist(), met.lo.tolist(), strict=True)
    return {key: row for row, key in enumerate(keys)}


def hosts(flows: Flows, rows: Numbers, side: str) -> tuple[U64, U64]:
    """The address words of these rows; side "src" or "dst"."""
    hi, lo = flows.words(f"{side}_address")
    return hi[rows], lo[rows]


def pair_lane(kind: int, peers: U64) -> Lanes32:
    """A lane of this kind with 28 bits of a digest."""
    return np.uint32(kind << 28) | (peers & np.uint64((1 << 28) - 1)).astype(np.uint32)


def digests(flows: Flows, rows: Numbers, side: str) -> U64:
    return digest(*hosts(flows, rows, side))


def unsampled(flows: Flows, rows: Numbers) -> F64:
    """Packets that the exporter really saw of these flows."""
    rate = np.maximum(flows.columns["sampling_rate"][rows].astype(np.float64), 1.0)
    return flows.columns["packets"][rows] / rate


def severity_of(ratio: float, steps: tuple[float, float, float] = (4.0, 20.0, 100.0)) -> Severity:
    """How grave by how far over the threshold: multiples from which it is medium, high, critical."""
    return Severity(1 + sum(ratio >= step for step in steps))


def confidence_of(ratio: float, base: float = 0.6) -> float:
    """`base` at the threshold, 0.95 from ten times on."""
    return round(min(0.95, base + 0.35 * float(np.log10(max(ratio, 1.0)))), 3)


def signal(
    *,
    detector: str,
    vector: str,
    network: tuple[int, int, int],
    span: tuple[int, int],
    sums: Sequence[float],
    reasons: tuple[Reason, ...],
    technique: str = "",
    side: str = "source",
    match: tuple[tuple[str, tuple[int, ...]], ...] = (),
    peer: tuple[int, int, int] | None = None,
    severity: Severity | None = None,
    confidence: float | None = None,
) -> Signal:
    """A signal whose weight comes from its first reason where none is given; `sums` as METRICS over the span."""
    first = reasons[0]
    ratio = first.measured / first.threshold if first.threshold > 0 else 1.0
    seconds = max((span[1] - span[0]) / 1000, 1.0)
    flows, packets, octets = sums
    return Signal(
        detector=detector,
        vector=vector,
        network=network,
        window_start=span[0],
        window_end=span[1],
        rates=Rates(octets * 8 / seconds, packets / seconds, flows / seconds),
        opens=True,
        severity=severity_of(ratio) if severity is None else severity,
        confidence=confidence_of(ratio) if confidence is None else confidence,
        reasons=reasons,
        side=side,
        match=match,
        technique=technique,
        peer=peer,
    )


def text(hi: int, lo: int) -> str:
    return addresses.address_text(hi, lo)
