"""Exhaustion of a router's neighbour cache: packets to very many addresses of one /64 that nobody holds.

RFC 6583; RFC 3756, 4.3.2. The router has to ask for every one of them by neighbour solicitation. Counted are the
different destinations by /64, and how many of the /64's addresses say anything themselves.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sixfold.security.domain import addresses
from sixfold.security.domain.contacts import Contacts, Counted, index, signal
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.detectors.scans import questions
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.hosts import Numbers
from sixfold.security.domain.keyed import U64
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

VECTOR: Final = "neighbour-cache-exhaustion"
_TO, _FROM = 1, 2
_NAT64: Final = addresses.parse_network("64:ff9b::/96")[0]
_LOCAL_NAT64: Final = addresses.parse_network("64:ff9b:1::/48")[0] >> 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourSettings:
    seconds: int = 30
    addresses: int = 512
    """Addresses of one /64 that are asked for: a router's cache for unanswered ones is often that small."""
    held: float = 0.25
    """The share of them that may say something, where it is no attack."""
    limit: int = 16_384
    most: int = 200


class NeighbourCache(Counted):
    def __init__(self, settings: NeighbourSettings) -> None:
        contacts = Contacts(
            seconds=settings.seconds, limit=settings.limit, slot_ms=10_000, rows_at_once=16_384
        )
        super().__init__(contacts, settings.most)
        self.settings = settings
        self._suspects: U64 = np.zeros(0, np.uint64)

    def add(self, flows: Flows) -> None:
        contacts = self._contacts
        rows = contacts.drawn(self._of(flows, flows.made(questions), "dst_address"), flows.destination)
        if len(rows):
            self._count(flows, rows, "dst_address", _TO)
        if len(self._suspects):
            rows = self._of(flows, np.arange(flows.rows), "src_address")
            rows = contacts.drawn(rows[np.isin(flows.words("src_address")[0][rows], self._suspects)])
            self._count(flows, rows, "src_address", _FROM)

    def _of(self, flows: Flows, rows: Numbers, column: str) -> Numbers:
        """Those that have an address of a /64 that a link may have."""
        hi, lo = flows.words(column)
        hi, lo = hi[rows], lo[rows]
        other = (
            addresses.is_ipv4(hi, lo)
            | (hi == np.uint64(_NAT64))
            | (hi >> np.uint64(16) == np.uint64(_LOCAL_NAT64))
        )
        return rows[~other & (hi >> np.uint64(56) != np.uint64(0xFF)) & (hi != 0)]

    def _count(self, flows: Flows, rows: Numbers, column: str, lane: int) -> None:
        hi, lo = flows.words(column)
        nothing = np.zeros(len(rows), np.uint64)
        self._contacts.add(flows, rows, lane << 28, hi[rows], nothing, digest(hi[rows], lo[rows]))

    def judged(self, look: Look) -> list[Signal]:
        settings, contacts = self.settings, self._contacts
        met = contacts.over(settings.addresses / 8, (_TO,))
        self._suspects = np.unique(met.hi)
        held = contacts.over(1, (_FROM,))
        back = dict(zip(index(held), held.different.tolist(), strict=True))
        found: list[Signal] = []
        for row in np.flatnonzero((met.different >= settings.addresses) & met.fresh).tolist():
            hi, different = int(met.hi[row]), float(met.different[row])
            share = back.get((_FROM << 28, hi, 0), 0.0) / different
            if share > settings.held:
                continue
            whom = addresses.network_text(hi, 0, 64)
            said = (
                f"about {different:,.0f} addresses of {whom} were asked for, {share:.0%} of them say anything"
            )
            found.append(
                signal(
                    detector=DETECTOR.name,
                    vector=VECTOR,
                    network=(hi, 0, 64),
                    span=contacts.span,
                    sums=met.sums[:, row].tolist(),
                    reasons=(Reason("addresses-asked-for", said, different, settings.addresses),),
                    technique=DETECTOR.technique,
                    side="destination",
                )
            )
        return found


DETECTOR: Final = Detector(
    name="neighbour-cache",
    title="Packets to very many addresses of one /64 that nobody holds",
    source="RFC 6583; RFC 3756, 4.3.2",
    misses="exhaustion from within the link, which no flow shows; slow fillings of caches that keep entries long",
    parameters=NeighbourSettings(),
    start=NeighbourCache,
    columns=frozenset({"icmp_type_code"}),
    technique="T1499",
)
