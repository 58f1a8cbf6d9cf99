"""Slow attacks on servers: many connections that stay and say next to nothing (Slowloris, slow POST, slow read).

Hansen 2009; RFC 4732, 2.1.2 (state of a host). Counted are connections that have stood for long with few bytes a
second, by the pair of client and server, and by server where few clients hold many each.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sixfold.security.domain.contacts import (
    Contacts,
    Counted,
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
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.kinds import ACK, TCP
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

VECTOR: Final = "slow-connections"
_PAIR, _SERVER, _CLIENTS = 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowSettings:
    seconds: int = 300
    lasting: float = 10.0
    """Seconds that a connection has stood, as its flow shows them."""
    bytes_per_second: float = 60.0
    ports: tuple[int, ...] = (80, 443, 8000, 8080, 8443)
    connections: int = 150
    """Of one client with one server. Many subscribers behind one address may hold as many: raise it for those."""
    server: int = 600
    """Of all clients with one server, where each holds at least `each`."""
    each: float = 10.0
    limit: int = 16_384
    most: int = 200


class Slow(Counted):
    def __init__(self, settings: SlowSettings) -> None:
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=60_000), settings.most
        )
        self.settings = settings
        self._ports = np.zeros(65_536, bool)
        self._ports[list(settings.ports)] = True
        self._peers = Recalled(4 * settings.most)

    def add(self, flows: Flows) -> None:
        settings, columns, contacts = self.settings, flows.columns, self._contacts
        lasting = columns["time_end"] - columns["time_start"]
        wanted = (lasting >= settings.lasting * 1000) & (columns["protocol"] == TCP)
        rows = np.flatnonzero(wanted & self._ports[columns["dst_port"]] & (columns["src_port"] >= 1024))
        flags = columns["tcp_flags"][rows]
        slow = columns["bytes"][rows] * 1000.0 <= settings.bytes_per_second * lasting[rows]
        slow &= ((flags == 0) | ((flags & ACK) != 0)) & (unsampled(flows, rows) >= 2)
        rows = contacts.drawn(rows[slow])
        if not len(rows):
            return
        client, server = hosts(flows, rows, "src"), hosts(flows, rows, "dst")
        ports = columns["src_port"][rows].astype(np.uint64)
        lane = pair_lane(_PAIR, digests(flows, rows, "dst"))
        contacts.add(flows, rows, lane, *client, digest(ports, ports))
        contacts.add(flows, rows, _SERVER << 28, *server, digest(digest(*client), ports))
        contacts.add(flows, rows, _CLIENTS << 28, *server, digest(*client))
        self._peers.note(flows, rows, lane, *client)

    def judged(self, look: Look) -> list[Signal]:
        settings, contacts = self.settings, self._contacts
        met = contacts.over(settings.connections, (_PAIR, _SERVER))
        clients = contacts.over(1, (_CLIENTS,))
        many = {key[1:]: float(clients.different[row]) for key, row in index(clients).items()}
        found: list[Signal] = []
        for row in np.flatnonzero(met.fresh).tolist():
            lane, hi, lo = int(met.lane[row]), int(met.hi[row]), int(met.lo[row])
            standing, peer = float(met.different[row]), None
            if lane >> 28 == _PAIR:
                peer = self._peers.peer(lane, hi, lo)
                whom = "one server" if peer is None else text(*peer[:2])
                said = f"{text(hi, lo)} holds about {standing:,.0f} idle connections with {whom}"
                reason = Reason("idle-connections", said, standing, settings.connections)
            else:
                sources = max(many.get((hi, lo), standing), 1.0)
                if standing < settings.server or standing < settings.each * sources:
                    continue
                said = f"{text(hi, lo)} has about {standing:,.0f} idle connections of {sources:,.0f} clients"
                reason = Reason("idle-connections-of-server", said, standing, settings.server)
            found.append(
                signal(
                    detector=DETECTOR.name,
                    vector=VECTOR,
                    network=(hi, lo, 128),
                    span=contacts.span,
                    sums=met.sums[:, row].tolist(),
                    reasons=(reason,),
                    technique=DETECTOR.technique,
                    side="source" if lane >> 28 == _PAIR else "destination",
                    peer=peer,
                    match=(("protocol", (TCP,)), ("dst_port", settings.ports)),
                )
            )
        return found


DETECTOR: Final = Detector(
    name="slow-connections",
    title="Many connections that stand and say next to nothing",
    source="Hansen, Slowloris, 2009; RFC 4732, 2.1.2",
    misses="exporters with active timeouts under `lasting`; slow requests over one HTTP/2 or QUIC connection",
    parameters=SlowSettings(),
    start=Slow,
    technique="T1499.002",
)
