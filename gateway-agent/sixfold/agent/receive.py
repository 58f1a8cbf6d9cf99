"""Datagrams from a UDP socket into one buffer that is used over and over: `recvmmsg` through ctypes, 1,024 at a time.

A slot holds what most datagrams need. What is longer goes on in a tail region of its own, which costs memory
only when it is used; such a batch is joined, and the slots grow so that the next one needs no joining.
So nothing up to 65,535 bytes is cut.

Losses in the kernel are read from the socket itself (SO_MEMINFO) and shown with their remedy.
"""

import ctypes
import errno
import mmap
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams

SLOTS: Final = 1024
LONGEST: Final = 65_536
_MAX_BYTES: Final = 8 << 20
"""A batch with more is handed over in parts, so that what is made of it stays bounded too."""
_NAME: Final = 28
_SO_RCVBUFFORCE: Final = 33
_SO_MEMINFO: Final = 55
_MEMINFO_FILLED, _MEMINFO_SIZE, _MEMINFO_DROPS = 0, 1, 8
_LOOK_EVERY: Final = 0.5
_SHORT_NAP, _LONG_NAP = 0.002, 0.040

# struct mmsghdr of 64-bit Linux: struct msghdr, then the length received.
_MMSGHDR: Final = np.dtype(
    {
        "names": ["name", "namelen", "iov", "iovlen", "control", "controllen", "flags", "length"],
        "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "i4", "u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)
_IOVEC: Final = np.dtype([("base", "u8"), ("length", "u8")])


@dataclass(frozen=True, slots=True)
class ReceiverStatus:
    """filled, size: bytes of the kernel's receive buffer in use and granted. drops: datagrams lost there since open."""

    host: str
    port: int
    requested: int
    size: int
    filled: int
    drops: int

    @property
    def remedy(self) -> str:
        """What an operator does about drops or a buffer smaller than asked for; empty where nothing is amiss."""
        if self.size < self.requested:
            return (
                f"port {self.port}: the receive buffer is {self.size >> 10} KiB, {self.requested >> 10} KiB were asked "
                f"for; raise the limit: sysctl -w net.core.rmem_max={self.requested} (or run with CAP_NET_ADMIN)"
            )
        if self.drops:
            return (
                f"port {self.port}: the kernel dropped {self.drops} datagrams; raise the agent's receive_buffer_bytes "
                f"and, as far, sysctl -w net.core.rmem_max"
            )
        return ""


class Intake(Protocol):
    """Where datagrams come from: a UDP socket, or one of the kernel's."""

    def fileno(self) -> int: ...

    def poll(self) -> Datagrams | None: ...

    @property
    def nap(self) -> float: ...

    @property
    def busy(self) -> bool: ...

    def status(self) -> ReceiverStatus: ...

    def close(self) -> None: ...


class Receiver:
    """One bound UDP socket. A host with a colon is IPv6; `::` takes IPv4 too.

    Raises OSError where the address cannot be bound, and where the system has no recvmmsg (not Linux).
    """

    def __init__(
        self,
        host: str,
        port: int,
        receive_buffer_bytes: int = 32 << 20,
        *,
        counters: Counters | None = None,
        slot: int = 2048,
        slots: int = SLOTS,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        self._counters = counters or Counters()
        self._library = ctypes.CDLL(None, use_errno=True)
        self._socket = _bind(host, port, receive_buffer_bytes)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._requested = receive_buffer_bytes
        self._looking = threading.Lock()
        self._slots, self._max_bytes = slots, max_bytes
        self._drops = 0
        self._looked = 0.0
        self._filled = self._got = self._got_bytes = 0
        self._polled = time.monotonic()
        self._gap = 0.0
        self._size = self._look()
        self._heard = False
        self._waiting: Datagrams | None = None
        self._names = np.zeros((slots, _NAME), dtype=np.uint8)
        self._mapped = np.zeros((slots, 16), dtype=np.uint8)
        self._mapped[:, 10:12] = 255
        # Untouched pages of a map take no memory, and without huge pages a touched one takes only itself.
        self._tails = mmap.mmap(-1, slots * LONGEST)
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            self._tails.madvise(mmap.MADV_NOHUGEPAGE)
        self._tail_view = np.frombuffer(self._tails, dtype=np.uint8).reshape(slots, LONGEST)
        self._lay_out(slot)

    def _lay_out(self, slot: int) -> None:
        """Give each message a slot of this size, a tail and a place for its sender."""
        self._slot = slot
        self._data = np.zeros((self._slots, slot), dtype=np.uint8)
        index = np.arange(self._slots, dtype=np.uint64)
        self._vectors = np.zeros(2 * self._slots, dtype=_IOVEC)
        self._vectors["base"][0::2] = self._data.ctypes.data + index * slot
        self._vectors["length"][0::2] = slot
        self._vectors["base"][1::2] = self._tail_view.ctypes.data + index * LONGEST
        self._vectors["length"][1::2] = max(LONGEST - slot, 0)
        self._headers = np.zeros(self._slots, dtype=_MMSGHDR)
        self._headers["name"] = self._names.ctypes.data + index * _NAME
        self._headers["namelen"] = _NAME
        self._headers["iov"] = self._vectors.ctypes.data + index * 32
        self._headers["iovlen"] = 2

    def fileno(self) -> int:
        return self._socket.fileno()

    def poll(self) -> Datagrams | None:
        """What has arrived, at most 1,024 datagrams; None where nothing has. Never waits. Valid until the next call."""
        if self._waiting is not None:
            return self._part(self._waiting)
        got = self._receive()
        now = time.monotonic()
        self._gap, self._polled = now - self._polled, now
        if now - self._looked > _LOOK_EVERY:
            self._looked = now
            self._size = self._look()
        self._heard = got > 0
        if got <= 0:
            return None
        datagrams = self._collect(got)
        self._got_bytes = int(datagrams.lengths.sum())
        if self._got_bytes > self._max_bytes:
            return self._part(datagrams)
        return datagrams

    def _receive(self) -> int:
        self._headers["namelen"] = _NAME
        got = self._library.recvmmsg(
            self._socket.fileno(), ctypes.c_void_p(self._headers.ctypes.data), self._slots,
            socket.MSG_DONTWAIT | socket.MSG_TRUNC, None,
        )  # fmt: skip
        self._got = max(int(got), 0)
        if got >= 0:
            return int(got)
        code = ctypes.get_errno()
        if code in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR):
            return 0
        if code in (errno.ECONNREFUSED, errno.ENOMEM, errno.ENOBUFS):
            self._counters.add("receive_errors", 1, port=str(self.port), error=errno.errorcode[code])
            return 0
        raise OSError(code, f"recvmmsg on port {self.port}: {os.strerror(code)}")

    def _collect(self, got: int) -> Datagrams:
        lengths = self._headers["length"][:got].astype(np.int32)
        data = self._data[:got]
        truncated = (self._headers["flags"][:got] & socket.MSG_TRUNC) != 0
        if truncated.any():
            self._counters.add("datagrams_truncated", int(truncated.sum()), port=str(self.port))
            np.minimum(lengths, LONGEST, out=lengths)
        longest = int(lengths.max())
        names, slot = self._names[:got], self._slot
        if longest > slot:
            data = self._joined(data, lengths, longest)
        if self._socket.family == socket.AF_INET6:
            addresses = names[:, 8:24]
        else:
            self._mapped[:got, 12:16] = names[:, 4:8]
            addresses = self._mapped[:got]
        ports = names[:, 2:4].copy().view(">u2").reshape(-1).astype(np.uint16)
        received = np.full(got, time.time_ns() // 1_000_000, dtype=np.int64)
        datagrams = Datagrams(data, lengths, addresses, ports, received)
        self._counters.add("datagrams_received", got, port=str(self.port))
        self._counters.add("bytes_received", int(lengths.sum(dtype=np.int64)), port=str(self.port))
        return datagrams

    def _joined(self, data: npt.NDArray[np.uint8], lengths: npt.NDArray[Any], longest: int) -> Any:
        """Slots and tails as one; the slots are then made as wide as this batch needed."""
        slot = self._slot
        wide = np.zeros((len(data), (longest + 63) // 64 * 64), dtype=np.uint8)
        wide[:, :slot] = data
        for row in np.flatnonzero(lengths > slot).tolist():
            wide[row, slot : lengths[row]] = self._tail_view[row, : lengths[row] - slot]
        self._lay_out(min(LONGEST, 1 << (longest - 1).bit_length()))
        self._counters.add("receive_slot_growths", 1, port=str(self.port))
        return wide

    def _part(self, datagrams: Datagrams) -> Datagrams:
        """As many of the datagrams as stay within the bound in bytes; the others wait for the next poll."""
        total = np.cumsum(datagrams.lengths, dtype=np.int64)
        n = max(1, int(np.searchsorted(total, self._max_bytes, side="right")))

        def cut(part: slice) -> Datagrams:
            return Datagrams(
                datagrams.data[part], datagrams.lengths[part], datagrams.addresses[part],
                datagrams.ports[part], datagrams.received[part],
            )  # fmt: skip

        self._waiting = cut(slice(n, None)) if n < len(datagrams) else None
        return cut(slice(0, n))

    @property
    def nap(self) -> float:
        """How many seconds to leave the socket alone, so that about half a batch comes together.

        Fewer and larger batches cost less. At the rate of the last batch the nap fills no more than a quarter of
        the kernel's buffer, in which a datagram takes about twice its length.
        """
        if self._waiting is not None or self._got == self._slots:
            return 0.0
        if not self._got or self._gap <= 0:
            return _SHORT_NAP
        half = self._gap * self._slots / (2 * self._got)
        fill = self._gap * self._size / (4 * (2 * self._got_bytes + 1024 * self._got))
        return max(0.0, min(half, fill, _LONG_NAP))

    @property
    def busy(self) -> bool:
        """Whether the last poll found something."""
        return self._heard or self._waiting is not None

    def status(self) -> ReceiverStatus:
        """Read the socket's counters now; from any thread."""
        size = self._look()
        return ReceiverStatus(self.host, self.port, self._requested, size, self._filled, self._drops)

    def _look(self) -> int:
        """Count new kernel drops; the granted size of the buffer in bytes, without the kernel's own overhead."""
        with self._looking:
            info = struct.unpack("9I", self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))
            new = (info[_MEMINFO_DROPS] - self._drops) & 0xFFFFFFFF
            self._drops += new
        if new:
            self._counters.add("kernel_drops", new, port=str(self.port))
        self._filled = info[_MEMINFO_FILLED]
        return info[_MEMINFO_SIZE] // 2

    def close(self) -> None:
        self._socket.close()


def wait(receivers: Sequence[Intake], timeout: float) -> None:
    """Wait until a poll is worth while: a nap while datagrams flow, else until the first one comes or the timeout."""
    if any(receiver.busy for receiver in receivers):
        time.sleep(min(timeout, min(receiver.nap for receiver in receivers if receiver.busy)))
        return
    select.select(receivers, (), (), timeout)


def _bind(host: str, port: int, size: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        try:
            bound.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
        except PermissionError:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        bound.setblocking(False)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound
