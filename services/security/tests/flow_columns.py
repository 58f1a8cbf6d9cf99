"""Flows for the tests of detectors: columns out of short rows, and an engine of one detector that has seen them."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import numpy as np

from sixfold.security.domain.detector import Detector
from sixfold.security.domain.engine import Engine, started
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.window import Window, WindowSettings

NOW = 1_800_000_000_000
ADDRESSES = ("src_address", "dst_address", "exporter", "next_hop", "post_nat_src_address")
KINDS: dict[str, Any] = {
    "time_start": np.int64, "time_end": np.int64, "src_port": np.uint16, "dst_port": np.uint16,
    "protocol": np.uint8, "bytes": np.uint64, "packets": np.uint64, "sampling_rate": np.uint32,
    "tcp_flags": np.uint16, "icmp_type_code": np.uint16, "input_interface": np.uint32, "src_as": np.uint32,
    "dst_as": np.uint32, "post_nat_src_port": np.uint16, "output_interface": np.uint32,
}  # fmt: skip
USUAL: dict[str, Any] = {
    "src_port": 40_000, "dst_port": 443, "protocol": 6, "tcp_flags": 27, "sampling_rate": 1, "packets": 10,
    "exporter": "192.0.2.1", "time_end": NOW, "src_address": "198.51.100.7", "dst_address": "203.0.113.5",
}  # fmt: skip


def packed(text: str) -> bytes:
    address = ipaddress.ip_address(text)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


def columns(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One flow a row; what a row does not say is as in USUAL, else zero."""
    whole = [{**USUAL, **row} for row in rows]
    for row in whole:
        row.setdefault("time_start", row["time_end"] - 200)
        row.setdefault("bytes", 100 * row["packets"])
    made: dict[str, Any] = {
        name: np.array([row.get(name, 0) for row in whole], kind) for name, kind in KINDS.items()
    }
    for name in ADDRESSES:
        octets = b"".join(packed(row.get(name, "::")) for row in whole)
        made[name] = np.frombuffer(octets, np.uint8).reshape(-1, 16)
    return made


def engine_of(detector: Detector, **parameters: Any) -> Engine:
    given = type(detector.parameters)(**parameters) if parameters else None
    return Engine(Window(WindowSettings(light_bytes=0)), [started(detector, given)])


def fed(engine: Engine, rows: Sequence[dict[str, Any]]) -> list[Signal]:
    """What the one detector says after these flows, once."""
    now = max(row.get("time_end", NOW) for row in rows)
    added = engine.add(columns(rows), now)
    (signals,) = engine.look(added.slots, now).values()
    return signals


def seen(detector: Detector, rows: Sequence[dict[str, Any]], **parameters: Any) -> list[Signal]:
    return fed(engine_of(detector, **parameters), rows)


def after_restart(detector: Detector, engine: Engine, **parameters: Any) -> Engine:
    """Another engine that has taken up what this one dumped."""
    again = engine_of(detector, **parameters)
    again.restore(engine.dump())
    return again
