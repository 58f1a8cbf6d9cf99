"""Volumetric threshold: bits, packets or flows per second towards one host or one prefix.

The fixed-threshold method of every operator's first defence (RFC 4732, 2; RFC 8612 use cases). A rate is
the mean over
a sliding window of event time with each flow laid over its duration, so an exporter's long flow makes no
peak when it is
exported, and a late batch counts in the window where it belongs. The window's whole length divides, also
while it is
still filling: never an early false alarm, and a flood of k times the threshold is seen after a k-th of the
window.

Hysteresis: a victim signals "opens" from the threshold on, "still on" down to `release` times the threshold.
A prefix is silent while one of its hosts that is over the threshold makes most of its traffic: one attack,
one incident.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from sixfold.security.domain import addresses
from sixfold.security.domain.detector import Detector, Look, Stateless
from sixfold.security.domain.events import Rates, Reason, Severity
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.table import METRICS
from sixfold.security.domain.window import View, Window

VECTOR: Final = "volumetric"
_UNITS: Final = (("bits", "bit/s"), ("packets", "packets/s"), ("flows", "flows/s"))


@dataclass(frozen=True, slots=True)
class Thresholds:
    bits_per_second: float
    packets_per_second: float
    flows_per_second: float

    @property
    def values(self) -> tuple[float, float, float]:
        return self.bits_per_second, self.packets_per_second, self.flows_per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumetricSettings:
    host: Thresholds = field(default_factory=lambda: Thresholds(1e9, 100_000, 10_000))
    prefix: Thresholds = field(default_factory=lambda: Thresholds(5e9, 500_000, 50_000))
    window_slots: int = 2
    release: float = 0.7
    host_share: float = 0.5
    severities: tuple[float, float, float] = (2.0, 5.0, 20.0)
    """Multiples of the threshold from which an incident is medium, high, critical."""
    most: int = 1_000
    """Signals of one pass, the heaviest first."""


class Volumetric(Stateless):
    name: str = "volumetric"

    def __init__(self, settings: VolumetricSettings) -> None:
        self.settings = settings

    def look(self, look: Look) -> list[Signal]:
        return self.detect(look.window, look.grown)

    def detect(self, window: Window, grown: Sequence[int]) -> list[Signal]:
        ends = sorted({slot + later for slot in grown for later in range(self.settings.window_slots)})
        signals: dict[tuple[int, int, int], Signal] = {}
        for end in ends:
            if window.head - window.settings.slots + self.settings.window_slots <= end <= window.head:
                for signal in self._at(window, end):
                    best = signals.get(signal.network)
                    if best is None or _weight(signal) >= _weight(best):
                        signals[signal.network] = signal
        ordered = sorted(signals.values(), key=lambda signal: signal.confidence, reverse=True)
        return ordered[: self.settings.most]

    def _at(self, window: Window, end: int) -> list[Signal]:
        shape = window.settings
        hosts = self._signals(window, View.DESTINATION, end, self.settings.host, 128, 128)
        prefixes = self._signals(
            window, View.PREFIX, end, self.settings.prefix, 96 + shape.prefix_ipv4, shape.prefix_ipv6
        )
        if not prefixes:
            return hosts
        largest = self._largest_hosts(hosts, shape.prefix_ipv4, shape.prefix_ipv6)
        return hosts + [
            signal for signal in prefixes if not self._is_one_host(signal, largest.get(signal.network[:2]))
        ]

    def _signals(
        self, window: Window, view: View, end: int, thresholds: Thresholds, length4: int, length6: int
    ) -> list[Signal]:
        settings, slot_ms = self.settings, window.settings.slot_ms
        seconds = settings.window_slots * slot_ms / 1000
        first = end - settings.window_slots + 1
        bits, packets, flows = (value * seconds * settings.release for value in thresholds.values)
        over = window.over(view, first, end, (bits / 8, packets, flows))
        if not len(over):
            return []
        volumes = np.column_stack([over[metric].to_numpy() for metric in METRICS])
        volumes *= np.array([8.0, 1.0, 1.0]) / seconds
        ratios = volumes / np.array(thresholds.values)
        strongest = np.argsort(ratios.max(axis=1))[::-1][: settings.most]
        hi, lo = over["hi"].to_numpy(), over["lo"].to_numpy()
        four = addresses.is_ipv4(hi, lo)
        return [
            self._signal(
                (int(hi[i]), int(lo[i]), length4 if four[i] else length6),
                (first * slot_ms, (end + 1) * slot_ms),
                volumes[i].tolist(),
                ratios[i].tolist(),
                thresholds,
            )
            for i in strongest
        ]

    def _signal(
        self,
        network: tuple[int, int, int],
        span: tuple[int, int],
        rates: list[float],
        ratios: list[float],
        thresholds: Thresholds,
    ) -> Signal:
        most = max(ratios)
        reached = 1.0 if most >= 1.0 else self.settings.release
        reasons = tuple(
            Reason(
                code=f"{word}-over-threshold" if ratio >= 1 else f"{word}-over-release",
                text=f"{rate:,.0f} {unit} to {addresses.network_text(*network)}, {ratio:.1f} times {limit:,.0f}",
                measured=rate,
                threshold=limit,
            )
            for (word, unit), rate, ratio, limit in zip(_UNITS, rates, ratios, thresholds.values, strict=True)
            if ratio >= reached
        )
        level = int(np.searchsorted(np.array(self.settings.severities), most, side="right"))
        return Signal(
            detector=self.name,
            vector=VECTOR,
            network=network,
            window_start=span[0],
            window_end=span[1],
            rates=Rates(*rates),
            opens=most >= 1.0,
            severity=Severity(level + 1),
            confidence=round(
                min(0.99, 0.5 + 0.15 * float(np.log2(max(most, 1.0))) + 0.1 * (len(reasons) - 1)), 3
            ),
            reasons=reasons,
            technique=DETECTOR.technique,
        )

    def _largest_hosts(
        self, hosts: list[Signal], length4: int, length6: int
    ) -> dict[tuple[int, int], list[float]]:
        """By prefix, the most that one of its signalled hosts has of each rate."""
        if not hosts:
            return {}
        hi: Any = np.array([signal.network[0] for signal in hosts], dtype=np.uint64)
        lo: Any = np.array([signal.network[1] for signal in hosts], dtype=np.uint64)
        prefix_hi, prefix_lo = addresses.prefixes_of(hi, lo, length4, length6)
        largest: dict[tuple[int, int], list[float]] = {}
        for signal, key in zip(hosts, zip(prefix_hi.tolist(), prefix_lo.tolist(), strict=True), strict=True):
            before = largest.get(key, [0.0, 0.0, 0.0])
            largest[key] = [max(a, b) for a, b in zip(before, _values(signal.rates), strict=True)]
        return largest

    def _is_one_host(self, prefix: Signal, host: list[float] | None) -> bool:
        if host is None:
            return False
        over = [
            (value, part)
            for value, part, limit in zip(
                _values(prefix.rates), host, self.settings.prefix.values, strict=True
            )
            if value >= limit * self.settings.release
        ]
        return all(part >= self.settings.host_share * value for value, part in over)


def _values(rates: Rates) -> tuple[float, float, float]:
    return rates.bits_per_second, rates.packets_per_second, rates.flows_per_second


def _weight(signal: Signal) -> tuple[bool, int, float, int]:
    return signal.opens, signal.severity.value, signal.confidence, signal.window_end


DETECTOR: Final = Detector(
    name="volumetric",
    title="Bits, packets or flows per second to a host or prefix",
    source="RFC 4732, 2; RFC 8612",
    misses="attacks that stay under the thresholds; they are fixed, for all hosts alike",
    parameters=VolumetricSettings(),
    start=Volumetric,
    technique="T1498",
)
