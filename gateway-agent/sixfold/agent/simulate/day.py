"""The curve of the day: how busy homes, work and machines are at an hour, 1.0 at the busiest."""

from typing import Final, Literal

import numpy as np

Curve = Literal["home", "evening", "work", "flat"]
HOUR_MS: Final = 3_600_000

CURVES: Final[dict[Curve, tuple[float, ...]]] = {
    # by hour from midnight; the shape of a residential access network's week-day
    "home": (
        0.55, 0.40, 0.30, 0.25, 0.23, 0.25, 0.32, 0.42, 0.50, 0.54, 0.57, 0.60,
        0.66, 0.63, 0.60, 0.60, 0.62, 0.68, 0.77, 0.88, 0.96, 1.00, 0.93, 0.75,
    ),
    "evening": (
        0.30, 0.18, 0.10, 0.07, 0.06, 0.08, 0.15, 0.22, 0.22, 0.20, 0.22, 0.28,
        0.38, 0.35, 0.28, 0.27, 0.32, 0.45, 0.66, 0.90, 1.00, 0.97, 0.80, 0.52,
    ),
    "work": (
        0.10, 0.08, 0.07, 0.07, 0.08, 0.12, 0.22, 0.45, 0.80, 0.97, 1.00, 0.95,
        0.70, 0.80, 0.96, 0.98, 0.90, 0.72, 0.45, 0.33, 0.28, 0.24, 0.18, 0.13,
    ),
    "flat": (1.0,) * 24,
}  # fmt: skip


def level(curve: Curve, time_ms: int, utc_offset_hours: float) -> float:
    """The curve at a moment, between the hours on a straight line."""
    hour = (time_ms / HOUR_MS + utc_offset_hours) % 24
    points = CURVES[curve]
    return float(np.interp(hour, range(25), (*points, points[0])))
