"""Traffic of one batch by minute: flows laid over the minutes they lasted through, to the byte."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.convergence.domain import cells
from sixfold.convergence.domain.cells import Cells

MINUTE: Final = 60_000
METRICS: Final = ("bytes", "packets")
MEASURED: Final = ("time_start", "time_end", *METRICS)
Columns = Mapping[str, npt.NDArray[Any]]
I64 = npt.NDArray[np.int64]
MOST_OF_A_FLOW: Final = 1 << 46
"""A flow of more bytes or packets than this (70 TB) is no measurement."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Which flow times are believed, and over how many minutes a flow is laid at most."""

    past_ms: int = 86_400_000
    future_ms: int = 60_000
    spread: int = 10


@dataclass(frozen=True, slots=True, eq=False)
class BatchTraffic:
    """What one batch adds. `minutes` is by minute number (ms since 1970 / 60,000)."""

    gateway: str
    epoch: str
    sequence: int
    minutes: Mapping[int, Cells]
    watermark: int
    """Latest plausible flow end in ms, 0 without one."""
    implausible: int


def by_minute(columns: Columns, codes: I64, now_ms: int, clock: Clock) -> tuple[dict[int, Cells], int, int]:
    """Totals by minute, the latest flow end, and the number of flows left out as implausible.

    Bytes and packets are laid over the minutes in proportion to time, in whole units that add up to the
    flow's; what
    is longer ago than `spread` minutes before its end counts in the first of them. A flow is counted where
    it ends.
    """
    flows = len(codes)
    chosen = {name: columns[name] for name in MEASURED}
    plausible = _plausible(chosen, now_ms, clock)
    implausible = flows - int(np.count_nonzero(plausible))
    if implausible == flows:
        return {}, 0, flows
    if implausible:
        chosen = {name: values[plausible] for name, values in chosen.items()}
        codes = codes[plausible]
    end = chosen["time_end"]
    begin = np.minimum(chosen["time_start"], end)
    last = end // MINUTE
    first = np.maximum(begin // MINUTE, last - clock.spread + 1)
    lowest, highest = int(first.min()), int(last.max())
    totals = np.zeros((3, (highest - lowest + 1) * cells.CODES), dtype=np.int64)
    place = (last - lowest) * cells.CODES + codes
    for metric, name in enumerate(METRICS):
        np.add.at(totals[metric], place, chosen[name].view(np.int64))
    totals[2] = np.bincount(place, minlength=len(totals[2]))
    long = np.flatnonzero(first != last)
    if len(long):
        laid = _earlier(begin[long], end[long], first[long], last[long])
        earlier = (laid.minute - lowest) * cells.CODES + codes[long][laid.row]
        for metric, name in enumerate(METRICS):
            part = laid.part(chosen[name][long])
            np.add.at(totals[metric], earlier, part)
            np.subtract.at(totals[metric], place[long][laid.row], part)
    shaped = np.ascontiguousarray(totals.T).reshape(-1, *cells.SHAPE)
    found = {lowest + int(index): shaped[index] for index in np.flatnonzero(shaped.any(axis=(1, 2, 3, 4)))}
    return found, int(end.max()), implausible


def _plausible(columns: Columns, now_ms: int, clock: Clock) -> npt.NDArray[np.bool_]:
    end = columns["time_end"]
    plausible = (end >= now_ms - clock.past_ms) & (end <= now_ms + clock.future_ms)
    for name in METRICS:
        plausible &= columns[name] <= MOST_OF_A_FLOW
    return plausible


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """The minutes before its last that each of some flows lasted through: flow `row`, in order of time."""

    row: I64
    minute: I64
    opens: npt.NDArray[np.bool_]
    """The flow's first minute."""
    until: npt.NDArray[np.float64]
    """The part of the flow that lies before the minute's end."""

    def part(self, values: npt.NDArray[Any]) -> I64:
        """What of each flow's whole units falls into the minute."""
        done = np.floor(values[self.row] * self.until).astype(np.int64)
        return done - np.where(self.opens, 0, np.roll(done, 1))


def _earlier(begin: I64, end: I64, first: I64, last: I64) -> _Laid:
    count = last - first
    row = np.repeat(np.arange(len(end)), count)
    minute = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    until = ((minute + 1) * MINUTE - begin[row]) / np.maximum(end - begin, 1)[row]
    return _Laid(row, minute, minute == first[row], until)
