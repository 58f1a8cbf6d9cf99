"""Exfiltration: a client that sends far more than it gets to a peer that few others use; and covert channels.

Asymmetry: bytes to a server beside those that come back, over an hour, for uploads of a rarely used peer (ATT&CK T1048;
Marchetti et al., Computer Networks 2016, who rank internal hosts by features of their uploads). Covert channels: names
asked of the DNS that are far longer than names are (RFC 1035 limits; Ellens et al., AIMS 2013, who see DNS tunnels in
flow records), and echo requests that carry much.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sixfold.security.domain.contacts import (
    Contacts,
    Counted,
    Met,
    Recalled,
    digests,
    hosts,
    index,
    pair_lane,
    signal,
    text,
)
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.events import Reason, Severity
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.hosts import Numbers
from sixfold.security.domain.kinds import ICMP, ICMPV6
from sixfold.security.domain.signals import Signal

UPLOAD: Final = "exfiltration"
DNS: Final = "dns-tunnel"
ECHO: Final = "icmp-tunnel"
_OUT, _BACK, _POPULAR, _DNS, _ECHO = range(1, 6)
_ECHOES: Final = (0, 8 << 8, 128 << 8, 129 << 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExfiltrationSettings:
    seconds: int = 3_600
    bytes: int = 500_000_000
    ratio: float = 10.0
    """Bytes out for each that comes back."""
    others: float = 3.0
    """A peer that more hosts upload to is a common service."""
    least_flow: int = 20_000
    """Flows of fewer bytes are not added up."""
    query_bytes: float = 110.0
    """Mean size of the IP packets of questions to one resolver: plain names make 55 to 85."""
    queries: int = 150
    echo_bytes: float = 200.0
    """Mean size of echo packets: a ping has 60 to 100."""
    echoes: int = 60
    limit: int = 8_192
    most: int = 100


class Exfiltration(Counted):
    def __init__(self, settings: ExfiltrationSettings) -> None:
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=600_000), settings.most
        )
        self.settings = settings
        self._short = Contacts(seconds=300, limit=settings.limit, slot_ms=60_000)
        self._peers = Recalled(4 * settings.most)

    def add(self, flows: Flows) -> None:
        columns, settings = flows.columns, self.settings
        source, destination = columns["src_port"], columns["dst_port"]
        heavy = np.flatnonzero(columns["bytes"] >= settings.least_flow)
        out = heavy[
            (destination[heavy] < source[heavy]) & (source[heavy] >= 1024) & (destination[heavy] != 0)
        ]
        self._pairs(flows, self._contacts, out, _OUT)
        out = self._contacts.drawn(out)
        if len(out):
            popular = hosts(flows, out, "dst")
            self._contacts.add(flows, out, _POPULAR << 28, *popular, digests(flows, out, "src"))
        # What comes back is counted for the client, so that both directions have one key.
        back = self._contacts.drawn(heavy[source[heavy] < destination[heavy]])
        if len(back):
            lane = pair_lane(_BACK, digests(flows, back, "src"))
            self._contacts.add(flows, back, lane, *hosts(flows, back, "dst"), digests(flows, back, "src"))
        ask = np.flatnonzero((destination == 53) & (source != 53))
        self._pairs(flows, self._short, ask, _DNS)
        echo = np.flatnonzero((columns["protocol"] == ICMP) | (columns["protocol"] == ICMPV6))
        echo = echo[np.isin(columns["icmp_type_code"][echo], _ECHOES)]
        # Without a type the echoes of IPv4 are all of type 0: an exporter that does not tell it.
        self._pairs(flows, self._short, echo, _ECHO)

    def _pairs(self, flows: Flows, contacts: Contacts, rows: Numbers, kind: int) -> None:
        rows = contacts.drawn(rows, flows.source)
        if len(rows):
            source, peers = hosts(flows, rows, "src"), digests(flows, rows, "dst")
            lane = pair_lane(kind, peers)
            contacts.add(flows, rows, lane, *source, peers)
            self._peers.note(flows, rows, lane, *source)

    def judged(self, look: Look) -> list[Signal]:
        return self._uploads() + self._tunnels()

    def _uploads(self) -> list[Signal]:
        settings, found = self.settings, list[Signal]()
        if not self._contacts.over(1, (_OUT,), floors=(0, 0, settings.bytes)).count:
            return found
        met = self._contacts.over(1)
        kind, octets = met.lane >> np.uint32(28), met.sums[2]
        chosen = np.flatnonzero((kind == _OUT) & (octets >= settings.bytes) & met.fresh)
        rows = index(met)
        for row in chosen.tolist():
            lane, hi, lo = int(met.lane[row]), int(met.hi[row]), int(met.lo[row])
            back = rows.get((_BACK << 28 | lane & 0xFFFFFFF, hi, lo))
            returned = 0.0 if back is None else float(octets[back])
            peer = self._peers.peer(lane, hi, lo)
            common = None if peer is None else rows.get((_POPULAR << 28, *peer[:2]))
            if float(octets[row]) < settings.ratio * returned:
                continue
            if common is not None and met.different[common] > settings.others:
                continue
            whom = "one peer" if peer is None else text(*peer[:2])
            said = f"{text(hi, lo)} sent {octets[row] / 1e6:,.0f} MB to {whom}, which few others send to"
            said += f", and got {returned / 1e6:,.1f} MB back"
            reason = Reason("bytes-sent", said, float(octets[row]), settings.bytes)
            found.append(self._signal(met, row, UPLOAD, reason, peer, self._contacts.span, "T1048"))
        return found

    def _tunnels(self) -> list[Signal]:
        settings = self.settings
        met = self._short.over(1, floors=(0, min(settings.queries, settings.echoes), 0))
        kind, packets = met.lane >> np.uint32(28), met.sums[1]
        size = met.sums[2] / np.maximum(packets, 1.0)
        dns = (kind == _DNS) & (packets >= settings.queries) & (size >= settings.query_bytes)
        echo = (kind == _ECHO) & (packets >= settings.echoes) & (size >= settings.echo_bytes)
        found: list[Signal] = []
        for row in np.flatnonzero((dns | echo) & met.fresh).tolist():
            hi, lo, named = int(met.hi[row]), int(met.lo[row]), bool(dns[row])
            peer = self._peers.peer(int(met.lane[row]), hi, lo)
            whom = "one host" if peer is None else text(*peer[:2])
            what = "questions" if named else "echo packets"
            said = f"{text(hi, lo)} sent {packets[row]:,.0f} {what} of {size[row]:,.0f} bytes each to {whom}"
            least = settings.query_bytes if named else settings.echo_bytes
            reason = Reason("mean-size", said, float(size[row]), least)
            technique = "T1071.004" if named else "T1095"
            vector = DNS if named else ECHO
            found.append(self._signal(met, row, vector, reason, peer, self._short.span, technique))
        return found

    def _signal(
        self,
        met: Met,
        row: int,
        vector: str,
        reason: Reason,
        peer: tuple[int, int, int] | None,
        span: tuple[int, int],
        technique: str,
    ) -> Signal:
        match: tuple[tuple[str, tuple[int, ...]], ...] = ()
        if vector == DNS:
            match = (("dst_port", (53,)),)
        elif vector == ECHO:
            match = (("protocol", (ICMP, ICMPV6)),)
        return signal(
            detector=DETECTOR.name,
            vector=vector,
            network=(int(met.hi[row]), int(met.lo[row]), 128),
            span=span,
            sums=met.sums[:, row].tolist(),
            reasons=(reason,),
            technique=technique,
            peer=peer,
            match=match,
            severity=Severity.MEDIUM,
            confidence=0.55,
        )

    def dump(self) -> dict[str, np.ndarray]:
        parts = {"long": self._contacts.dump(), "short": self._short.dump()}
        return {f"{part}.{name}": values for part, state in parts.items() for name, values in state.items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        for part, contacts in (("short", self._short), ("long", self._contacts)):
            prefix = f"{part}."
            contacts.restore(
                {name[len(prefix) :]: one for name, one in state.items() if name.startswith(prefix)}
            )


DETECTOR: Final = Detector(
    name="exfiltration",
    title="Far more sent than received, to a peer that few use; tunnels in names and echoes",
    source="Marchetti et al., Computer Networks 2016; Ellens et al., AIMS 2013",
    misses="data that leaves slowly, over common cloud services, or where only one direction is exported",
    parameters=ExfiltrationSettings(),
    start=Exfiltration,
    columns=frozenset({"icmp_type_code"}),
    technique="T1048",
)
