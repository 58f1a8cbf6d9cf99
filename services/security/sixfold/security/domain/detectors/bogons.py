"""Addresses that must not be on the wire: special-purpose ones (RFC 6890, its registries) as source or destination.

What an operator uses itself is allowed: by default private, shared (RFC 6598), unique local and link-local addresses
and the documentation prefixes, which laboratories use. 64:ff9b::/96 and 64:ff9b:1::/48 are NAT64's (RFC 6052, RFC 8215)
and no bogons, unless the IPv4 address inside is one (RFC 6052, 3.1). `::` asks for an address (RFC 4862), 0.0.0.0 too.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain import addresses
from sixfold.security.domain.contacts import Contacts, Counted, signal, text
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.hosts import Numbers
from sixfold.security.domain.keyed import U64
from sixfold.security.domain.kinds import ICMPV6, UDP
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

SOURCE: Final = "bogon-source"
DESTINATION: Final = "bogon-destination"
SPECIAL: Final = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
    "::/96", "100::/64", "2001:2::/48", "2001:10::/28", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7",
    "fe80::/10", "fec0::/10",
)  # fmt: skip
"""IANA's registries of special-purpose addresses: those that are not globally reachable."""
MULTICAST: Final = ("224.0.0.0/4", "ff00::/8")
"""Never a source (RFC 1112, 7.2; RFC 4291, 2.7)."""
USED: Final = (
    "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/29", "192.168.0.0/16", "fc00::/7",
    "fe80::/10", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32", "3fff::/20",
)  # fmt: skip
_NAT64: Final = addresses.parse_network("64:ff9b::/96")
_KNOWN: Final = ("2000::/3", "64:ff9b::/96", "64:ff9b:1::/48", "5f00::/16", "ff00::/8", "0.0.0.0/0")
"""What of IPv6 is assigned to something: the rest is a bogon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BogonSettings:
    seconds: int = 60
    packets: int = 10
    allowed: tuple[str, ...] = USED
    """Prefixes of the registries that the network uses itself."""
    limit: int = 8_192
    most: int = 200


class Bogons(Counted):
    """Raises ValueError where an allowed prefix is none."""

    def __init__(self, settings: BogonSettings) -> None:
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=20_000), settings.most
        )
        self.settings = settings
        allowed = _Networks(settings.allowed)
        self._allowed = allowed
        self._special = _Networks(SPECIAL)
        self._known = _Networks((*_KNOWN, *settings.allowed))
        self._multicast = _Networks(MULTICAST)
        touched, whole = self._special.touched | ~self._known.whole, allowed.whole
        self._doubtful = touched & ~whole
        self._doubtful[0, _NAT64[0] >> 48] = True

    def add(self, flows: Flows) -> None:
        self._count(flows, "source", "src_address")
        self._count(flows, "destination", "dst_address")

    def _count(self, flows: Flows, side: str, column: str) -> None:
        groups = flows.groups(side)
        hi, lo = flows.words(column)
        hi, lo = hi[groups.first], lo[groups.first]
        bad = self._bad(hi, lo)
        if side == "source":
            bad |= self._multicast.holds(hi, lo)
        if not bad.any():
            return
        rows = np.flatnonzero(bad[groups.of])
        rows = self._contacts.drawn(rows[~_asking(flows, rows, column)])
        hi, lo = flows.words(column)
        other = flows.words("dst_address" if side == "source" else "src_address")
        lane = 0 if side == "source" else 1
        self._contacts.add(flows, rows, lane, hi[rows], lo[rows], digest(other[0][rows], other[1][rows]))

    def _bad(self, hi: U64, lo: U64) -> npt.NDArray[np.bool_]:
        """Nearly all addresses are decided by their first 16 bits; only the rest is held against the lists."""
        four = addresses.is_ipv4(hi, lo)
        first = np.where(four, lo >> np.uint64(16) & np.uint64(0xFFFF), hi >> np.uint64(48)).astype(np.intp)
        rows = np.flatnonzero(self._doubtful[four.view(np.uint8), first])
        bad = np.zeros(len(hi), bool)
        if len(rows):
            bad[rows] = self._exactly(hi[rows], lo[rows])
        return bad

    def _exactly(self, hi: U64, lo: U64) -> npt.NDArray[np.bool_]:
        inside = addresses.inside(hi, lo, _NAT64)
        if inside.any():
            hi = np.where(inside, np.uint64(0), hi)
            lo = np.where(inside, np.uint64(0xFFFF << 32) | lo, lo)
        bad = (self._special.holds(hi, lo) | ~self._known.holds(hi, lo)) & ~self._allowed.holds(hi, lo)
        return bad & ~((hi == 0) & (lo == np.uint64(0xFFFF_FFFF_FFFF)))  # 255.255.255.255, RFC 919

    def judged(self, look: Look) -> list[Signal]:
        settings = self.settings
        met = self._contacts.over(1)
        found: list[Signal] = []
        for row in np.flatnonzero((met.sums[1] >= settings.packets) & met.fresh).tolist():
            hi, lo, source = int(met.hi[row]), int(met.lo[row]), int(met.lane[row]) == 0
            packets, many = float(met.sums[1, row]), float(met.different[row])
            way = f"sent {packets:,.0f} packets to" if source else f"got {packets:,.0f} packets from"
            said = f"{text(hi, lo)}, which must not be on the wire, {way} {many:,.0f} hosts"
            found.append(
                signal(
                    detector=DETECTOR.name,
                    vector=SOURCE if source else DESTINATION,
                    network=(hi, lo, 128),
                    span=self._contacts.span,
                    sums=met.sums[:, row].tolist(),
                    reasons=(Reason("special-purpose-address", said, packets, settings.packets),),
                    side="source" if source else "destination",
                )
            )
        return found


class _Networks:
    """Whether addresses lie in one of a few networks: by the first 16 bits of each family, then exactly.

    `touched[family, bits]` and `whole[family, bits]`, family 0 for IPv6: whether a network has a part in those, or all.
    """

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._networks: tuple[list[tuple[int, int, int]], ...] = ([], [])
        self.touched = np.zeros((2, 65_536), bool)
        self.whole = np.zeros((2, 65_536), bool)
        for hi, lo, length in (addresses.parse_network(one) for one in texts):
            four = hi == 0 and lo >> 32 == 0xFFFF and length >= 96
            first, bits = (lo >> 16 & 0xFFFF, length - 96) if four else (hi >> 48, length)
            self._networks[four].append((hi, lo, length))
            span = slice(first, first + (1 << max(16 - bits, 0)))
            self.touched[int(four), span] = True
            self.whole[int(four), span] |= bits <= 16

    def holds(self, hi: U64, lo: U64) -> npt.NDArray[np.bool_]:
        four = addresses.is_ipv4(hi, lo)
        first = np.where(four, lo >> np.uint64(16) & np.uint64(0xFFFF), hi >> np.uint64(48)).astype(np.intp)
        held = self.whole[four.view(np.uint8), first]
        for family, networks in enumerate(self._networks):
            rows = np.flatnonzero(self.touched[family][first] & ~held & (four == bool(family)))
            for network in networks if len(rows) else ():
                held[rows] |= addresses.inside(hi[rows], lo[rows], network)
        return held


def _asking(flows: Flows, rows: Numbers, column: str) -> npt.NDArray[np.bool_]:
    """`::` in neighbour discovery and 0.0.0.0 in DHCP."""
    columns = flows.columns
    hi, lo = flows.words(column)
    nobody = (hi[rows] == 0) & ((lo[rows] == 0) | (lo[rows] == np.uint64(0xFFFF << 32)))
    protocol = columns["protocol"][rows]
    dhcp = (protocol == UDP) & np.isin(columns["dst_port"][rows], (67, 68))
    return nobody & ((protocol == ICMPV6) | dhcp)


_SPECIAL_IPV4: Final = tuple(one for one in (*SPECIAL, *MULTICAST) if "." in one)


def special_ipv4(words: U64) -> npt.NDArray[np.bool_]:
    """Which of these IPv4 addresses (32 bits) can be no host of the public Internet."""
    special: npt.NDArray[Any] = np.zeros(len(words), bool)
    for text_ in _SPECIAL_IPV4:
        special |= addresses.inside(
            np.zeros(len(words), np.uint64), words | np.uint64(0xFFFF << 32), addresses.parse_network(text_)
        )
    return special


DETECTOR: Final = Detector(
    name="bogons",
    title="Special-purpose addresses on the wire",
    source="RFC 6890 and IANA's registries of special-purpose addresses; RFC 6052, 3.1",
    misses="addresses that are assigned but not routed, for which a feed is needed; what `allowed` holds",
    parameters=BogonSettings(),
    start=Bogons,
    technique="T1498",
)
