"""Finding the records of variable length (RFC 7011, 7): the walk goes along all sets of a group side by side.

One step is the k-th record of every set, so its cost is shared by as many records as there are sets.
Few sets are walked one by one instead, which costs time in proportion to their bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.netflow.elements import VARIABLE
from sixfold.agent.netflow.layout import Layout
from sixfold.agent.netflow.messages import Sets

Array = npt.NDArray[Any]
_SIDE_BY_SIDE: Final = 12


@dataclass(frozen=True, slots=True)
class Found:
    """positions: of each wanted field, by its index, for all records in the order of their sets.

    counts: records of each set. damaged: sets that end within a record.
    """

    positions: dict[int, Array]
    counts: Array
    damaged: int


@dataclass(frozen=True, slots=True)
class _Step:
    """Fixed fields up to and without a variable one: (field, offset) of the wanted, and the bytes to pass."""

    wanted: tuple[tuple[int, int], ...]
    length: int
    variable: bool


def _steps(layout: Layout, wanted: Sequence[int]) -> list[_Step]:
    steps: list[_Step] = []
    here: list[tuple[int, int]] = []
    length = 0
    chosen = set(wanted)
    for field in layout.fields:
        if field.length == VARIABLE:
            steps.append(_Step(tuple(here), length, True))
            here, length = [], 0
            continue
        if field.index in chosen:
            here.append((field.index, length))
        length += field.length
    steps.append(_Step(tuple(here), length, False))
    return steps


def walk_records(layout: Layout, sets: Sets, flat: Array, wanted: Sequence[int]) -> Found:
    steps = _steps(layout, wanted)
    names = [index for step in steps for index, _ in step.wanted]
    if len(sets) < _SIDE_BY_SIDE:
        return _one_by_one(layout, sets, flat, steps, names)
    return _side_by_side(layout, sets, flat, steps, names)


def _one_by_one(layout: Layout, sets: Sets, flat: Array, steps: list[_Step], names: list[int]) -> Found:
    rows: list[list[int]] = []
    counts = np.zeros(len(sets), dtype=np.int64)
    damaged = 0
    minimum = layout.length
    for number, (start, size) in enumerate(zip(sets.position.tolist(), sets.length.tolist(), strict=True)):
        data = flat[start : start + size].tobytes()
        at, before = 0, len(rows)
        while size - at >= minimum:
            row, end = _walk_one(data, at, steps, start)
            if end > size:
                damaged += 1
                break
            rows.append(row)
            at = end
        counts[number] = len(rows) - before
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(names))
    return Found({name: table[:, column] for column, name in enumerate(names)}, counts, damaged)


def _walk_one(data: bytes, at: int, steps: list[_Step], start: int) -> tuple[list[int], int]:
    row: list[int] = []
    size = len(data)
    for step in steps:
        row.extend(start + at + offset for _, offset in step.wanted)
        at += step.length
        if not step.variable:
            continue
        if at >= size:
            return row, size + 1
        length = data[at]
        at += 1
        if length == 255:
            if at + 2 > size:
                return row, size + 1
            length = data[at] << 8 | data[at + 1]
            at += 2
        at += length
    return row, at


def _side_by_side(layout: Layout, sets: Sets, flat: Array, steps: list[_Step], names: list[int]) -> Found:
    at, end = sets.position.copy(), sets.position + sets.length
    which = np.arange(len(sets))
    counts = np.zeros(len(sets), dtype=np.int64)
    damaged = 0
    last = len(flat) - 1
    parts: list[tuple[Array, list[Array]]] = []
    while True:
        more = end - at >= layout.length
        if not more.all():
            which, at, end = which[more], at[more], end[more]
        if not len(which):
            break
        row: list[Array] = []
        for step in steps:
            row.extend(at + offset for _, offset in step.wanted)
            at = at + step.length
            if step.variable:
                length = flat[np.minimum(at, last)].astype(np.int64)
                long = length == 255
                at = at + 1
                if long.any():
                    high = flat[np.minimum(at, last)].astype(np.int64)
                    low = flat[np.minimum(at + 1, last)].astype(np.int64)
                    length = np.where(long, (high << 8) | low, length)
                    at = at + 2 * long
                at = at + length
        whole = at <= end
        if not whole.all():
            damaged += int((~whole).sum())
            which, at, end = which[whole], at[whole], end[whole]
            row = [column[whole] for column in row]
        counts[which] += 1
        parts.append((which, row))
    if not parts:
        return Found({name: np.zeros(0, dtype=np.int64) for name in names}, counts, damaged)
    order = np.argsort(np.concatenate([which for which, _ in parts]), kind="stable")
    positions = {
        name: np.concatenate([row[column] for _, row in parts])[order] for column, name in enumerate(names)
    }
    return Found(positions, counts, damaged)
