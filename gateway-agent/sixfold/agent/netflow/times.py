"""When a flow began and ended, in ms UTC, out of the many ways in which exporters say it.

Kinds: `ms`, `s` since 1970; `ntp` 64-bit NTP timestamp (RFC 7011, 6.1.9 and 6.1.10; seconds below 2^31 are of
the era that begins in 2036); `delta-us` microseconds before export; `uptime` ms since the exporter started
(v5, v9: by the header, over the 32-bit wrap; IPFIX: needs systemInitTimeMilliseconds); `duration-*`.

The rule for wrong clocks. (1) Where a message's export time is more than the tolerance away from its arrival, all
its times are moved by that difference, so durations stay. (2) A time that then lies more than 31 days before or
more than the tolerance after arrival becomes the other end of its flow, or arrival where that is no better.
(3) A start after the end becomes the end. Each is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.netflow import elements as ie
from sixfold.agent.netflow.layout import VERSIONS_WITH_UPTIME, Field, Layout
from sixfold.agent.netflow.messages import Count, Messages
from sixfold.agent.netflow.records import Records, message_rows, number, spread

Array = npt.NDArray[Any]
_NTP_TO_UNIX: Final = 2_208_988_800
OLDEST: Final = 31 * 86_400_000


@dataclass(frozen=True, slots=True)
class Clock:
    """What is needed to read times: the messages, systemInitTime per message (-1 unknown), the tolerance in ms."""

    messages: Messages
    system_init: Array
    tolerance: int


def _choose(layout: Layout, kinds: Mapping[int, str], clock_known: bool) -> tuple[Field, str] | None:
    for number_, kind in kinds.items():
        field = layout.by_element.get((0, number_))
        if field is None or (kind == "ntp" and field.length != 8):
            continue
        if kind == "uptime" and not clock_known:
            continue
        return field, kind
    return None


def _instant(records: Records, layout: Layout, clock: Clock, chosen: tuple[Field, str], out: Array) -> Array:
    """Write the instants of a field to out (rows,) int64. Returns out."""
    field, kind = chosen
    if kind == "ntp":
        raw = number(records, field, np.empty(records.rows, dtype=np.uint64))
        seconds = (raw >> np.uint64(32)).astype(np.int64)
        seconds += np.where(seconds < 1 << 31, (1 << 32) - _NTP_TO_UNIX, -_NTP_TO_UNIX)
        fraction = (raw & np.uint64(0xFFFFFFFF)).astype(np.int64)
        out[...] = seconds * 1000 + ((fraction * 1000) >> 32)
        return out
    number(records, field, out)
    if kind == "s":
        out *= 1000
    elif kind == "delta-us":
        export = clock.messages.export[message_rows(records)]
        np.subtract(export, out // 1000, out=out)
    elif kind == "uptime":
        message = message_rows(records)
        if layout.definition.version in VERSIONS_WITH_UPTIME:
            ago = (clock.messages.uptime[message] - out) & 0xFFFFFFFF
            ago -= (ago >> 31) << 32
            np.subtract(clock.messages.export[message], ago, out=out)
        else:
            init = clock.system_init[message]
            own = layout.by_element.get(ie.SYSTEM_INIT)
            if own is not None:
                init = number(records, own, np.empty(records.rows, dtype=np.int64))
            np.add(out, init, out=out)
            unknown = init < 0
            if unknown.any():
                out[unknown] = clock.messages.export[message][unknown]
    return out


def _duration(records: Records, layout: Layout) -> Array | None:
    chosen = _choose(layout, ie.DURATION, False)
    if chosen is None:
        return None
    field, kind = chosen
    value = number(records, field, np.empty(records.rows, dtype=np.int64))
    return value // 1000 if kind == "duration-us" else value


def flow_times(
    records: Records, layout: Layout, clock: Clock, start: Array, end: Array, received: Array, count: Count
) -> None:
    """Write start, end and received, each (rows,) int64, by the rules above."""
    spread(records, clock.messages.received[records.message], received)
    timed = layout.definition.version in VERSIONS_WITH_UPTIME or ie.SYSTEM_INIT in layout.by_element
    timed = timed or bool((clock.system_init[records.message] >= 0).any())
    first = _choose(layout, ie.START, timed)
    last = _choose(layout, ie.END, timed)
    if first is None and last is None:
        moment = _choose(layout, ie.OBSERVED, timed)
        first = last = moment
    if first is not None:
        _instant(records, layout, clock, first, start)
    if last is not None:
        _instant(records, layout, clock, last, end)
    if first is None or last is None:
        duration = _duration(records, layout)
        if last is None and first is not None:
            np.add(start, 0 if duration is None else duration, out=end)
        else:
            if last is None:
                spread(records, clock.messages.export[records.message], end)
                count("no-times", records.rows)
            np.subtract(end, 0 if duration is None else duration, out=start)
    _make_credible(records, clock, start, end, received, count)


def event_times(
    records: Records, layout: Layout, clock: Clock, out: Array, received: Array, count: Count
) -> None:
    """Write the one time of an event and its arrival, each (rows,) int64."""
    timed = layout.definition.version in VERSIONS_WITH_UPTIME or ie.SYSTEM_INIT in layout.by_element
    timed = timed or bool((clock.system_init[records.message] >= 0).any())
    chosen = _choose(layout, ie.OBSERVED, timed) or _choose(layout, ie.END, timed)
    chosen = chosen or _choose(layout, ie.START, timed)
    spread(records, clock.messages.received[records.message], received)
    if chosen is None:
        spread(records, clock.messages.export[records.message], out)
        count("no-times", records.rows)
    else:
        _instant(records, layout, clock, chosen, out)
    _make_credible(records, clock, out, out, received, count)


def _make_credible(
    records: Records, clock: Clock, start: Array, end: Array, received: Array, count: Count
) -> None:
    if not records.rows:
        return
    skew = clock.messages.received[records.message] - clock.messages.export[records.message]
    off = np.abs(skew) > clock.tolerance
    if off.any():
        shift = np.repeat(np.where(off, skew, 0), records.counts)
        start += shift
        if end is not start:
            end += shift
        count("clock-moved", int((shift != 0).sum()))
    low = int(received.min()) - OLDEST
    high = int(received.max()) + clock.tolerance
    if int(start.min()) < low or int(end.max()) > high or int(start.max()) > high or int(end.min()) < low:
        bad_start = (start < received - OLDEST) | (start > received + clock.tolerance)
        bad_end = (end < received - OLDEST) | (end > received + clock.tolerance)
        count("clamped", int((bad_start | bad_end).sum()))
        both = bad_start & bad_end
        np.copyto(start, received, where=both)
        np.copyto(end, received, where=both)
        np.copyto(start, end, where=bad_start & ~both)
        np.copyto(end, start, where=bad_end & ~both)
    if end is not start and bool((late := start > end).any()):
        count("start-after-end", int(late.sum()))
        np.copyto(start, end, where=late)
