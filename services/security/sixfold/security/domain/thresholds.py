"""What false positives have taught: raised thresholds of single objects, each with an expiry."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sixfold.security.domain import addresses
from sixfold.security.domain.events import Reason
from sixfold.security.domain.signals import Signal

HIGHEST: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Signals of `vector` about `object` open an incident only above `factor` times the threshold."""

    adjustment_id: str
    object: str
    vector: str
    detector: str
    factor: float
    incident_id: str
    actor: str
    note: str
    time: datetime
    expires: datetime


Adjustments = Mapping[str, Adjustment]


def adjustment_id(network: str, vector: str) -> str:
    """One for each object and vector."""
    return "adj-" + hashlib.blake2s(f"{network}|{vector}".encode(), digest_size=8).hexdigest()


def strength(reasons: tuple[Reason, ...]) -> float:
    """How far over its threshold the strongest reason is, at least 1. A reason may also be below its threshold on
    purpose (an interval's jitter): then how far below.
    """
    ratios = [
        reason.measured / reason.threshold
        for reason in reasons
        if reason.measured > 0 and reason.threshold > 0
    ]
    return max((max(ratio, 1 / ratio) for ratio in ratios), default=1.0)


def judged(adjustments: Adjustments, signal: Signal, now: datetime) -> Signal:
    """The signal, not opening where this object's threshold was raised above it."""
    if not signal.opens or not adjustments:
        return signal
    found = adjustments.get(adjustment_id(addresses.network_text(*signal.network), signal.vector))
    if found is None or found.expires <= now or strength(signal.reasons) > found.factor:
        return signal
    return replace(signal, opens=False)
