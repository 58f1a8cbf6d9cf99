"""Volumes by host within one time slot, in bounded memory.

At most `limit` hosts are kept after a prune, `2 * limit` before one, and `8 * limit` rows wait to be
merged. A prune keeps the heaviest third of `limit` by
bytes, by packets and by flows. What a prune drops of one host is at most the largest dropped value; the
sum of these over the prunes bounds how much any host of the slot may be understated (the bound of
lossy counting, Manku and Motwani 2002). Below `2 * limit` hosts the table is exact and the bound 0.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

KEYS: Final = ("lane", "hi", "lo")
METRICS: Final = ("bytes", "packets", "flows")
MAX_PARTS: Final = 32
SCHEMA: Final = {
    "lane": pl.UInt32,
    "hi": pl.UInt64,
    "lo": pl.UInt64,
    "bytes": pl.Float64,
    "packets": pl.Float64,
    "flows": pl.Float64,
}
HOST_SCHEMA: Final = {name: kind for name, kind in SCHEMA.items() if name != "lane"}


def grouped(frame: pl.DataFrame, *keys: str) -> pl.DataFrame:
    return frame.group_by(*keys).agg(pl.col(*METRICS).sum())


def heaviest(frame: pl.DataFrame, limit: int) -> tuple[pl.DataFrame, npt.NDArray[np.float64]]:
    """At most `limit` rows of `frame`, and the largest dropped value of each metric."""
    if len(frame) <= limit:
        return frame, np.zeros(3)
    each = max(limit // 3, 1)
    keep = np.zeros(len(frame), dtype=bool)
    values: list[npt.NDArray[Any]] = [frame[metric].to_numpy() for metric in METRICS]
    for value in values:
        keep[np.argpartition(value, len(value) - each)[-each:]] = True
    dropped = np.array([value[~keep].max(initial=0.0) for value in values])
    return frame.filter(pl.Series(keep)), dropped


@dataclass(frozen=True, slots=True)
class Part:
    """Volumes by lane and host, with the largest of each metric: most questions are answered by these
    alone.
    """

    frame: pl.DataFrame
    largest: tuple[float, float, float]


EMPTY: Final = Part(pl.DataFrame(schema=SCHEMA), (0.0, 0.0, 0.0))


def part_of(frame: pl.DataFrame) -> Part:
    bytes_, packets, flows = (float(frame[metric].to_numpy().max(initial=0.0)) for metric in METRICS)
    return Part(frame, (bytes_, packets, flows))


class SlotTable:
    """One slot's volumes. Parts are appended cheaply; `merge` makes them one."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.error = np.zeros(3)
        self._merged = EMPTY
        self._parts: list[Part] = []
        self._pending = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Add volumes (columns of SCHEMA, one row per lane and host)."""
        if len(frame) > 2 * self.limit:
            frame, dropped = heaviest(frame, self.limit)
            self.error = self.error + dropped
        self._parts.append(part_of(frame))
        self._pending += len(frame)
        if self._pending > 8 * self.limit or len(self._parts) > MAX_PARTS:
            self.merge()

    @property
    def parts(self) -> list[Part]:
        """The volumes as they lie: a host may be in several parts."""
        return [part for part in (self._merged, *self._parts) if len(part.frame)]

    def merge(self) -> pl.DataFrame:
        """The volumes by lane and host."""
        if self._parts:
            parts = [part.frame for part in self.parts]
            if len(parts) > 1:
                self._merged = part_of(grouped(pl.concat(parts), *KEYS))
            elif parts:
                [self._merged] = self.parts
            self._parts, self._pending = [], 0
            if len(self._merged.frame) > 2 * self.limit:
                self.shrink(self.limit)
        return self._merged.frame

    def shrink(self, limit: int) -> None:
        """Keep at most `limit` hosts from now on."""
        self.limit = limit
        frame, dropped = heaviest(self.merge(), limit)
        self._merged = part_of(frame)
        self.error = self.error + dropped

    @classmethod
    def of(cls, frame: pl.DataFrame, error: npt.NDArray[np.float64], limit: int) -> "SlotTable":
        """A table of volumes that were kept elsewhere."""
        table = cls(limit)
        table._merged, table.error = part_of(frame), error
        return table

    @property
    def hosts(self) -> int:
        return len(self._merged.frame) + self._pending
