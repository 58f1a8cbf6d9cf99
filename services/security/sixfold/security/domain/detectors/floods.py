"""Floods by what they consist of: SYN, SYN-ACK, ACK, RST, senseless flags, UDP, fragments, ICMP to one host.

RFC 4987 (SYN flooding), RFC 4732, 2.1; Moore, Voelker and Savage, "Inferring Internet denial-of-service activity",
USENIX Security 2001. A flood is a rate of packets of one kind, and their share of what the host gets of that family: a
busy server gets many SYN, but more of everything else. Counted are packets laid over each flow's duration, so that a
flood that an exporter folds into few flows weighs the same, and a long flow makes no peak when it is exported.

Of sampled packets few stand for many: what is judged is the rate less two standard errors (`variance` of the
breakdown), so that one sampled packet at 1 in 10,000 is no flood.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain import addresses
from sixfold.security.domain.breakdown import METRICS, Mixture
from sixfold.security.domain.detector import Detector, Look, Stateless
from sixfold.security.domain.events import Rates, Reason, Severity
from sixfold.security.domain.kinds import KINDS, number_of
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.window import View

F64 = npt.NDArray[np.float64]
_BYTES, _PACKETS, _FLOWS, _VARIANCE = range(len(METRICS))
_ERRORS: Final = 2.0
_TCP: Final = ("tcp", "tcp-syn", "tcp-synack", "tcp-ack", "tcp-rst", "tcp-odd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """Packets of `kinds` at `packets_per_second`, and at least `share` of the packets of `within` (none: of all)."""

    vector: str
    title: str
    kinds: tuple[str, ...]
    within: tuple[str, ...] = ()
    packets_per_second: float
    share: float = 0.5
    per_flow: float = 0.0
    """Packets that an average flow has at most, as the exporter saw them: conversations have more. 0: any."""
    match: tuple[tuple[str, tuple[int, ...]], ...]
    technique: str = "T1498.001"


FLOODS: Final = (
    Flood(
        vector="syn-flood",
        title="connections asked for and never used",
        kinds=("tcp-syn",),
        within=_TCP,
        packets_per_second=1_000,
        match=(("protocol", (6,)), ("tcp_flags", (2,))),
        technique="T1499.001",
    ),
    Flood(
        vector="synack-flood",
        title="answers to connections that the host never asked for",
        kinds=("tcp-synack",),
        within=_TCP,
        packets_per_second=1_000,
        match=(("protocol", (6,)), ("tcp_flags", (18,))),
        technique="T1498.002",
    ),
    Flood(
        vector="ack-flood",
        title="acknowledgements of nothing",
        kinds=("tcp-ack",),
        within=_TCP,
        packets_per_second=20_000,
        share=0.8,
        per_flow=4.0,
        match=(("protocol", (6,)), ("tcp_flags", (16,))),
    ),
    Flood(
        vector="rst-flood",
        title="resets",
        kinds=("tcp-rst",),
        within=_TCP,
        packets_per_second=1_000,
        match=(("protocol", (6,)), ("tcp_flags", (4, 20))),
    ),
    Flood(
        vector="tcp-flags-flood",
        title="TCP flags of no real connection",
        kinds=("tcp-odd",),
        within=_TCP,
        packets_per_second=2_000,
        share=0.2,
        match=(("protocol", (6,)),),
    ),
    Flood(
        vector="udp-flood",
        title="UDP",
        kinds=("udp",),
        packets_per_second=50_000,
        share=0.8,
        match=(("protocol", (17,)),),
    ),
    Flood(
        vector="fragment-flood",
        title="fragments without their beginning",
        kinds=("udp-fragment",),
        packets_per_second=10_000,
        share=0.2,
        match=(("protocol", (17,)), ("src_port", (0,)), ("dst_port", (0,))),
    ),
    Flood(
        vector="icmp-flood",
        title="ICMP",
        kinds=("icmp", "icmpv6"),
        packets_per_second=5_000,
        share=0.2,
        match=(("protocol", (1, 58)),),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodSettings:
    sensitivity: float = 1.0
    """Divides every threshold: 2 sees floods of half the rate."""
    window_slots: int = 2
    release: float = 0.7
    severities: tuple[float, float, float] = (2.0, 5.0, 20.0)
    """Multiples of the threshold from which an incident is medium, high, critical."""
    most: int = 500
    """Signals of one look, the strongest first."""


class Floods(Stateless):
    def __init__(self, settings: FloodSettings) -> None:
        self.settings = settings

    def look(self, look: Look) -> list[Signal]:
        found: dict[tuple[str, tuple[int, int, int]], Signal] = {}
        for first, last, mixture in recent(look, View.DESTINATION, self.settings.window_slots):
            span = (first * look.window.settings.slot_ms, (last + 1) * look.window.settings.slot_ms)
            for flood in FLOODS:
                for signal in self._of(flood, mixture, span):
                    key = (flood.vector, signal.network)
                    if key not in found or signal.reasons[0].measured >= found[key].reasons[0].measured:
                        found[key] = signal
        strongest = sorted(found.values(), key=lambda one: one.confidence, reverse=True)
        return strongest[: self.settings.most]

    def _of(self, flood: Flood, mixture: Mixture, span: tuple[int, int]) -> list[Signal]:
        kinds = numbers_of(flood.kinds)
        mine = mixture.of(kinds)
        family = mixture.of(numbers_of(flood.within)) if flood.within else mixture.all
        threshold = flood.packets_per_second / self.settings.sensitivity
        rate = certain(mine) / mixture.seconds
        share = mine[_PACKETS] / np.maximum(family[_PACKETS], 1.0)
        over = (rate >= threshold * self.settings.release) & (share >= flood.share)
        if flood.per_flow:
            over &= packets_per_flow(mine) <= flood.per_flow
        return [
            self._signal(flood, mixture, int(row), mine[:, row], float(rate[row]), float(share[row]), span)
            for row in np.flatnonzero(over)
        ]

    def _signal(
        self,
        flood: Flood,
        mixture: Mixture,
        row: int,
        volumes: F64,
        rate: float,
        share: float,
        span: tuple[int, int],
    ) -> Signal:
        network = network_of(mixture, row)
        threshold = flood.packets_per_second / self.settings.sensitivity
        times = rate / threshold
        sources = mixture.sources(row, numbers_of(flood.kinds))
        where = addresses.network_text(*network)
        reasons = (
            Reason(
                code=f"{flood.vector}-rate",
                text=f"{rate:,.0f} packets/s of {flood.title} to {where}, {times:.1f} times {threshold:,.0f}",
                measured=rate,
                threshold=threshold,
            ),
            Reason(
                code=f"{flood.vector}-share",
                text=f"{share:.0%} of its {'TCP ' if flood.within else ''}packets, from about {sources:,.0f} sources",
                measured=share,
                threshold=flood.share,
            ),
        )
        return Signal(
            detector=DETECTOR.name,
            vector=flood.vector,
            network=network,
            window_start=span[0],
            window_end=span[1],
            rates=rates_of(volumes, mixture.seconds),
            opens=times >= 1.0,
            severity=severity_of(times, self.settings.severities),
            confidence=confidence_of(times, share),
            reasons=reasons,
            match=flood.match,
            technique=flood.technique,
        )


# --- what the detectors of the breakdown share


def recent(look: Look, view: View, slots: int) -> list[tuple[int, int, Mixture]]:
    """(first, last, mixture) of the newest windows of `slots` slots that have grown since the last look."""
    window = look.window
    lasts = {slot + later for slot in look.grown for later in range(slots)}
    oldest = window.head - 3
    return [
        (last - slots + 1, last, mixture)
        for last in sorted(lasts)
        if oldest <= last <= window.head
        and (mixture := look.breakdown.mixture(view, last - slots + 1, last)).rows
    ]


def numbers_of(kinds: Sequence[str]) -> list[int]:
    return [number_of(kind) for kind in kinds]


def reflected_kinds() -> list[str]:
    return [kind for kind in KINDS if kind.startswith("from-")]


def certain(volumes: F64) -> F64:
    """Packets less two standard errors of sampling, of volumes (metrics, n)."""
    return np.maximum(volumes[_PACKETS] - _ERRORS * np.sqrt(volumes[_VARIANCE]), 0.0)


def packets_per_flow(volumes: F64) -> F64:
    """As the exporter saw them: a sampled packet counts once, not as the many that it stands for."""
    sampled = volumes[_VARIANCE] / np.maximum(volumes[_PACKETS], 1.0) + 1.0
    return volumes[_PACKETS] / np.maximum(volumes[_FLOWS], 1e-9) / sampled


def network_of(mixture: Mixture, row: int) -> tuple[int, int, int]:
    return int(mixture.hi[row]), int(mixture.lo[row]), int(mixture.length[row])


def rates_of(volumes: F64, seconds: float) -> Rates:
    return Rates(
        float(volumes[_BYTES]) * 8 / seconds,
        float(volumes[_PACKETS]) / seconds,
        float(volumes[_FLOWS]) / seconds,
    )


def severity_of(times: float, levels: Sequence[float]) -> Severity:
    return Severity(int(np.searchsorted(np.array(levels), times, side="right")) + 1)


def confidence_of(times: float, share: float) -> float:
    """Half at the threshold; more where the rate is far over it and little else is there."""
    return round(min(0.99, 0.5 + 0.12 * float(np.log2(max(times, 1.0))) + 0.2 * min(share, 1.0)), 3)


DETECTOR: Final = Detector(
    name="floods",
    title="SYN, SYN-ACK, ACK, RST, UDP, fragment and ICMP floods to a host",
    source="RFC 4987; RFC 4732, 2.1; Moore et al. 2001",
    misses="floods that look like conversations (full handshakes, ACK of few long flows); hosts under the floors of "
    "the breakdown",
    parameters=FloodSettings(),
    start=Floods,
    technique="T1498.001",
)
