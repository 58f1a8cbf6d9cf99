"""What logs say about one moment, give or take the clocks: who was behind a public port, who held an address.

Everything is intervals of time. An answer is the set of everybody who is possible within the tolerance; the desk
names somebody only where the set has one element.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sixfold.identity.domain.case import Asked, is_local

CREATE: Final = {1: "session", 4: "session", 6: "session", 8: "bib", 10: "bib", 14: "address", 16: "block"}
DELETE: Final = {2: "session", 5: "session", 7: "session", 9: "bib", 11: "bib", 15: "address", 17: "block"}
"""natEvent, RFC 8158 table 1; 1 and 2 where an exporter is unspecific."""
MAX_INSIDE: Final = 16
"""Inside addresses of one question that are looked up; more are ambiguous anyway."""


@dataclass(frozen=True, slots=True)
class NatEvent:
    """One event at the asked public address and port (or a block around it). Addresses are numbers of 128 bits."""

    time: int
    event: int
    protocol: int
    inside: int
    inside_port: int
    destination: int
    destination_port: int
    block_first: int
    block_last: int
    gateway: str


@dataclass(frozen=True, slots=True)
class Inside:
    """Somebody behind a translation: an address and the gateway behind which it means something."""

    address: int
    gateway: str
    path: str


@dataclass(frozen=True, slots=True)
class Held:
    """A binding over an address. until 0: it lasts."""

    holder: str
    length: int
    since: int
    until: int
    gateway: str = ""
    port_first: int = 0
    port_last: int = 65_535


def inside_of(asked: Asked, events: Sequence[NatEvent], lookback: int) -> frozenset[Inside]:
    """Everybody whom the translation had at the asked place at some instant within the tolerance."""
    open_since: dict[tuple[object, ...], NatEvent] = {}
    ended: dict[tuple[object, ...], int] = {}
    found: set[Inside] = set()

    def seen(event: NatEvent, since: int, until: int) -> None:
        if since <= asked.end and until >= asked.start:
            found.add(Inside(event.inside, event.gateway, _path(event)))

    for event in sorted(events, key=lambda one: one.time):
        kind = CREATE.get(event.event) or DELETE.get(event.event)
        if kind is None or not _concerns(asked, event, kind):
            continue
        place = _place(event, kind)
        before = open_since.get(place)
        if event.event in CREATE:
            if before is not None and _who(before) == _who(event):
                continue  # told again: it has lasted since the first time
            if before is not None:
                # Its end was never told; whoever comes after it at the same place ends it.
                seen(before, before.time, min(event.time, before.time + lookback))
            open_since[place] = event
        elif before is None:
            # Only its end is told, or it began before what was read.
            seen(event, max(event.time - lookback, ended.get(place, 0)), event.time)
            ended[place] = event.time
        elif _who(before) == _who(event):
            seen(before, before.time, event.time)
            ended[place] = event.time
            del open_since[place]
    for event in open_since.values():
        seen(event, event.time, event.time + lookback)
    return frozenset(found)


def _path(event: NatEvent) -> str:
    return "port-block" if event.event in (16, 17) else "nat-session"


def _who(event: NatEvent) -> tuple[int, int, str]:
    return event.inside, event.inside_port, event.gateway


def _place(event: NatEvent, kind: str) -> tuple[object, ...]:
    """Two at one place at one time cannot be. A session's place includes where it leads: NATs may use one public port
    for several destinations."""
    if kind == "session":
        return kind, event.gateway, event.protocol, event.destination, event.destination_port
    if kind == "block":
        return kind, event.gateway, event.block_first
    return kind, event.gateway, event.protocol


def _concerns(asked: Asked, event: NatEvent, kind: str) -> bool:
    if event.protocol and asked.protocol and event.protocol != asked.protocol:
        return False
    if kind != "session" or not event.destination:
        return True
    if asked.destination and event.destination != asked.destination:
        return False
    return not asked.destination_port or event.destination_port in (0, asked.destination_port)


def holders_of(address: int, gateway: str, start: int, end: int, held: Iterable[Held]) -> frozenset[str]:
    """Who held the address at some instant from `start` to `end`, at each instant the most specific.

    An address that means something behind one gateway only is held by bindings of that gateway.
    """
    local = bool(gateway) and is_local(address)
    rows = [
        (max(one.since, start), one.until or end + 1, one)
        for one in held
        if one.since <= end
        and (one.until == 0 or one.until > start)
        and not (local and one.gateway and one.gateway != gateway)
    ]
    if len(rows) == 1:
        return frozenset((rows[0][2].holder,))
    names: set[str] = set()
    for moment in sorted({start, *(since for since, _, _ in rows), *(until for _, until, _ in rows)}):
        there = [one for since, until, one in rows if since <= moment < until and moment <= end]
        longest = max((one.length for one in there), default=0)
        names |= {one.holder for one in there if one.length == longest}
    return frozenset(names)
