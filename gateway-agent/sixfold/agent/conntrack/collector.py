"""conntrack events to NAT_SESSION columns: a decoder like those of NetFlow and sFlow."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from sixfold.agent.conntrack import messages
from sixfold.agent.conntrack.legs import SESSION, Leg, legs
from sixfold.agent.conntrack.receiver import ConntrackReceiver, dump
from sixfold.agent.conntrack.sessions import Event, Sessions
from sixfold.agent.conntrack.translation import Translation
from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_bytes
from sixfold.agent.decoded import Decoded
from sixfold.api.flow.schema import NAT_SESSION, Columns

log = logging.getLogger(__name__)
EXPORTER: Final = "127.0.0.1"
"""conntrack tells of the agent's own machine, as the exporters beside it do."""
_OVERLAP_MS: Final = 15_000
"""A session is told again rather than not at all, where its creation may not have been sealed before a kill."""
_COLUMNS: Final = [
    name for name in SESSION.names or () if name in {column.name for column in NAT_SESSION.columns}
]


class ConntrackCollector:
    """translation: how the gateway translates just now; it is asked anew each time."""

    def __init__(
        self,
        counters: Counters,
        receiver: ConntrackReceiver,
        translation: Callable[[], Translation],
        *,
        most: int,
        saved: Mapping[str, Any] | None = None,
        dump: Callable[[], Iterator[Datagrams]] = dump,
    ) -> None:
        self._counters = counters
        self._receiver = receiver
        self._translation = translation
        self._sessions = Sessions(most, counters)
        self._dump = dump
        self._told_until = int((saved or {}).get("until", 0))
        self._until = self._told_until
        self._used: Translation | None = None

    def state(self) -> dict[str, Any]:
        """until: when events were decoded last, ms UTC."""
        return {"until": self._until}

    def numbers(self) -> bytes:
        return b""

    @property
    def sessions(self) -> int:
        """Sessions that live, as far as they are remembered."""
        return len(self._sessions)

    def decode(self, datagrams: Datagrams) -> Decoded:
        """What these events say of sessions."""
        self._until = int(datagrams.received[-1])
        return _decoded(self._sessions.take(self._legs([datagrams]), self._until))

    def tick(self, now: int) -> Decoded:
        """Once a second. After lost events, and when the agent or a translation is new, the whole table is read."""
        events = list(self._sessions.tick(now))
        translation = self._translation()
        if self._receiver.overrun or translation != self._used:
            self._receiver.overrun = False
            since = 0 if self._used is not None else self._told_until - _OVERLAP_MS
            try:
                events += self._sessions.reconcile(self._legs(self._dump()), now, since)
                self._used = translation
            except OSError as error:
                log.warning("conntrack: the kernel's table cannot be read: %s", error.strerror)
                self._counters.add("conntrack_dump_errors", 1)
                self._receiver.overrun = True
        self._until = now
        return _decoded(events)

    def _legs(self, some: Iterable[Datagrams]) -> list[Leg]:
        translation = self._translation()
        found: list[Leg] = []
        for datagrams in some:
            part: list[Leg] = []
            for group in messages.read(datagrams):
                if isinstance(group, int):
                    self._counters.add("conntrack_unreadable", group)
                    continue
                mine = list(legs(group, translation))
                part += mine
                if ignored := len(group.rows) - len(mine):
                    self._counters.add("conntrack_untranslated", ignored)
            part.sort(key=lambda leg: leg.row)
            found += part
        return found


def _decoded(events: Iterable[Event]) -> Decoded:
    found = list(events)
    return Decoded(nat_sessions=[_columns(found)] if found else [])


def _columns(events: list[Event]) -> Columns:
    packed = np.frombuffer(b"".join(event.session for event in events), dtype=SESSION)
    columns: dict[str, Any] = {name: np.ascontiguousarray(packed[name]) for name in _COLUMNS}
    columns["time"] = np.array([event.time for event in events], dtype=np.int64)
    columns["time_received"] = np.array([event.received for event in events], dtype=np.int64)
    columns["bytes"] = np.array([event.octets for event in events], dtype=np.uint64)
    columns["exporter"] = np.tile(np.frombuffer(address_bytes(EXPORTER), dtype=np.uint8), (len(events), 1))
    return columns
