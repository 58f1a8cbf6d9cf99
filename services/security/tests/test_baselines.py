"""What is usual, learned from simulated days: its shape, its patience with attacks, its start, its bounds."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest

from sixfold.security.domain.baselines import Baselines, BaselineSettings
from sixfold.security.domain.detectors.unusual import DETECTOR
from sixfold.security.domain.engine import Engine, started
from sixfold.security.domain.window import View, Window, WindowSettings

from .flow_columns import NOW, columns

HOUR, DAY = 60, 1_440
HOST, LATE = (0, 7), (0, 8)
MONDAY = 1_000 * 7 * DAY - 3 * DAY
"""A minute since 1970 at which a Monday begins (1970 began on a Thursday)."""


@dataclass
class Slots:
    """A window as the baselines see it: rates of one minute at a time."""

    settings: WindowSettings = field(default_factory=WindowSettings)
    head: int = 0
    rates: dict[tuple[int, int], float] = field(default_factory=dict)

    def over(self, view: View, first: int, last: int, floors: Any) -> pl.DataFrame:
        rates = self.rates if view is View.DESTINATION else {}
        busy = {key: rate for key, rate in rates.items() if rate * 60 / 8 >= floors[0]}
        whole = np.array(list(busy.values())) * 60
        return pl.DataFrame(
            {
                "hi": np.array([key[0] for key in busy], np.uint64),
                "lo": np.array([key[1] for key in busy], np.uint64),
                "bytes": whole / 8,
                "packets": whole / 8 / 800,
                "flows": whole / 8 / 20_000,
            }
        )


def learned(
    minutes: int, rate: Any, *, settings: BaselineSettings | None = None, start: int = MONDAY
) -> Baselines:
    baselines = Baselines(settings or BaselineSettings(limit=32, utc_offset_hours=0))
    slots: Any = Slots()
    for minute in range(start, start + minutes):
        slots.head = (minute + 1) * 12 + 2
        given = rate(minute - start)
        slots.rates = given if isinstance(given, dict) else {HOST: given}
        assert baselines.learn(slots)
    return baselines


def diurnal(minute: int) -> float:
    """20 Mbit/s at night, 200 at the peak of the afternoon, with noise."""
    noise = 1 + 0.2 * np.sin(minute * 12.9898) * np.cos(minute * 78.233)
    return 20e6 * 10 ** (0.5 - 0.5 * np.cos(2 * np.pi * minute / DAY)) * noise


def at(baselines: Baselines, minute: int, host: tuple[int, int] = HOST) -> Any:
    return baselines.expected(View.DESTINATION, *host, (MONDAY + minute) * 60_000)


def test_nothing_is_said_of_who_is_not_known_long_enough():
    baselines = learned(59, lambda minute: 10e6)
    assert at(baselines, 59) is None
    baselines = learned(61, lambda minute: 10e6)
    assert at(baselines, 61).minutes == 61
    assert at(baselines, 61, LATE) is None


def test_the_day_has_a_shape_and_the_threshold_follows_it():
    baselines = learned(6 * DAY, diurnal)
    night, noon = at(baselines, 6 * DAY), at(baselines, 6 * DAY + 12 * HOUR)
    assert night.usual[0] == pytest.approx(20e6, rel=0.6)
    assert noon.usual[0] == pytest.approx(200e6, rel=0.6)
    # what is usual at noon is far too much at night
    assert night.threshold[0] < 200e6 < noon.threshold[0]


def test_an_attack_of_an_hour_does_not_become_usual():
    def attacked(minute: int) -> float:
        return 100 * diurnal(minute) if 3 * DAY <= minute < 3 * DAY + HOUR else diurnal(minute)

    calm, after = learned(3 * DAY + HOUR, diurnal), learned(3 * DAY + HOUR, attacked)
    assert at(after, 3 * DAY + HOUR).usual[0] < 3 * at(calm, 3 * DAY + HOUR).usual[0]
    assert at(after, 3 * DAY + HOUR).threshold[0] < 100 * 20e6


def test_what_lasts_becomes_usual():
    baselines = learned(3 * DAY, lambda minute: 10e6 if minute < DAY else 40e6)
    assert at(baselines, 3 * DAY).usual[0] == pytest.approx(40e6, rel=0.5)


def test_the_margin_is_wider_before_a_whole_day_was_seen():
    young, old = learned(HOUR * 3, lambda minute: 10e6), learned(DAY * 2, lambda minute: 10e6)
    ratio = [one.threshold[0] / one.usual[0] for one in (at(young, HOUR * 3), at(old, DAY * 2))]
    assert ratio[0] > 3 * ratio[1]


def test_who_is_quiet_is_not_forgotten_at_once_and_the_number_is_bounded():
    settings = BaselineSettings(limit=8, utc_offset_hours=0)

    def many(minute: int) -> dict[tuple[int, int], float]:
        return {(0, 100 + minute // 30 * 8 + number): 5e6 for number in range(8)}

    baselines = learned(300, many, settings=settings)
    assert baselines.size == 8
    assert baselines.unlearned > 0
    assert at(learned(DAY, lambda minute: 10e6 if minute < HOUR else 0.0), DAY).usual[0] < 2e6


def test_it_outlives_a_restart():
    baselines = learned(2 * DAY, diurnal)
    again = Baselines(BaselineSettings(limit=32, utc_offset_hours=0))
    again.restore(baselines.dump())
    assert at(again, 2 * DAY) == at(baselines, 2 * DAY)
    with pytest.raises((ValueError, KeyError)):
        again.restore({**baselines.dump(), "day": np.zeros((1, 3))})
    assert at(again, 2 * DAY) == at(baselines, 2 * DAY)


def test_the_detector_says_what_is_usual_and_how_long_it_was_learned():
    engine = Engine(Window(WindowSettings(light_bytes=0)), [started(DETECTOR)])
    baselines = learned(2 * DAY, lambda minute: {(0, 0xFFFFCB007105): 10e6}, start=NOW // 60_000 - 2 * DAY)
    engine._baselines.restore(baselines.dump())

    def looked(megabits: float) -> list[Any]:
        size = int(megabits * 1e6 * 10 / 8 / 1_000)
        rows = [
            {"bytes": size, "packets": size // 900, "src_port": n, "time_start": NOW - 9_000}
            for n in range(1_000)
        ]
        added = engine.add(columns(rows), NOW)
        (signals,) = engine.look(added.slots, NOW).values()
        return [one for one in signals if one.opens]

    assert not looked(15)
    (signal,) = looked(600)
    assert signal.vector == "volumetric"
    assert "usual at this hour" in signal.reasons[0].text
    assert "learned for 2 days" in signal.reasons[0].text
