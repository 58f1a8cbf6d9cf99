"""Automatic tunnels: 6to4 and Teredo, forged ones and such as carry much where none should be.

RFC 3964, 5: a 6to4 address with a special IPv4 address in it is forged. RFC 6169 and RFC 4380, 5.2: the same of a
Teredo client. RFC 7526: 6to4's anycast relays are no more, so traffic with 192.88.99.0/24 is a leftover or a trick
around the policy of the edge.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain.contacts import Contacts, Counted, digests, hosts, signal, text
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.detectors.bogons import special_ipv4
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.kinds import UDP
from sixfold.security.domain.signals import Signal

FORGED: Final = "tunnel-forged"
CARRIED: Final = "tunnel-carried"
_FORGED_6TO4, _FORGED_TEREDO, _PROTOCOL_41, _TEREDO, _RELAY = range(5)
_WHAT: Final = {
    _FORGED_6TO4: "with a 6to4 address of a special IPv4 address",
    _FORGED_TEREDO: "with a Teredo address of a special client",
    _PROTOCOL_41: "of IPv6 in IPv4",
    _TEREDO: "of Teredo",
    _RELAY: "with the withdrawn 6to4 relays",
}
_SIX_TO_FOUR: Final = np.uint64(0x2002)
_TEREDO_PREFIX: Final = np.uint64(0x2001_0000)
_RELAYS: Final = np.uint64(0xFFFF_C058_63)
_PORT: Final = 3544


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelSettings:
    seconds: int = 60
    forged: int = 3
    """Packets with a forged address."""
    packets: int = 3_000
    """Packets that a tunnel of one host carries in that time."""
    relays: int = 100
    """The same with the withdrawn relays."""
    limit: int = 8_192
    most: int = 200


class Tunnels(Counted):
    def __init__(self, settings: TunnelSettings) -> None:
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=20_000), settings.most
        )
        self.settings = settings

    def add(self, flows: Flows) -> None:
        columns = flows.columns
        (source_hi, source_lo), (hi, lo) = flows.words("src_address"), flows.words("dst_address")
        forged = np.flatnonzero((source_hi >> np.uint64(48)) == _SIX_TO_FOUR)
        embedded = source_hi[forged] >> np.uint64(16) & np.uint64(0xFFFFFFFF)
        self._count(flows, forged[special_ipv4(embedded)], _FORGED_6TO4)
        forged = np.flatnonzero((source_hi >> np.uint64(32)) == _TEREDO_PREFIX)
        client = ~source_lo[forged] & np.uint64(0xFFFFFFFF)  # written inverted, RFC 4380, 4
        self._count(flows, forged[special_ipv4(client)], _FORGED_TEREDO)
        relayed = ((lo >> np.uint64(8)) == _RELAYS) & (hi == 0)
        relayed |= ((source_lo >> np.uint64(8)) == _RELAYS) & (source_hi == 0)
        self._count(flows, np.flatnonzero(relayed), _RELAY)
        self._count(flows, np.flatnonzero((columns["protocol"] == 41) & ~relayed), _PROTOCOL_41)
        teredo = (columns["protocol"] == UDP) & (
            (columns["dst_port"] == _PORT) | (columns["src_port"] == _PORT)
        )
        self._count(flows, np.flatnonzero(teredo), _TEREDO)

    def _count(self, flows: Flows, rows: npt.NDArray[Any], lane: int) -> None:
        rows = self._contacts.drawn(rows)
        self._contacts.add(flows, rows, lane, *hosts(flows, rows, "src"), digests(flows, rows, "dst"))

    def judged(self, look: Look) -> list[Signal]:
        settings = self.settings
        met = self._contacts.over(1)
        least = np.array(
            [settings.forged, settings.forged, settings.packets, settings.packets, settings.relays]
        )
        found: list[Signal] = []
        for row in np.flatnonzero((met.sums[1] >= least[met.lane]) & met.fresh).tolist():
            hi, lo, kind = int(met.hi[row]), int(met.lo[row]), int(met.lane[row])
            packets = float(met.sums[1, row])
            said = (
                f"{text(hi, lo)} sent {packets:,.0f} packets {_WHAT[kind]} to {met.different[row]:,.0f} hosts"
            )
            match: tuple[tuple[str, tuple[int, ...]], ...] = ()
            if kind in (_PROTOCOL_41, _RELAY):
                match = (("protocol", (41,)),)
            found.append(
                signal(
                    detector=DETECTOR.name,
                    vector=FORGED if kind in (_FORGED_6TO4, _FORGED_TEREDO) else CARRIED,
                    network=(hi, lo, 128),
                    span=self._contacts.span,
                    sums=met.sums[:, row].tolist(),
                    reasons=(Reason("tunnelled-packets", said, packets, float(least[kind])),),
                    technique=DETECTOR.technique,
                    match=match,
                )
            )
        return found


DETECTOR: Final = Detector(
    name="tunnels",
    title="Forged or unexpected 6to4, Teredo and IPv6-in-IPv4 tunnels",
    source="RFC 3964; RFC 6169; RFC 4380; RFC 7526",
    misses="tunnels over other ports, and those that encrypt; lawful 6in4 tunnels have to be given room by `packets`",
    parameters=TunnelSettings(),
    start=Tunnels,
    technique="T1572",
)
