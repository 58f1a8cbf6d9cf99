"""What gateways say that policies have done, added up: totals that never fall, rates, and whether it is over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sixfold.security.domain.mitigation.values import Effect, Kind, Mitigation

CURRENT_SECONDS: Final = 30.0
"""A report that is older tells no rate."""


@dataclass(frozen=True, slots=True)
class Count:
    matched_packets: int = 0
    matched_bytes: int = 0
    acted_packets: int = 0
    acted_bytes: int = 0

    def since(self, before: "Count") -> "Count":
        """A count that fell began anew."""
        if self.matched_packets < before.matched_packets or self.acted_packets < before.acted_packets:
            return self
        return Count(
            self.matched_packets - before.matched_packets,
            self.matched_bytes - before.matched_bytes,
            self.acted_packets - before.acted_packets,
            self.acted_bytes - before.acted_bytes,
        )

    def plus(self, other: "Count") -> "Count":
        return Count(
            self.matched_packets + other.matched_packets,
            self.matched_bytes + other.matched_bytes,
            self.acted_packets + other.acted_packets,
            self.acted_bytes + other.acted_bytes,
        )


@dataclass(slots=True)
class _Place:
    """One policy at one gateway. told: the newest report, by the gateway's clock; heard: by ours."""

    told: datetime
    heard: datetime
    count: Count
    grown: Count = Count()
    seconds: float = 0.0


@dataclass(slots=True)
class Tally:
    """One mitigation over all gateways, while this process lives."""

    places: dict[str, _Place] = field(default_factory=dict[str, _Place])
    total: Count = Count()
    peak: float = 0.0
    """Packets per second."""
    busy: datetime | None = None
    """When more than a little was last matched."""

    def hear(self, gateway: str, told: datetime, heard: datetime, count: Count) -> None:
        """The same report again changes nothing; one from before the last is of a clock that was put back."""
        place = self.places.get(gateway)
        if place is None:
            self.places[gateway] = _Place(told, heard, count)
            self.total = self.total.plus(count)
            return
        if told == place.told:
            return
        place.grown, place.seconds = (
            count.since(place.count),
            max((heard - place.heard).total_seconds(), 0.05),
        )
        place.told, place.heard, place.count = told, heard, count
        self.total = self.total.plus(place.grown)

    def rates(self, now: datetime) -> tuple[float, float, float]:
        """(matched bits, acted bits, matched packets) per second."""
        current = [
            one
            for one in self.places.values()
            if one.seconds > 0 and abs((now - one.heard).total_seconds()) <= CURRENT_SECONDS
        ]
        return (
            sum(one.grown.matched_bytes * 8 / one.seconds for one in current),
            sum(one.grown.acted_bytes * 8 / one.seconds for one in current),
            sum(one.grown.matched_packets / one.seconds for one in current),
        )

    def heard_from(self, gateways: Iterable[str], now: datetime) -> bool:
        """Whether each of them has told something newly."""
        return all(
            (one := self.places.get(name)) is not None
            and one.seconds > 0
            and abs((now - one.heard).total_seconds()) <= CURRENT_SECONDS
            for name in gateways
        )


def measure(one: Mitigation, tally: Tally, now: datetime, collateral: Mapping[str, int] | None) -> Effect:
    """collateral: flows, bytes, sources; None where it is not known (then what was known before stays)."""
    before = one.effect or Effect(now)
    matched, acted, _ = tally.rates(now)
    counts = {
        name: max(getattr(tally.total, name), getattr(before, name)) for name in Count.__dataclass_fields__
    }
    side = collateral or {
        "flows": before.collateral_flows, "bytes": before.collateral_bytes, "sources": before.collateral_sources
    }  # fmt: skip
    return Effect(
        time=now,
        **counts,
        matched_bits_per_second=matched,
        acted_bits_per_second=acted,
        passed_bits_per_second=matched if one.policy.action.kind is Kind.MARK else max(matched - acted, 0.0),
        collateral_flows=side["flows"],
        collateral_bytes=side["bytes"],
        collateral_sources=side["sources"],
        collateral_known=collateral is not None or before.collateral_known,
    )


def is_over(
    one: Mitigation, tally: Tally, gateways: Iterable[str], now: datetime, *, little: float, seconds: float
) -> bool:
    """Whether what it matches has ceased: for so long no more than `little` packets a second, or a hundredth of what
    it was, at all its gateways. A diversion is never over by itself: what is led away is not seen.
    """
    if one.policy.action.kind is Kind.DIVERT or one.approved is None:
        return False
    _, _, packets = tally.rates(now)
    tally.peak = max(tally.peak, packets)
    if tally.busy is None or packets > max(little, tally.peak / 100) or not tally.heard_from(gateways, now):
        tally.busy = now
    return (now - tally.busy).total_seconds() >= seconds
