"""Records of a flow layout to FLOW columns; the reverse half of a biflow becomes rows of its own (RFC 5103)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.netflow import elements as ie
from sixfold.agent.netflow.arena import Arena
from sixfold.agent.netflow.elements import Element
from sixfold.agent.netflow.layout import Field, Layout
from sixfold.agent.netflow.messages import Count
from sixfold.agent.netflow.records import Records, number, spread
from sixfold.agent.netflow.times import Clock, flow_times
from sixfold.api.flow.schema import FLOW

Array = npt.NDArray[Any]
REVERSE_DIRECTION: Final = 2
UNKNOWN_DIRECTION: Final = 255
_MAPPED_MIDDLE: Final = np.frombuffer(b"\x00\x00\xff\xff", dtype=np.uint32)[0]
_SWAPPED: Final = (
    ("src_address", "dst_address"),
    ("src_port", "dst_port"),
    ("input_interface", "output_interface"),
    ("src_as", "dst_as"),
    ("src_prefix_length", "dst_prefix_length"),
    ("post_nat_src_address", "post_nat_dst_address"),
    ("post_nat_src_port", "post_nat_dst_port"),
)
_DTYPES: Final = {column.name: column.dtype for column in FLOW.columns}


@dataclass(frozen=True, slots=True)
class Context:
    """What all groups of one decode share. exporter: the address of each message as two words (messages, 2) uint64."""

    clock: Clock
    exporter: Array
    arena: Arena
    count: Count


def write_address(
    records: Records, layout: Layout, v4: tuple[Element, ...], v6: tuple[Element, ...], out: Array,
    version: Field | None = None,
) -> bool:  # fmt: skip
    """Write an address column (rows, 16) uint8; whether the layout has it at all (else zeros are written).

    Where a layout has both families the IP version decides, without one the IPv4 address unless it is zero.
    """
    narrow, wide = layout.first(v4), layout.first(v6)
    words, halves = out.view(np.uint64), out.view(np.uint32)
    shape = records.shape
    if wide is not None:
        words[:, 0].reshape(shape)[...] = records.lane(wide)
        words[:, 1].reshape(shape)[...] = records.lane(wide, low=True)
        if narrow is None:
            return True
        value = records.lane(narrow).reshape(-1)
        if version is not None:
            four = number(records, version, np.empty(records.rows, dtype=np.uint8)) == 4
        else:
            four = (value != 0) | ((words[:, 0] == 0) & (words[:, 1] == 0))
        words[four, 0] = 0
        halves[four, 2] = _MAPPED_MIDDLE
        halves[four, 3] = value[four]
        return True
    if narrow is None:
        words[...] = 0
        return False
    words[:, 0] = 0
    halves[:, 2] = _MAPPED_MIDDLE
    halves[:, 3].reshape(shape)[...] = records.lane(narrow)
    return True


def write_numbers(
    records: Records, layout: Layout, numbers: Mapping[str, tuple[Element, ...]], required: frozenset[str],
    dtypes: Mapping[str, np.dtype[Any]], arena: Arena, columns: dict[str, Array],
) -> None:  # fmt: skip
    """Add each number column that the layout has, or that is required, to `columns`.

    Where a layout has several sources of a column, a record takes the first that is not zero.
    """
    for name, candidates in numbers.items():
        present = [layout.by_element[element] for element in candidates if element in layout.by_element]
        if not present:
            if name in required:
                columns[name] = arena.take(records.rows, dtypes[name])
                columns[name][...] = 0
            continue
        out = columns[name] = number(records, present[0], arena.take(records.rows, dtypes[name]))
        for field in present[1:]:
            other = number(records, field, np.empty(records.rows, dtype=out.dtype))
            np.copyto(out, other, where=out == 0)


def write_exporter(records: Records, context: Context) -> Array:
    out = context.arena.take(records.rows, np.uint8, 16)
    words = out.view(np.uint64)
    for half in (0, 1):
        spread(records, context.exporter[records.message, half], words[:, half])
    return out


def flow_columns(records: Records, layout: Layout, context: Context, rates: Array) -> dict[str, Array]:
    """The forward rows. rates: uint32 (rows,), 0 unknown; bytes and packets come out corrected."""
    arena, rows = context.arena, records.rows
    columns: dict[str, Array] = {name: arena.take(rows, np.int64) for name in TIMES}
    flow_times(
        records, layout, context.clock, columns["time_start"], columns["time_end"], columns["time_received"],
        context.count,
    )  # fmt: skip
    columns["exporter"] = write_exporter(records, context)
    version = layout.by_element.get(ie.IP_VERSION)
    for name, (v4, v6) in ie.FLOW_ADDRESSES.items():
        if name in _REQUIRED or layout.first(v4) is not None or layout.first(v6) is not None:
            out = columns[name] = arena.take(rows, np.uint8, 16)
            end = version if name in _REQUIRED else None
            write_address(records, layout, v4, v6, out, end)
    write_numbers(records, layout, ie.FLOW_NUMBERS, _REQUIRED, _DTYPES, arena, columns)
    _write_icmp(records, layout, columns)
    if "direction" in columns:
        np.copyto(columns["direction"], UNKNOWN_DIRECTION, where=columns["direction"] > 1)
    else:
        columns["direction"] = arena.take(rows, np.uint8)
        columns["direction"][...] = UNKNOWN_DIRECTION
    if "forwarding_status" in columns:
        _narrow_status(records, layout, columns["forwarding_status"])
    if "flow_label" in columns:
        columns["flow_label"] &= 0xFFFFF
    domain = columns["observation_domain"] = arena.take(rows, np.uint32)
    spread(records, context.clock.messages.domain[records.message], domain)
    columns["sampling_rate"] = rates
    for name, candidates in (("bytes", ie.BYTES), ("packets", ie.PACKETS)):
        columns[name] = _counter(records, layout, candidates, rates, arena)
    return columns


TIMES: Final = ("time_start", "time_end", "time_received")
_REQUIRED: Final = frozenset(FLOW.required)


def _counter(
    records: Records, layout: Layout, candidates: tuple[Element, ...], rates: Array, arena: Arena
) -> Array:
    out = arena.take(records.rows, np.uint64)
    field = layout.first(candidates)
    if field is None:
        out[...] = 0
        return out
    number(records, field, out)
    if len(rates) and int(rates.max()) > 1:
        np.multiply(out, np.maximum(rates, 1), out=out)
    return out


def _write_icmp(records: Records, layout: Layout, columns: dict[str, Array]) -> None:
    kind, code = layout.first(ie.ICMP_TYPE), layout.first(ie.ICMP_CODE)
    if "icmp_type_code" in columns or kind is None:
        return
    value = number(records, kind, np.empty(records.rows, dtype=np.uint16)) << 8
    if code is not None:
        value |= number(records, code, np.empty(records.rows, dtype=np.uint16))
    columns["icmp_type_code"] = value


def _narrow_status(records: Records, layout: Layout, out: Array) -> None:
    # Exporters that send IE 89 in four bytes put the status byte first or last.
    field = layout.first(ie.FLOW_NUMBERS["forwarding_status"])
    if field is not None and field.length == 4:
        value = number(records, field, np.empty(records.rows, dtype=np.uint32))
        out[...] = np.where(value > 0xFF, value >> 24, value)


def reverse_columns(
    records: Records, layout: Layout, context: Context, forward: Mapping[str, Array]
) -> dict[str, Array] | None:
    """The rows of the reverse halves that have counted something; None where there are none."""
    octets, packets = layout.first(ie.REVERSE_BYTES), layout.first(ie.REVERSE_PACKETS)
    if octets is None and packets is None:
        return None
    rates = forward["sampling_rate"]
    arena = context.arena
    counted = {
        "bytes": _counter(records, layout, ie.REVERSE_BYTES, rates, arena),
        "packets": _counter(records, layout, ie.REVERSE_PACKETS, rates, arena),
    }
    which = np.flatnonzero((counted["bytes"] > 0) | (counted["packets"] > 0))
    if not len(which):
        return None
    columns = {name: values[which] for name, values in forward.items()}
    for one, other in _SWAPPED:
        first, second = columns.pop(one, None), columns.pop(other, None)
        if first is not None:
            columns[other] = first
        if second is not None:
            columns[one] = second
    columns["direction"][...] = REVERSE_DIRECTION
    for name, values in counted.items():
        columns[name] = values[which]
    flags = layout.by_element.get((ie.REVERSE, 6))
    if flags is not None:
        columns["tcp_flags"] = number(records, flags, np.empty(records.rows, dtype=np.uint16))[which]
    else:
        columns.pop("tcp_flags", None)
    return columns
