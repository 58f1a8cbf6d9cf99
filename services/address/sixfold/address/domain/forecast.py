"""When a pool will be full: a trend through its history, with an honest interval around it.

The trend is Theil and Sen's (P. K. Sen, 1968: the median of all slopes), so that a single jump, a clean-up of leases
or a migration of one night, does not bend it. The interval is what the trend's own errors were: quantiles of its past
misses, growing with the root of time as those of a random walk do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

DAY: Final = 86_400_000
FEWEST: Final = 8
"""Points that a forecast needs; below it there is none."""
MOST: Final = 400
"""Points that the median of slopes looks at: all pairs of them are 80,000."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Shares of the pool in use, 0 to 1, `horizon_days` from now with their 80 % interval, and the days until full.

    `full_in_days`, `full_earliest`, `full_latest`: None where that lies beyond ten years or never comes.
    `growth_per_day` is a share of the pool.
    """

    now: float
    growth_per_day: float
    expected: float
    low: float
    high: float
    full_in_days: float | None
    full_earliest: float | None
    full_latest: float | None
    points: int


def forecast(
    times: Sequence[int], used: Sequence[float], horizon_days: float, *, full: float = 1.0
) -> Forecast | None:
    """From samples (UTC ms, share in use), oldest first. None where there are too few, or they span under a day."""
    time, share = np.asarray(times, np.float64), np.asarray(used, np.float64)
    if len(time) < FEWEST or time[-1] - time[0] < DAY:
        return None
    if len(time) > MOST:
        chosen = np.unique(np.linspace(0, len(time) - 1, MOST).astype(np.int64))
        time, share = time[chosen], share[chosen]
    days = (time - time[-1]) / DAY
    first, second = np.triu_indices(len(days), 1)
    apart = days[second] - days[first]
    slopes = (share[second] - share[first])[apart > 0] / apart[apart > 0]
    slope = float(np.median(slopes))
    now = float(share[-1])
    spread = _daily_miss(days, share, slope)
    root = float(np.sqrt(max(horizon_days, 0.0)))
    expected = now + slope * horizon_days
    return Forecast(
        now=now,
        growth_per_day=slope,
        expected=_share(expected),
        low=_share(expected - spread * root),
        high=_share(expected + spread * root),
        full_in_days=_reached(now, slope, 0.0, full),
        full_earliest=_reached(now, slope, spread, full),
        full_latest=_reached(now, slope, -spread, full),
        points=len(time),
    )


def _daily_miss(days: np.ndarray, share: np.ndarray, slope: float) -> float:
    """What the trend missed by from one sample to the next, brought to one day; nine of ten misses are smaller."""
    apart = np.diff(days)
    keep = apart > 0
    misses = np.abs(np.diff(share)[keep] - slope * apart[keep]) / np.sqrt(apart[keep])
    return float(np.quantile(misses, 0.9)) if len(misses) else 0.0


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _reached(now: float, slope: float, spread: float, full: float) -> float | None:
    """The first day d with now + slope * d + spread * sqrt(d) >= full, within ten years."""
    if now >= full:
        return 0.0
    days = np.linspace(0.0, 3_650.0, 36_501)
    over = np.flatnonzero(now + slope * days + spread * np.sqrt(days) >= full)
    return float(days[over[0]]) if len(over) else None
