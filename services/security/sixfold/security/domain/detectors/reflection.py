"""Reflection: answers of amplifying UDP services to a host that did not ask.

Rossow, "Amplification Hell", NDSS 2014; US-CERT TA14-017A; RFC 5358 (DNS), RFC 9000, 21.1 (QUIC). By source port
(`kinds.REFLECTORS`): a rate of bits, from several sources, with answers as large as an amplifier's. Whether the host
asked is judged by what it sent to that service: a resolver's answers are a few times its questions, amplified ones come
without, or many times larger. QUIC is everybody's download; reflected, it is handshakes alone, of few packets a flow.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain import addresses
from sixfold.security.domain.breakdown import Mixture
from sixfold.security.domain.detector import Detector, Look, State
from sixfold.security.domain.detectors.floods import (
    confidence_of,
    network_of,
    packets_per_flow,
    rates_of,
    recent,
    severity_of,
)
from sixfold.security.domain.events import Reason
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.keyed import Keyed
from sixfold.security.domain.kinds import FIRST_REFLECTOR, KINDS, REFLECTORS, UDP, Reflector
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.window import View

_TECHNIQUE: Final = "T1498.002"
_HANDSHAKES: Final = "quic"


def _services() -> npt.NDArray[np.int16]:
    """By port, the place in REFLECTORS of a service whose questions are counted; -1 of others."""
    services = np.full(65_536, -1, np.int16)
    for place, one in enumerate(REFLECTORS):
        if one.name != _HANDSHAKES:
            services[one.port] = place
    return services


_SERVICES: Final = _services()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectionSettings:
    bits_per_second: float = 10e6
    sources: float = 8.0
    """Different reflectors, as the sketch counts them."""
    packet_bytes: float = 200.0
    """Of an average answer: questions are smaller. Not asked of services that amplify in number (`small`)."""
    handshake_packets: float = 4.0
    """Of an average flow of QUIC, as the exporter saw them: one that goes on has more."""
    answered: float = 10.0
    """Answers that are less than so many times larger than the host's own questions are wanted."""
    common: dict[str, float] = field(
        default_factory=lambda: {"quic": 10.0, "dns": 2.0, "stun": 4.0, "sip": 2.0}
    )
    """Services of everyday use: so many times the threshold."""
    window_slots: int = 2
    release: float = 0.7
    severities: tuple[float, float, float] = (2.0, 5.0, 20.0)
    limit: int = 16_384
    """Hosts whose questions are counted at a time."""
    most: int = 500


_SMALL: Final = frozenset({"sip", "stun", "tftp", "mssql", "netbios", "ipmi", "jenkins", "steam"})


class Reflection:
    """Counts, beside the breakdown, what hosts ask of such services: bytes by host, service and slot."""

    def __init__(self, settings: ReflectionSettings) -> None:
        self.settings = settings
        self._asked = Keyed(metrics=1, slots=8, limit=settings.limit)

    def add(self, flows: Flows) -> None:
        columns = flows.columns
        service = _SERVICES[columns["dst_port"]]
        rows = np.flatnonzero((service >= 0) & (columns["protocol"] == UDP))
        if not len(rows):
            return
        asks = np.zeros(flows.rows, bool)
        asks[rows] = True
        for one in flows.shares:
            at = rows if isinstance(one.row, slice) else np.flatnonzero(asks[one.row])
            chosen = at if isinstance(one.row, slice) else one.row[at]
            if len(chosen):
                hi, lo = (words[chosen] for words in flows.words("src_address"))
                volume = columns["bytes"][chosen] * one.share[at]
                self._asked.add(service[chosen].astype(np.uint32), hi, lo, one.slot[at], (volume,))

    def look(self, look: Look) -> list[Signal]:
        found: dict[tuple[str, tuple[int, int, int]], Signal] = {}
        slot_ms = look.window.settings.slot_ms
        for first, last, mixture in recent(look, View.DESTINATION, self.settings.window_slots):
            for signal in self._at(mixture, first, last, slot_ms):
                key = (signal.vector, signal.network)
                if key not in found or signal.reasons[0].measured >= found[key].reasons[0].measured:
                    found[key] = signal
        return sorted(found.values(), key=lambda one: one.confidence, reverse=True)[: self.settings.most]

    def _at(self, mixture: Mixture, first: int, last: int, slot_ms: int) -> Iterable[Signal]:
        settings = self.settings
        for place, reflector in enumerate(REFLECTORS):
            kind = FIRST_REFLECTOR + place
            assert KINDS[kind] == f"from-{reflector.name}"
            volumes = mixture.volumes[:, :, kind]
            threshold = settings.bits_per_second * settings.common.get(reflector.name, 1.0)
            # Bytes less the part that two standard errors of the sampled packets make.
            sure = 1.0 - 2.0 * np.sqrt(volumes[3]) / np.maximum(volumes[1], 1.0)
            rate = volumes[0] * np.maximum(sure, 0.0) * 8 / mixture.seconds
            over = rate >= threshold * settings.release
            if reflector.name == _HANDSHAKES:
                over &= packets_per_flow(volumes) <= settings.handshake_packets
            elif reflector.name not in _SMALL:
                over &= volumes[0] >= settings.packet_bytes * volumes[1]
            for row in np.flatnonzero(over).tolist():
                sources = mixture.sources(row, [kind])
                asked = self._asked_by(mixture, row, place, first, last)
                ratio = float(volumes[0, row]) / max(asked, 1.0)
                if sources < settings.sources or ratio < settings.answered:
                    continue
                span = (first * slot_ms, (last + 1) * slot_ms)
                yield self._signal(
                    reflector,
                    mixture,
                    row,
                    volumes[:, row],
                    (float(rate[row]), threshold),
                    (sources, asked),
                    span,
                )

    def _asked_by(self, mixture: Mixture, row: int, place: int, first: int, last: int) -> float:
        """Bytes that the host sent to that service over the slots."""
        numbers = self._asked.keys.known(
            mixture.hi[row : row + 1], mixture.lo[row : row + 1], np.array([place], np.uint32)
        )
        if not len(numbers):
            return 0.0
        return float(self._asked.sums(first, last)[0, numbers].sum())

    def _signal(
        self,
        reflector: Reflector,
        mixture: Mixture,
        row: int,
        volumes: npt.NDArray[Any],
        rate: tuple[float, float],
        seen: tuple[float, float],
        span: tuple[int, int],
    ) -> Signal:
        network = network_of(mixture, row)
        times = rate[0] / rate[1]
        share = float(volumes[0]) / max(float(mixture.all[0, row]), 1.0)
        sources, asked = seen
        where = addresses.network_text(*network)
        wanted = f"it asked for {asked:,.0f} bytes" if asked else "it asked for none"
        reasons = (
            Reason(
                code="reflected-rate",
                text=f"{rate[0] / 1e6:,.1f} Mbit/s from UDP port {reflector.port} ({reflector.name}) to {where}, "
                f"{times:.1f} times {rate[1] / 1e6:,.0f}",
                measured=rate[0],
                threshold=rate[1],
            ),
            Reason(
                code="reflectors",
                text=f"about {sources:,.0f} sources; {wanted}; "
                f"such services amplify up to {reflector.factor:,.1f} times",
                measured=sources,
                threshold=self.settings.sources,
            ),
        )
        return Signal(
            detector=DETECTOR.name,
            vector=f"reflection-{reflector.name}",
            network=network,
            window_start=span[0],
            window_end=span[1],
            rates=rates_of(volumes, mixture.seconds),
            opens=times >= 1.0,
            severity=severity_of(times, self.settings.severities),
            confidence=confidence_of(times, share),
            reasons=reasons,
            match=(("protocol", (UDP,)), ("src_port", (reflector.port,))),
            technique=_TECHNIQUE,
        )

    def dump(self) -> State:
        return self._asked.dump()

    def restore(self, state: State) -> None:
        self._asked.restore(dict(state))


DETECTOR: Final = Detector(
    name="reflection",
    title="Amplified answers of UDP services that the host did not ask",
    source="Rossow, NDSS 2014; US-CERT TA14-017A; RFC 5358",
    misses="services on other ports than their own; few strong reflectors (under `sources`); TCP middleboxes",
    parameters=ReflectionSettings(),
    start=Reflection,
    technique=_TECHNIQUE,
)
