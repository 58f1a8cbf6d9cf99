"""True IPFIX at a fixed rate, to whoever listens: every flow known again by its octets, all of them numbered."""

import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

_NUMBERS: Final = [
    *(("sp", ">u2"), ("dp", ">u2"), ("p", "u1"), ("o", ">u8"), ("k", ">u8"), ("t0", ">u8"), ("t1", ">u8"))
]
_NUMBER_FIELDS: Final = [(7, 2), (11, 2), (4, 1), (1, 8), (2, 8), (152, 8), (153, 8)]
_FAMILIES: Final = {4: ([(8, 4), (12, 4)], 4), 6: ([(27, 16), (28, 16)], 16)}
_SET: Final = 256
_HEAD: Final = 20
"""Bytes of the message's and of the set's head."""
_DATAGRAM: Final = 1_420
_LATEST: Final = 0.25
"""A sender that is further behind than so many seconds gives the rest up: that is its rate then."""


@dataclass
class _Process:
    """One exporting process: a socket and a domain of its own, and datagrams that are filled in over and over."""

    domain: int
    family: int
    socket: socket.socket
    target: tuple[str, int]
    sequence: int = 0
    rows: np.ndarray = field(init=False)
    heads: np.ndarray = field(init=False)
    buffer: np.ndarray = field(init=False)

    def prepare(self, datagrams: int, rng: np.random.Generator) -> None:
        width = _FAMILIES[self.family][1]
        row = np.dtype([("s", "u1", width), ("d", "u1", width), *_NUMBERS])
        each = (_DATAGRAM - _HEAD) // row.itemsize
        message = np.dtype([("head", "u1", _HEAD), ("rows", row, each)])
        whole = np.zeros(datagrams, message)
        self.buffer = whole.view(np.uint8).reshape(datagrams, message.itemsize)
        self.rows, self.heads = whole["rows"], whole["head"]
        shape = self.rows.shape
        for name in ("s", "d"):
            self.rows[name] = rng.integers(0, 256, (*shape, width))
            self.rows[name][..., : width // 2] = 0x20 if self.family == 6 else 10
        self.rows["sp"], self.rows["dp"] = (
            rng.integers(1_024, 65_536, shape),
            rng.choice([53, 80, 443], shape),
        )
        self.rows["p"], self.rows["k"] = rng.choice([6, 17], shape), 1

    @property
    def per_datagram(self) -> int:
        return self.rows.shape[1]

    def template(self) -> None:
        fields = [*_FAMILIES[self.family][0], *_NUMBER_FIELDS]
        body = struct.pack(">HH", _SET, len(fields)) + b"".join(struct.pack(">HH", *one) for one in fields)
        head = struct.pack(">HHIII", 10, 20 + len(body), int(time.time()), self.sequence, self.domain)
        self.socket.sendto(head + struct.pack(">HH", 2, 4 + len(body)) + body, self.target)

    def send(self, first: int, datagrams: int) -> int:
        """So many datagrams of flows whose octets are `first`, `first` + 1, …; gives the number of flows."""
        flows = datagrams * self.per_datagram
        rows, now = self.rows[:datagrams], time.time()
        rows["o"] = np.arange(first, first + flows).reshape(datagrams, -1)
        rows["t0"], rows["t1"] = int(now * 1000) - 1_000, int(now * 1000)
        length = self.buffer.shape[1]
        for number in range(datagrams):
            head = struct.pack(
                ">HHIIIHH", 10, length, int(now), self.sequence, self.domain, _SET, length - 16
            )
            self.heads[number] = np.frombuffer(head, np.uint8)
            self.socket.sendto(self.buffer[number].data, self.target)
            self.sequence = (self.sequence + self.per_datagram) & 0xFFFFFFFF
        return flows


class Flood:
    """Flows at `rate` a second in turn from processes of both families, by a thread, until `stop`.

    `flows`: how many were sent; their octets are 1 to that. `seconds`: how long it sent.
    """

    def __init__(self, target: str, *, rate: int, families: Sequence[int] = (4, 6, 4, 6)) -> None:
        host, _, port = target.partition(":")
        rng = np.random.default_rng(1)
        self.flows = 0
        self.seconds = 0.0
        self._rate = rate
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._processes: list[_Process] = []
        for domain, family in enumerate(families, 1):
            process = _Process(domain, family, socket.socket(type=socket.SOCK_DGRAM), (host, int(port)))
            process.prepare(32, rng)
            process.template()
            self._processes.append(process)
        self._thread = threading.Thread(target=self._guarded, name="flood", daemon=True)

    def __enter__(self) -> "Flood":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()
        for process in self._processes:
            process.socket.close()

    @property
    def rate(self) -> float:
        """Flows a second that it reached."""
        return self.flows / self.seconds if self.seconds else 0.0

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)
        if self._failure is not None:
            raise self._failure

    def tell_last(self) -> int:
        """One more datagram of every process, so that none of them ends with a gap that nobody can see."""
        return sum(self._send(process, 1) for process in self._processes)

    def _send(self, process: _Process, datagrams: int) -> int:
        sent = process.send(self.flows + 1, datagrams)
        self.flows += sent
        return sent

    def _guarded(self) -> None:
        try:
            self._run()
        except BaseException as error:
            self._failure = error

    def _run(self) -> None:
        begun = due = refreshed = time.monotonic()
        turn = 0
        while not self._stop.is_set():
            process = self._processes[turn % len(self._processes)]
            turn += 1
            sent = self._send(process, 16)
            now = time.monotonic()
            if now - refreshed > 1:
                refreshed = now
                for one in self._processes:
                    one.template()
            due = max(due + sent / self._rate, now - _LATEST)
            self._stop.wait(max(0.0, due - now))
        self.seconds = time.monotonic() - begun
