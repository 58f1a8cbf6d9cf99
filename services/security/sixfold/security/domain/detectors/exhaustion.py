"""Exhaustion of a shared translation (NAT64, CGN) by one subscriber: ports and states.

RFC 6888, REQ-4 and REQ-5 (limits by subscriber), RFC 7857 and RFC 6146, 5.3 (attacks on a NAT64's tables). The object
is the subscriber: an IPv4 address, or a /64 of IPv6, since one subscriber has all of it. Sessions come from what
gateways report of their translations (`nat.>`, RFC 8158), and from flows with the translated port or to NAT64's prefix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain import addresses
from sixfold.security.domain.contacts import Contacts, Counted, Met, hosts, signal
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Columns, Flows
from sixfold.security.domain.keyed import U64
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

PORTS: Final = "translation-ports"
STATES: Final = "translation-states"
REFUSED: Final = "translation-refused"
_PORT, _STATE, _QUOTA = 1, 2, 3
_PLAUSIBLE_MS: Final = 3_600_000
_CREATED: Final = (1, 4, 6, 8, 10)
"""natEvent (RFC 8158, 4.1): sessions and bindings created, of NAT44 and NAT64."""
_EXCEEDED: Final = (3, 12, 13)
"""Addresses or ports exhausted, quota exceeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExhaustionSettings:
    seconds: int = 120
    ports: int = 1_500
    """Different translated ports of one subscriber: CGNs give 500 to 2,000 to each."""
    states: int = 4_000
    """Different sessions of one subscriber."""
    refused: int = 50
    """Sessions that a translator refused for want of room."""
    nat64: tuple[str, ...] = ("64:ff9b::/96",)
    limit: int = 8_192
    most: int = 200


class Exhaustion(Counted):
    """Raises ValueError where a NAT64 prefix is none."""

    def __init__(self, settings: ExhaustionSettings) -> None:
        contacts = Contacts(
            seconds=settings.seconds, limit=settings.limit, slot_ms=30_000, rows_at_once=16_384
        )
        super().__init__(contacts, settings.most)
        self.settings = settings
        self._nat64 = [addresses.parse_network(one) for one in settings.nat64]
        self._told = False

    def add(self, flows: Flows) -> None:
        columns = flows.columns
        hi, lo = flows.words("dst_address")
        translated = columns["post_nat_src_port"] != 0
        for network in self._nat64:
            translated |= addresses.inside(hi, lo, network)
        rows = self._contacts.drawn(np.flatnonzero(translated))
        if not len(rows):
            return
        ports = columns["post_nat_src_port"][rows].astype(np.uint64)
        protocol = columns["protocol"][rows].astype(np.uint64)
        subscriber = subscribers(*hosts(flows, rows, "src"))
        session = digest(hi[rows], lo[rows] ^ protocol << np.uint64(56))
        session ^= digest(
            columns["src_port"][rows].astype(np.uint64), columns["dst_port"][rows].astype(np.uint64)
        )
        self._contacts.add(flows, rows, _STATE << 28, *subscriber, session)
        public = flows.words("post_nat_src_address")
        known = np.flatnonzero(ports)
        item = digest(public[0][rows] ^ public[1][rows], ports | protocol << np.uint64(16))[known]
        self._contacts.add(flows, rows[known], _PORT << 28, subscriber[0][known], subscriber[1][known], item)

    def add_sessions(self, columns: Columns, now_ms: int) -> None:
        """See a batch of NAT events (api.flow.schema.NAT_SESSION); those further than an hour from now are none."""
        event = columns["event"]
        near = np.abs(columns["time"] - now_ms) <= _PLAUSIBLE_MS
        near &= columns["time"] <= now_ms + 60_000
        rows = np.flatnonzero(np.isin(event, (*_CREATED, *_EXCEEDED)) & near)
        if not len(rows):
            return
        source, public = (
            addresses.words(columns["src_address"]),
            addresses.words(columns["post_nat_src_address"]),
        )
        peer = addresses.words(columns["dst_address"]) if "dst_address" in columns else source
        port = _column(columns, "dst_port")
        refused = np.isin(event[rows], _EXCEEDED)
        created = rows[~refused]
        protocol = columns["protocol"][created].astype(np.uint64)
        ports = columns["post_nat_src_port"][created].astype(np.uint64) | protocol << np.uint64(16)
        session = digest(peer[0][created], peer[1][created] ^ protocol << np.uint64(56))
        session ^= digest(columns["src_port"][created].astype(np.uint64), port[created])
        for lane, chosen, items in (
            (_PORT, created, digest(public[0][created] ^ public[1][created], ports)),
            (_STATE, created, session),
            (
                _QUOTA,
                rows[refused],
                digest(rows[refused].astype(np.uint64), columns["time"][rows[refused]].view("u8")),
            ),
        ):
            key = subscribers(source[0][chosen], source[1][chosen])
            self._contacts.count(columns["time"][chosen], lane << 28, *key, items)
        self._told = True

    def look(self, look: Look) -> list[Signal]:
        told, self._told = self._told, False
        return self.judged(look) if told and not look.grown else super().look(look)

    def judged(self, look: Look) -> list[Signal]:
        settings, found = self.settings, list[Signal]()
        limits = {_PORT: settings.ports, _STATE: settings.states, _QUOTA: settings.refused}
        met = self._contacts.over(min(limits.values()))
        for row in np.flatnonzero(met.fresh).tolist():
            kind = int(met.lane[row]) >> 28
            if met.different[row] >= limits[kind]:
                found.append(self._signal(met, row, kind, limits[kind]))
        return found

    def _signal(self, met: Met, row: int, kind: int, least: float) -> Signal:
        hi, lo, different = int(met.hi[row]), int(met.lo[row]), float(met.different[row])
        network = (hi, lo, 128 if addresses.is_ipv4(met.hi[row : row + 1], met.lo[row : row + 1])[0] else 64)
        what = {
            _PORT: "different translated ports",
            _STATE: "different sessions through the translator",
            _QUOTA: "sessions that the translator refused for want of room",
        }[kind]
        said = f"{addresses.network_text(*network)} has about {different:,.0f} {what}"
        return signal(
            detector=DETECTOR.name,
            vector={_PORT: PORTS, _STATE: STATES, _QUOTA: REFUSED}[kind],
            network=network,
            span=self._contacts.span,
            sums=met.sums[:, row].tolist(),
            reasons=(Reason("shared-translation", said, different, least),),
            technique=DETECTOR.technique,
        )


def subscribers(hi: U64, lo: U64) -> tuple[U64, U64]:
    """IPv4 addresses as they are, of IPv6 the /64."""
    return hi, np.where(addresses.is_ipv4(hi, lo), lo, np.uint64(0))


def _column(columns: Mapping[str, npt.NDArray[Any]], name: str) -> U64:
    found = columns.get(name)
    return np.zeros(len(columns["event"]), np.uint64) if found is None else found.astype(np.uint64)


DETECTOR: Final = Detector(
    name="translation-exhaustion",
    title="A subscriber that takes the ports or states of a shared translation",
    source="RFC 6888, REQ-4 and REQ-5; RFC 6146, 5.3; RFC 8158",
    misses="translators that report neither sessions nor translated ports; blocks of ports",
    parameters=ExhaustionSettings(),
    start=Exhaustion,
    columns=frozenset({"post_nat_src_port", "post_nat_src_address"}),
    technique="T1499.001",
)
