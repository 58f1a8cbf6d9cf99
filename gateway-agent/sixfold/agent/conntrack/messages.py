"""ctnetlink messages (linux/netfilter/nfnetlink_conntrack.h) to columns.

The messages of one kind, family and length have, as a rule, the same attributes at the same places. So one message
of each group is walked, the others are compared with its attribute headers, and what agrees is read as columns.
What does not is a group of its own.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.datagrams import Datagrams

Array = npt.NDArray[Any]
NEW, DELETE = 0, 2
_CTNETLINK: Final = 1
_HEAD: Final = 20
_TYPE_MASK: Final = 0x3FFF
_ORIGINAL, _REPLY, _COUNT_ORIGINAL, _COUNT_REPLY, _TIMES, _EVENT_TIME = 1, 2, 9, 10, 20, 27
_IP, _PROTO = 1, 2
_NAMES: Final = {
    (_IP, 1): "src", (_IP, 2): "dst", (_IP, 3): "src", (_IP, 4): "dst",
    (_PROTO, 1): "protocol", (_PROTO, 2): "sport", (_PROTO, 3): "dport", (_PROTO, 4): "sport", (_PROTO, 7): "sport",
}  # fmt: skip
_NESTS: Final = {_ORIGINAL: "original", _REPLY: "reply"}


@dataclass(frozen=True, slots=True)
class Group:
    """Messages of one kind and family. rows: where they stand among the datagrams.

    Addresses: uint8 (n, 4 or 16). Ports: uint16, ICMP has its identifier as the source's. octets: of both
    directions. started, stopped: ms UTC, 0 where it is not told.
    """

    rows: Array
    kind: int
    family: int
    protocol: Array
    src: Array
    dst: Array
    sport: Array
    dport: Array
    reply_src: Array
    reply_dst: Array
    reply_sport: Array
    reply_dport: Array
    octets: Array
    started: Array
    stopped: Array


def read(datagrams: Datagrams) -> Iterator[Group | int]:
    """Groups, and for what cannot be read the number of messages."""
    data, lengths = datagrams.data, datagrams.lengths
    if data.shape[1] < _HEAD:
        yield len(datagrams)
        return
    kinds = data[:, 4].astype(np.int32) | data[:, 16].astype(np.int32) << 8 | lengths << 16
    told = data[:, 5] == _CTNETLINK
    if not told.all():
        yield int((~told).sum())
    for one in np.unique(kinds[told]):
        rows = np.flatnonzero(told & (kinds == one))
        while len(rows):
            some = data[rows]
            layout = _layout(some[0].tobytes(), int(lengths[rows[0]]))
            if layout is None:
                yield 1
                rows = rows[1:]
                continue
            same = (some[:, layout.heads] == some[0, layout.heads]).all(axis=1)
            yield _group(some[same], rows[same], layout)
            rows = rows[~same]


@dataclass(frozen=True, slots=True)
class _Layout:
    """places: name to offset and size. heads: offsets of all bytes that say what stands where."""

    kind: int
    family: int
    places: dict[str, tuple[int, int]]
    heads: Array


def _layout(message: bytes, length: int) -> _Layout | None:
    """None for a message that is cut off, or tells no whole session."""
    places: dict[str, tuple[int, int]] = {}
    heads: list[int] = []
    if length > len(message):
        return None
    for number, start, end in _attributes(message, _HEAD, length, heads):
        if number in _NESTS:
            for part, first, last in _attributes(message, start, end, heads):
                for field, at, stop in _attributes(message, first, last, heads):
                    if name := _NAMES.get((part, field)):
                        places[f"{_NESTS[number]}.{name}"] = (at, stop - at)
        elif number in (_COUNT_ORIGINAL, _COUNT_REPLY):
            for field, at, stop in _attributes(message, start, end, heads):
                if (field, stop - at) == (2, 8):
                    places[f"octets{number}"] = (at, 8)
        elif number == _TIMES:
            for field, at, stop in _attributes(message, start, end, heads):
                if field in (1, 2) and stop - at == 8:
                    places["started" if field == 1 else "stopped"] = (at, 8)
        elif number == _EVENT_TIME and end - start == 8:
            places["event"] = (start, 8)
    family = message[16]
    width = 4 if family == socket.AF_INET else 16
    sized = [places.get(f"{side}.{end}", (0, 0))[1] for side in _NESTS.values() for end in ("src", "dst")]
    ports = [place[1] for name, place in places.items() if name.endswith("port")]
    if any(size != width for size in sized) or places.get("original.protocol", (0, 0))[1] != 1:
        return None
    if any(size != 2 for size in ports):
        return None
    return _Layout(message[4], family, places, np.array(heads))


def _attributes(message: bytes, start: int, end: int, heads: list[int]) -> Iterator[tuple[int, int, int]]:
    """(type, first byte of the value, byte after it)"""
    while start + 4 <= end:
        length, number = struct.unpack_from("=HH", message, start)
        if length < 4 or start + length > end:
            return
        heads.extend(range(start, start + 4))
        yield number & _TYPE_MASK, start + 4, start + length
        start += (length + 3) & ~3


def _group(data: Array, rows: Array, layout: _Layout) -> Group:
    count = len(rows)

    def number(name: str, type_: str) -> Array:
        place = layout.places.get(name)
        if place is None:
            return np.zeros(count, dtype=np.dtype(type_).newbyteorder("="))
        at, size = place
        values = np.ascontiguousarray(data[:, at : at + size]).view(type_).reshape(count)
        return values.astype(np.dtype(type_).newbyteorder("="))

    def octets(name: str) -> Array:
        at, size = layout.places[name]
        return data[:, at : at + size]

    started = number("started", ">u8")
    stopped = number("stopped", ">u8")
    event = number("event", ">u8")
    if layout.kind == NEW:
        started = np.where(started == 0, event, started)
    else:
        stopped = np.where(stopped == 0, event, stopped)
    return Group(
        rows=rows,
        kind=layout.kind,
        family=layout.family,
        protocol=octets("original.protocol")[:, 0],
        src=octets("original.src"),
        dst=octets("original.dst"),
        sport=number("original.sport", ">u2"),
        dport=number("original.dport", ">u2"),
        reply_src=octets("reply.src"),
        reply_dst=octets("reply.dst"),
        reply_sport=number("reply.sport", ">u2"),
        reply_dport=number("reply.dport", ">u2"),
        octets=number(f"octets{_COUNT_ORIGINAL}", ">u8") + number(f"octets{_COUNT_REPLY}", ">u8"),
        started=(started // 1_000_000).astype(np.int64),
        stopped=(stopped // 1_000_000).astype(np.int64),
    )
