"""Extension headers and fragments of IPv6 in numbers that no lawful traffic has.

RFC 7045 and RFC 9098: few packets on the Internet carry extension headers, and each costs routers more than others;
RFC 5095: routing headers of type 0; RFC 8900 and RFC 6946: fragments. Counted are packets, also those of a flood that
an exporter folds into a few long flows: of a flow longer than the window only its part in it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sixfold.security.domain import addresses
from sixfold.security.domain.contacts import Contacts, Counted, digests, hosts, signal, text
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.kinds import EXTENSIONS, ICMPV6, number_of
from sixfold.security.domain.signals import Signal

VECTORS: Final = {
    0: "ipv6-hop-by-hop",
    43: "ipv6-routing-header",
    44: "ipv6-fragments",
    60: "ipv6-destination-options",
    ICMPV6: "icmpv6-stream",
}
OTHER: Final = "ipv6-extension-headers"
_FOLDED: Final = 1_000
_EXTENSION: Final = number_of("ipv6-extension")
_FRAGMENT: Final = number_of("udp-fragment")
_AUTHENTICATION: Final = 51
"""Of IPsec, and seldom used: RFC 8200 counts it among the extension headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderSettings:
    seconds: int = 20
    packets: int = 2_000
    """Packets with one extension header to one host in that time."""
    fragments: int = 20_000
    """The same of fragments: large answers of the DNS and tunnels make some."""
    hosts: int = 64
    """Hosts that one source sends extension headers to."""
    control: int = 20_000
    """ICMPv6 packets in flows of at least a thousand: exporters that skip a chain of headers show what is behind it,
    and no lawful host says so much of it (RFC 4443, 2.4 (f)).
    """
    limit: int = 8_192
    most: int = 200


class Headers(Counted):
    def __init__(self, settings: HeaderSettings) -> None:
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=10_000), settings.most
        )
        self.settings = settings

    def add(self, flows: Flows) -> None:
        kind = flows.kind
        protocol = flows.columns["protocol"]
        wanted = (kind == _EXTENSION) | (kind == _FRAGMENT) | (protocol == _AUTHENTICATION)
        wanted |= (protocol == ICMPV6) & (flows.columns["packets"] >= _FOLDED)
        rows = np.flatnonzero(wanted)
        if not len(rows):
            return
        hi, lo = flows.words("dst_address")
        rows = self._contacts.drawn(rows[~addresses.is_ipv4(hi[rows], lo[rows])])
        if not len(rows):
            return
        lane = protocol[rows].astype(np.uint32)
        lane[kind[rows] == _FRAGMENT] = 44
        self._contacts.add(flows, rows, lane, *hosts(flows, rows, "dst"), digests(flows, rows, "src"))
        self._contacts.add(
            flows, rows, lane | np.uint32(1 << 28), *hosts(flows, rows, "src"), digests(flows, rows, "dst")
        )

    def judged(self, look: Look) -> list[Signal]:
        settings, contacts = self.settings, self._contacts
        met = contacts.over(1)
        header = met.lane & np.uint32(0xFF)
        least = np.where(header == 44, settings.fragments, settings.packets)
        least[header == ICMPV6] = settings.control
        to_host = met.lane >> np.uint32(28) == 0
        much = (to_host & (met.sums[1] >= least)) | (
            ~to_host & (met.different >= settings.hosts) & ~np.isin(header, (44, ICMPV6))
        )
        found: list[Signal] = []
        for row in np.flatnonzero(much & met.fresh).tolist():
            hi, lo, number = int(met.hi[row]), int(met.lo[row]), int(header[row])
            name = VECTORS.get(number, OTHER)
            different, packets = float(met.different[row]), float(met.sums[1, row])
            if to_host[row]:
                said = (
                    f"{packets:,.0f} packets of about {different:,.0f} sources with next header {number} came"
                )
                reason = Reason(
                    "packets-with-header", f"{said} to {text(hi, lo)}", packets, float(least[row])
                )
            else:
                said = f"{text(hi, lo)} sent next header {number} to about {different:,.0f} hosts"
                reason = Reason("hosts-sent-headers", said, different, settings.hosts)
            found.append(
                signal(
                    detector=DETECTOR.name,
                    vector=name,
                    network=(hi, lo, 128),
                    span=contacts.span,
                    sums=met.sums[:, row].tolist(),
                    reasons=(reason,),
                    technique=DETECTOR.technique,
                    side="destination" if to_host[row] else "source",
                    match=(("protocol", (number,) if number != 44 else (44, 17)),),
                )
            )
        return found


DETECTOR: Final = Detector(
    name="ipv6-headers",
    title=f"IPv6 extension headers and fragments in numbers (next headers {', '.join(map(str, EXTENSIONS))})",
    source="RFC 9098; RFC 7045; RFC 5095; RFC 8900",
    misses="headers that the exporter skips to TCP or UDP; chains that a single packet carries; single killers",
    parameters=HeaderSettings(),
    start=Headers,
    technique="T1498.001",
)
