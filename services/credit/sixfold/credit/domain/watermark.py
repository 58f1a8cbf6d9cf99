"""Which batches of an agent's epoch are stored: all up to one number, and some above it.

An agent numbers its batches from 1 without a gap, but they may arrive out of order, twice, or much later. Its floor
says below which number it will send nothing more, so what it had to drop does not hold the watermark back for ever.

A floor is a word about the stream, not about the reader: what lies below it may be in the stream, fetched once by a
loader that died, and still to come. It counts only when everything up to the batch that carried it is acknowledged.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

MAX_EPOCHS: Final = 64
"""Epochs that are remembered for each gateway; the longest unseen is forgotten first."""
MAX_ABOVE: Final = 16_384
"""Numbers above a hole that are remembered; a batch that would be one more is not taken."""
MAX_OWED: Final = 1_024


@dataclass(frozen=True, slots=True)
class BatchId:
    """What a batch is counted by. `floor`: see above; `at`: its place in the stream."""

    gateway: str
    epoch: str
    sequence: int
    floor: int
    at: int = 0


@dataclass(frozen=True, slots=True)
class Promise:
    """Nothing below `floor` comes any more, once the stream is acknowledged up to `at`."""

    at: int
    floor: int


@dataclass(frozen=True, slots=True)
class Watermark:
    """`contiguous` and everything below are settled, and so is what stands in `above`; but for what is `owed`:
    dead letters, which are stored when they are driven again."""

    contiguous: int = 0
    above: frozenset[int] = frozenset()
    owed: frozenset[int] = frozenset()
    promise: Promise | None = None

    def is_done(self, sequence: int) -> bool:
        return sequence not in self.owed and (sequence <= self.contiguous or sequence in self.above)

    def has_room(self, sequence: int) -> bool:
        return sequence <= self.contiguous + 1 or len(self.above) < MAX_ABOVE

    def with_done(self, sequence: int, floor: int = 0, at: int = 0) -> "Watermark":
        """After `sequence`, which stood at `at` in the stream with the agent's `floor`."""
        mark = self._counted(sequence)
        if sequence in mark.owed:
            mark = replace(mark, owed=mark.owed - {sequence})
        if mark.promise is None and floor - 1 > mark.contiguous:
            return replace(mark, promise=Promise(at, floor))
        return mark

    def with_owed(self, sequence: int) -> "Watermark":
        """After `sequence` became a dead letter."""
        if self.is_done(sequence):
            return self
        owed = sorted({*self.owed, sequence})[-MAX_OWED:]
        return replace(self._counted(sequence), owed=frozenset(owed))

    def settled(self, upto: int) -> "Watermark":
        """After everything up to `upto` in the stream is acknowledged."""
        if self.promise is None or self.promise.at > upto:
            return self
        return _closed(self, max(self.contiguous, self.promise.floor - 1))

    def _counted(self, sequence: int) -> "Watermark":
        if sequence <= self.contiguous:
            return self
        return _closed(replace(self, above=self.above | {sequence}), self.contiguous)


def _closed(mark: Watermark, contiguous: int) -> Watermark:
    above = {number for number in mark.above if number > contiguous}
    while contiguous + 1 in above:
        contiguous += 1
        above.discard(contiguous)
    promise = mark.promise if mark.promise and mark.promise.floor - 1 > contiguous else None
    return Watermark(contiguous, frozenset(above), mark.owed, promise)


@dataclass(frozen=True, slots=True)
class Done:
    """The watermarks of every gateway and epoch, the most recently seen last."""

    marks: Mapping[tuple[str, str], Watermark] = field(default_factory=dict[tuple[str, str], Watermark])

    def _mark(self, batch: BatchId) -> Watermark:
        return self.marks.get((batch.gateway, batch.epoch), Watermark())

    def is_done(self, batch: BatchId) -> bool:
        return self._mark(batch).is_done(batch.sequence)

    def has_room(self, batch: BatchId) -> bool:
        return self._mark(batch).has_room(batch.sequence)

    @property
    def is_waiting(self) -> bool:
        """A floor waits for the stream to be acknowledged."""
        return any(mark.promise is not None for mark in self.marks.values())

    def with_done(self, batches: Iterable[BatchId]) -> "Done":
        marks = dict(self.marks)
        for batch in batches:
            key = (batch.gateway, batch.epoch)
            known = marks.pop(key, None)
            marks[key] = (known or Watermark()).with_done(batch.sequence, batch.floor, batch.at)
            if known is None:
                _forget(marks, batch.gateway)
        return Done(marks)

    def with_owed(self, batch: BatchId) -> "Done":
        marks = dict(self.marks)
        marks[batch.gateway, batch.epoch] = self._mark(batch).with_owed(batch.sequence)
        _forget(marks, batch.gateway)
        return Done(marks)

    def settled(self, upto: int) -> "Done":
        return Done({key: mark.settled(upto) for key, mark in self.marks.items()})

    def to_json(self) -> list[list[Any]]:
        rows: list[list[Any]] = []
        for key, mark in self.marks.items():
            promise = [mark.promise.at, mark.promise.floor] if mark.promise else None
            rows.append([*key, mark.contiguous, sorted(mark.above), sorted(mark.owed), promise])
        return rows

    @classmethod
    def from_json(cls, rows: list[list[Any]]) -> "Done":
        marks: dict[tuple[str, str], Watermark] = {}
        for gateway, epoch, contiguous, above, *more in rows:
            owed, promise = more or ((), None)
            marks[gateway, epoch] = Watermark(
                contiguous, frozenset(above), frozenset(owed), Promise(*promise) if promise else None
            )
        return cls(marks)


def _forget(marks: dict[tuple[str, str], Watermark], gateway: str) -> None:
    epochs = [key for key in marks if key[0] == gateway]
    for forgotten in epochs[: max(0, len(epochs) - MAX_EPOCHS)]:
        del marks[forgotten]
