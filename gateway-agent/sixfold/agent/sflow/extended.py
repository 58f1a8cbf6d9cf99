"""Extended flow data: switch, router, gateway, NAT. Columns that the batch holds none of are left out."""

from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.sflow.words import Index, Items, Words

SWITCH, ROUTER, GATEWAY, NAT, NAT_PORT = 1001, 1002, 1003, 1007, 1020
_MAX_SEGMENTS: Final = 64

Columns = dict[str, npt.NDArray[Any]]


def read_extended(words: Words, records: Items, samples: int, declined: Counter[str]) -> Columns:
    """Optional flow columns, one row per flow sample; `declined` counts records too short, as `record-length`."""
    columns: Columns = {}
    _switch(words, records.having(SWITCH), samples, columns, declined)
    _router(words, records.having(ROUTER), samples, columns, declined)
    _gateway(words, records.having(GATEWAY), samples, columns, declined)
    _nat(words, records.having(NAT), samples, columns, declined)
    _nat_port(words, records.having(NAT_PORT), samples, columns, declined)
    return columns


def _sound(sound: npt.NDArray[np.bool_], declined: Counter[str]) -> npt.NDArray[np.intp]:
    if short := int(np.count_nonzero(~sound)):
        declined["record-length"] += short
    return np.flatnonzero(sound)


def _switch(words: Words, records: Items, samples: int, columns: Columns, declined: Counter[str]) -> None:
    """src_vlan is the VLAN at the ingress; the destination VLAN and the 802.1p priorities have no column."""
    rows = _sound(records.ends - records.starts >= 4, declined)
    if len(rows):
        vlan = columns.setdefault("vlan", np.zeros(samples, dtype=np.uint16))
        value = words.at(records.starts[rows])
        # 4095 and above: the exporter does not know.
        vlan[records.owner[rows]] = np.where(value < 4095, value, 0)


def _router(words: Words, records: Items, samples: int, columns: Columns, declined: Counter[str]) -> None:
    address, after, sound = words.address(records.starts, records.ends)
    rows = _sound(sound & (after + 2 <= records.ends), declined)
    if not len(rows):
        return
    owner = records.owner[rows]
    columns["next_hop"] = np.zeros((samples, 16), dtype=np.uint8)
    columns["next_hop"][owner] = address[rows]
    for place, name in enumerate(("src_prefix_length", "dst_prefix_length")):
        columns[name] = np.zeros(samples, dtype=np.uint8)
        columns[name][owner] = np.minimum(words.at(after[rows] + place), 128)


def _gateway(words: Words, records: Items, samples: int, columns: Columns, declined: Counter[str]) -> None:
    """src_as as given; dst_as is the last AS of the path, 0 where the path is empty (a destination of our own)."""
    _, after, sound = words.address(records.starts, records.ends)
    rows = _sound(sound & (after + 4 <= records.ends), declined)
    if not len(rows):
        return
    owner, at, ends = records.owner[rows], after[rows], records.ends[rows]
    columns["src_as"] = np.zeros(samples, dtype=np.uint32)
    columns["src_as"][owner] = words.at(at + 1)
    columns["dst_as"] = np.zeros(samples, dtype=np.uint32)
    columns["dst_as"][owner] = _last_as(words, at + 4, ends, words.signed(at + 3))


def _last_as(words: Words, at: Index, ends: Index, segments: Index) -> npt.NDArray[np.uint32]:
    last = np.zeros(len(at), dtype=np.uint32)
    position = at.copy()
    active = np.arange(len(at))
    for step in range(_MAX_SEGMENTS):
        active = active[(segments[active] > step) & (position[active] + 2 <= ends[active])]
        if not len(active):
            break
        start = position[active] + 2
        size = words.signed(position[active] + 1)
        whole = start + size <= ends[active]
        active, start, size = active[whole], start[whole], size[whole]
        filled = size > 0
        last[active[filled]] = words.at((start + size - 1)[filled])
        position[active] = start + size
    return last


def _nat(words: Words, records: Items, samples: int, columns: Columns, declined: Counter[str]) -> None:
    source, after, sound = words.address(records.starts, records.ends)
    destination, _, also_sound = words.address(after, records.ends)
    rows = _sound(sound & also_sound, declined)
    if not len(rows):
        return
    owner = records.owner[rows]
    for name, value in (("post_nat_src_address", source), ("post_nat_dst_address", destination)):
        columns[name] = np.zeros((samples, 16), dtype=np.uint8)
        columns[name][owner] = value[rows]


def _nat_port(words: Words, records: Items, samples: int, columns: Columns, declined: Counter[str]) -> None:
    rows = _sound(records.ends - records.starts >= 2, declined)
    if not len(rows):
        return
    owner, at = records.owner[rows], records.starts[rows]
    for place, name in enumerate(("post_nat_src_port", "post_nat_dst_port")):
        columns[name] = np.zeros(samples, dtype=np.uint16)
        columns[name][owner] = words.at(at + place) & 0xFFFF
