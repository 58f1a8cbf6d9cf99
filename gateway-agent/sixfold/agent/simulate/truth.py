"""The truth beside the traffic: what was simulated, minute by minute, and each attack with its label.

A file ending in .csv has one table of all; any other has JSON lines. Lines have a `kind`: `simulation` (the
settings), `attack` (its label, written at the start), `attack-total` (at the end), `minute` (flows, packets and
octets of a gateway and service, before sampling, by the minute the flows ended in), `total`.
"""

import csv
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np

from sixfold.agent.simulate.attacks import describe
from sixfold.agent.simulate.rows import Rows
from sixfold.agent.simulate.services import NAMES
from sixfold.agent.simulate.simulator import Simulation, Step

_FIELDS: Final = (
    "kind", "minute", "gateway", "service", "attack", "what", "start", "end", "target", "source", "port", "sources",
    "flows_per_second", "flows", "packets", "octets", "exported",
)  # fmt: skip
_MINUTE: Final = 60_000


class Truth:
    """Adds up the steps; `close` writes what is left."""

    def __init__(self, simulation: Simulation, path: Path | None) -> None:
        self._simulation = simulation
        self._file: TextIO | None = path.open("w", encoding="utf-8", newline="") if path else None
        self._csv = (
            csv.DictWriter(self._file, _FIELDS) if path and path.suffix == ".csv" and self._file else None
        )
        self._minutes: dict[tuple[int, int, str], np.ndarray] = {}
        self._attacks = np.zeros((len(simulation.attacks) + 1, 3), dtype=np.int64)
        self.exported: Counter[str] = Counter()
        self.totals = np.zeros(3, dtype=np.int64)
        if self._csv:
            self._csv.writeheader()
        self._write({"kind": "simulation", **_settings(simulation)})
        for attack in simulation.attacks:
            self._write({"kind": "attack", **describe(attack, simulation.start_ms)})

    def add(self, step: Step) -> None:
        self.exported.update(step.records)
        rows = step.rows
        if len(rows):
            self._add_rows(rows)
        self._write_minutes(before=(step.end_ms - 1) // _MINUTE)

    def _add_rows(self, rows: Rows) -> None:
        services = len(NAMES) + 1
        service = np.where(rows["attack"] > 0, len(NAMES), rows["service"])
        minute = rows["end"] // _MINUTE
        lowest = int(minute.min())
        key = ((minute - lowest) * 256 + rows["gateway"]) * services + service
        sums = _sums(key, rows)
        for value in np.flatnonzero(sums[:, 0]).tolist():
            place, index = divmod(value, services)
            name = NAMES[index] if index < len(NAMES) else "attack"
            at = (lowest + place // 256, place % 256, name)
            self._minutes[at] = self._minutes.get(at, 0) + sums[value]
        by_attack = _sums(rows["attack"].astype(np.int64), rows)
        self._attacks[: len(by_attack)] += by_attack
        self.totals += sums.sum(axis=0)

    def _write_minutes(self, before: int | None) -> None:
        done = [key for key in self._minutes if before is None or key[0] < before]
        for minute, gateway, service in sorted(done):
            flows, packets, octets = self._minutes.pop((minute, gateway, service)).tolist()
            self._write(
                {
                    "kind": "minute", "minute": minute * _MINUTE, "gateway": gateway, "service": service,
                    "flows": flows, "packets": packets, "octets": octets,
                }
            )  # fmt: skip

    def close(self) -> None:
        self._write_minutes(before=None)
        for number, attack in enumerate(self._simulation.attacks, start=1):
            flows, packets, octets = self._attacks[number].tolist()
            label = describe(attack, self._simulation.start_ms)
            self._write(
                {"kind": "attack-total", **label, "flows": flows, "packets": packets, "octets": octets}
            )
        flows, packets, octets = self.totals.tolist()
        exported = dict(self.exported)
        self._write(
            {"kind": "total", "flows": flows, "packets": packets, "octets": octets, "exported": exported}
        )
        if self._file:
            self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        if self._csv:
            self._csv.writerow({name: line.get(name) for name in _FIELDS})
        elif self._file:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _sums(key: np.ndarray, rows: Rows) -> np.ndarray:
    """(flows, packets, octets) by key; exact: the sums of one step stay below 2^53."""
    return np.stack(
        [
            np.bincount(key),
            np.bincount(key, weights=rows["packets"].astype(np.float64)),
            np.bincount(key, weights=rows["octets"].astype(np.float64)),
        ],
        axis=1,
    ).astype(np.int64)


def _settings(simulation: Simulation) -> dict[str, Any]:
    settings = asdict(simulation)
    settings.pop("attacks")
    settings |= settings.pop("region")
    return settings
