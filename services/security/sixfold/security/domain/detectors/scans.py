"""Scans: one source that asks many hosts for one port, one host for many ports, or many hosts for many ports.

Only flows that look like a question without a conversation are counted: TCP that never went beyond its handshake, a
few UDP packets, echo requests. Whether they were answered decides: a host that is used as meant is answered mostly, a
scanner seldom (sequential hypothesis testing, TRW: Jung, Paxson, Berger and Balakrishnan, IEEE S&P 2004; a fixed count
with a share of failures is its simple form, as in Bro's scan.bro, Paxson 1999).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

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
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.hosts import Numbers
from sixfold.security.domain.keyed import U64
from sixfold.security.domain.kinds import ACK, FIN, ICMP, ICMPV6, PSH, RST, SYN, TCP, UDP, URG
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

HORIZONTAL: Final = "scan-horizontal"
VERTICAL: Final = "scan-vertical"
BLOCK: Final = "scan-block"
_PORT, _PEER, _PAIRS, _PEERS, _ANSWERED, _PORTS_ANSWERED = range(1, 7)
_KIND: Final = np.uint32(28)
_28: Final = np.uint64((1 << 28) - 1)
_PACKETS: Final = 4
"""A flow with more packets, as the exporter saw them, is a conversation."""
_AGAIN: Final = 20
"""The same of a SYN that nobody answers: it is sent again and again."""
_ECHO: Final = (8 << 8, 128 << 8)
_PROTOCOLS: Final = {TCP: 1, UDP: 2, ICMP: 3, ICMPV6: 4}
_CODES: Final = np.array([_PROTOCOLS.get(number, 0) for number in range(256)], np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    seconds: int = 300
    """How far back different destinations and ports are counted."""
    hosts: int = 32
    """Hosts that one source asks for one TCP port."""
    hosts_datagrams: int = 128
    """The same with UDP or echo requests, which lawful programs do more."""
    ports: int = 50
    """Ports of one host that one source asks for."""
    pairs: int = 256
    """Hosts and ports together, of at least `block_hosts` hosts and `block_ports` ports each."""
    block_hosts: int = 8
    block_ports: float = 3.0
    failed: float = 0.6
    """The share of questions without an answer that makes it a scan."""
    limit: int = 16_384
    """Keys that are counted at a time."""
    most: int = 500
    """Signals of one look."""


class Scans(Counted):
    def __init__(self, settings: ScanSettings) -> None:
        self.settings = settings
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=60_000), settings.most
        )
        self._suspects: U64 = np.zeros(0, np.uint64)
        """Digests of the sources whose answers are worth counting, sorted."""
        self._peers = Recalled(4 * settings.most)

    def add(self, flows: Flows) -> None:
        asks = self._contacts.drawn(flows.made(questions), flows.source)
        if len(asks):
            self._count(flows, asks)
        if len(self._suspects):
            self._count_answers(flows)

    def _count(self, flows: Flows, rows: Numbers) -> None:
        columns, contacts = flows.columns, self._contacts
        source = hosts(flows, rows, "src")
        peers = digests(flows, rows, "dst")
        code = _CODES[columns["protocol"][rows]]
        port = columns["dst_port"][rows].astype(np.uint32)
        port[code >= _PROTOCOLS[ICMP]] = 0
        keyed_port = code << np.uint32(16) | port
        contacts.add(flows, rows, np.uint32(_PORT << 28) | keyed_port, *source, peers)
        contacts.add(flows, rows, _PEERS << 28, *source, peers)
        ported = np.flatnonzero(port)
        if len(ported):
            rows, peers, keyed_port = rows[ported], peers[ported], keyed_port[ported]
            source = (source[0][ported], source[1][ported])
            ports = digest(keyed_port.astype(np.uint64), np.zeros(len(rows), np.uint64))
            lane = pair_lane(_PEER, peers)
            contacts.add(flows, rows, lane, *source, ports)
            contacts.add(flows, rows, _PAIRS << 28, *source, digest(peers, ports))
            self._peers.note(flows, rows, lane, *source)
        by_source = np.unique(digest(*source), return_counts=True)
        busy = by_source[0][by_source[1] * 4 >= self._least]
        if len(busy):
            self._suspects = np.union1d(self._suspects, busy)

    @property
    def _least(self) -> int:
        return min(
            self.settings.hosts, self.settings.hosts_datagrams, self.settings.ports, self.settings.pairs
        )

    def _count_answers(self, flows: Flows) -> None:
        """What came back to the suspects, and where they had a conversation."""
        columns, contacts = flows.columns, self._contacts
        back = contacts.matching(flows, "destination", self._suspects)
        back = back[columns["tcp_flags"][back] & RST == 0]
        if len(back):
            code = _CODES[columns["protocol"][back]]
            port = columns["src_port"][back].astype(np.uint32)
            port[code >= _PROTOCOLS[ICMP]] = 0
            keyed_port = code << np.uint32(16) | port
            source, peers = hosts(flows, back, "dst"), digests(flows, back, "src")
            contacts.add(flows, back, np.uint32(_ANSWERED << 28) | keyed_port, *source, peers)
            ports = digest(keyed_port.astype(np.uint64), np.zeros(len(back), np.uint64))
            lane = pair_lane(_PORTS_ANSWERED, peers)
            contacts.add(flows, back, lane, *source, ports)

    def judged(self, look: Look) -> list[Signal]:
        contacts = self._contacts
        met = contacts.over(self._least / 2, (_PORT, _PEER, _PAIRS, _PEERS))
        self._suspects = np.unique(digest(met.hi, met.lo))
        if not met.count or met.different.max() < self._least:
            return []
        answered = contacts.over(1, (_ANSWERED, _PORTS_ANSWERED)) if len(self._suspects) else met
        answers = dict(zip(index(answered), answered.different.tolist(), strict=True))
        kind = met.lane >> _KIND
        blocks = self._blocks(met, kind)
        signals = list(blocks.values())
        for row in np.flatnonzero(((kind == _PORT) | (kind == _PEER)) & met.fresh).tolist():
            source = (int(met.hi[row]), int(met.lo[row]))
            if kind[row] == _PORT:
                made = self._horizontal(met, row, answers)
            else:
                made = None if source in blocks else self._vertical(met, row, answers)
            if made is not None:
                signals.append(made)
        return signals

    def _horizontal(self, met: Met, row: int, answers: Mapping[tuple[int, int, int], float]) -> Signal | None:
        settings, lane = self.settings, int(met.lane[row])
        code, port = lane >> 16 & 0xFFF, lane & 0xFFFF
        least = settings.hosts if code == _PROTOCOLS[TCP] else settings.hosts_datagrams
        hi, lo, different = int(met.hi[row]), int(met.lo[row]), float(met.different[row])
        failed = 1 - answers.get(((_ANSWERED << 28) | (lane & int(_28)), hi, lo), 0.0) / different
        if different < least or failed < settings.failed:
            return None
        protocol = next(number for number, one in _PROTOCOLS.items() if one == code)
        what = {TCP: f"TCP port {port}", UDP: f"UDP port {port}"}.get(protocol, "an echo")
        said = f"{text(hi, lo)} asked about {different:,.0f} hosts for {what}, {failed:.0%} did not answer"
        match: tuple[tuple[str, tuple[int, ...]], ...] = (("protocol", (protocol,)),)
        return signal(
            detector=DETECTOR.name,
            vector=HORIZONTAL,
            network=(hi, lo, 128),
            span=self._contacts.span,
            sums=met.sums[:, row].tolist(),
            reasons=(Reason("hosts-asked", said, different, least),),
            technique=DETECTOR.technique,
            match=(*match, ("dst_port", (port,))) if port else match,
        )

    def _vertical(self, met: Met, row: int, answers: Mapping[tuple[int, int, int], float]) -> Signal | None:
        settings, lane = self.settings, int(met.lane[row])
        hi, lo, different = int(met.hi[row]), int(met.lo[row]), float(met.different[row])
        back = answers.get(((_PORTS_ANSWERED << 28) | (lane & int(_28)), hi, lo), 0.0)
        failed = 1 - back / different
        if different < settings.ports or failed < settings.failed:
            return None
        peer = self._peers.peer(lane, hi, lo)
        whom = "one host" if peer is None else text(*peer[:2])
        said = f"{text(hi, lo)} asked {whom} for about {different:,.0f} ports, {failed:.0%} did not answer"
        return signal(
            detector=DETECTOR.name,
            vector=VERTICAL,
            network=(hi, lo, 128),
            span=self._contacts.span,
            sums=met.sums[:, row].tolist(),
            reasons=(Reason("ports-asked", said, different, settings.ports),),
            technique=DETECTOR.technique,
            peer=peer,
        )

    def _blocks(self, met: Met, kind: npt.NDArray[np.uint32]) -> dict[tuple[int, int], Signal]:
        settings, found = self.settings, dict[tuple[int, int], Signal]()
        peers = {
            key[1:]: float(met.different[row]) for key, row in index(met).items() if key[0] == _PEERS << 28
        }
        for row in np.flatnonzero((kind == _PAIRS) & (met.different >= settings.pairs) & met.fresh).tolist():
            hi, lo, pairs = int(met.hi[row]), int(met.lo[row]), float(met.different[row])
            many = peers.get((hi, lo), 0.0)
            if many < settings.block_hosts or pairs < settings.block_ports * many:
                continue
            said = f"{text(hi, lo)} asked about {many:,.0f} hosts for {pairs / many:,.0f} ports each"
            found[hi, lo] = signal(
                detector=DETECTOR.name,
                vector=BLOCK,
                network=(hi, lo, 128),
                span=self._contacts.span,
                sums=met.sums[:, row].tolist(),
                reasons=(Reason("hosts-and-ports-asked", said, pairs, settings.pairs),),
                technique=DETECTOR.technique,
            )
        return found


def questions(flows: Flows) -> Numbers:
    """Rows that look like a question without a conversation. Ask for it by `flows.made`."""
    columns = flows.columns
    rate = np.maximum(columns["sampling_rate"], 1)
    rows = np.flatnonzero(columns["packets"] <= _AGAIN * rate)
    protocol, flags = columns["protocol"][rows], columns["tcp_flags"][rows]
    tcp = _ASKING[flags & 63] & (protocol == TCP)
    few = columns["packets"][rows] <= _PACKETS * rate[rows]
    # A server answers from its low port to a high one: the one that asks does the opposite.
    source, destination = columns["src_port"][rows], columns["dst_port"][rows]
    udp = (protocol == UDP) & ((source >= 1024) | (source == destination)) & (source != 0)
    control = (protocol == ICMP) | (protocol == ICMPV6)
    chosen = (tcp & (few | (flags & ACK == 0))) | (~tcp & few & (udp | control))
    rows = rows[chosen]
    kind = columns["icmp_type_code"][rows]
    protocol = protocol[chosen]
    echo = (kind == _ECHO[0]) | (kind == _ECHO[1])
    return rows[(protocol == TCP) | (protocol == UDP) | echo]


def _asking_flags() -> npt.NDArray[np.bool_]:
    """By the low six flags: SYN alone, SYN and RST (an answer that was not wanted), and flags of no connection.

    SYN with ACK and no RST is the answer of a server, or a connection that stands.
    """
    flags = np.arange(64)
    opened = (flags & (SYN | PSH | FIN)) == SYN
    opened &= ((flags & ACK) == 0) | ((flags & RST) != 0)
    odd = ((flags & (ACK | RST)) == 0) & ((flags & (FIN | PSH | URG)) != 0)
    return opened | odd


_ASKING: Final = _asking_flags()


DETECTOR: Final = Detector(
    name="scans",
    title="A source that asks many hosts, many ports, or both, and is seldom answered",
    source="Jung et al., IEEE S&P 2004 (TRW); Paxson, Computer Networks 1999; ATT&CK T1046",
    misses="scans slower than the thresholds in five minutes or spread over many sources; connect scans that send "
    "data; null scans, which exporters without flags look like; UDP where only one direction is exported",
    parameters=ScanSettings(),
    start=Scans,
    columns=frozenset({"icmp_type_code"}),
    technique="T1046",
)
