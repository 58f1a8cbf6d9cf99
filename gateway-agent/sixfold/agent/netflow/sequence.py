"""Sequence numbers: what was lost between an exporter and here, per exporting process.

v5 numbers flows, v9 datagrams (RFC 3954, 5.1), IPFIX data records (RFC 7011, 3.1), all modulo 2^32.
Units of a gap are therefore flows, datagrams or records. A number a little lower than expected is a late
datagram, whose units are taken off the losses again; one that is far off is a restart of the exporter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
UNKNOWN: Final = -1
_MODULUS: Final = 1 << 32
FARTHEST: Final = 1_000_000
"""A jump forward by more than so many units is a restart, not a loss."""
LATEST: Final = 10_000
"""A jump back by more than so many units is a restart, not a late datagram."""


@dataclass(frozen=True, slots=True)
class Event:
    """kind: `gap` (units were lost), `late` (units came after all) or `restart`."""

    kind: str
    units: int


def judge(expected: int, sequence: int, farthest: int = FARTHEST) -> Event | None:
    """What a message says whose number is `sequence` where `expected` was due; None: nothing is amiss.

    farthest: a jump forward by more is a restart.
    """
    ahead = (sequence - expected) % _MODULUS
    if ahead == 0 or expected == UNKNOWN:
        return None
    if ahead <= farthest:
        return Event("gap", ahead)
    behind = _MODULUS - ahead
    return Event("late", behind) if behind <= LATEST else Event("restart", 0)


def follow(
    session: Array,
    sequence: Array,
    units: Array,
    expected: Array,
    farthest: Array,
    report: Callable[[int, Event], None],
) -> None:
    """Follow messages in order of arrival and report what is amiss by session slot.

    session: slot of each message. units: how far each advances its number, UNKNOWN where that cannot be told.
    expected: next number by slot, UNKNOWN at first; updated. farthest: how far the next message of a slot may jump
    ahead and still tell a loss; FARTHEST again after it.
    """
    if not len(session):
        return
    order = np.argsort(session, kind="stable")
    slot, number, advance = session[order], sequence[order], units[order]
    following = (number + advance) % _MODULUS
    due = np.empty_like(number)
    due[1:] = following[:-1]
    first = np.ones(len(slot), dtype=bool)
    first[1:] = slot[1:] != slot[:-1]
    due[first] = expected[slot[first]]
    known = advance != UNKNOWN
    smooth = ((due == number) | (first & (due == UNKNOWN))) & known
    last = np.append(first[1:], True)
    if smooth.all():
        expected[slot[last]] = following[last]
        farthest[slot[last]] = FARTHEST
        return
    rough = np.unique(slot[~smooth])
    calm = last & ~np.isin(slot, rough)
    expected[slot[calm]] = following[calm]
    uneven = np.isin(slot, rough)
    for at, value, step in zip(
        slot[uneven].tolist(), number[uneven].tolist(), advance[uneven].tolist(), strict=True
    ):
        event = judge(int(expected[at]), value, int(farthest[at]))
        farthest[at] = FARTHEST
        _step(expected, at, value, step, event, report)
    farthest[slot[calm]] = FARTHEST


def _step(
    expected: Array,
    at: int,
    value: int,
    advance: int,
    event: Event | None,
    report: Callable[[int, Event], None],
) -> None:
    if event is not None and event.kind == "late":
        # The late one was counted as lost when its successor came: `advance` units of it have come after all.
        report(at, Event("late", max(advance, 0)))
        return
    if event is not None:
        report(at, event)
    expected[at] = UNKNOWN if advance == UNKNOWN else (value + advance) % _MODULUS
