"""Rules by what they hold and when: found by one look for each prefix length in use."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from sixfold.address.domain.prefix import BITS, Prefix
from sixfold.api.addressing.port_set import PortSet, psid_of

FOR_EVER = 1 << 62


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A rule in force from `start` until just before `end`."""

    start: int
    end: int
    rule_id: str

    def meets(self, start: int, end: int) -> bool:
        return self.start < end and start < self.end


Timeline = list[Span]
"""Spans that do not overlap, in order."""


@dataclass(slots=True)
class Place:
    """What lies at one prefix: rules over all ports, and rules over port sets, by their parameters and PSID."""

    whole: Timeline = field(default_factory=list[Span])
    sets: dict[tuple[int, int], dict[int, Timeline]] = field(
        default_factory=dict[tuple[int, int], dict[int, Timeline]]
    )

    def timeline(self, ports: PortSet | None) -> Timeline:
        if ports is None:
            return self.whole
        return self.sets.setdefault((ports.offset, ports.length), {}).setdefault(ports.psid, [])

    def of_sets(self) -> Iterator[Timeline]:
        for timelines in self.sets.values():
            yield from timelines.values()


@dataclass(slots=True)
class Index:
    """Places by prefix. Prefixes are numbers of 128 bits, IPv4 as IPv4-mapped."""

    places: dict[int, dict[int, Place]] = field(default_factory=dict[int, dict[int, Place]])
    networks: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    """Of each length in use, in order."""

    def add(self, prefix: Prefix, ports: PortSet | None, span: Span) -> None:
        of_length = self.places.setdefault(prefix.length, {})
        place = of_length.get(prefix.network)
        if place is None:
            place = of_length[prefix.network] = Place()
            insort(self.networks.setdefault(prefix.length, []), prefix.network)
        insort(place.timeline(ports), span)

    def remove(self, prefix: Prefix, ports: PortSet | None, span: Span) -> None:
        """A place that is left empty stays: its prefix is likely to be used again."""
        self.places[prefix.length][prefix.network].timeline(ports).remove(span)

    def around(self, prefix: Prefix) -> Iterator[tuple[Prefix, Place]]:
        """Places that share addresses with a prefix: those that hold it, itself, and those in it."""
        for length, of_length in self.places.items():
            if length <= prefix.length:
                network = prefix.network >> (BITS - length) << (BITS - length)
                if (place := of_length.get(network)) is not None:
                    yield Prefix(network, length), place
            else:
                networks = self.networks[length]
                at = bisect_left(networks, prefix.network)
                while at < len(networks) and networks[at] <= prefix.last:
                    yield Prefix(networks[at], length), of_length[networks[at]]
                    at += 1

    def at(self, address: int) -> Iterator[Place]:
        """Places that hold an address."""
        for length, of_length in self.places.items():
            place = of_length.get(address >> (BITS - length) << (BITS - length))
            if place is not None:
                yield place


def during(timeline: Timeline, start: int, end: int) -> Iterator[Span]:
    """Spans that meet [start, end), in order."""
    at = max(0, bisect_right(timeline, start, key=lambda span: span.start) - 1)
    while at < len(timeline) and timeline[at].start < end:
        if timeline[at].meets(start, end):
            yield timeline[at]
        at += 1


def of_port(place: Place, port: int | None, start: int, end: int) -> Iterator[Span]:
    """Spans at a place that may have a port, or, without one, any."""
    yield from during(place.whole, start, end)
    for (offset, length), timelines in place.sets.items():
        if port is None:
            for timeline in timelines.values():
                yield from during(timeline, start, end)
            continue
        psid = psid_of(port, offset, length)
        if psid is not None and psid in timelines:
            yield from during(timelines[psid], start, end)
