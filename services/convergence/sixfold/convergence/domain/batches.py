"""Which batches of a gateway have been taken, so that one delivered again is counted once.

An agent numbers its batches 1, 2, 3 … within an epoch, so the taken ones are a few ranges.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

MAX_RANGES: Final = 512
MAX_EPOCHS: Final = 16


@dataclass(frozen=True, slots=True)
class Taken:
    """Taken sequences as sorted, disjoint, not adjacent ranges `(first, last)`."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, sequence: int) -> bool:
        index = bisect_right(self.ranges, (sequence, 1 << 63)) - 1
        return index >= 0 and sequence <= self.ranges[index][1]

    def add_range(self, first: int, last: int) -> "Taken":
        """With `first` to `last` taken."""
        if first == last:
            return self.add(first)
        apart = [(low, high) for low, high in self.ranges if high < first - 1 or low > last + 1]
        near = [(low, high) for low, high in self.ranges if not (high < first - 1 or low > last + 1)]
        low = min([first, *(low for low, _ in near)])
        high = max([last, *(high for _, high in near)])
        return Taken(_bounded(tuple(sorted([*apart, (low, high)]))))

    def add(self, sequence: int) -> "Taken":
        """With `sequence` taken. Past MAX_RANGES the two lowest ranges become one: a batch that old is not
        waited for.
        """
        if sequence in self:
            return self
        index = bisect_right(self.ranges, (sequence, 1 << 63))
        before, after = self.ranges[:index], self.ranges[index:]
        first = last = sequence
        if before and before[-1][1] == sequence - 1:
            first, before = before[-1][0], before[:-1]
        if after and after[0][0] == sequence + 1:
            last, after = after[0][1], after[1:]
        return Taken(_bounded((*before, (first, last), *after)))


def _bounded(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    if len(ranges) > MAX_RANGES:
        return ((ranges[0][0], ranges[1][1]), *ranges[2:])
    return ranges
