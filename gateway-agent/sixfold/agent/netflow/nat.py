"""NAT events to NAT_SESSION columns: RFC 8158 (IPFIX), Cisco NEL (v9) and ASA NSEL (v9).

NSEL says what a firewall did with a flow (firewallEvent). A record of it becomes
  a NAT session where the flow began (1) or ended (2) and an endpoint was translated, that is, is given after
    translation and is not what it was before: event 1 or 2;
  a flow where it counts octets or packets (ASA: deltas in events 2 and 5);
both, or, being neither, it is declined: denied (3), alert (4), or an event that counts and translates nothing.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.netflow import elements as ie
from sixfold.agent.netflow.flows import Context, write_address, write_exporter, write_numbers
from sixfold.agent.netflow.layout import Layout
from sixfold.agent.netflow.records import Records, number, spread
from sixfold.agent.netflow.times import event_times
from sixfold.api.flow.schema import NAT_SESSION

Array = npt.NDArray[Any]
CREATE: Final = 1
DELETE: Final = 2
DENIED: Final = 3
_DTYPES: Final = {column.name: column.dtype for column in NAT_SESSION.columns}
_REQUIRED: Final = frozenset(NAT_SESSION.required)
_BOTH_DIRECTIONS: Final = (ie.standard(231, 1, 85), ((0, 232), (ie.REVERSE, 1), (ie.REVERSE, 85)))


def nat_columns(records: Records, layout: Layout, context: Context) -> dict[str, Array]:
    arena, rows = context.arena, records.rows
    columns: dict[str, Array] = {name: arena.take(rows, np.int64) for name in ("time", "time_received")}
    event_times(records, layout, context.clock, columns["time"], columns["time_received"], context.count)
    columns["exporter"] = write_exporter(records, context)
    for name, (v4, v6) in ie.NAT_ADDRESSES.items():
        if name in _REQUIRED or layout.first(v4) is not None or layout.first(v6) is not None:
            out = columns[name] = arena.take(rows, np.uint8, 16)
            write_address(records, layout, v4, v6, out)
    write_numbers(records, layout, ie.NAT_NUMBERS, _REQUIRED, _DTYPES, arena, columns)
    if "port_block_start" in columns and "port_block_end" not in columns:
        size = layout.by_element.get(ie.PORT_COUNT)
        if size is not None:
            width = number(records, size, np.empty(rows, dtype=np.int64))
            last = columns["port_block_start"] + np.maximum(width, 1) - 1
            columns["port_block_end"] = np.minimum(last, 65_535).astype(np.uint16)
    columns["observation_domain"] = arena.take(rows, np.uint32)
    spread(records, context.clock.messages.domain[records.message], columns["observation_domain"])
    firewall = layout.first(ie.FIREWALL_EVENT)
    if firewall is not None:
        columns["firewall_event"] = number(records, firewall, arena.take(rows, np.uint8))
    event = layout.by_element.get(ie.NAT_EVENT)
    if event is not None:
        columns["event"] = number(records, event, arena.take(rows, np.uint8))
    else:
        columns["event"] = columns["firewall_event"].copy()
    counted = [field for some in _BOTH_DIRECTIONS if (field := layout.first(some)) is not None]
    if counted:
        total = np.zeros(rows, dtype=np.uint64)
        for field in counted:
            total += number(records, field, np.empty(rows, dtype=np.uint64))
        columns["bytes"] = total
    return columns


def firewall_sessions(columns: dict[str, Array]) -> Array:
    """Which rows of an NSEL layout's `nat_columns` are NAT sessions: a mask (rows,)."""
    translated = np.zeros(len(columns["event"]), dtype=bool)
    for side in ("src", "dst"):
        address, port = columns.get(f"{side}_address"), columns.get(f"{side}_port")
        after, after_port = columns.get(f"post_nat_{side}_address"), columns.get(f"post_nat_{side}_port")
        if address is not None and after is not None:
            words, after_words = address.view(np.uint64), after.view(np.uint64)
            translated |= (words != after_words).any(axis=1) & _given(after)
        if port is not None and after_port is not None:
            translated |= (port != after_port) & (after_port != 0)
    return translated & ((columns["event"] == CREATE) | (columns["event"] == DELETE))


def _given(address: Array) -> Array:
    """Which addresses are neither :: nor 0.0.0.0."""
    return address.view(np.uint32)[:, 3] != 0


def firewall_denied(records: Records, layout: Layout) -> Array:
    """Which records of an NSEL layout tell of a flow that was refused: a mask (rows,)."""
    field = layout.first(ie.FIREWALL_EVENT)
    if field is None:
        return np.zeros(records.rows, dtype=bool)
    return number(records, field, np.empty(records.rows, dtype=np.uint8)) == DENIED
