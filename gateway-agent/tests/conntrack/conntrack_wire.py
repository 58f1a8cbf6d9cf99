"""ctnetlink messages as the kernel makes them."""

import ipaddress
import socket
import struct
from dataclasses import dataclass, replace

import numpy as np

from sixfold.agent.datagrams import Datagrams

NEW, DESTROY = 0, 2
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58


@dataclass(frozen=True)
class Tuple:
    src: str
    sport: int
    dst: str
    dport: int
    protocol: int


@dataclass(frozen=True)
class Entry:
    """One message. For ICMP the sport of each tuple is the identifier."""

    original: Tuple
    reply: Tuple
    kind: int = NEW
    octets: tuple[int, int] | None = None
    start: int = 0
    stop: int = 0
    mark: bool = False

    def ended(self, octets: tuple[int, int] = (100, 200)) -> "Entry":
        return replace(self, kind=DESTROY, octets=octets)


def attribute(number: int, value: bytes, nested: bool = False) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, number | (0x8000 if nested else 0)) + value + b"\0" * (-length % 4)


def _tuple(number: int, one: Tuple) -> bytes:
    src, dst = ipaddress.ip_address(one.src), ipaddress.ip_address(one.dst)
    first = 1 if src.version == 4 else 3
    addresses = attribute(first, src.packed) + attribute(first + 1, dst.packed)
    proto = attribute(1, bytes([one.protocol]))
    if one.protocol in (ICMP, ICMP6):
        base = 4 if one.protocol == ICMP else 7
        proto += (
            attribute(base, struct.pack(">H", one.sport))
            + attribute(base + 1, b"\x08")
            + attribute(base + 2, b"\0")
        )
    else:
        proto += attribute(2, struct.pack(">H", one.sport)) + attribute(3, struct.pack(">H", one.dport))
    return attribute(number, attribute(1, addresses, True) + attribute(2, proto, True), True)


def message(one: Entry) -> bytes:
    body = _tuple(1, one.original) + _tuple(2, one.reply)
    body += attribute(12, struct.pack(">I", 7)) + attribute(3, struct.pack(">I", 0x188))
    if one.mark:
        body += attribute(8, b"\0\0\0\1")
    if one.octets:
        for number, count in zip((9, 10), one.octets, strict=True):
            body += attribute(
                number, attribute(1, struct.pack(">Q", 1)) + attribute(2, struct.pack(">Q", count)), True
            )
    if one.start:
        times = attribute(1, struct.pack(">Q", one.start * 1_000_000))
        if one.stop:
            times += attribute(2, struct.pack(">Q", one.stop * 1_000_000))
        body += attribute(20, times, True)
    family = socket.AF_INET if ":" not in one.original.src else socket.AF_INET6
    head = struct.pack("=BBH", family, 0, 0)
    return struct.pack("=IHHII", 20 + len(body), 1 << 8 | one.kind, 0, 0, 0) + head + body


def datagrams(messages: list[bytes], received: int = 5_000) -> Datagrams:
    data = np.zeros((len(messages), 1024), dtype=np.uint8)
    for row, one in enumerate(messages):
        data[row, : len(one)] = np.frombuffer(one, dtype=np.uint8)
    rows = len(messages)
    return Datagrams(
        data=data,
        lengths=np.array([len(one) for one in messages], dtype=np.int32),
        addresses=np.zeros((rows, 16), np.uint8),
        ports=np.zeros(rows, np.uint16),
        received=np.full(rows, received, np.int64),
    )


def nat64_session(
    terminal: str, sport: int, *, slot: int = 1, inner: int = 0, public: int = 2000, protocol: int = TCP
):
    """(subscriber's side, public side) of a session to 198.51.100.10 port 80. inner: the port between the two."""
    inner = inner or sport
    server6, server4 = "2001:db8:64::c633:640a", "198.51.100.10"
    inner6, inner4 = f"fd64:6978:666f:6c64::{slot:x}", f"100.127.0.{slot}"
    six, four = (ICMP6, ICMP) if protocol == ICMP else (protocol, protocol)
    dport = 0 if protocol == ICMP else 80
    if protocol == ICMP:
        before = Entry(Tuple(terminal, sport, server6, 0, six), Tuple(server6, inner, inner6, 0, six))
        after = Entry(Tuple(inner4, inner, server4, 0, four), Tuple(server4, public, "203.0.113.1", 0, four))
        return before, after
    before = Entry(Tuple(terminal, sport, server6, dport, six), Tuple(server6, dport, inner6, inner, six))
    after = Entry(
        Tuple(inner4, inner, server4, dport, four), Tuple(server4, dport, "203.0.113.1", public, four)
    )
    return before, after
