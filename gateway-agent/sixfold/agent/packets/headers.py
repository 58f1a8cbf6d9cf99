"""IPv4, IPv6 with its extension headers, and the transport's first bytes, as columns."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.packets.gather import Bytes, Offsets, be16, be32, byte, octets, padded
from sixfold.agent.packets.link import MALFORMED, OK, TRUNCATED, Walk, to_network

CAUSES: Final = ("ip", "truncated", "not-ip", "malformed-ip", "link-type", "too-deep")
"""Words for `Headers.cause`; 0 is a packet whose IP header was read."""

NOT_FRAGMENT, FIRST_FRAGMENT, LATER_FRAGMENT = 0, 1, 2

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
_WITH_PORTS: Final = (TCP, UDP, 33, 132, 136)  # and DCCP, SCTP, UDP-Lite
_FRAGMENT, _AUTHENTICATION = 44, 51
_EXTENSIONS: Final = (
    0,
    43,
    _FRAGMENT,
    _AUTHENTICATION,
    60,
    135,
    139,
    140,
)  # IANA: IPv6 extension header types
_MAX_EXTENSIONS: Final = 64
_MAPPED: Final = np.array([0] * 10 + [0xFF, 0xFF], dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Headers:
    """One row per packet. Where `cause` is not 0 the other columns, but for vlan, are zero.

    cause: see CAUSES. family: 4 or 6. protocol: the upper layer past all extension headers.
    ports, tcp_flags, icmp_type_code (type * 256 + code): 0 in later fragments and where the capture ends
    before them. ip_length: octets of the IP packet (what octetDeltaCount, IE 1, counts), never more than
    crossed the wire. fragment: 0 none, 1 first, 2 later. transport: offset in the buffer of the first byte
    after the IP headers. end: offset in the buffer where the packet's captured IP bytes end.
    """

    cause: npt.NDArray[np.uint8]
    family: npt.NDArray[np.uint8]
    src_address: npt.NDArray[np.uint8]
    dst_address: npt.NDArray[np.uint8]
    protocol: npt.NDArray[np.uint8]
    src_port: npt.NDArray[np.uint16]
    dst_port: npt.NDArray[np.uint16]
    tcp_flags: npt.NDArray[np.uint16]
    icmp_type_code: npt.NDArray[np.uint16]
    ip_tos: npt.NDArray[np.uint8]
    flow_label: npt.NDArray[np.uint32]
    ip_length: npt.NDArray[np.int64]
    vlan: npt.NDArray[np.uint16]
    fragment: npt.NDArray[np.uint8]
    transport: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.cause)


def _empty(rows: int) -> Headers:
    return Headers(
        cause=np.zeros(rows, dtype=np.uint8),
        family=np.zeros(rows, dtype=np.uint8),
        src_address=np.zeros((rows, 16), dtype=np.uint8),
        dst_address=np.zeros((rows, 16), dtype=np.uint8),
        protocol=np.zeros(rows, dtype=np.uint8),
        src_port=np.zeros(rows, dtype=np.uint16),
        dst_port=np.zeros(rows, dtype=np.uint16),
        tcp_flags=np.zeros(rows, dtype=np.uint16),
        icmp_type_code=np.zeros(rows, dtype=np.uint16),
        ip_tos=np.zeros(rows, dtype=np.uint8),
        flow_label=np.zeros(rows, dtype=np.uint32),
        ip_length=np.zeros(rows, dtype=np.int64),
        vlan=np.zeros(rows, dtype=np.uint16),
        fragment=np.zeros(rows, dtype=np.uint8),
        transport=np.zeros(rows, dtype=np.int64),
        end=np.zeros(rows, dtype=np.int64),
    )


def dissect(data: Bytes, offsets: Offsets, captured: Offsets, wire: Offsets, link_type: int) -> Headers:
    """Parse the packets at `offsets` of a flat buffer.

    captured: bytes of each packet that are in the buffer. wire: its length on the wire. All int64 (n,).
    Never raises on what the packets hold; captured bytes must lie in the buffer (they are cut to it).
    """
    length = len(data)
    data = padded(data)
    offsets = offsets.astype(np.int64, copy=False)
    ends = np.minimum(offsets + np.maximum(captured, 0), length)
    walk = Walk(data, offsets, ends)
    to_network(walk, link_type)
    headers = _empty(len(offsets))
    headers.cause[:] = walk.cause
    headers.vlan[:] = walk.vlan
    carried = np.maximum(wire - (walk.cursor - offsets), 0)
    settled = walk.cause == OK
    _ipv4(headers, walk, carried, np.flatnonzero(settled & (walk.family == 4)))
    _ipv6(headers, walk, carried, np.flatnonzero(settled & (walk.family == 6)))
    _transport(headers, data)
    return headers


def _give_up(headers: Headers, rows: npt.NDArray[np.intp], cause: int) -> None:
    headers.cause[rows] = cause


def _ipv4(headers: Headers, walk: Walk, carried: Offsets, rows: npt.NDArray[np.intp]) -> None:
    """RFC 791."""
    data = walk.data
    there = walk.cursor[rows] + 20 <= walk.ends[rows]
    _give_up(headers, rows[~there], TRUNCATED)
    rows = rows[there]
    if not len(rows):
        return
    start = walk.cursor[rows]
    first = byte(data, start)
    header_length = (first & 0x0F).astype(np.int64) * 4
    total = be16(data, start + 2).astype(np.int64)
    # Total length 0: the card cut the packet up after the capture (segmentation offload).
    total = np.where(total == 0, carried[rows], total)
    sound = (first >> 4 == 4) & (header_length >= 20) & (total >= header_length)
    _give_up(headers, rows[~sound], MALFORMED)
    if not sound.all():
        rows, start, header_length, total = rows[sound], start[sound], header_length[sound], total[sound]
    place = be16(data, start + 6)
    later = (place & 0x1FFF) != 0
    headers.family[rows] = 4
    headers.src_address[rows, :12] = _MAPPED
    headers.dst_address[rows, :12] = _MAPPED
    headers.src_address[rows, 12:] = octets(data, start + 12, 4)
    headers.dst_address[rows, 12:] = octets(data, start + 16, 4)
    headers.protocol[rows] = byte(data, start + 9)
    headers.ip_tos[rows] = byte(data, start + 1)
    headers.ip_length[rows] = np.minimum(total, carried[rows])
    headers.fragment[rows] = np.where(later, LATER_FRAGMENT, np.where(place & 0x2000, FIRST_FRAGMENT, 0))
    headers.transport[rows] = start + header_length
    headers.end[rows] = np.minimum(walk.ends[rows], start + total)


def _ipv6(headers: Headers, walk: Walk, carried: Offsets, rows: npt.NDArray[np.intp]) -> None:
    """RFC 8200. A payload length of 0 on a packet past 64 KiB is a jumbogram (RFC 2675) or BIG TCP."""
    data = walk.data
    there = walk.cursor[rows] + 40 <= walk.ends[rows]
    _give_up(headers, rows[~there], TRUNCATED)
    rows = rows[there]
    if not len(rows):
        return
    start = walk.cursor[rows]
    word = be32(data, start)
    sound = word >> np.uint32(28) == 6
    _give_up(headers, rows[~sound], MALFORMED)
    if not sound.all():
        rows, start, word = rows[sound], start[sound], word[sound]
    payload = be16(data, start + 4).astype(np.int64)
    jumbo = (payload == 0) & (carried[rows] > 65_575)
    total = np.where(jumbo, carried[rows], payload + 40)
    headers.family[rows] = 6
    headers.src_address[rows] = octets(data, start + 8, 16)
    headers.dst_address[rows] = octets(data, start + 24, 16)
    headers.ip_tos[rows] = (word >> np.uint32(20)) & np.uint32(0xFF)
    headers.flow_label[rows] = word & np.uint32(0xFFFFF)
    headers.ip_length[rows] = np.minimum(total, carried[rows])
    headers.protocol[rows] = byte(data, start + 6)
    headers.transport[rows] = start + 40
    headers.end[rows] = np.minimum(walk.ends[rows], start + total)
    _extensions(headers, data, rows)


def _extensions(headers: Headers, data: Bytes, rows: npt.NDArray[np.intp]) -> None:
    """Step over extension headers. A chain that the capture cuts off, or one of more than 64, keeps the
    number of the header it stopped at as its protocol; no ports are read there."""
    is_extension = np.zeros(256, dtype=bool)
    is_extension[list(_EXTENSIONS)] = True
    for _ in range(_MAX_EXTENSIONS):
        rows = rows[is_extension[headers.protocol[rows]]]
        rows = rows[headers.transport[rows] + 8 <= headers.end[rows]]
        if not len(rows):
            return
        start = headers.transport[rows]
        kind = headers.protocol[rows]
        size = byte(data, start + 1).astype(np.int64)
        size = np.where(kind == _AUTHENTICATION, (size + 2) * 4, (size + 1) * 8)
        size = np.where(kind == _FRAGMENT, 8, size)
        headers.protocol[rows] = byte(data, start)
        headers.transport[rows] = start + size
        cut = kind == _FRAGMENT
        if cut.any():
            place = be16(data, start + 2)
            later = cut & (place >> np.uint16(3) != 0)
            first = cut & ~later & (place & 1 == 1)
            headers.fragment[rows[first]] = FIRST_FRAGMENT
            headers.fragment[rows[later]] = LATER_FRAGMENT
            rows = rows[~later]


def _transport(headers: Headers, data: Bytes) -> None:
    """Ports, TCP flags, ICMP type and code: only what lies inside the IP packet and the captured bytes."""
    room = headers.end - headers.transport
    readable = (headers.cause == OK) & (headers.fragment != LATER_FRAGMENT)
    protocol = headers.protocol
    has_ports = np.zeros(256, dtype=bool)
    has_ports[list(_WITH_PORTS)] = True
    rows = np.flatnonzero(readable & has_ports[protocol] & (room >= 4))
    headers.src_port[rows] = be16(data, headers.transport[rows])
    headers.dst_port[rows] = be16(data, headers.transport[rows] + 2)
    rows = np.flatnonzero(readable & (protocol == TCP) & (room >= 14))
    headers.tcp_flags[rows] = be16(data, headers.transport[rows] + 12) & 0x01FF
    icmp = ((protocol == ICMP) & (headers.family == 4)) | ((protocol == ICMPV6) & (headers.family == 6))
    rows = np.flatnonzero(readable & icmp & (room >= 2))
    headers.icmp_type_code[rows] = be16(data, headers.transport[rows])
