"""Numbers as small pictures: SVG geometry without scripts and without inline styles, and short figures."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 120


@dataclass(frozen=True)
class Line:
    """A line over time: SVG points of the line and of the area under it, and what the axes say."""

    points: str
    area: str
    top: str
    first: str
    last: str
    summary: str


def line(
    values: Sequence[float], labels: Sequence[str], *, unit: str = "", most: float | None = None
) -> Line | None:
    """The picture of `values`; None where fewer than two are known."""
    if len(values) < 2:
        return None
    top = most if most is not None else max(max(values), 1e-9)
    step = WIDTH / (len(values) - 1)
    places = [(index * step, HEIGHT - value / top * (HEIGHT - 8)) for index, value in enumerate(values)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    text = f"{short(values[0])}{unit} … {short(values[-1])}{unit}, max {short(max(values))}{unit}"
    area = f"0,{HEIGHT} {points} {WIDTH},{HEIGHT}"
    return Line(points, area, f"{short(top)}{unit}", labels[0], labels[-1], text)


def short(value: float) -> str:
    """Three significant digits with k, M, G, T."""
    magnitude = abs(value)
    for limit, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if magnitude >= limit:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}" if value != int(value) else f"{int(value)}"


def byte_count(value: float) -> str:
    return f"{short(value)}B"


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"
