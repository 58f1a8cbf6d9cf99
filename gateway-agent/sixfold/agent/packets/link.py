"""From the link layer to the IP header: Ethernet with VLAN tags, MPLS, PPPoE, PPP, Linux cooked, raw IP.

Link types are the numbers of the tcpdump registry (LINKTYPE_*), as in a capture file.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.packets.gather import Bytes, Offsets, be16, be32, byte

OK: Final = 0
TRUNCATED: Final = 1
NOT_IP: Final = 2
MALFORMED: Final = 3
UNKNOWN_LINK: Final = 4
TOO_DEEP: Final = 5

LINK_NULL: Final = 0
LINK_ETHERNET: Final = 1
LINK_PPP: Final = 9
LINK_PPP_HDLC: Final = 50
LINK_RAW: Final = 101
LINK_CISCO_HDLC: Final = 104
LINK_LOOP: Final = 108
LINK_COOKED: Final = 113
LINK_MPLS: Final = 219
LINK_IPV4: Final = 228
LINK_IPV6: Final = 229
LINK_COOKED2: Final = 276
_RAW_OLD: Final = (12, 14)

LINK_TYPES: Final = {
    LINK_NULL: "BSD loopback",
    LINK_ETHERNET: "Ethernet",
    LINK_PPP: "PPP",
    LINK_PPP_HDLC: "PPP in HDLC framing",
    12: "raw IP",
    14: "raw IP",
    LINK_RAW: "raw IP",
    LINK_CISCO_HDLC: "Cisco HDLC",
    LINK_LOOP: "OpenBSD loopback",
    LINK_COOKED: "Linux cooked",
    LINK_MPLS: "MPLS",
    LINK_IPV4: "raw IPv4",
    LINK_IPV6: "raw IPv6",
    LINK_COOKED2: "Linux cooked v2",
}

_IPV4, _IPV6, _PPPOE = 0x0800, 0x86DD, 0x8864
_PPP_IPV4, _PPP_IPV6, _PPP_MPLS = 0x0021, 0x0057, 0x0281
_MAX_TAGS, _MAX_LABELS = 4, 16


class Walk:
    """Where each packet's parse has come to. Rows that are given up have a cause other than OK.

    `family` becomes 4 or 6 where an IP header follows at `cursor`.
    """

    def __init__(self, data: Bytes, offsets: Offsets, ends: Offsets) -> None:
        rows = len(offsets)
        self.data = data
        self.cursor = offsets.astype(np.int64, copy=True)
        self.ends = ends
        self.cause = np.zeros(rows, dtype=np.uint8)
        self.family = np.zeros(rows, dtype=np.uint8)
        self.vlan = np.zeros(rows, dtype=np.uint16)
        self.ethertype = np.zeros(rows, dtype=np.uint16)

    def need(self, rows: npt.NDArray[np.intp], width: int) -> npt.NDArray[np.intp]:
        """Those of `rows` that have `width` more bytes; the others are given up as truncated."""
        there = self.cursor[rows] + width <= self.ends[rows]
        if not there.all():
            self.cause[rows[~there]] = TRUNCATED
            return rows[there]
        return rows

    def by_version(self, rows: npt.NDArray[np.intp], otherwise: int) -> None:
        """Take the family from the version nibble at the cursor."""
        rows = self.need(rows, 1)
        version = byte(self.data, self.cursor[rows]) >> 4
        known = (version == 4) | (version == 6)
        self.family[rows] = np.where(known, version, 0)
        self.cause[rows[~known]] = otherwise


def to_network(walk: Walk, link_type: int) -> None:
    """Advance every row of `walk` to its IP header, or give it up with a cause."""
    every = np.arange(len(walk.cursor))
    if link_type == LINK_ETHERNET:
        _by_ethertype(walk, every, at=12, header=14)
    elif link_type in (LINK_RAW, *_RAW_OLD):
        walk.by_version(every, MALFORMED)
    elif link_type == LINK_COOKED:
        _by_ethertype(walk, every, at=14, header=16)
    elif link_type == LINK_COOKED2:
        _by_ethertype(walk, every, at=0, header=20)
    elif link_type == LINK_CISCO_HDLC:
        _by_ethertype(walk, every, at=2, header=4)
    elif link_type == LINK_IPV4:
        walk.family[every] = 4
    elif link_type == LINK_IPV6:
        walk.family[every] = 6
    elif link_type in (LINK_PPP, LINK_PPP_HDLC):
        _ppp(walk, every)
    elif link_type == LINK_MPLS:
        _mpls(walk, every)
    elif link_type in (LINK_NULL, LINK_LOOP):
        rows = walk.need(every, 4)
        walk.cursor[rows] += 4
        walk.by_version(rows, NOT_IP)
    else:
        walk.cause[every] = UNKNOWN_LINK


def _by_ethertype(walk: Walk, rows: npt.NDArray[np.intp], *, at: int, header: int) -> None:
    rows = walk.need(rows, header)
    walk.ethertype[rows] = be16(walk.data, walk.cursor[rows] + at)
    walk.cursor[rows] += header
    rows = _tags(walk, rows)
    kind = walk.ethertype[rows]
    small = rows[kind < 0x0600]
    if len(small):
        _snap(walk, small)
        kind = walk.ethertype[rows]
    _settle(walk, rows, kind)
    sessions = rows[kind == _PPPOE]
    if len(sessions):
        sessions = walk.need(sessions, 6)
        walk.cursor[sessions] += 6
        _ppp(walk, sessions)
    labelled = rows[(kind == 0x8847) | (kind == 0x8848)]
    if len(labelled):
        _mpls(walk, labelled)


def _settle(walk: Walk, rows: npt.NDArray[np.intp], kind: npt.NDArray[np.uint16]) -> None:
    four, six = kind == _IPV4, kind == _IPV6
    walk.family[rows[four]] = 4
    walk.family[rows[six]] = 6
    on_the_way = (kind == _PPPOE) | (kind == 0x8847) | (kind == 0x8848)
    lost = rows[~(four | six | on_the_way)]
    walk.cause[lost] = np.where(walk.cause[lost] == OK, NOT_IP, walk.cause[lost])


def _tags(walk: Walk, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """IEEE 802.1Q and 802.1ad tags; the outermost VLAN id is kept, which is the one at the port."""
    tagged = rows
    first = True
    for _ in range(_MAX_TAGS):
        kind = walk.ethertype[tagged]
        tagged = tagged[(kind == 0x8100) | (kind == 0x88A8) | (kind == 0x9100) | (kind == 0x9200)]
        if not len(tagged):
            return rows[walk.cause[rows] == OK]
        tagged = walk.need(tagged, 4)
        if first:
            walk.vlan[tagged] = be16(walk.data, walk.cursor[tagged]) & 0x0FFF
            first = False
        walk.ethertype[tagged] = be16(walk.data, walk.cursor[tagged] + 2)
        walk.cursor[tagged] += 4
    deeper = walk.ethertype[tagged]
    walk.cause[tagged[(deeper == 0x8100) | (deeper == 0x88A8)]] = TOO_DEEP
    return rows[walk.cause[rows] == OK]


def _snap(walk: Walk, rows: npt.NDArray[np.intp]) -> None:
    """IEEE 802.3 length: only LLC with a SNAP header of organisation 0 can carry IP (RFC 1042)."""
    rows = rows[walk.cursor[rows] + 8 <= walk.ends[rows]]
    start = walk.cursor[rows]
    snap = (be32(walk.data, start) == 0xAAAA0300) & (be16(walk.data, start + 4) == 0)
    rows = rows[snap]
    walk.ethertype[rows] = be16(walk.data, walk.cursor[rows] + 6)
    walk.cursor[rows] += 8


def _ppp(walk: Walk, rows: npt.NDArray[np.intp]) -> None:
    """RFC 1661/1662: address and control, and the protocol's high byte, may be compressed away."""
    rows = walk.need(rows, 2)
    framed = be16(walk.data, walk.cursor[rows]) == 0xFF03
    walk.cursor[rows[framed]] += 2
    rows = walk.need(rows, 2)
    head = byte(walk.data, walk.cursor[rows])
    short = (head & 1) == 1
    protocol = np.where(short, head, be16(walk.data, walk.cursor[rows]))
    walk.cursor[rows] += np.where(short, 1, 2)
    walk.family[rows[protocol == _PPP_IPV4]] = 4
    walk.family[rows[protocol == _PPP_IPV6]] = 6
    labelled = protocol == _PPP_MPLS
    walk.cause[rows[~(labelled | (protocol == _PPP_IPV4) | (protocol == _PPP_IPV6))]] = NOT_IP
    if labelled.any():
        _mpls(walk, rows[labelled])


def _mpls(walk: Walk, rows: npt.NDArray[np.intp]) -> None:
    """RFC 3032: labels until the bottom of the stack; what is below must be IP by its version nibble."""
    for _ in range(_MAX_LABELS):
        rows = walk.need(rows, 4)
        if not len(rows):
            return
        bottom = (byte(walk.data, walk.cursor[rows] + 2) & 1) == 1
        walk.cursor[rows] += 4
        walk.by_version(rows[bottom], NOT_IP)
        rows = rows[~bottom]
    walk.cause[rows] = TOO_DEEP
