"""The kernel's conntrack events from a netlink socket, as the datagrams that they are.

A full buffer makes the kernel drop events and say so once (ENOBUFS). How many were lost it does not tell: the
collector then compares what it knows with a dump of the whole table.
"""

import errno
import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams
from sixfold.agent.receive import ReceiverStatus

SLOTS: Final = 1_024
SLOT: Final = 1_024
"""Bytes; an event takes about 300."""
NETLINK_NETFILTER: Final = 12
CTNETLINK: Final = 1
_NEW_AND_DESTROY: Final = 0b101
_SO_RCVBUFFORCE: Final = 33
_GET: Final = 1
_DONE, _ERROR = 3, 2
_REQUEST_DUMP: Final = 0x301
_NAP: Final = 0.002
_DUMP_WAIT: Final = 10.0
_DUMP_BYTES: Final = 1 << 17
PORT: Final = "0"
"""A netlink socket has none; counters want one."""


@dataclass(frozen=True, slots=True)
class ConntrackStatus(ReceiverStatus):
    """drops: times that the kernel had to drop events."""

    @property
    def remedy(self) -> str:
        if self.size < self.requested:
            return (
                f"conntrack: the receive buffer is {self.size >> 10} KiB, {self.requested >> 10} KiB were asked for; "
                "run the agent with CAP_NET_ADMIN"
            )
        if self.drops:
            return (
                f"conntrack: the kernel dropped events {self.drops} times (what they told was read from its table "
                "instead); raise translation.receive_buffer_bytes"
            )
        return ""


class ConntrackReceiver:
    """Raises OSError where the kernel has no conntrack, or does not let us (CAP_NET_ADMIN)."""

    def __init__(self, receive_buffer_bytes: int = 32 << 20, *, counters: Counters | None = None) -> None:
        self._counters = counters or Counters()
        self._requested = receive_buffer_bytes
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        try:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer_bytes)
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
            self._socket.setblocking(False)
            self._socket.bind((0, _NEW_AND_DESTROY))
        except BaseException:
            self._socket.close()
            raise
        self._data = np.zeros((SLOTS, SLOT), dtype=np.uint8)
        self._views = [memoryview(row) for row in self._data]  # type: ignore[arg-type]
        self._drops = 0
        self._got = 0
        self.overrun = False
        """Events were lost since the last time that somebody set this to False."""

    def fileno(self) -> int:
        return self._socket.fileno()

    def poll(self) -> Datagrams | None:
        """What has arrived, at most 1,024 events; None where nothing has. Valid until the next call."""
        lengths: list[int] = []
        receive = self._socket.recv_into
        for view in self._views:
            try:
                lengths.append(receive(view))
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._drops += 1
                self.overrun = True
                self._counters.add("conntrack_overruns", 1)
                break
        self._got = len(lengths)
        if not lengths:
            return None
        self._counters.add("datagrams_received", len(lengths), port=PORT)
        self._counters.add("bytes_received", sum(lengths), port=PORT)
        return _datagrams(self._data[: len(lengths)], np.array(lengths, dtype=np.int32))

    @property
    def nap(self) -> float:
        return 0.0 if self._got == SLOTS else _NAP

    @property
    def busy(self) -> bool:
        return self._got > 0

    def status(self) -> ReceiverStatus:
        size = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
        return ConntrackStatus("netlink", int(PORT), self._requested, size, 0, self._drops)

    def close(self) -> None:
        self._socket.close()


def _datagrams(data: np.ndarray, lengths: np.ndarray) -> Datagrams:
    rows = len(lengths)
    return Datagrams(
        data=data,
        lengths=lengths,
        addresses=np.zeros((rows, 16), dtype=np.uint8),
        ports=np.zeros(rows, dtype=np.uint16),
        received=np.full(rows, time.time_ns() // 1_000_000, dtype=np.int64),
    )


def dump() -> Iterator[Datagrams]:
    """The kernel's whole table, in parts. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as asked:
        asked.setblocking(False)
        asked.bind((0, 0))
        head = struct.pack("=IHHII", 20, CTNETLINK << 8 | _GET, _REQUEST_DUMP, 1, 0)
        asked.send(head + struct.pack("=BBH", socket.AF_UNSPEC, 0, 0))
        buffer = bytearray(_DUMP_BYTES)
        ended = False
        while not ended:
            if not select.select([asked], [], [], _DUMP_WAIT)[0]:
                raise TimeoutError(errno.ETIMEDOUT, "the kernel does not tell its conntrack table")
            size = asked.recv_into(buffer)
            messages: list[bytes] = []
            at = 0
            while at + 16 <= size:
                length, kind = struct.unpack_from("=IH", buffer, at)
                if kind == _DONE or length < 16:
                    ended = True
                    break
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", buffer, at + 16)[0]
                    raise OSError(code, "the kernel refuses to tell its conntrack table")
                messages.append(bytes(buffer[at : at + length]))
                at += (length + 3) & ~3
            if messages:
                yield _of(messages)


def _of(messages: list[bytes]) -> Datagrams:
    lengths = np.array([len(one) for one in messages], dtype=np.int32)
    data = np.zeros((len(messages), SLOT), dtype=np.uint8)
    for row, one in enumerate(messages):
        data[row, : min(len(one), SLOT)] = np.frombuffer(one[:SLOT], dtype=np.uint8)
    return _datagrams(data, lengths)
