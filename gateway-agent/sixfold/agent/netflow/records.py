"""A group of data records of one layout, read field by field; never record by record.

Records of fixed length are one structured numpy view where their sets lie evenly in the receive buffer, else
one gathered copy with that type. Records of variable length are found by a walk (`variable.py`) and each
field is gathered from where the walk found it.
"""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sixfold.agent.netflow import elements as ie
from sixfold.agent.netflow.layout import Field, Layout
from sixfold.agent.netflow.messages import Sets
from sixfold.agent.netflow.variable import walk_records

Array = npt.NDArray[Any]


class Records(Protocol):
    """message: of each set; counts: records of each set; shape: of what `lane` gives, `rows` elements in all."""

    message: Array
    counts: Array
    shape: tuple[int, ...]
    rows: int

    def lane(self, field: Field, low: bool = False) -> Array:
        """One field of all records, big-endian; `low`: the second half of a sixteen-byte field."""
        ...


def spread(records: Records, values: Array, out: Array) -> None:
    """Write one value of each set to all its records. values (sets,), out (rows,), perhaps strided."""
    if len(records.shape) == 2:
        out.reshape(records.shape)[...] = values[:, None]
    elif len(values) == 1:
        out[...] = values[0]
    else:
        out[...] = np.repeat(values, records.counts)


def message_rows(records: Records) -> Array:
    """The message of each record."""
    return np.repeat(records.message, records.counts)


def number(records: Records, field: Field, out: Array) -> Array:
    """Write an unsigned number to out (rows,), of any length up to eight bytes (RFC 7011, 6.2). Returns out.

    A number too great for out becomes the greatest that out holds.
    """
    lane = records.lane(field)
    target = out.reshape(records.shape)
    room = out.dtype.itemsize
    if field.length > room and out.dtype.kind == "u":
        wide = _join(lane) if field.length not in (1, 2, 4, 8) else lane.astype(np.uint64)
        np.minimum(wide, np.iinfo(out.dtype).max, out=wide)
        target[...] = wide
    elif field.length in (1, 2, 4, 8):
        target[...] = lane
    else:
        target[...] = _join(lane)
    return out


def _join(lane: Array) -> Array:
    total = np.zeros(lane.shape[:-1], dtype=np.uint64)
    for index in range(lane.shape[-1]):
        total = (total << np.uint64(8)) | lane[..., index]
    return total


class FixedRecords:
    def __init__(self, layout: Layout, sets: Sets, flat: Array) -> None:
        length = layout.length
        self.counts = sets.length // length
        self.message = sets.message
        self.rows = int(self.counts.sum())
        self._view = self._even(layout, sets, flat)
        self.shape: tuple[int, ...] = self._view.shape

    def _even(self, layout: Layout, sets: Sets, flat: Array) -> Array:
        k, length = len(sets), layout.length
        first = int(self.counts[0])
        # Not by the sum alone: sets of 2, 3 and 1 records have as many as three of 2.
        if self.rows == k * first and (self.counts == first).all():
            at = sets.position
            if k == 1:
                return np.ndarray((1, first), layout.dtype, flat.data, int(at[0]))
            step = int(at[1] - at[0])
            used = first * length
            if step == (int(at[-1]) - int(at[0])) // (k - 1) and bool((at[1:] - at[:-1] == step).all()):
                return np.ndarray((k, first), layout.dtype, flat.data, int(at[0]), (step, length))
            windows = np.ndarray((len(flat) - used + 1, used), np.uint8, flat.data, 0, (1, 1))
            return windows[at].view(layout.dtype)
        windows = np.ndarray((len(flat) - length + 1, length), np.uint8, flat.data, 0, (1, 1))
        return windows[_starts(sets.position, self.counts, length)].view(layout.dtype).reshape(-1)

    def lane(self, field: Field, low: bool = False) -> Array:
        return self._view[f"f{field.index}l" if low else f"f{field.index}"]


def _starts(position: Array, counts: Array, length: int) -> Array:
    """The position of each record of sets that begin at `position`."""
    before = np.cumsum(counts) - counts
    return np.repeat(position - before * length, counts) + np.arange(int(counts.sum())) * length


class VariableRecords:
    """`damaged` sets had a record that did not end within them; the records before it are kept."""

    def __init__(self, layout: Layout, sets: Sets, flat: Array) -> None:
        wanted = [field.index for field in layout.by_element.values()]
        found = walk_records(layout, sets, flat, wanted)
        self._flat = flat
        self._positions = found.positions
        self.counts = found.counts
        self.damaged = found.damaged
        self.message = sets.message
        self.rows = int(self.counts.sum())
        self.shape: tuple[int, ...] = (self.rows,)

    def lane(self, field: Field, low: bool = False) -> Array:
        at = self._positions[field.index]
        length = field.length
        if length == 16:
            at, length = (at + 8 if low else at), 8
        windows = np.ndarray((len(self._flat) - length + 1, length), np.uint8, self._flat.data, 0, (1, 1))
        taken = windows[at]
        if field.element in ie.ADDRESS_LENGTHS:
            return taken.view("=u4" if length == 4 else "=u8").reshape(-1)
        if field.length == 16:
            return taken.view("=u8").reshape(-1)
        return taken.view(f">u{length}").reshape(-1) if length in (1, 2, 4, 8) else taken


def records_of(layout: Layout, sets: Sets, flat: Array) -> FixedRecords | VariableRecords:
    return VariableRecords(layout, sets, flat) if layout.variable else FixedRecords(layout, sets, flat)
