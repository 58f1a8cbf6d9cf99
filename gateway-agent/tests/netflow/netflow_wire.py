"""Writes NetFlow and IPFIX messages for tests, byte for byte, right or wrong as a test wants them."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_bytes, address_text
from sixfold.agent.decoded import Decoded
from sixfold.agent.netflow.collector import Collector
from sixfold.agent.netflow.settings import NetflowSettings

NOW = 1_790_000_000
EXPORTER = "192.0.2.1"
# element or (enterprise, element), length
Spec = tuple[int | tuple[int, int], int]

V4: Sequence[Spec] = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 4), (2, 4), (152, 8), (153, 8))
V6: Sequence[Spec] = ((27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (1, 4), (2, 4), (152, 8), (153, 8))


def uint(value: int, length: int) -> bytes:
    return value.to_bytes(length, "big")


def address(text: str) -> bytes:
    """As the wire has it: 4 or 16 bytes."""
    packed = address_bytes(text)
    return packed[12:] if ":" not in text else packed


def flow(
    src: str = "10.0.0.1", dst: str = "10.0.0.2", sport: int = 1000, dport: int = 443, protocol: int = 6,
    octets: int = 1500, packets: int = 3, start: int = NOW * 1000 - 5000, end: int = NOW * 1000 - 1000,
) -> bytes:  # fmt: skip
    """A record of V4 or V6."""
    numbers = struct.pack(">HHBIIQQ", sport, dport, protocol, octets, packets, start, end)
    return address(src) + address(dst) + numbers


def fields(specs: Iterable[Spec]) -> bytes:
    out = b""
    for element, length in specs:
        if isinstance(element, tuple):
            out += struct.pack(">HHI", element[1] | 0x8000, length, element[0])
        else:
            out += struct.pack(">HH", element, length)
    return out


def data_set(identity: int, *records: bytes, padding: int = 0) -> bytes:
    body = b"".join(records) + bytes(padding)
    return struct.pack(">HH", identity, 4 + len(body)) + body


def template(identity: int, specs: Sequence[Spec], version: int = 10) -> bytes:
    return data_set(2 if version == 10 else 0, struct.pack(">HH", identity, len(specs)), fields(specs))


def options_template(
    identity: int, scopes: Sequence[Spec], options: Sequence[Spec], version: int = 10
) -> bytes:
    if version == 10:
        head = struct.pack(">HHH", identity, len(scopes) + len(options), len(scopes))
        return data_set(3, head, fields(scopes), fields(options))
    head = struct.pack(">HHH", identity, 4 * len(scopes), 4 * len(options))
    return data_set(1, head, fields(scopes), fields(options))


def ipfix(*sets: bytes, sequence: int = 0, domain: int = 1, export: int = NOW) -> bytes:
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body), export, sequence, domain) + body


def v9(*sets: bytes, sequence: int = 0, domain: int = 1, export: int = NOW, uptime: int = 100_000) -> bytes:
    return struct.pack(">HHIIII", 9, len(sets), uptime, export, sequence, domain) + b"".join(sets)


def v5(
    *records: bytes, sequence: int = 0, sampling: int = 0, count: int | None = None, uptime: int = 100_000,
    engine: int = 0,
) -> bytes:  # fmt: skip
    n = len(records) if count is None else count
    head = struct.pack(">HHIIIIHH", 5, n, uptime, NOW, 0, sequence, engine, sampling)
    return head + b"".join(records)


def v5_record(
    src: str = "10.0.0.1", dst: str = "10.0.0.2", octets: int = 1500, packets: int = 3,
    first: int = 95_000, last: int = 99_000,
) -> bytes:  # fmt: skip
    return (
        address(src) + address(dst) + address("10.0.0.254")
        + struct.pack(">HHIIIIHH", 1, 2, packets, octets, first, last, 1000, 443)
        + struct.pack(">BBBBHHBBH", 0, 0x1B, 6, 8, 64500, 64501, 24, 16, 0)
    )  # fmt: skip


@dataclass
class Station:
    """A collector with its counters, fed with messages."""

    settings: NetflowSettings
    counters: Counters
    collector: Collector

    @classmethod
    def open(cls, **settings: Any) -> "Station":
        counters = Counters()
        chosen = NetflowSettings(**settings)
        return cls(chosen, counters, Collector(counters, chosen))

    def feed(
        self, *messages: bytes, exporter: str = EXPORTER, port: int = 4000, received: int = NOW * 1000
    ) -> Decoded:
        return self.collector.decode(
            Datagrams.of([(message, exporter, port, received) for message in messages])
        )

    def flows(self, *messages: bytes, **where: Any) -> list[dict[str, Any]]:
        return rows(self.feed(*messages, **where).flows)

    def sessions(self, *messages: bytes, **where: Any) -> list[dict[str, Any]]:
        return rows(self.feed(*messages, **where).nat_sessions)

    def count(self, name: str) -> int:
        """The sum of a counter over its labels, or one of them by its whole name."""
        snapshot = self.counters.snapshot()
        return sum(n for key, n in snapshot.items() if key == name or key.startswith(name + "{"))


def rows(groups: Iterable[Any]) -> list[dict[str, Any]]:
    """Columns as rows, addresses as text: for tests only."""
    found: list[dict[str, Any]] = []
    for columns in groups:
        n = len(next(iter(columns.values())))
        for i in range(n):
            found.append(
                {
                    name: address_text(values[i].tobytes()) if values.ndim == 2 else values[i].item()
                    for name, values in columns.items()
                }
            )
    return found


def copied(decoded: Decoded) -> list[dict[str, np.ndarray]]:
    return [{name: values.copy() for name, values in columns.items()} for columns in decoded.flows]
