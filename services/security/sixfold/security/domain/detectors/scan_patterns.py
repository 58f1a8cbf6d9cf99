"""Scans of IPv6 by the patterns of their targets: nobody asks 2^64 addresses, so a scanner guesses how they are made.

RFC 7707, 4.1: low-byte addresses, IPv4 addresses embedded in the interface identifier, service ports in it, one
vendor's EUI-64 identifiers, and walks through neighbouring addresses. A source whose questions go to one pattern
mostly, and are seldom answered, is a scanner well before it has asked enough for `scans`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sixfold.security.domain import addresses
from sixfold.security.domain.contacts import Contacts, Counted, Met, digests, hosts, index, signal, text
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.detectors.scans import questions
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.hosts import Lanes32
from sixfold.security.domain.keyed import U64
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

VECTOR: Final = "scan-ipv6-pattern"
_PATTERN, _ALL, _BLOCKS, _ANSWERED = range(1, 5)
OTHER, LOW_BYTE, EMBEDDED_IPV4, PORT, EUI64 = range(5)
NAMES: Final = {
    OTHER: "neighbouring addresses",
    LOW_BYTE: "low-byte addresses",
    EMBEDDED_IPV4: "addresses with an IPv4 address in them",
    PORT: "addresses with a service port in them",
}
_PORTS: Final = np.array(
    [21, 22, 23, 25, 53, 80, 110, 123, 143, 161, 389, 443, 587, 993, 995, 3306, 8080], np.uint64
)
_WRITTEN: Final = np.array([int(str(port), 16) for port in _PORTS.tolist()], np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternSettings:
    seconds: int = 600
    hosts: int = 40
    """Targets of one pattern."""
    share: float = 0.8
    """Of the IPv6 targets of a source, those of the pattern."""
    walk: float = 4.0
    """Neighbouring addresses: targets for each block of 256 addresses that they lie in."""
    failed: float = 0.6
    limit: int = 16_384
    most: int = 200


class ScanPatterns(Counted):
    def __init__(self, settings: PatternSettings) -> None:
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=120_000), settings.most
        )
        self.settings = settings
        self._suspects: U64 = np.zeros(0, np.uint64)

    def add(self, flows: Flows) -> None:
        contacts = self._contacts
        rows = flows.made(questions)
        if len(rows):
            hi, lo = flows.words("dst_address")
            rows = contacts.drawn(rows[~addresses.is_ipv4(hi[rows], lo[rows])], flows.source)
        if len(rows):
            source, peers = hosts(flows, rows, "src"), digests(flows, rows, "dst")
            hi, lo = hosts(flows, rows, "dst")
            contacts.add(flows, rows, _ALL << 28, *source, peers)
            contacts.add(flows, rows, np.uint32(_PATTERN << 28) | patterns(lo), *source, peers)
            contacts.add(flows, rows, _BLOCKS << 28, *source, digest(hi, lo >> np.uint64(8)))
            by_source = np.unique(digest(*source), return_counts=True)
            busy = by_source[0][by_source[1] * 4 >= self.settings.hosts]
            if len(busy):
                self._suspects = np.union1d(self._suspects, busy)
        if len(self._suspects):
            back = contacts.matching(flows, "destination", self._suspects)
            contacts.add(
                flows, back, _ANSWERED << 28, *hosts(flows, back, "dst"), digests(flows, back, "src")
            )

    def judged(self, look: Look) -> list[Signal]:
        settings, contacts = self.settings, self._contacts
        met = contacts.over(settings.hosts / 4, (_PATTERN, _ALL, _BLOCKS))
        self._suspects = np.unique(digest(met.hi, met.lo))
        if not met.count or met.different.max() < settings.hosts:
            return []
        known = {key: float(met.different[row]) for key, row in index(met).items()}
        answered = contacts.over(1, (_ANSWERED,))
        back = dict(zip(index(answered), answered.different.tolist(), strict=True))
        found: list[Signal] = []
        chosen = ((met.lane >> np.uint32(28)) == _PATTERN) & (met.different >= settings.hosts) & met.fresh
        for row in np.flatnonzero(chosen).tolist():
            made = self._signal(met, row, known, back)
            if made is not None:
                found.append(made)
        return found

    def _signal(
        self,
        met: Met,
        row: int,
        known: Mapping[tuple[int, int, int], float],
        back: Mapping[tuple[int, int, int], float],
    ) -> Signal | None:
        settings = self.settings
        pattern, hi, lo = int(met.lane[row]) & 0xFFFFFFF, int(met.hi[row]), int(met.lo[row])
        different = float(met.different[row])
        everything = max(known.get((_ALL << 28, hi, lo), different), different)
        blocks = known.get((_BLOCKS << 28, hi, lo), settings.hosts / 4)
        failed = 1 - back.get((_ANSWERED << 28, hi, lo), 0.0) / everything
        if different < settings.share * everything or failed < settings.failed:
            return None
        if pattern == OTHER and different < settings.walk * blocks:
            return None
        name = NAMES.get(pattern) or f"EUI-64 addresses of vendor {_oui(pattern >> 4)}"
        said = f"{text(hi, lo)} asked about {different:,.0f} {name}, {failed:.0%} did not answer"
        return signal(
            detector=DETECTOR.name,
            vector=VECTOR,
            network=(hi, lo, 128),
            span=self._contacts.span,
            sums=met.sums[:, row].tolist(),
            reasons=(Reason("targets-of-one-pattern", said, different, settings.hosts),),
            technique=DETECTOR.technique,
        )


def patterns(lo: U64) -> Lanes32:
    """How an interface identifier is made: one of the patterns, for EUI-64 with the vendor above 4 bits."""
    made = np.full(len(lo), OTHER, np.uint32)
    upper = lo >> np.uint64(32)
    groups = [lo >> np.uint64(shift) & np.uint64(0xFFFF) for shift in (48, 32, 16, 0)]
    # 192:0:2:1 written in the four groups: each a decimal number up to 255, the first not nothing.
    written = np.isin(groups[0], _OCTETS) & (groups[0] > 0)
    for group in groups[1:]:
        written &= np.isin(group, _OCTETS)
    made[written | ((upper == 0) & (lo > np.uint64(0xFFFFFF)))] = EMBEDDED_IPV4
    made[(upper & np.uint64(0xFDFFFFFF)) == np.uint64(0x5EFE)] = EMBEDDED_IPV4  # ISATAP, RFC 5214
    low = lo <= np.uint64(0xFFFF)
    made[low] = LOW_BYTE
    made[low & (np.isin(lo, _PORTS) | np.isin(lo, _WRITTEN)) & (lo > np.uint64(0xFF))] = PORT
    vendor = np.flatnonzero((lo >> np.uint64(24) & np.uint64(0xFFFF)) == np.uint64(0xFFFE))
    oui = (lo[vendor] >> np.uint64(40)) ^ np.uint64(0x020000)
    made[vendor] = oui.astype(np.uint32) << np.uint32(4) | np.uint32(EUI64)
    return made


_OCTETS: Final = np.array([int(str(octet), 16) for octet in range(256)], np.uint64)


def _oui(vendor: int) -> str:
    return ":".join(f"{vendor >> shift & 0xFF:02x}" for shift in (16, 8, 0))


DETECTOR: Final = Detector(
    name="scan-patterns",
    title="IPv6 scans by the pattern of their targets",
    source="RFC 7707, 4.1",
    misses="targets from hit lists, DNS or other observation; walks slower than the threshold in ten minutes",
    parameters=PatternSettings(),
    start=ScanPatterns,
    columns=frozenset({"icmp_type_code"}),
    technique="T1595.001",
)
