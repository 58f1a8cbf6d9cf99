"""Which sessions there are, each with both of its sides; bounded, and repaired from a dump where events were lost."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sixfold.agent.conntrack.legs import BEFORE, EVENT_AT, Kind, Leg
from sixfold.agent.counters import Counters

_WAIT_MS: Final = 1_000
"""How long a public side waits for the subscriber's; the kernel tells that one first."""
_HALF: Final = BEFORE.itemsize


@dataclass(frozen=True, slots=True)
class Event:
    """session: packed as SESSION, with its natEvent. time, received: ms UTC. octets: of both directions, at the end."""

    session: bytes
    time: int
    received: int
    octets: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    leg: Leg
    received: int


class Sessions:
    """Not thread-safe. Beyond `most` sessions further ones are told, but not remembered."""

    def __init__(self, most: int, counters: Counters) -> None:
        self._most = most
        self._counters = counters
        self._before: dict[bytes, bytes] = {}
        """Subscriber's sides."""
        self._live: dict[bytes, bytes] = {}
        """Sessions whose creation was told."""
        self._ended: set[bytes] = set()
        """Subscriber's sides that are gone, while the session lives."""
        self._waiting: dict[bytes, _Waiting] = {}
        self._settled: set[bytes] = set()
        """Sessions whose end came out of a dump; its own event may still come."""

    def __len__(self) -> int:
        return len(self._live)

    def take(self, legs: Iterable[Leg], received: int) -> Iterator[Event]:
        """What became of sessions. legs: in the order of the kernel."""
        for leg in legs:
            if leg.kind is Kind.BEFORE:
                yield from self._subscriber_side(leg, received)
            elif leg.created:
                yield from self._created(leg, received)
            else:
                yield from self._destroyed(leg, received)

    def _subscriber_side(self, leg: Leg, received: int) -> Iterator[Event]:
        key = leg.key
        if not leg.created:
            if key in self._live:
                self._ended.add(key)
            else:
                self._before.pop(key, None)
            return
        self._ended.discard(key)
        if len(self._before) < self._most:
            self._before[key] = leg.packed
        else:
            self._counters.add("conntrack_table_full", 1, table="subscribers")
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            yield self._tell(waiting.leg, leg.packed + waiting.leg.packed[_HALF:], waiting.received)

    def _created(self, leg: Leg, received: int) -> Iterator[Event]:
        key = leg.key
        if key in self._live or key in self._waiting:
            return  # a dump told it already
        self._settled.discard(key)
        if leg.kind is Kind.WHOLE:
            yield self._tell(leg, leg.packed, received)
        elif (before := self._before.get(key)) is not None:
            yield self._tell(leg, before + leg.packed[_HALF:], received)
        elif len(self._waiting) < self._most:
            self._waiting[key] = _Waiting(leg, received)
        else:
            yield self._unjoined(leg, received)

    def _tell(self, leg: Leg, session: bytes, received: int) -> Event:
        if len(self._live) < self._most:
            self._live[leg.key] = session
        else:
            self._counters.add("conntrack_table_full", 1, table="sessions")
        return Event(session, leg.time or received, received, 0)

    def _unjoined(self, leg: Leg, received: int) -> Event:
        """The subscriber's side never came: its slot, by its inner address, is all that is known."""
        self._counters.add("conntrack_unjoined", 1)
        return self._tell(leg, leg.packed, received)

    def _destroyed(self, leg: Leg, received: int) -> Iterator[Event]:
        key = leg.key
        session = self._live.pop(key, None)
        if session is None:
            if key in self._settled:
                self._settled.discard(key)
                return
            waiting = self._waiting.pop(key, None)
            if waiting is not None:
                yield self._unjoined(waiting.leg, waiting.received)
                self._live.pop(key, None)
            before = self._before.get(key) if leg.kind is Kind.AFTER else None
            session = leg.packed if before is None else before + leg.packed[_HALF:]
        if key in self._ended:
            self._ended.discard(key)
            self._before.pop(key, None)
        yield _end(session, leg.time or received, received, leg.octets)

    def tick(self, now: int) -> Iterator[Event]:
        """Tell those that waited for their subscriber's side long enough. now: ms UTC."""
        late = [key for key, one in self._waiting.items() if now - one.received > _WAIT_MS]
        for key in late:
            waiting = self._waiting.pop(key)
            yield self._unjoined(waiting.leg, waiting.received)

    def reconcile(self, legs: Iterable[Leg], received: int, since: int) -> Iterator[Event]:
        """legs: the whole table as it is. since: sessions that began before (ms UTC) are known, not told again."""
        found = list(legs)
        there = {leg.key for leg in found if leg.kind is not Kind.BEFORE}
        subscribers = {leg.key for leg in found if leg.kind is Kind.BEFORE}
        self._settled = {key for key in self._live if key not in there}
        for key in self._settled:
            self._counters.add("conntrack_repaired", 1, event="delete")
            yield _end(self._live.pop(key), received, received, 0)
        for key in [key for key in self._before if key not in subscribers and key not in self._live]:
            del self._before[key]
        self._ended = {key for key in self._live if key in self._before and key not in subscribers}
        found.sort(key=lambda leg: leg.kind)
        for leg in found:
            known = leg.key in self._live
            for event in self.take((leg,), received):
                if event.time >= since:
                    if not known:
                        self._counters.add("conntrack_repaired", 1, event="create")
                    yield event


def _end(session: bytes, time: int, received: int, octets: int) -> Event:
    """The event of the end is the number after that of the creation."""
    return Event(
        session[:EVENT_AT] + bytes([session[EVENT_AT] + 1]) + session[EVENT_AT + 1 :], time, received, octets
    )
