"""The simulation step by step: what each gateway exports, in its order, and what was true."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.export.messages import Exporter
from sixfold.agent.simulate.attacks import Attack, attack_rows
from sixfold.agent.simulate.records import (
    BLOCKS,
    FLOWS,
    SAMPLING,
    SESSIONS,
    TEMPLATES,
    block_records,
    flow_records,
    sampling_record,
    session_records,
)
from sixfold.agent.simulate.region import FIRST_PORT, PORTS_PER_SUBSCRIBER, Region
from sixfold.agent.simulate.rows import NAT44, NAT64, Rows, concatenate
from sixfold.agent.simulate.traffic import Traffic

_NAT_KINDS: Final = (NAT64, NAT44)


@dataclass(frozen=True, slots=True)
class Simulation:
    """start_ms: UTC. rate: flow records a second at the busiest hour. sampling: 1 in N packets, 1 for all.

    flat: no curve of the day. The same Simulation gives the same datagrams, byte for byte (with one numpy version).
    """

    region: Region = field(default_factory=Region)
    start_ms: int = 0
    duration_s: float | None = None
    rate: float = 1_000.0
    seed: int = 1
    attacks: tuple[Attack, ...] = ()
    sampling: int = 1
    flat: bool = False
    utc_offset: float = 8.0
    template_refresh_s: float = 60.0
    step_ms: int = 0
    """0: one second, or less where the rate is high, so that the datagrams come evenly."""

    @property
    def step(self) -> int:
        if self.step_ms:
            return self.step_ms
        return 1_000 if self.rate <= 20_000 else 200


@dataclass(frozen=True, slots=True)
class Step:
    """end_ms: the simulated time when the step is over. datagrams: (gateway, payload) in the order they leave.

    rows: the flows exported, before sampling. records: data records in the datagrams, by what they are.
    """

    end_ms: int
    datagrams: list[tuple[int, bytes]]
    rows: Rows
    records: dict[str, int]


class Simulator:
    """One run of a Simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._rng = np.random.Generator(np.random.PCG64(simulation.seed))
        self._traffic = Traffic(
            simulation.region, self._rng, utc_offset=simulation.utc_offset, flat=simulation.flat
        )
        self._exporters = [Exporter(gateway + 1, TEMPLATES) for gateway in range(simulation.region.gateways)]
        self._waiting: dict[int, list[Rows]] = {}
        self._blocks_told: npt.NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self._refresh_due = simulation.start_ms

    def steps(self) -> Iterator[Step]:
        """Steps until the duration is over; flows that have not ended by then are never exported, as in life."""
        simulation = self._simulation
        now, step = simulation.start_ms, simulation.step
        end = None if simulation.duration_s is None else now + int(simulation.duration_s * 1000)
        while end is None or now < end:
            this = step if end is None else min(step, end - now)
            yield self._step(now, this)
            now += this

    def _step(self, now: int, length: int) -> Step:
        simulation = self._simulation
        begun = self._traffic.step(now, length, simulation.rate)
        attacks = [
            attack_rows(attack, number, simulation.region, self._rng, now, simulation.start_ms, length)
            for number, attack in enumerate(simulation.attacks, start=1)
        ]
        self._keep(begun, now)
        for rows in attacks:
            self._keep(rows, now)
        ended = self._ending(now + length)
        seconds = (now + length) // 1000
        out: list[tuple[int, bytes]] = []
        records = {"flow": 0, "nat-session": 0, "port-block": 0, "sampling": 0}
        self._templates(now, seconds, out, records)
        created = begun[(begun["kind"] == NAT64) | (begun["kind"] == NAT44)]
        self._port_blocks(created, seconds, out, records)
        self._sessions(created, seconds, out, records, create=True)
        exported = self._sampled(ended)
        for gateway, kind, rows in _apart(exported):
            self._send(gateway, FLOWS[kind], flow_records(kind, rows), seconds, out)
            records["flow"] += len(rows)
        deleted = ended[(ended["kind"] == NAT64) | (ended["kind"] == NAT44)]
        self._sessions(deleted, seconds, out, records, create=False)
        return Step(now + length, out, ended, records)

    # -- flows under way

    def _keep(self, rows: Rows, now: int) -> None:
        """Put rows by until the step in which they end."""
        if not len(rows):
            return
        step = self._simulation.step
        slot = np.maximum(rows["end"], now) // step
        order = np.argsort(slot, kind="stable")
        slot = slot[order]
        edges = np.flatnonzero(np.diff(slot)) + 1
        for part in np.split(order, edges):
            self._waiting.setdefault(int(max(rows["end"][part[0]], now) // step), []).append(rows[part])

    def _ending(self, until: int) -> Rows:
        step = self._simulation.step
        due = sorted(slot for slot in self._waiting if (slot + 1) * step <= until)
        rows = concatenate([part for slot in due for part in self._waiting.pop(slot)])
        return rows[np.argsort(rows["end"], kind="stable")]

    def _sampled(self, rows: Rows) -> Rows:
        """What is left of the flows when one packet in N is looked at; flows of which none was are not exported."""
        if self._simulation.sampling == 1 or not len(rows):
            return rows
        seen = self._rng.binomial(rows["packets"].astype(np.int64), 1 / self._simulation.sampling)
        kept = np.flatnonzero(seen)
        rows, seen = rows[kept], seen[kept].astype(np.uint64)
        rows["octets"] = (rows["octets"].astype(np.float64) * seen / rows["packets"]).astype(np.uint64)
        rows["packets"] = seen
        return rows

    # -- what is exported

    def _send(
        self,
        gateway: int,
        template: Any,
        records: npt.NDArray[Any],
        seconds: int,
        out: list[tuple[int, bytes]],
    ) -> None:
        out.extend(
            (gateway, message) for message in self._exporters[gateway].messages(template, records, seconds)
        )

    def _templates(
        self, now: int, seconds: int, out: list[tuple[int, bytes]], records: dict[str, int]
    ) -> None:
        if now < self._refresh_due:
            return
        self._refresh_due = now + int(self._simulation.template_refresh_s * 1000)
        for gateway, exporter in enumerate(self._exporters):
            out.append((gateway, exporter.definitions(seconds)))
            told = sampling_record(exporter.domain, self._simulation.sampling)
            self._send(gateway, SAMPLING, told, seconds, out)
            records["sampling"] += 1

    def _sessions(
        self, rows: Rows, seconds: int, out: list[tuple[int, bytes]], records: dict[str, int], *, create: bool
    ) -> None:
        rows = rows[np.argsort(rows["start" if create else "end"], kind="stable")]
        for gateway, kind, part in _apart(rows):
            self._send(gateway, SESSIONS[kind], session_records(kind, part, create=create), seconds, out)
        records["nat-session"] += len(rows)

    def _port_blocks(
        self, rows: Rows, seconds: int, out: list[tuple[int, bytes]], records: dict[str, int]
    ) -> None:
        """Tell of each subscriber's block when it is used first."""
        if not len(rows):
            return
        block = (rows["public_port"].astype(np.int64) - FIRST_PORT) // PORTS_PER_SUBSCRIBER
        key = rows["public"].astype(np.uint64) << np.uint64(8) | block.astype(np.uint64)
        fresh, first = np.unique(key, return_index=True)
        new = ~np.isin(fresh, self._blocks_told, assume_unique=True)
        if not new.any():
            return
        self._blocks_told = np.union1d(self._blocks_told, fresh[new])
        at = np.sort(first[new])
        told, begin = rows[at], FIRST_PORT + block[at] * PORTS_PER_SUBSCRIBER
        for gateway in np.unique(told["gateway"]).tolist():
            for kind in _NAT_KINDS:
                mask = (told["gateway"] == gateway) & (told["kind"] == kind)
                self._send(gateway, BLOCKS[kind], block_records(kind, told[mask], begin[mask]), seconds, out)
        records["port-block"] += len(told)


def _apart(rows: Rows) -> Iterator[tuple[int, int, Rows]]:
    """(gateway, kind, rows) of each gateway and kind that there are rows of, order kept within."""
    if not len(rows):
        return
    key = rows["gateway"].astype(np.int64) << 8 | rows["kind"]
    order = np.argsort(key, kind="stable")
    edges = np.flatnonzero(np.diff(key[order])) + 1
    for part in np.split(order, edges):
        value = int(key[part[0]])
        yield value >> 8, value & 0xFF, rows[part]
