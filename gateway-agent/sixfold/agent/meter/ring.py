"""Packets off a Linux interface: an AF_PACKET ring (TPACKET_V2), read as columns where the kernel put them.

Version 2 rather than 3, because its frames lie at equal distances: the whole ring is one numpy array, and taking
packets costs no system call. Needs CAP_NET_RAW.
"""

import mmap
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.packets import LINK_ETHERNET, Headers, dissect
from sixfold.agent.packets.link import LINK_PPP, LINK_RAW

_SOL_PACKET: Final = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION = 1, 5, 6, 10
_TPACKET_V2, _PROMISCUOUS = 1, 1
_ETH_P_ALL: Final = 3
_READY, _VLAN_VALID = 1, 0x10
_LOOPBACK_TYPE, _OUTGOING = 772, 4
_LINKS: Final = {1: LINK_ETHERNET, _LOOPBACK_TYPE: LINK_ETHERNET, 65_534: LINK_RAW, 512: LINK_PPP}
_BLOCK: Final = 1 << 20
_HEADER: Final = np.dtype(
    [
        ("status", "u4"),
        ("length", "u4"),
        ("captured", "u4"),
        ("mac", "u2"),
        ("net", "u2"),
        ("seconds", "u4"),
        ("nanoseconds", "u4"),
        ("vlan", "u2"),
        ("vlan_protocol", "u2"),
        ("_padding", "u4"),
        ("_family", "u2"),  # struct sockaddr_ll follows struct tpacket2_hdr, aligned to 16
        ("_protocol", "u2"),
        ("interface", "i4"),
        ("hardware", "u2"),
        ("packet_type", "u1"),
    ]
)


class InterfaceError(OSError):
    """The interface cannot be watched; the message says why and what would help."""


@dataclass(frozen=True, slots=True)
class Caught:
    headers: Headers
    time_ns: npt.NDArray[np.int64]


class Ring:
    """A ring of `frames` frames of `frame_size` octets each; headers longer than a frame are cut."""

    def __init__(self, channel: socket.socket, memory: mmap.mmap, frames: int, frame_size: int) -> None:
        self._channel = channel
        self._octets = np.frombuffer(memory, dtype=np.uint8)
        table = self._octets.reshape(frames, frame_size)
        self._head: npt.NDArray[Any] = table[:, : _HEADER.itemsize].view(_HEADER)[:, 0]
        self._status = self._head["status"]
        self._frames, self._frame_size = frames, frame_size
        self._next = 0
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN | select.POLLERR)

    def catch(self, *, wait: float, most: int = 16_384) -> Caught | None:
        """The packets that are there, at most `most`; None if none came within `wait` seconds."""
        rows = (self._next + np.arange(min(most, self._frames))) % self._frames
        if not self._status[rows[0]] & _READY and not self._poll.poll(wait * 1000):
            return None
        ready = self._status[rows] & _READY == 1
        count = len(rows) if ready.all() else int(np.argmin(ready))
        if not count:
            return None
        rows = rows[:count]
        self._next = (self._next + count) % self._frames
        try:
            return self._read(rows)
        finally:
            self._status[rows] = 0  # TP_STATUS_KERNEL: the frames are the kernel's again

    def _read(self, rows: npt.NDArray[np.intp]) -> Caught:
        head = self._head[rows]
        # On loopback each packet passes twice, out and in.
        twice = (head["hardware"] == _LOOPBACK_TYPE) & (head["packet_type"] == _OUTGOING)
        head, rows = head[~twice], rows[~twice]
        link_type = _LINKS.get(int(head["hardware"][0]), -1) if len(head) else LINK_ETHERNET
        offsets = rows.astype(np.int64) * self._frame_size + head["mac"]
        headers = dissect(
            self._octets,
            offsets,
            head["captured"].astype(np.int64),
            head["length"].astype(np.int64),
            link_type,
        )
        # The kernel takes the tag out of the frame.
        tagged = (head["status"] & _VLAN_VALID != 0) & (headers.vlan == 0)
        headers.vlan[tagged] = head["vlan"][tagged] & 0x0FFF
        return Caught(headers, head["seconds"].astype(np.int64) * 1_000_000_000 + head["nanoseconds"])

    def statistics(self) -> tuple[int, int]:
        """(packets, packets dropped because the ring was full) since this was last asked."""
        packets, drops = struct.unpack("II", self._channel.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        return packets, drops


@contextmanager
def open_ring(
    interface: str, *, frames: int = 65_536, frame_size: int = 512, promiscuous: bool = False
) -> Iterator[Ring]:
    """Watch an interface. InterfaceError if there is none of that name, or without the right to."""
    if not hasattr(socket, "AF_PACKET"):
        raise InterfaceError("packets of an interface can be read on Linux only; give a capture file instead")
    try:
        index = socket.if_nametoindex(interface)
    except OSError as error:
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise InterfaceError(f"no interface {interface!r}; there are: {names}") from error
    size = max(_BLOCK, frames * frame_size)
    blocks = size // _BLOCK
    try:
        channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        raise InterfaceError(
            "reading packets needs the capability CAP_NET_RAW: run as root, or give it to the interpreter"
        ) from error
    with channel:
        channel.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
        request = struct.pack("IIII", _BLOCK, blocks, frame_size, blocks * (_BLOCK // frame_size))
        channel.setsockopt(_SOL_PACKET, _RX_RING, request)
        memory = mmap.mmap(channel.fileno(), blocks * _BLOCK, mmap.MAP_SHARED)
        if promiscuous:
            membership = struct.pack("iHH8s", index, _PROMISCUOUS, 0, b"")
            channel.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, membership)
        channel.bind((interface, _ETH_P_ALL))
        # The mapping goes with the last view of it: closing it here would fault the columns still held.
        yield Ring(channel, memory, blocks * (_BLOCK // frame_size), frame_size)
