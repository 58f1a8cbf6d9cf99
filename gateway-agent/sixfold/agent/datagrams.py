"""What the kernel handed over in one go: datagrams as one array, never one object each."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_MAPPED = b"\x00" * 10 + b"\xff\xff"


def address_bytes(address: str) -> bytes:
    """An address text as 16 bytes, IPv4 as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2). Zone ids are dropped."""
    packed = ipaddress.ip_address(address.partition("%")[0]).packed
    return packed if len(packed) == 16 else _MAPPED + packed


def address_text(address: bytes) -> str:
    """The inverse of `address_bytes`: mapped addresses come back as plain IPv4."""
    if address[:12] == _MAPPED:
        return str(ipaddress.IPv4Address(address[12:16]))
    return str(ipaddress.IPv6Address(bytes(address[:16])))


@dataclass(frozen=True, slots=True)
class Networks:
    """A set of networks that whole arrays of addresses are looked up in."""

    _masked: tuple[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]], ...]

    @classmethod
    def of(cls, networks: Sequence[str]) -> "Networks":
        """Addresses or prefixes of either family, as text. Raises ValueError."""
        masked: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]] = []
        for text in networks:
            network = ipaddress.ip_network(text)
            length = network.prefixlen + (96 if network.version == 4 else 0)
            mask = ((1 << 128) - (1 << (128 - length))).to_bytes(16, "big")
            first = address_bytes(str(network.network_address))
            masked.append((np.frombuffer(mask, np.uint64), np.frombuffer(first, np.uint64)))
        return cls(tuple(masked))

    def hold(self, addresses: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Which of the addresses (n, 16) lie in one of the networks: a mask (n,)."""
        words = np.ascontiguousarray(addresses).view(np.uint64)
        held = np.zeros(len(words), dtype=bool)
        for mask, first in self._masked:
            held |= ((words & mask) == first).all(axis=1)
        return held


@dataclass(frozen=True, slots=True)
class Datagrams:
    """`n` datagrams. The arrays may be views of a receive buffer: they are valid until its next poll.

    data: uint8 (n, slot), contiguous in the last axis; bytes past a datagram's length are anything at all.
    lengths: int32 (n,). addresses: uint8 (n, 16), IPv4-mapped. ports: uint16 (n,). received: int64 (n,), ms UTC.
    """

    data: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int32]
    addresses: npt.NDArray[np.uint8]
    ports: npt.NDArray[np.uint16]
    received: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lengths)

    def select(self, rows: npt.NDArray[Any]) -> "Datagrams":
        """The datagrams at `rows` (indices or a mask), copied."""
        return Datagrams(
            self.data[rows], self.lengths[rows], self.addresses[rows], self.ports[rows], self.received[rows]
        )

    @classmethod
    def of(cls, datagrams: Sequence[tuple[bytes, str, int, int]]) -> "Datagrams":
        """From (payload, source address, source port, received ms) each: for captures and tests."""
        slot = max((len(payload) for payload, *_ in datagrams), default=0)
        slot = max(64, (slot + 15) // 16 * 16)
        data = np.zeros((len(datagrams), slot), dtype=np.uint8)
        addresses = np.zeros((len(datagrams), 16), dtype=np.uint8)
        for row, (payload, address, _, _) in enumerate(datagrams):
            data[row, : len(payload)] = np.frombuffer(payload, dtype=np.uint8)
            addresses[row] = np.frombuffer(address_bytes(address), dtype=np.uint8)
        return cls(
            data=data,
            lengths=np.array([len(payload) for payload, *_ in datagrams], dtype=np.int32),
            addresses=addresses,
            ports=np.array([port for _, _, port, _ in datagrams], dtype=np.uint16),
            received=np.array([received for *_, received in datagrams], dtype=np.int64),
        )
