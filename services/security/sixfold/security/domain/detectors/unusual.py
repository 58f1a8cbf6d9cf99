"""More than this host or prefix usually gets at this hour: thresholds that each object has for itself.

See `baselines`: level, day and week, learned robustly. It says the same vector as the fixed thresholds, so the two make
one incident, with both reasons. What it adds is the small host that is flooded far under the threshold of the large
ones.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from sixfold.security.domain import addresses
from sixfold.security.domain.baselines import Expected
from sixfold.security.domain.detector import Detector, Look, Stateless
from sixfold.security.domain.detectors.floods import severity_of
from sixfold.security.domain.detectors.volumetric import VECTOR, Thresholds
from sixfold.security.domain.events import Rates, Reason
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.window import View

_UNITS: Final = (("bits", "bit/s"), ("packets", "packets/s"), ("flows", "flows/s"))
_HOUR: Final = 60
_DAY: Final = 1_440


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualSettings:
    host: Thresholds = field(default_factory=lambda: Thresholds(50e6, 10_000, 2_000))
    prefix: Thresholds = field(default_factory=lambda: Thresholds(250e6, 50_000, 10_000))
    """Nothing is unusual under these, whatever is usual."""
    window_slots: int = 2
    release: float = 0.7
    severities: tuple[float, float, float] = (2.0, 5.0, 20.0)
    most: int = 500


class Unusual(Stateless):
    def __init__(self, settings: UnusualSettings) -> None:
        self.settings = settings

    def look(self, look: Look) -> list[Signal]:
        window, settings = look.window, self.settings
        lasts = {slot + later for slot in look.grown for later in range(settings.window_slots)}
        found: dict[tuple[int, int, int], Signal] = {}
        for last in sorted(one for one in lasts if window.head - 3 <= one <= window.head):
            for view, least in ((View.DESTINATION, settings.host), (View.PREFIX, settings.prefix)):
                for signal in self._at(look, view, least, last):
                    best = found.get(signal.network)
                    if best is None or signal.confidence >= best.confidence:
                        found[signal.network] = signal
        return sorted(found.values(), key=lambda one: one.confidence, reverse=True)[: settings.most]

    def _at(self, look: Look, view: View, least: Thresholds, last: int) -> list[Signal]:
        window, settings = look.window, self.settings
        slot_ms, first = window.settings.slot_ms, last - settings.window_slots + 1
        seconds = settings.window_slots * slot_ms / 1000
        bits, packets, flows = (value * seconds * settings.release for value in least.values)
        over = window.over(view, first, last, (bits / 8, packets, flows))
        signals: list[Signal] = []
        for hi, lo, octets, count, flow in zip(
            *(over[name].to_list() for name in ("hi", "lo", "bytes", "packets", "flows")), strict=True
        ):
            expected = look.baselines.expected(view, hi, lo, last * slot_ms)
            if expected is None:
                continue
            rates = (octets * 8 / seconds, count / seconds, flow / seconds)
            signal = self._judged(view, (hi, lo), look, rates, least, expected, (first, last))
            if signal is not None:
                signals.append(signal)
        return signals

    def _judged(
        self,
        view: View,
        host: tuple[int, int],
        look: Look,
        rates: tuple[float, float, float],
        least: Thresholds,
        expected: Expected,
        slots: tuple[int, int],
    ) -> Signal | None:
        shape = look.window.settings
        limits = [max(one, floor) for one, floor in zip(expected.threshold, least.values, strict=True)]
        ratios = [rate / limit for rate, limit in zip(rates, limits, strict=True)]
        most = max(ratios)
        if most < self.settings.release:
            return None
        four = bool(addresses.is_ipv4(np.array([host[0]], np.uint64), np.array([host[1]], np.uint64))[0])
        length = 128 if view is View.DESTINATION else 96 + shape.prefix_ipv4 if four else shape.prefix_ipv6
        network = (*host, length)
        reached = 1.0 if most >= 1.0 else self.settings.release
        learned = _learned(expected.minutes)
        reasons = tuple(
            Reason(
                code=f"{word}-unusual",
                text=f"{rate:,.0f} {unit} to {addresses.network_text(*network)}; usual at this hour {usual:,.0f}, "
                f"{limit:,.0f} at most ({learned})",
                measured=rate,
                threshold=limit,
            )
            for (word, unit), rate, usual, limit, ratio in zip(
                _UNITS, rates, expected.usual, limits, ratios, strict=True
            )
            if ratio >= reached
        )
        return Signal(
            detector=DETECTOR.name,
            vector=VECTOR,
            network=network,
            window_start=slots[0] * shape.slot_ms,
            window_end=(slots[1] + 1) * shape.slot_ms,
            rates=Rates(*rates),
            opens=most >= 1.0,
            severity=severity_of(most, self.settings.severities),
            confidence=round(
                min(0.95, 0.4 + 0.12 * float(np.log2(max(most, 1.0))) + _trust(expected.minutes)), 3
            ),
            reasons=reasons,
            technique=DETECTOR.technique,
        )


def _learned(minutes: int) -> str:
    if minutes < _DAY:
        return f"learned for {minutes // _HOUR} h, no whole day yet"
    return f"learned for {minutes // _DAY} days"


def _trust(minutes: int) -> float:
    """Up to a fifth, after a week."""
    return 0.2 * min(minutes / (7 * _DAY), 1.0)


DETECTOR: Final = Detector(
    name="unusual",
    title="More than a host or prefix usually gets at this hour",
    source="Brutlag, LISA 2000; Huber 1964",
    misses="the first hour of a host; attacks that grow over days; hosts that are quiet as a rule",
    parameters=UnusualSettings(),
    start=Unusual,
    technique="T1498",
)
