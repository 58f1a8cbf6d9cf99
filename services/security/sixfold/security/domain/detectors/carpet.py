"""Carpet bombing: a prefix is flooded by many hosts at once, each under the threshold of a host.

Heinrich et al., "New kids on the DRDoS block", PAM 2021; Jonker et al., IMC 2017. What the prefix gets is judged as
a whole, by one family of packets (UDP reflected or not, SYN, ICMP …), where no host of it has more than a part: else
it is that host's flood, and said so by the others. What tells it from a busy prefix is the share of the family, and
how evenly it lies over the hosts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sixfold.security.domain import addresses
from sixfold.security.domain.breakdown import Mixture
from sixfold.security.domain.detector import Detector, Look, Stateless
from sixfold.security.domain.detectors.floods import (
    certain,
    confidence_of,
    network_of,
    numbers_of,
    rates_of,
    recent,
    reflected_kinds,
    severity_of,
)
from sixfold.security.domain.events import Reason
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.window import View, Window

VECTOR: Final = "carpet-bombing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    name: str
    kinds: tuple[str, ...]
    packets_per_second: float
    match: tuple[tuple[str, tuple[int, ...]], ...]
    share: float = 0.6


FAMILIES: Final = (
    Family(
        name="reflected UDP",
        kinds=tuple(reflected_kinds()),
        packets_per_second=40_000,
        match=(("protocol", (17,)),),
    ),
    Family(
        name="UDP",
        kinds=("udp", "udp-fragment"),
        packets_per_second=80_000,
        match=(("protocol", (17,)),),
        share=0.8,
    ),
    Family(
        name="SYN",
        kinds=("tcp-syn",),
        packets_per_second=20_000,
        match=(("protocol", (6,)), ("tcp_flags", (2,))),
    ),
    Family(
        name="TCP answers and resets",
        kinds=("tcp-synack", "tcp-rst", "tcp-odd"),
        packets_per_second=20_000,
        match=(("protocol", (6,)),),
    ),
    Family(name="ICMP", kinds=("icmp", "icmpv6"), packets_per_second=20_000, match=(("protocol", (1, 58)),)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarpetSettings:
    sensitivity: float = 1.0
    hosts: int = 16
    """Hosts of the prefix that get a part of it."""
    largest: float = 0.3
    """What one host has of all the prefix's packets at most."""
    window_slots: int = 2
    release: float = 0.7
    severities: tuple[float, float, float] = (2.0, 5.0, 20.0)
    most: int = 100


class Carpet(Stateless):
    def __init__(self, settings: CarpetSettings) -> None:
        self.settings = settings

    def look(self, look: Look) -> list[Signal]:
        found: dict[tuple[int, int, int], Signal] = {}
        for first, last, mixture in recent(look, View.PREFIX, self.settings.window_slots):
            for family in FAMILIES:
                for signal in self._of(family, mixture, look.window, (first, last)):
                    best = found.get(signal.network)
                    if best is None or signal.confidence >= best.confidence:
                        found[signal.network] = signal
        return sorted(found.values(), key=lambda one: one.confidence, reverse=True)[: self.settings.most]

    def _of(self, family: Family, mixture: Mixture, window: Window, slots: tuple[int, int]) -> list[Signal]:
        settings = self.settings
        mine, whole = mixture.of(numbers_of(family.kinds)), mixture.all
        threshold = family.packets_per_second / settings.sensitivity
        rate = certain(mine) / mixture.seconds
        share = mine[1] / np.maximum(whole[1], 1.0)
        rows = np.flatnonzero((rate >= threshold * settings.release) & (share >= family.share))
        signals: list[Signal] = []
        for row in rows.tolist():
            network = network_of(mixture, row)
            hosts, largest = _spread(window, network, slots)
            if hosts < settings.hosts or largest > settings.largest:
                continue
            times = float(rate[row]) / threshold
            sources = mixture.sources(row, numbers_of(family.kinds))
            reasons = (
                Reason(
                    code="carpet-rate",
                    text=f"{rate[row]:,.0f} packets/s of {family.name} to {addresses.network_text(*network)}, "
                    f"{times:.1f} times {threshold:,.0f}",
                    measured=float(rate[row]),
                    threshold=threshold,
                ),
                Reason(
                    code="carpet-hosts",
                    text=f"over {hosts:,} of its hosts, none with more than {largest:.0%}; "
                    f"from about {sources:,.0f} sources",
                    measured=float(hosts),
                    threshold=float(settings.hosts),
                ),
            )
            signals.append(
                Signal(
                    detector=DETECTOR.name,
                    vector=VECTOR,
                    network=network,
                    window_start=slots[0] * window.settings.slot_ms,
                    window_end=(slots[1] + 1) * window.settings.slot_ms,
                    rates=rates_of(mine[:, row], mixture.seconds),
                    opens=times >= 1.0,
                    severity=severity_of(times, settings.severities),
                    confidence=confidence_of(times, float(share[row])),
                    reasons=reasons,
                    match=family.match,
                    technique=DETECTOR.technique,
                )
            )
        return signals


def _spread(window: Window, network: tuple[int, int, int], slots: Sequence[int]) -> tuple[int, float]:
    """Hosts of the prefix that got something, and the largest part that one of them has of its packets."""
    frame = window.volumes(View.DESTINATION, slots[0], slots[1])
    hi, lo = frame["hi"].to_numpy(), frame["lo"].to_numpy()
    inside = frame.filter(pl.Series(addresses.inside(hi, lo, network)))
    packets = inside["packets"].to_numpy()
    total = float(packets.sum())
    return len(packets), float(packets.max()) / total if total else 1.0


DETECTOR: Final = Detector(
    name="carpet",
    title="Many hosts of a prefix flooded at once, each a little",
    source="Heinrich et al., PAM 2021; Jonker et al., IMC 2017",
    misses="prefixes wider than the window's (/24 and /64), where each of those gets too little",
    parameters=CarpetSettings(),
    start=Carpet,
    technique="T1498.001",
)
