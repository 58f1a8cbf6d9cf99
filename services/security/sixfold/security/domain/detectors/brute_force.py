"""Guessing of passwords: very many short conversations with a service that asks for one.

Sperotto, Sadre, van Vliet and Pras, IPOM 2009, and Hellemans et al. (SSHCure), AIMS 2012: after a scan comes a phase
of connections of few packets each, all alike. Counted are finished conversations: of one source with one host, of one
source with many hosts (spraying), and of many sources with one host (a guessing botnet).
"""

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
    unsampled,
)
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.detectors.scans import questions
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.kinds import ACK, TCP
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

VECTOR: Final = "brute-force"
SPRAYED: Final = "brute-force-spread"
HAMMERED: Final = "connection-hammering"
_PAIR, _SPRAY, _HOST, _FAILED = 1, 2, 3, 4
SERVICES: Final = {
    21: "ftp", 22: "ssh", 23: "telnet", 110: "pop3", 143: "imap", 445: "smb", 465: "smtps", 587: "submission",
    1433: "mssql", 2222: "ssh", 2323: "telnet", 3306: "mysql", 3389: "rdp", 5432: "postgresql", 5900: "vnc",
    5985: "winrm", 6379: "redis", 27017: "mongodb",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BruteForceSettings:
    seconds: int = 300
    attempts: int = 40
    """Conversations of one source with one service of one host."""
    spray_hosts: int = 16
    """Hosts of one source that together make twice `attempts`."""
    sources: int = 60
    """Sources that make four times `attempts` with one service."""
    failed: int = 500
    """Connections to one port of one host that never came about, each from another port of one source."""
    packets: tuple[int, int] = (5, 60)
    """An attempt has so many packets in one direction, as the exporter saw them."""
    ports: tuple[int, ...] = tuple(SERVICES)
    limit: int = 16_384
    most: int = 200


class BruteForce(Counted):
    def __init__(self, settings: BruteForceSettings) -> None:
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=60_000), settings.most
        )
        self.settings = settings
        self._ports = np.zeros(65_536, bool)
        self._ports[list(settings.ports)] = True
        self._peers = Recalled(4 * settings.most)

    def add(self, flows: Flows) -> None:
        self._hammer(flows)
        columns, contacts = flows.columns, self._contacts
        wanted = self._ports[columns["dst_port"]] & (columns["protocol"] == TCP)
        rows = np.flatnonzero(wanted & (columns["src_port"] >= 1024))
        flags = columns["tcp_flags"][rows]
        rows = rows[(flags == 0) | ((flags & ACK) != 0)]
        seen = unsampled(flows, rows)
        low, high = self.settings.packets
        rows = contacts.drawn(rows[(seen >= low) & (seen <= high)], flows.source)
        if not len(rows):
            return
        port = columns["dst_port"][rows]
        source, peers = hosts(flows, rows, "src"), digests(flows, rows, "dst")
        tries = digest(
            columns["src_port"][rows].astype(np.uint64), columns["time_start"][rows].astype(np.uint64)
        )
        lane = pair_lane(_PAIR, digest(peers, port.astype(np.uint64)))
        contacts.add(flows, rows, lane, *source, tries)
        contacts.add(flows, rows, np.uint32(_SPRAY << 28) | port, *source, peers)
        contacts.add(flows, rows, np.uint32(_HOST << 28) | port, *hosts(flows, rows, "dst"), digest(*source))
        self._peers.note(flows, rows, lane, *source)

    def _hammer(self, flows: Flows) -> None:
        """Connections that a host refuses or leaves without an answer, again and again."""
        rows = flows.made(questions)
        rows = self._contacts.drawn(rows[flows.columns["protocol"][rows] == TCP], flows.source)
        if len(rows):
            port = flows.columns["dst_port"][rows].astype(np.uint64)
            lane = pair_lane(_FAILED, digest(digests(flows, rows, "dst"), port))
            tries = flows.columns["src_port"][rows].astype(np.uint64)
            self._contacts.add(flows, rows, lane, *hosts(flows, rows, "src"), digest(tries, tries))
            self._peers.note(flows, rows, lane, *hosts(flows, rows, "src"))

    def judged(self, look: Look) -> list[Signal]:
        settings = self.settings
        met = self._contacts.over(min(settings.spray_hosts, settings.attempts, settings.sources))
        kind = met.lane >> np.uint32(28)
        tries, different = met.sums[0], met.different
        spray = (kind == _SPRAY) & (different >= settings.spray_hosts) & (tries >= 2 * settings.attempts)
        many = (kind == _HOST) & (different >= settings.sources) & (tries >= 4 * settings.attempts)
        sprayers = {key[1:] for key in index(_chosen(met, spray))}
        found = [self._spread(met, row, spray=True) for row in np.flatnonzero(spray & met.fresh).tolist()]
        found += [self._spread(met, row, spray=False) for row in np.flatnonzero(many & met.fresh).tolist()]
        for row in np.flatnonzero((kind == _PAIR) & (different >= settings.attempts) & met.fresh).tolist():
            hi, lo = int(met.hi[row]), int(met.lo[row])
            if (hi, lo) in sprayers:
                continue
            peer = self._peers.peer(int(met.lane[row]), hi, lo)
            whom = "one host" if peer is None else text(*peer[:2])
            said = f"{text(hi, lo)} tried {whom} about {different[row]:,.0f} times in short conversations"
            reason = Reason("attempts", said, float(different[row]), settings.attempts)
            found.append(self._signal(met, row, VECTOR, reason, peer, settings.ports))
        for row in np.flatnonzero((kind == _FAILED) & (different >= settings.failed) & met.fresh).tolist():
            hi, lo = int(met.hi[row]), int(met.lo[row])
            peer = self._peers.peer(int(met.lane[row]), hi, lo)
            whom = "one host" if peer is None else text(*peer[:2])
            said = (
                f"{text(hi, lo)} asked one port of {whom} for about {different[row]:,.0f} connections in vain"
            )
            reason = Reason("connections-in-vain", said, float(different[row]), settings.failed)
            found.append(self._signal(met, row, HAMMERED, reason, peer, ()))
        return found

    def _spread(self, met: Met, row: int, *, spray: bool) -> Signal:
        settings, port = self.settings, int(met.lane[row]) & 0xFFFF
        name = f"{SERVICES.get(port, 'port')} ({port})"
        tries, many = float(met.sums[0, row]), float(met.different[row])
        whom = text(int(met.hi[row]), int(met.lo[row]))
        if spray:
            said = f"{whom} tried {name} of about {many:,.0f} hosts {tries:,.0f} times"
            reason = Reason("hosts-tried", said, many, settings.spray_hosts)
        else:
            said = f"about {many:,.0f} sources tried {name} of {whom} {tries:,.0f} times"
            reason = Reason("sources-that-try", said, many, settings.sources)
        return self._signal(
            met, row, SPRAYED, reason, None, (port,), side="source" if spray else "destination"
        )

    def _signal(
        self,
        met: Met,
        row: int,
        vector: str,
        reason: Reason,
        peer: tuple[int, int, int] | None,
        ports: tuple[int, ...],
        side: str = "source",
    ) -> Signal:
        return signal(
            detector=DETECTOR.name,
            vector=vector,
            network=(int(met.hi[row]), int(met.lo[row]), 128),
            span=self._contacts.span,
            sums=met.sums[:, row].tolist(),
            reasons=(reason,),
            technique=DETECTOR.technique,
            side=side,
            peer=peer,
            match=(("protocol", (TCP,)), ("dst_port", ports)) if ports else (("protocol", (TCP,)),),
        )


def _chosen(met: Met, rows: np.ndarray) -> Met:
    return Met(
        met.lane[rows], met.hi[rows], met.lo[rows], met.different[rows], met.sums[:, rows], met.fresh[rows]
    )


DETECTOR: Final = Detector(
    name="brute-force",
    title="Very many short conversations with a service that asks for a password",
    source="Sperotto et al., IPOM 2009; Hellemans et al. (SSHCure), AIMS 2012",
    misses="guessing over one long connection, over HTTP, or slower than the threshold; services at other ports",
    parameters=BruteForceSettings(),
    start=BruteForce,
    columns=frozenset({"icmp_type_code"}),
    technique="T1110",
)
