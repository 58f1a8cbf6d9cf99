"""What a pool's use was over time, and what of it is out of the ordinary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

DAY: Final = 86_400_000
FINE_DAYS: Final = 7
"""Days of which every sample is kept; of older ones the last of each day."""
MOST_DAYS: Final = 400
MOST_FINE: Final = 2_016
"""A sample every five minutes for a week."""
FEWEST: Final = 24
"""Samples that tell what is usual."""
DEVIATIONS: Final = 6.0
LEAST_CHURN: Final = 32
LEAST_GROWTH: Final = 0.02
LEAST_HOARD: Final = 0.1

AnomalyKind = Literal["hoarding", "churn", "leak"]


@dataclass(frozen=True, slots=True)
class Sample:
    """`time` UTC ms; `made` and `ended` count delegations since the sample before; shares 0 to 1.

    `top_share`: of what was made since the sample before, the share that went to one holder.
    """

    time: int
    used: float
    made: int
    ended: int
    top_share: float = 0.0
    top_holder: str = ""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`measure` against what is `usual` for this pool: delegations in one interval, or a share."""

    kind: AnomalyKind
    detail: str
    measure: float
    usual: float


def kept(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Bounded: all of the last week, one a day before it, nothing over 400 days old."""
    if not samples:
        return ()
    now = samples[-1].time
    fine = [one for one in samples if one.time > now - FINE_DAYS * DAY][-MOST_FINE:]
    daily: dict[int, Sample] = {}
    for one in samples:
        if now - MOST_DAYS * DAY < one.time <= now - FINE_DAYS * DAY:
            daily[one.time // DAY] = one
    return (*daily.values(), *fine)


def anomalies(samples: Sequence[Sample], now: Sample) -> Iterable[Anomaly]:
    """What the newest sample has that those before it had not.

    Usual is the median, and far is six median deviations over it (Hampel): one odd night does not make the next usual.
    """
    before = [one for one in samples if one.time < now.time][-MOST_FINE:]
    if len(before) < FEWEST:
        return
    made, ended = (np.array([getattr(one, name) for one in before], np.float64) for name in ("made", "ended"))
    turned = np.minimum(made, ended)
    turning = float(min(now.made, now.ended))
    if turning >= LEAST_CHURN and turning > _far(turned):
        detail = f"{now.made} delegations made and {now.ended} ended in one interval"
        yield Anomaly("churn", detail, turning, float(np.median(turned)))
    growth = np.diff(np.array([one.used for one in before]))
    grown = now.used - before[-1].used
    if grown >= LEAST_GROWTH and grown > _far(growth) and now.ended <= now.made // 10:
        detail = f"{grown:.1%} of the pool went in one interval, and next to nothing came back"
        yield Anomaly("leak", detail, grown, float(np.median(growth)))
    if (
        now.top_share > 0.5
        and now.made >= LEAST_CHURN
        and now.made > _far(made)
        and grown >= LEAST_HOARD / 10
    ):
        detail = f"{now.top_holder} took {now.top_share:.0%} of {now.made} delegations made in one interval"
        yield Anomaly("hoarding", detail, now.top_share, float(np.median([one.top_share for one in before])))


def _far(usual: np.ndarray) -> float:
    middle = float(np.median(usual))
    # 1.4826: the median deviation of a normal distribution to its standard deviation
    return middle + DEVIATIONS * max(1.4826 * float(np.median(np.abs(usual - middle))), 1e-9)
