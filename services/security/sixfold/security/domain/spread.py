"""Spreading flows over the time slots they lasted through.

An exporter reports a long flow at its end or at an active timeout. Counting it whole at that moment makes a
peak that never was on the wire, so each flow is laid over its slots in proportion to its duration.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shares:
    """`row[i]` of the flows has `share[i]` of its volume in slot `slot[i]`."""

    row: I64 | slice
    slot: I64
    share: F64


@dataclass(frozen=True, slots=True)
class Spread:
    shares: tuple[Shares, ...]
    late: float
    """Volume, in flows, that fell before the first slot and was left out."""


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
    expected volume of every slot stays right, and for V in light flows of at most v each the standard
    deviation is at most sqrt(v * V). So work and memory grow with the flows plus the slots that heavy flows
    span.
    """
    begin = np.minimum(start, end)
    if light is None or random is None:
        slot = end // slot_ms
        long = np.flatnonzero(begin // slot_ms != slot)
    else:
        slot = (begin + (random.random(len(end)) * (end - begin + 1)).astype(np.int64)) // slot_ms
        heavy = np.flatnonzero(~light)
        long = heavy[begin[heavy] // slot_ms != end[heavy] // slot_ms]
    whole = np.ones(len(end))
    whole[long] = 0.0
    if len(end) and slot.min() >= first_slot and slot.max() <= last_slot:
        shares, late = (Shares(slice(None), slot, whole),), 0.0
    else:
        kept = np.flatnonzero((slot >= first_slot) & (slot <= last_slot))
        shares, late = (Shares(kept, slot[kept], whole[kept]),), float(whole[slot < first_slot].sum())
    if len(long):
        parts, before = _parts(begin[long], end[long], slot_ms, first_slot, last_slot)
        shares = (*shares, Shares(long[parts.row], parts.slot, parts.share))
        late += before
    return Spread(shares, late)


def _parts(begin: I64, end: I64, slot_ms: int, first_slot: int, last_slot: int) -> tuple[Shares, float]:
    """Lay flows that cross the border of a slot; with what is left out before the first."""
    duration = end - begin
    first = np.maximum(begin // slot_ms, first_slot)
    count = np.maximum(np.minimum(end // slot_ms, last_slot) - first + 1, 0)
    late = float(np.clip((first_slot * slot_ms - begin) / duration, 0.0, 1.0).sum())
    row = np.repeat(np.arange(len(end)), count)
    slot = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    left = np.maximum(slot * slot_ms, begin[row])
    right = np.minimum((slot + 1) * slot_ms, end[row])
    return Shares(row, slot, (right - left) / duration[row]), late
