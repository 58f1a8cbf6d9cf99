"""Areas of an alert: polygons and circles in WGS 84, checked without a projection.

A polygon is text `lat,lon lat,lon …`, at least four pairs, the last equal to the first (CAP 1.2, 3.2.4); a
circle is
`lat,lon radius` in km. Real services leave polygons open and draw across the antimeridian to beyond 180
degrees: both can be drawn, so
both are read.
"""

import math
import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[Any]

MOST_POINTS_CHECKED: Final = 2_000
"""Above this a polygon's crossings are not searched: the search compares every pair of its edges."""

_PAIR = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+),[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)


class GeometryError(ValueError):
    """`rule` is a short stable word."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule


def _pair(text: str) -> tuple[float, float]:
    if not _PAIR.fullmatch(text):
        raise GeometryError("coordinates-unreadable", f"{text[:40]!r} is no pair latitude,longitude")
    latitude, longitude = (float(number) for number in text.split(","))
    if abs(latitude) > 90 or abs(longitude) > 360:
        raise GeometryError("coordinates-out-of-range", f"{text[:40]!r} is on no globe")
    return latitude, longitude


def parse_polygon(text: str) -> Points:
    """`(n, 2)` of latitude and longitude, as written (see `is_closed`). Raises GeometryError."""
    pairs = text.split()
    if not pairs:
        raise GeometryError("polygon-empty", "no coordinates")
    if len(pairs) < 4:
        raise GeometryError("polygon-too-short", f"{len(pairs)} points, a polygon has at least 4")
    points = np.array([_pair(pair) for pair in pairs])
    if len(np.unique(points, axis=0)) < 3:
        raise GeometryError("polygon-too-short", "fewer than 3 different points")
    return points


def is_closed(points: Points) -> bool:
    return np.array_equal(points[0], points[-1])


def close(points: Points) -> Points:
    return points if is_closed(points) else np.concatenate([points, points[:1]])


def beyond_antimeridian(points: Points) -> bool:
    return bool(np.any(np.abs(points[:, 1]) > 180))


def parse_circle(text: str) -> tuple[float, float, float]:
    """Latitude, longitude and radius in km. Raises GeometryError."""
    parts = text.split()
    if len(parts) != 2:
        raise GeometryError("circle-unreadable", f"{text[:40]!r} is not `latitude,longitude radius`")
    latitude, longitude = _pair(parts[0])
    try:
        radius = float(parts[1])
    except ValueError:
        radius = math.nan
    if not (math.isfinite(radius) and radius >= 0):
        raise GeometryError("circle-unreadable", f"{parts[1][:40]!r} is no radius")
    return latitude, longitude, radius


def _side(origin: Points, towards: Points, points: Points) -> Points:
    """Twice the signed area of (origin, towards, point), its sign: which side the point lies on."""
    along, to = towards - origin, points - origin
    return np.sign(along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0])


def crosses_itself(points: Points) -> bool:
    """Whether two edges that are no neighbours cross properly; polygons over `MOST_POINTS_CHECKED` are not
    searched."""
    keep = np.concatenate([[True], np.any(points[1:] != points[:-1], axis=1)])
    points = points[keep]
    starts, ends = points[:-1], points[1:]
    if len(points) > MOST_POINTS_CHECKED:
        return False
    for edge in range(len(starts) - 2):
        one, two = starts[edge], ends[edge]
        others, ends_of = starts[edge + 2 :], ends[edge + 2 :]
        apart = _side(one, two, others) * _side(one, two, ends_of)
        around = _side(others, ends_of, one) * _side(others, ends_of, two)
        if bool(np.any((apart < 0) & (around < 0))):
            return True
    return False


def lies_within(inner: Points, outer: Points) -> bool:
    """Whether every point of `inner` lies strictly inside of `outer` (even-odd rule): a hole."""
    latitude, longitude = outer[:, 0], outer[:, 1]
    for y, x in inner[:-1]:
        above = latitude > y
        edges = np.flatnonzero(above[1:] != above[:-1])
        if len(edges) == 0:
            return False
        fraction = (y - latitude[edges]) / (latitude[edges + 1] - latitude[edges])
        at = longitude[edges] + fraction * (longitude[edges + 1] - longitude[edges])
        if int(np.count_nonzero(x < at)) % 2 == 0:
            return False
    return True
