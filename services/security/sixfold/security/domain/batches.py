"""Which batches of a gateway have been taken, so that one delivered again is counted once.

An agent numbers its batches 1, 2, 3 … within an epoch, so the taken ones are a few ranges.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

MAX_RANGES: Final = 512
MAX_EPOCHS: Final = 16
MAX_GATEWAYS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Taken:
    """Taken sequences as sorted, disjoint, not adjacent ranges `(first, last)`."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, sequence: int) -> bool:
        index = bisect_right(self.ranges, (sequence, 1 << 63)) - 1
        return index >= 0 and sequence <= self.ranges[index][1]

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
        ranges = (*before, (first, last), *after)
        if len(ranges) > MAX_RANGES:
            ranges = ((ranges[0][0], ranges[1][1]), *ranges[2:])
        return Taken(ranges)


class TakenBatches:
    """`Taken` by gateway and epoch; the oldest epochs of a gateway are forgotten past MAX_EPOCHS, idle
    gateways past MAX_GATEWAYS.
    """

    def __init__(self) -> None:
        self._taken: dict[str, dict[str, Taken]] = {}

    def __contains__(self, batch: tuple[str, str, int]) -> bool:
        gateway, epoch, sequence = batch
        return sequence in self._taken.get(gateway, {}).get(epoch, Taken())

    def dump(self) -> dict[str, dict[str, list[list[int]]]]:
        """As plain values, for a checkpoint."""
        return {
            gateway: {epoch: [[*span] for span in taken.ranges] for epoch, taken in epochs.items()}
            for gateway, epochs in self._taken.items()
        }

    def restore(self, values: dict[str, dict[str, list[list[int]]]]) -> None:
        """What `dump` gave, instead of what is held now."""
        self._taken = {
            gateway: {
                epoch: Taken(tuple((first, last) for first, last in spans)) for epoch, spans in epochs.items()
            }
            for gateway, epochs in values.items()
        }

    def add(self, gateway: str, epoch: str, sequence: int) -> None:
        epochs = self._taken[gateway] = self._taken.pop(gateway, {})
        epochs[epoch] = epochs.pop(epoch, Taken()).add(sequence)
        if len(epochs) > MAX_EPOCHS:
            del epochs[next(iter(epochs))]
        if len(self._taken) > MAX_GATEWAYS:
            del self._taken[next(iter(self._taken))]
