"""What is usual for a host or prefix, by the hour of the day and the day of the week, learned robustly.

Every minute of event time the rate of each object is compared with what was expected of it, in powers of two: its
level, plus the shape of its day (24 hours) and of its week (7 days). A part of the difference is learned, cut off at
three times the usual deviation (a Huber estimate), so that an attack of an hour moves the level by little and does not
become what is usual. Brutlag, "Aberrant Behavior Detection in Time Series for Network Monitoring", LISA 2000; Huber
1964.

A young object has no expectation: for `cold_minutes` nothing is said of it, and until a whole day has been seen the
margin is doubled. Memory: `limit` objects of 200 bytes; when there is no room those that were busy longest ago go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain.window import View, Window

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
METRICS: Final = ("bits", "packets", "flows")
_VIEWS: Final = (View.DESTINATION, View.PREFIX)
_DAY_MINUTES: Final = 1_440
_MINUTE_MS: Final = 60_000
_CUT: Final = 3.0
_STATE: Final = ("level", "deviation", "day", "week", "minutes", "seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineSettings:
    """Rates are per second."""

    bits: float = 1e6
    packets: float = 100.0
    """Objects are learned from one of these rates on, prefixes from `prefix_factor` times them."""
    prefix_factor: float = 4.0
    limit: int = 16_384
    cold_minutes: int = 60
    level_minutes: float = 120.0
    """Half of a lasting change is level after some three quarters of this."""
    shape_days: float = 5.0
    """The same for the shape of the day, in days."""
    deviations: float = 6.0
    least_factor: float = 4.0
    """What is usual is exceeded from `deviations` times the usual deviation on, and at least so many times."""
    least_deviation: float = 0.25
    """In powers of two."""
    utc_offset_hours: float = 8.0
    """Whose day and week it is."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Of one object, now: rates by METRICS; `minutes` is how long it has been learned."""

    usual: tuple[float, float, float]
    threshold: tuple[float, float, float]
    minutes: int


class Baselines:
    """Not thread-safe. Nothing here looks at a wall clock."""

    def __init__(self, settings: BaselineSettings | None = None) -> None:
        self.settings = settings or BaselineSettings()
        self._rows: dict[tuple[int, int, int], int] = {}
        self._free = list(range(self.settings.limit - 1, -1, -1))
        size = self.settings.limit
        self._level: F32 = np.zeros((size, len(METRICS)), np.float32)
        self._deviation: F32 = np.zeros((size, len(METRICS)), np.float32)
        self._day: F32 = np.zeros((size, 24), np.float32)
        self._week: F32 = np.zeros((size, 7), np.float32)
        self._minutes: npt.NDArray[np.int32] = np.zeros(size, np.int32)
        self._seen: npt.NDArray[np.int64] = np.zeros(size, np.int64)
        self.last_minute = 0
        """The newest minute (event time over 60,000 ms) that was learned."""
        self.unlearned = 0
        """Objects that there was no room for, so far."""

    @property
    def size(self) -> int:
        return len(self._rows)

    # --- asked

    def expected(self, view: View, hi: int, lo: int, time_ms: int) -> Expected | None:
        """None of an object that is not known, or not for long enough."""
        row = self._rows.get((_VIEWS.index(view), hi, lo))
        if row is None or self._minutes[row] < self.settings.cold_minutes:
            return None
        settings, minutes = self.settings, int(self._minutes[row])
        hour, weekday = self._moment(time_ms // _MINUTE_MS)
        middle = (
            self._level[row].astype(np.float64)
            + float(self._day[row, hour])
            + float(self._week[row, weekday])
        )
        margin = np.maximum(
            settings.deviations * np.maximum(self._deviation[row], settings.least_deviation),
            np.log2(settings.least_factor),
        )
        if minutes < _DAY_MINUTES:
            margin = margin * 2.0
        usual, threshold = np.exp2(middle), np.exp2(middle + margin)
        return Expected(_three(usual), _three(threshold), minutes)

    # --- learned

    def learn(self, window: Window) -> bool:
        """Learn the newest minute whose slots are settled, once; whether there was one."""
        slot_ms = window.settings.slot_ms
        per_minute = _MINUTE_MS // slot_ms
        if per_minute < 1 or not window.head:
            return False
        minute = (window.head - 2) * slot_ms // _MINUTE_MS - 1
        if minute <= self.last_minute:
            return False
        self.last_minute = minute
        first = minute * per_minute
        if first <= window.head - window.settings.slots:
            return False
        for place, view in enumerate(_VIEWS):
            self._learn(place, view, window, first, first + per_minute - 1)
        return True

    def _learn(self, place: int, view: View, window: Window, first: int, last: int) -> None:
        settings = self.settings
        factor = settings.prefix_factor if view is View.PREFIX else 1.0
        floors = (settings.bits * factor * 60 / 8, settings.packets * factor * 60, np.inf)
        busy = window.over(view, first, last, floors)
        hi, lo = busy["hi"].to_list(), busy["lo"].to_list()
        rates = np.column_stack([busy["bytes"] * 8, busy["packets"], busy["flows"]]) / 60
        rows, at = self._numbered(place, hi, lo)
        known = np.array([row for (of, _, _), row in self._rows.items() if of == place], np.intp)
        if not len(known):
            return
        # Who was not busy enough to be looked at had less than the floors: a quarter of them is as good as any number.
        quiet = np.log2(np.array([settings.bits, settings.packets, 1.0]) * factor / 4)
        values = np.tile(quiet, (settings.limit, 1))
        values[rows] = np.log2(np.maximum(rates[at], 1e-3))
        self._seen[rows] = self.last_minute
        self._update(known, values[known])

    def _numbered(
        self, place: int, hi: list[int], lo: list[int]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """(rows of the register, rows of the frame) of those that there is room for."""
        rows: list[int] = []
        at: list[int] = []
        for number, key in enumerate(zip(hi, lo, strict=True)):
            row = self._rows.get((place, *key))
            if row is None:
                row = self._new((place, *key))
            if row is not None:
                rows.append(row)
                at.append(number)
        return np.array(rows, np.intp), np.array(at, np.intp)

    def _new(self, key: tuple[int, int, int]) -> int | None:
        if not self._free:
            self._forget()
        if not self._free:
            self.unlearned += 1
            return None
        row = self._rows[key] = self._free.pop()
        self._minutes[row] = 0
        self._day[row] = self._week[row] = 0.0
        return row

    def _forget(self) -> None:
        """An eighth of them, of those that were not busy for an hour, the longest first."""
        idle = [(int(self._seen[row]), key) for key, row in self._rows.items()]
        idle = sorted(one for one in idle if one[0] < self.last_minute - 60)[: self.settings.limit // 8]
        for _, key in idle:
            self._free.append(self._rows.pop(key))

    def _update(self, rows: npt.NDArray[np.intp], values: F64) -> None:
        settings = self.settings
        hour, weekday = self._moment(self.last_minute)
        fresh = self._minutes[rows] == 0
        self._level[rows[fresh]] = values[fresh]
        self._deviation[rows[fresh]] = 1.0
        self._minutes[rows] += 1
        middle = self._level[rows] + self._day[rows, hour, None] + self._week[rows, weekday, None]
        difference = values - middle
        deviation = np.maximum(self._deviation[rows], settings.least_deviation)
        # While it is young it learns what it sees; later it is slow.
        young = 1.0 / np.maximum(self._minutes[rows], 1)[:, None]
        pace = np.maximum(1.0 / settings.level_minutes, young)
        cut = np.where(young > 1.0 / settings.cold_minutes, 8.0, _CUT * deviation)
        learned = np.clip(difference, -cut, cut)
        self._level[rows] += pace * learned
        # Cut off at 1.5 deviations, the mean of a normal's is 0.75 of one. Slower than the level: an attack of an hour
        # widens it by an eighth.
        near = np.minimum(
            np.abs(difference), np.where(young > 1.0 / settings.cold_minutes, 8.0, 1.5 * deviation)
        )
        self._deviation[rows] += np.maximum(pace / 4, young) * (near / 0.75 - self._deviation[rows])
        shaped = learned.mean(axis=1) / (settings.shape_days * 60)
        self._day[rows, hour] += shaped * 4
        self._week[rows, weekday] += shaped / 4

    def _moment(self, minute: int) -> tuple[int, int]:
        """(hour of the day, day of the week; Monday is 0)."""
        local = minute + round(self.settings.utc_offset_hours * 60)
        return local // 60 % 24, (local // _DAY_MINUTES + 3) % 7

    # --- kept

    def dump(self) -> dict[str, npt.NDArray[Any]]:
        keys = list(self._rows)
        rows = np.array([self._rows[key] for key in keys], np.intp)
        state: dict[str, npt.NDArray[Any]] = {name: getattr(self, f"_{name}")[rows] for name in _STATE}
        state["view"] = np.array([key[0] for key in keys], np.uint8)
        state["hi"] = np.array([key[1] for key in keys], np.uint64)
        state["lo"] = np.array([key[2] for key in keys], np.uint64)
        state["last_minute"] = np.array([self.last_minute], np.int64)
        return state

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take up what `dump` gave; what there is no room for is left out. ValueError or KeyError: unusable."""
        size = len(state["view"])
        arrays = {name: state[name] for name in (*_STATE, "hi", "lo")}
        if any(len(array) != size for array in arrays.values()) or state["day"].shape != (size, 24):
            raise ValueError("the arrays do not fit together")
        kept = min(size, self.settings.limit)
        keys = zip(state["view"].tolist(), state["hi"].tolist(), state["lo"].tolist(), strict=True)
        self._rows = {key: row for row, key in enumerate(list(keys)[:kept])}
        self._free = list(range(self.settings.limit - 1, kept - 1, -1))
        for name in _STATE:
            getattr(self, f"_{name}")[:kept] = state[name][:kept]
        self.last_minute = int(state["last_minute"][0])


def _three(values: F64) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
