"""Router advertisements and redirects that no router of the link would send, where a flow shows them.

RFC 6104 names the problem, RFC 6105 the guard, RFC 4861, 6.1.2 and 8.1 the rules: from a link-local address, never
forwarded. So an advertisement from or to a global address is forged or has crossed a router; one from a link-local
address that is not of the known routers is rogue; and very many senders on one interface are a flood of forged ones.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sixfold.security.domain import addresses
from sixfold.security.domain.contacts import Contacts, Counted, digests, hosts, signal, text
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.events import Reason, Severity
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.keyed import U64
from sixfold.security.domain.kinds import ICMPV6
from sixfold.security.domain.signals import Signal

VECTOR: Final = "rogue-router-advertisement"
_ADVERTISEMENT, _REDIRECT = 134, 137
_GLOBAL, _UNKNOWN, _LINK = range(3)
_LINK_LOCAL: Final = addresses.parse_network("fe80::/10")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertisementSettings:
    seconds: int = 120
    routers: tuple[str, ...] = ()
    """Link-local addresses of the known routers; with none given, a new one alone is no signal."""
    senders: int = 8
    """Different senders on one interface."""
    limit: int = 4_096
    most: int = 100


class Advertisements(Counted):
    """Raises ValueError where a router's address is none."""

    def __init__(self, settings: AdvertisementSettings) -> None:
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=30_000), settings.most
        )
        self.settings = settings
        self._routers = np.array([addresses.parse_network(one)[1] for one in settings.routers], np.uint64)

    def add(self, flows: Flows) -> None:
        columns = flows.columns
        rows = np.flatnonzero(columns["protocol"] == ICMPV6)
        kind = columns["icmp_type_code"][rows] >> 8
        rows = rows[(kind == _ADVERTISEMENT) | (kind == _REDIRECT)]
        if not len(rows):
            return
        contacts = self._contacts
        rows = contacts.drawn(rows)
        (hi, lo), to = hosts(flows, rows, "src"), hosts(flows, rows, "dst")
        local = addresses.inside(hi, lo, _LINK_LOCAL)
        here: np.ndarray = addresses.inside(*to, _LINK_LOCAL) | (to[0] >> np.uint64(56) == np.uint64(0xFF))
        lane = np.full(len(rows), _GLOBAL, np.uint32)
        known = np.isin(lo, self._routers) if len(self._routers) else np.ones(len(rows), bool)
        lane[local & here] = _UNKNOWN
        told = np.flatnonzero(~(local & here & known))
        contacts.add(flows, rows[told], lane[told], hi[told], lo[told], digests(flows, rows[told], "dst"))
        exporter: tuple[U64, U64] = flows.words("exporter")
        link = (columns["input_interface"][rows].astype(np.uint32) & np.uint32((1 << 28) - 1)) | np.uint32(
            _LINK << 28
        )
        contacts.add(flows, rows, link, exporter[0][rows], exporter[1][rows], digests(flows, rows, "src"))

    def judged(self, look: Look) -> list[Signal]:
        settings = self.settings
        met = self._contacts.over(1)
        link = met.lane >> np.uint32(28) == _LINK
        found: list[Signal] = []
        for row in np.flatnonzero((~link | (met.different >= settings.senders)) & met.fresh).tolist():
            hi, lo, packets = int(met.hi[row]), int(met.lo[row]), float(met.sums[1, row])
            if link[row]:
                many, interface = float(met.different[row]), int(met.lane[row]) & 0xFFFFFFF
                said = f"about {many:,.0f} senders advertise themselves as routers at interface {interface}"
                reason = Reason("router-senders", f"{said} of {text(hi, lo)}", many, settings.senders)
            else:
                why = (
                    "has crossed a router or is forged"
                    if met.lane[row] == _GLOBAL
                    else "is not of the known routers"
                )
                said = f"a router advertisement or redirect of {text(hi, lo)} {why} ({packets:,.0f} packets)"
                reason = Reason("rogue-advertisement", said, packets, 1.0)
            found.append(
                signal(
                    detector=DETECTOR.name,
                    vector=VECTOR,
                    network=(hi, lo, 128),
                    span=self._contacts.span,
                    sums=met.sums[:, row].tolist(),
                    reasons=(reason,),
                    technique=DETECTOR.technique,
                    match=(
                        ("protocol", (ICMPV6,)),
                        ("icmp_type_code", (_ADVERTISEMENT << 8, _REDIRECT << 8)),
                    ),
                    severity=Severity.HIGH,
                    confidence=0.8,
                )
            )
        return found


DETECTOR: Final = Detector(
    name="router-advertisements",
    title="Router advertisements and redirects that no router of the link sends",
    source="RFC 6104; RFC 6105; RFC 4861, 6.1.2 and 8.1",
    misses="advertisements that stay on a link which no exporter watches; a forged one with a known router's address",
    parameters=AdvertisementSettings(),
    start=Advertisements,
    columns=frozenset({"icmp_type_code", "input_interface", "exporter"}),
    technique="T1557",
)
