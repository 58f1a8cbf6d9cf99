"""Which batches of an agent's epoch are stored: all up to one number, and some above it.

An agent numbers its batches from 1 without a gap, but they may arrive out of order, twice, or much later. Its floor
says below which number it will send nothing more, so what it had to drop does not hold the watermark back for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MAX_EPOCHS: Final = 64
"""Epochs that are remembered for each gateway; the longest unseen is forgotten first."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """`contiguous` and everything below are done, and so is what stands in `above`."""

    contiguous: int = 0
    above: frozenset[int] = frozenset()

    def is_done(self, sequence: int) -> bool:
        return sequence <= self.contiguous or sequence in self.above

    def with_done(self, sequence: int, floor: int = 0) -> "Watermark":
        """After `sequence`, with the agent's `floor`."""
        above = set(self.above)
        if sequence > self.contiguous:
            above.add(sequence)
        contiguous = max(self.contiguous, floor - 1)
        above = {number for number in above if number > contiguous}
        while contiguous + 1 in above:
            contiguous += 1
            above.discard(contiguous)
        return Watermark(contiguous, frozenset(above))


@dataclass(frozen=True, slots=True)
class Done:
    """The watermarks of every gateway and epoch, the most recently seen last."""

    marks: Mapping[tuple[str, str], Watermark] = field(default_factory=dict[tuple[str, str], Watermark])

    def is_done(self, gateway: str, epoch: str, sequence: int) -> bool:
        mark = self.marks.get((gateway, epoch))
        return mark is not None and mark.is_done(sequence)

    def with_done(self, gateway: str, epoch: str, sequence: int, floor: int) -> "Done":
        marks = dict(self.marks)
        key = (gateway, epoch)
        mark = marks.pop(key, Watermark())
        marks[key] = mark.with_done(sequence, floor)
        epochs = [other for other in marks if other[0] == gateway]
        for forgotten in epochs[: max(0, len(epochs) - MAX_EPOCHS)]:
            del marks[forgotten]
        return Done(marks)

    def to_json(self) -> list[list[Any]]:
        return [[*key, mark.contiguous, sorted(mark.above)] for key, mark in self.marks.items()]

    @classmethod
    def from_json(cls, rows: list[list[Any]]) -> "Done":
        return cls({(row[0], row[1]): Watermark(row[2], frozenset(row[3])) for row in rows})
