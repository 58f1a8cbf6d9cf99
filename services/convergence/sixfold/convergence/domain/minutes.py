"""Traffic of one batch by minute: flows laid over the minutes they lasted through, to the byte."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.convergence.domain import cells
from sixfold.convergence.domain.cells import Cells

MINUTE: Final = 60_000
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


def by_minute(
    columns: Mapping[str, npt.NDArray[Any]], codes: npt.NDArray[np.int64], now_ms: int, clock: Clock
) -> tuple[dict[int, Cells], int, int]:
    """Totals by minute, the latest flow end, and the number of flows left out as implausible.

    Bytes and packets are laid over the minutes in proportion to time, in whole units that add up to the
    flow's; what
    is longer ago than `spread` minutes before its end counts in the first of them. A flow is counted where
    it ends.
    """
    end = columns["time_end"]
    plausible = (end >= now_ms - clock.past_ms) & (end <= now_ms + clock.future_ms)
    plausible &= (columns["bytes"] <= MOST_OF_A_FLOW) & (columns["packets"] <= MOST_OF_A_FLOW)
    rows = np.flatnonzero(plausible)
    if not len(rows):
        return {}, 0, len(end)
    end = end[rows]
    begin = np.minimum(columns["time_start"][rows], end)
    last = end // MINUTE
    first = np.maximum(begin // MINUTE, last - clock.spread + 1)
    count = last - first + 1
    laid = np.repeat(np.arange(len(rows)), count)
    minute = first[laid] + np.arange(len(laid)) - np.repeat(np.cumsum(count) - count, count)
    lasted = np.maximum(end - begin, 1)[laid]
    until = np.where(minute == last[laid], 1.0, ((minute + 1) * MINUTE - begin[laid]) / lasted)
    opens = minute == first[laid]
    lowest = int(first.min())
    place = (minute - lowest) * cells.CODES + codes[rows][laid]
    slots = (int(last.max()) - lowest + 1) * cells.CODES
    totals = np.zeros((slots, 3), dtype=np.int64)
    for metric, name in enumerate(("bytes", "packets")):
        done = np.floor(columns[name][rows][laid] * until).astype(np.int64)
        done = np.where(minute == last[laid], columns[name][rows][laid].astype(np.int64), done)
        before = np.where(opens, 0, np.roll(done, 1))
        np.add.at(totals[:, metric], place, done - before)
    np.add.at(totals[:, 2], place, (minute == last[laid]).astype(np.int64))
    shaped = totals.reshape(-1, *cells.SHAPE)
    found = {lowest + int(index): shaped[index] for index in np.flatnonzero(shaped.any(axis=(1, 2, 3, 4)))}
    return found, int(end.max()), len(plausible) - len(rows)
