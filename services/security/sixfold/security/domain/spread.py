"""Spreading flows over the time slots they lasted through.

An exporter reports a long flow at its end or at an active timeout. Counting it whole at that moment makes a
peak that never was on the wire, so each flow is laid over its slots in proportion to its duration.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spread:
    """`row[i]` of the flows has `share[i]` of its volume in slot `slot[i]`."""

    row: I64
    slot: I64
    share: npt.NDArray[np.float64]
    late: float
    """Volume, in flows, that fell before `first_slot` and was left out."""


def spread(
    start: I64,
    end: I64,
    *,
    slot_ms: int,
    first_slot: int,
    last_slot: int,
    light: npt.NDArray[np.bool_] | None = None,
    random: np.random.Generator | None = None,
) -> Spread:
    """Lay flows `[start, end]` (ms) over the slots `first_slot` to `last_slot`.

    A flow that ends before it starts counts at its end. Parts outside the slots are left out; the rest of the
    flow keeps its rate. A `light` flow goes whole to one slot, drawn with its shares as probabilities: the
    expected
    volume of every slot stays right, and for V in light flows of at most v each the standard deviation is
    at most
    sqrt(v * V). So work and memory grow with the flows plus the slots that heavy flows span.
    """
    begin = np.minimum(start, end)
    if light is not None and random is not None:
        drawn = begin + (random.random(len(end)) * (end - begin + 1)).astype(np.int64)
        begin = np.where(light, drawn, begin)
        end = np.where(light, drawn, end)
    duration = end - begin
    low, high = begin // slot_ms, end // slot_ms
    first = np.maximum(low, first_slot)
    count = np.maximum(np.minimum(high, last_slot) - first + 1, 0)
    single = low == high
    before = np.clip((first_slot * slot_ms - begin) / np.maximum(duration, 1), 0.0, 1.0)
    late = float(np.where(single, low < first_slot, before * (low < first_slot)).sum())
    if bool(np.all(single & (count == 1))):
        return Spread(np.arange(len(end)), low, np.ones(len(end)), late)
    row = np.repeat(np.arange(len(end)), count)
    slot = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    left = np.maximum(slot * slot_ms, begin[row])
    right = np.minimum((slot + 1) * slot_ms, end[row])
    share = np.where(single[row], 1.0, (right - left) / np.maximum(duration[row], 1))
    return Spread(row, slot, share, late)
