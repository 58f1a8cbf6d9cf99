"""Batches of flows to windows, signals and incidents."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain import checkpoint, decisions
from sixfold.security.domain.addresses import covers, parse_network
from sixfold.security.domain.batches import TakenBatches
from sixfold.security.domain.decisions import LifeCycle
from sixfold.security.domain.detectors.exhaustion import Exhaustion
from sixfold.security.domain.detectors.intel import Intel
from sixfold.security.domain.engine import Engine
from sixfold.security.domain.events import Evidence, IncidentEvent
from sixfold.security.domain.evidence import gather
from sixfold.security.domain.incidents import Incident, Incidents, Status, evolve, victim_of
from sixfold.security.domain.intel.prefixes import Listed
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.thresholds import Adjustment
from sixfold.security.domain.window import Added, View
from sixfold.security.ports import Clock, IncidentLedger, Meter

CHECKPOINT_HOSTS: Final = 1_024
EVIDENCE_ROWS: Final = 262_144
"""Flows that are kept, as they came, for the evidence of what the detectors see next."""
LOOKING: Final = 0.04
"""Part of the time that detectors may look sooner than they have to …"""
SOONEST: Final = 0.2
"""… and seconds from one such look to the next."""
log = logging.getLogger(__name__)
Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class FlowBatch:
    """One batch. (gateway, epoch, sequence) is its identity."""

    gateway: str
    epoch: str
    sequence: int
    columns: Columns
    """Those that the window counts."""
    evidence: Callable[[], Columns | None]
    """Decodes those that evidence shows; None where that cannot be."""

    @property
    def key(self) -> tuple[str, str, int]:
        return self.gateway, self.epoch, self.sequence

    @property
    def rows(self) -> int:
        return len(self.columns["time_end"])


@dataclass(frozen=True, slots=True)
class TopTalker:
    hi: int
    lo: int
    bytes: float
    packets: float
    flows: float


@dataclass(frozen=True, slots=True)
class TopTalkers:
    talkers: tuple[TopTalker, ...]
    start: datetime
    end: datetime
    error: float
    complete_since: datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


class FlowWatch:
    """Counts batches once each, lets the detectors look, and keeps the incidents.

    The window has one caller at a time; the heavy part runs in a thread, so that the loop goes on answering.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        ledger: IncidentLedger,
        life: LifeCycle,
        rows_at_once: int,
        look_seconds: float,
        meter: Meter,
        clock: Clock = utc_now,
    ) -> None:
        self._engine = engine
        self._window = engine.window
        self._ledger = ledger
        self._life = life
        self._rows_at_once = rows_at_once
        self._look_seconds = look_seconds
        self._look_at = -math.inf
        self._meter = meter
        self.told: Counter[str] = Counter()
        """Signals by detector, since the start."""
        self._clock = clock
        self._taken = TakenBatches()
        self._sighted: dict[tuple[str, str], datetime] = {}
        self._unsettled: set[int] = set()
        self._recent: list[tuple[float, FlowBatch]] = []
        self._changed = False
        self._sessions = False
        self._lock = asyncio.Lock()
        self._started = clock()

    async def take(self, batches: Sequence[FlowBatch]) -> None:
        """Count the batches that are not counted yet, and tell what the detectors see.

        They look once in `look_seconds`, or sooner where looking is cheap; what is counted in between is looked at by
        the next call, or by `close_quiet`. After an error the batches may come again: they stay counted, and their
        slots are looked at again.
        """
        async with self._lock:
            fresh = self._fresh(batches)
            if fresh:
                before = time.perf_counter()
                await asyncio.to_thread(self._count, fresh)
                if time.monotonic() >= self._look_at:
                    await self._look()
                self._meter.passed(time.perf_counter() - before, sum(batch.rows for batch in fresh))

    async def take_sessions(self, batches: Sequence[Columns]) -> None:
        """Count NAT events; they are looked at with the next flows, or by `close_quiet`. Counting one again adds
        nothing.
        """
        async with self._lock:
            for entry in self._engine.entries:
                if isinstance(entry.running, Exhaustion):
                    for batch in batches:
                        await asyncio.to_thread(
                            entry.running.add_sessions, batch, _milliseconds(self._clock())
                        )
                    self._sessions = True

    async def close_quiet(self) -> None:
        """Close incidents of which nothing has been seen; look where nobody has looked yet."""
        async with self._lock:
            if self._unsettled or self._sessions:
                await self._look()
        now = self._clock()
        sighted = {
            key: max(self._sighted.get(key, self._started), self._started)
            for key in self._ledger.state.active
        }
        if decisions.decide_quiet(self._ledger.state, sighted, now, self._life):
            await self._ledger.transact(
                lambda state: (decisions.decide_quiet(state, sighted, now, self._life), None)
            )
        self._sighted = {key: at for key, at in self._sighted.items() if key in self._ledger.state.active}

    async def top_talkers(self, view: View, metric: str, seconds: int, limit: int) -> TopTalkers:
        """The heaviest of the last `seconds`, whole slots, up to the newest flow or now, whichever is
        earlier.
        """
        async with self._lock:
            return await asyncio.to_thread(self._top_talkers, view, metric, seconds, limit)

    async def dump(self) -> bytes | None:
        """A checkpoint of the window, None where nothing was counted since the last one."""
        async with self._lock:
            if not self._changed:
                return None
            self._changed = False
            return await asyncio.to_thread(self._dump)

    def _dump(self) -> bytes:
        return checkpoint.dump(self._window, self._taken, CHECKPOINT_HOSTS, self._engine.dump())

    def _restore(self, data: bytes) -> None:
        self._engine.restore(checkpoint.restore(data, self._window, self._taken))

    async def restore(self, data: bytes) -> None:
        """Go on with the window of a checkpoint; one that cannot be used is left alone."""
        async with self._lock:
            try:
                await asyncio.to_thread(self._restore, data)
            except checkpoint.CheckpointUnusableError as error:
                log.warning("the window starts empty: %s", error)
            else:
                # What was counted last may not have been looked at.
                self._unsettled |= {self._window.head - 1, self._window.head}

    def use_listed(self, listed: Listed) -> None:
        """What the detector of listed prefixes matches from now on."""
        for entry in self._engine.entries:
            if isinstance(entry.running, Intel):
                entry.running.listed = listed

    def gained(self) -> bool:
        """Partitions were gained: what another replica saw of them is not in this window. True: it is empty, so that
        a checkpoint can be restored.
        """
        self._started = self._clock()
        return self._window.head == 0

    @property
    def columns(self) -> frozenset[str]:
        """Columns of a flow batch that are counted by; the others need not be decoded."""
        return self._engine.columns

    @property
    def hosts(self) -> int:
        return self._window.hosts

    @property
    def retention_seconds(self) -> int:
        return self._window.settings.slots * self._window.settings.slot_ms // 1000

    def _fresh(self, batches: Sequence[FlowBatch]) -> list[FlowBatch]:
        fresh: dict[tuple[str, str, int], FlowBatch] = {}
        for batch in batches:
            if batch.key in self._taken or batch.key in fresh:
                self._meter.batches("duplicate")
            else:
                fresh[batch.key] = batch
        return list(fresh.values())

    def _parts(self, batches: list[FlowBatch]) -> Iterator[list[FlowBatch]]:
        part: list[FlowBatch] = []
        rows = 0
        for batch in batches:
            if part and rows + batch.rows > self._rows_at_once:
                yield part
                part, rows = [], 0
            part.append(batch)
            rows += batch.rows
        if part:
            yield part

    def _count(self, batches: list[FlowBatch]) -> None:
        for part in self._parts(batches):
            columns = part[0].columns
            if len(part) > 1:
                columns = {
                    name: np.concatenate([batch.columns[name] for batch in part]) for name in part[0].columns
                }
            added: Added = self._engine.add(columns, _milliseconds(self._clock()))
            self._meter.flows(added.flows - added.implausible, added.implausible, added.late)
            for batch in part:
                self._taken.add(*batch.key)
                self._meter.batches("counted")
            self._unsettled |= set(added.slots)
            self._changed = True
        self._keep([replace(batch, columns={"time_end": batch.columns["time_end"]}) for batch in batches])

    def _keep(self, batches: list[FlowBatch]) -> None:
        """Keep the batches of the last `look_seconds` and since the last look for evidence."""
        now = time.monotonic()
        self._recent += [(now, batch) for batch in batches]
        rows = sum(batch.rows for _, batch in self._recent)
        while rows > EVIDENCE_ROWS and len(self._recent) > 1:
            rows -= self._recent.pop(0)[1].rows

    async def _look(self) -> None:
        began = time.monotonic()
        self._look_at = began + self._look_seconds
        self._sessions = False
        await self._tell(await asyncio.to_thread(self._detect))
        self._recent = [one for one in self._recent if one[0] > began - self._look_seconds]
        took = time.monotonic() - began
        self._look_at = began + min(self._look_seconds, max(SOONEST, took / LOOKING))

    def _detect(self) -> list[Signal]:
        found: list[Signal] = []
        now = _milliseconds(self._clock())
        for name, signals in self._engine.look(sorted(self._unsettled), now).items():
            self._meter.signals(name, len(signals))
            self.told[name] += len(signals)
            found += signals
        return found

    async def _tell(self, signals: list[Signal]) -> None:
        now = self._clock()
        state = self._ledger.state
        self._sighted |= {(victim_of(signal), signal.vector): now for signal in signals}
        chosen = decisions.wanted(state, decisions.joined(signals), now, self._life)
        if chosen:
            found = await asyncio.to_thread(_evidence, chosen, [batch for _, batch in self._recent])

            def decide(current: Incidents) -> tuple[list[IncidentEvent], None]:
                return decisions.decide_observe(current, found, now, self._life), None

            await self._ledger.transact(decide)
        self._unsettled.clear()

    async def observe(self, found: Sequence[tuple[Signal, Evidence]]) -> None:
        """Signals that come of no flows, each with its evidence."""
        evidence = {(victim_of(signal), signal.vector): one for signal, one in found}
        async with self._lock:
            now = self._clock()
            self._sighted |= dict.fromkeys(evidence, now)
            signals = decisions.joined([signal for signal, _ in found])
            pairs = [(signal, evidence[victim_of(signal), signal.vector]) for signal in signals]

            def decide(current: Incidents) -> tuple[list[IncidentEvent], None]:
                return decisions.decide_observe(current, pairs, now, self._life), None

            if decisions.wanted(self._ledger.state, signals, now, self._life):
                await self._ledger.transact(decide)

    def _top_talkers(self, view: View, metric: str, seconds: int, limit: int) -> TopTalkers:
        slot_ms = self._window.settings.slot_ms
        last = min(self._window.head or 1 << 62, _milliseconds(self._clock()) // slot_ms)
        first = last - max(-(-seconds * 1000 // slot_ms), 1) + 1
        frame, error = self._window.talkers(view, metric, first, last, limit)
        start = datetime.fromtimestamp(first * slot_ms / 1000, UTC)
        return TopTalkers(
            talkers=tuple(TopTalker(*row) for row in frame.iter_rows()),
            start=start,
            end=datetime.fromtimestamp((last + 1) * slot_ms / 1000, UTC),
            error=error,
            complete_since=max(start, self._started),
        )


def _evidence(signals: list[Signal], batches: list[FlowBatch]) -> list[tuple[Signal, Evidence]]:
    decoded = [(batch.gateway, batch.evidence()) for batch in batches]
    shown = [(gateway, columns) for gateway, columns in decoded if columns is not None]
    return [(signal, gather(signal, shown)) for signal in signals]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


class Operators:
    """What people ask of the incidents, and decide on them."""

    def __init__(self, *, ledger: IncidentLedger, life: LifeCycle, clock: Clock = utc_now) -> None:
        self._ledger = ledger
        self._life = life
        self._clock = clock

    @property
    def sequence(self) -> int:
        return self._ledger.sequence

    def incident(self, incident_id: str) -> Incident | None:
        return self._ledger.state.by_id.get(incident_id)

    def incidents(self, statuses: frozenset[Status], victim: tuple[int, int, int] | None) -> list[Incident]:
        """Newest first; of the given statuses (empty: all) and with the victim inside a network (None:
        all).
        """
        return [
            incident
            for incident in reversed(list(self._ledger.state.by_id.values()))
            if (not statuses or incident.status in statuses)
            and (victim is None or covers(victim, parse_network(incident.victim)))
        ]

    async def acknowledge(self, incident_id: str, actor: str, note: str) -> Incident:
        """Raises decisions.IncidentError, like the others."""
        now = self._clock()
        return await self._decide(
            incident_id, lambda state: decisions.decide_acknowledge(state, incident_id, actor, note, now)
        )

    async def close(self, incident_id: str, actor: str, note: str) -> Incident:
        now = self._clock()
        return await self._decide(
            incident_id,
            lambda state: decisions.decide_close(state, incident_id, actor, note, now, self._life),
        )

    async def mark_false_positive(self, incident_id: str, actor: str, note: str) -> Incident:
        now = self._clock()
        return await self._decide(
            incident_id,
            lambda state: decisions.decide_false_positive(state, incident_id, actor, note, now, self._life),
        )

    async def note(self, incident_id: str, actor: str, note: str) -> Incident:
        now = self._clock()
        return await self._decide(
            incident_id, lambda state: decisions.decide_note(state, incident_id, actor, note, now)
        )

    def adjustments(self, inside: tuple[int, int, int] | None) -> list[Adjustment]:
        """The raised thresholds that have not expired, newest first."""
        now = self._clock()
        return [
            one
            for one in reversed(list(self._ledger.state.adjustments.values()))
            if one.expires > now and (inside is None or covers(inside, parse_network(one.object)))
        ]

    async def revert(self, adjustment_id: str, actor: str, note: str) -> None:
        now = self._clock()
        await self._ledger.transact(
            lambda state: (decisions.decide_revert(state, adjustment_id, actor, note, now), None)
        )

    async def _decide(
        self, incident_id: str, decide: Callable[[Incidents], Sequence[IncidentEvent]]
    ) -> Incident:
        def transaction(state: Incidents) -> tuple[Sequence[IncidentEvent], Incident]:
            events = decide(state)
            for event in events:
                state = evolve(state, event)
            return events, state.by_id[incident_id]

        return await self._ledger.transact(transaction)
