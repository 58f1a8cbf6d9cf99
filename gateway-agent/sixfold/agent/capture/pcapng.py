"""The blocks of a pcapng file (draft-ietf-opsawg-pcapng): sections, interfaces, packets."""

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_OPTION_RESOLUTION, _OPTION_OFFSET = 9, 14
_MAX_BLOCK: Final = 64 << 20
_MAX_INTERFACES: Final = 65_536


@dataclass(frozen=True, slots=True)
class _Interface:
    link_type: int
    snap_length: int
    resolution: int
    offset_seconds: int

    def nanoseconds(self, ticks: int) -> int:
        """if_tsresol: a negative power of ten, or of two with the top bit set."""
        power = self.resolution & 0x7F
        if self.resolution & 0x80:
            value = (ticks * 1_000_000_000) >> power
        elif power <= 9:
            value = ticks * 10 ** (9 - power)
        else:
            value = ticks // 10 ** (power - 9)
        return max(-(2**62), min(2**62, value + self.offset_seconds * 1_000_000_000))


def _interface(view: memoryview, order: str, start: int, end: int) -> _Interface:
    link_type, _, snap_length = struct.unpack_from(order + "HHI", view, start)
    resolution, offset_seconds, at = 6, 0, start + 8
    while at + 4 <= end:
        code, length = struct.unpack_from(order + "HH", view, at)
        at += 4
        if code == 0 or at + length > end:
            break
        if code == _OPTION_RESOLUTION and length == 1:
            resolution = view[at]
        elif code == _OPTION_OFFSET and length == 8:
            offset_seconds = struct.unpack_from(order + "q", view, at)[0]
        at += (length + 3) // 4 * 4
    return _Interface(link_type, snap_length, resolution, offset_seconds)


def pcapng_records(
    data: npt.NDArray[np.uint8], tally: Counter[str], max_captured: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """(offset, captured, wire, time in ns, link type) of each packet; stops at the first damaged block.

    Counts `damaged-tail`, `unknown-interface` (a packet of an interface that was never described).
    """
    view = data.data
    total, at, order, last_time = len(data), 0, "<", 0
    interfaces: list[_Interface] = []
    while at + 12 <= total:
        if struct.unpack_from("<I", view, at)[0] == _SECTION:
            order = "<" if view[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, size = struct.unpack_from(order + "II", view, at)
        if size < 12 or size % 4 or size > _MAX_BLOCK or at + size > total:
            break
        start, end = at + 8, at + size - 4
        at += size
        if kind == _INTERFACE and end - start >= 8 and len(interfaces) < _MAX_INTERFACES:
            interfaces.append(_interface(view, order, start, end))
            continue
        if kind == _ENHANCED and end - start >= 20:
            index, high, low, captured, wire = struct.unpack_from(order + "IIIII", view, start)
            start += 20
        elif kind == _OLD_PACKET and end - start >= 20:
            index, _, high, low, captured, wire = struct.unpack_from(order + "HHIIII", view, start)
            start += 20
        elif kind == _SIMPLE and end - start >= 4:
            index, high, low = 0, 0, -1
            wire = struct.unpack_from(order + "I", view, start)[0]
            start += 4
            captured = min(wire, end - start)
            if interfaces and interfaces[0].snap_length:
                captured = min(captured, interfaces[0].snap_length)
        else:
            continue
        if index >= len(interfaces):
            tally["unknown-interface"] += 1
            continue
        if captured > max_captured or start + captured > end:
            break
        interface = interfaces[index]
        if low >= 0:
            last_time = interface.nanoseconds(high << 32 | low)
        yield start, captured, max(wire, captured), last_time, interface.link_type
    else:
        if at == total:
            return
    tally["damaged-tail"] += 1
