"""Running numbers per source: what is missing between them. Bounded; the source idle longest is forgotten first."""

import itertools
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

_WINDOW: Final = 1 << 16
"""A step forward of more, or backward of more, is a restart of the exporter and no loss."""


@dataclass(slots=True)
class Change:
    """What one batch told of one source. gaps: how often numbers were skipped; missed: how many.

    late: numbers that came after a higher one.
    dropped and observed: growth of the sample header's drops and sample_pool; 0 over a restart.
    """

    key: int
    gaps: int = 0
    missed: int = 0
    late: int = 0
    restarts: int = 0
    dropped: int = 0
    observed: int = 0


class Sequences:
    """The last number of each source, and the running totals (drops, pool) that came with it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.evicted = 0
        self._last: OrderedDict[int, tuple[int, int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last)

    def observe(
        self,
        keys: npt.NDArray[np.int64],
        numbers: npt.NDArray[np.uint32],
        drops: npt.NDArray[np.uint32] | None = None,
        pool: npt.NDArray[np.uint32] | None = None,
    ) -> Iterator[Change]:
        """Take the numbers in their order of arrival; one Change for each source that is in the batch."""
        if not len(keys):
            return
        order = np.argsort(keys, kind="stable")
        sorted_keys, sorted_numbers = keys[order], numbers[order]
        starts = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]))
        ends = np.append(starts[1:], len(keys))
        # A group that rises by one throughout needs its first and last number only.
        uneven = np.zeros(len(keys), dtype=bool)
        uneven[1:] = sorted_numbers[1:] - sorted_numbers[:-1] != 1
        uneven[starts] = False
        ragged = np.logical_or.reduceat(uneven, starts)
        last_drops = np.zeros(len(keys), dtype=np.uint32) if drops is None else drops[order]
        last_pool = np.zeros(len(keys), dtype=np.uint32) if pool is None else pool[order]
        for start, end, rough in zip(starts.tolist(), ends.tolist(), ragged.tolist(), strict=True):
            group = (
                sorted_numbers[start:end].tolist()
                if rough
                else [int(sorted_numbers[start]), int(sorted_numbers[end - 1])]
            )
            yield self._follow(
                int(sorted_keys[start]), group, rough, int(last_drops[end - 1]), int(last_pool[end - 1])
            )

    def _follow(self, key: int, group: list[int], rough: bool, drops: int, pool: int) -> Change:
        change = Change(key)
        known = self._last.pop(key, None)
        last = group[0] - 1 if known is None else known[0]
        for number in group if rough else group[:1]:
            step = (number - last) & 0xFFFFFFFF
            if step >= 1 << 31:
                step -= 1 << 32
            if step > _WINDOW or step < -_WINDOW:
                change.restarts += 1
                last = number
            elif step > 0:
                change.gaps += step > 1
                change.missed += step - 1
                last = number
            else:
                change.late += 1
        if not rough and not change.late:
            last = group[-1]
        elif not rough:
            last = max(last, group[-1])
        if known is not None and not change.restarts:
            change.dropped = _growth(known[1], drops)
            change.observed = _growth(known[2], pool)
        self._last[key] = (last & 0xFFFFFFFF, drops, pool)
        if len(self._last) > self.limit:
            self._last.popitem(last=False)
            self.evicted += 1
        return change

    def newest(self, most: int) -> npt.NDArray[np.int64]:
        """(sources, 4): key, number, drops, pool of the sources heard last, `most` of them; the newest first."""
        rows = [(key, *values) for key, values in itertools.islice(reversed(self._last.items()), most)]
        return np.array(rows, dtype=np.int64).reshape(-1, 4)

    def replace(self, rows: npt.NDArray[np.int64]) -> None:
        """Know what `newest` gave, and nothing else."""
        self._last.clear()
        self.load(rows[::-1].tolist())

    def dump(self) -> list[list[int]]:
        return [[key, *values] for key, values in self._last.items()]

    def load(self, rows: Sequence[Sequence[int]]) -> None:
        for key, number, drops, pool in rows[-self.limit :]:
            self._last[int(key)] = (int(number), int(drops), int(pool))


def _growth(before: int, now: int) -> int:
    """Growth of a 32-bit total that may have wrapped; a total that shrank by much has begun anew."""
    grown = (now - before) & 0xFFFFFFFF
    return grown if grown < 1 << 31 else 0
