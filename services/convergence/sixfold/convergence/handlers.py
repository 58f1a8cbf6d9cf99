"""Batches of flows to minutes, and minutes to facts."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy.typing as npt

from sixfold.convergence.domain import cells, register, traffic
from sixfold.convergence.domain.classify import Classifier, NetworkRule, columns_needed
from sixfold.convergence.domain.events import (
    ConvergenceEvent,
    PortRange,
    ServiceRegistered,
    TrafficCell,
    TrafficMinuteClosed,
    TrafficRecorded,
)
from sixfold.convergence.domain.minutes import MEASURED, BatchTraffic, Clock, by_minute
from sixfold.convergence.domain.register import Register, Registration
from sixfold.convergence.domain.state import State
from sixfold.convergence.domain.traffic import Patience
from sixfold.convergence.ports import Meter, Now, TrafficLedger

Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class BatchName:
    """Identity of a batch, known before it is decoded."""

    gateway: str
    epoch: str
    sequence: int


@dataclass(frozen=True, slots=True)
class TrafficMinute:
    gateway: str
    minute: datetime
    cells: tuple[TrafficCell, ...]
    closed: bool
    revision: int


class WindowTooLongError(ValueError):
    """More minutes are asked for than one answer holds."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Accounting:
    """Accounts every batch once in the minutes of its gateway.

    The record of a batch and what it adds are one append, and the bus gets its acknowledgement after it: a
    batch that
    comes again, after whatever was killed, is recognised and adds nothing.
    """

    def __init__(
        self,
        *,
        ledger: TrafficLedger,
        networks: Sequence[NetworkRule],
        classes: Sequence[tuple[str, PortRange]],
        clock: Clock,
        patience: Patience,
        silent_seconds: float,
        revise_seconds: float,
        meter: Meter,
        now: Now = utc_now,
    ) -> None:
        self._ledger = ledger
        self._networks = networks
        self._classes = classes
        self._clock = clock
        self._patience = patience
        self._silent = silent_seconds
        self._revise = revise_seconds
        self._meter = meter
        self._now = now
        self.columns = columns_needed(networks) | frozenset(MEASURED)
        """Columns of a flow batch that are read; the others need not be decoded."""
        self._compiled: tuple[Register, Classifier] | None = None
        self._heard: dict[str, datetime] = {}
        self._started = self._revised = now()

    def known(self, name: BatchName) -> bool:
        """True where the batch is in the totals already, so that it need not be decoded."""
        return traffic.is_taken(self._ledger.state.traffic, name.gateway, name.epoch, name.sequence)

    async def take(self, batches: Sequence[tuple[BatchName, Columns]]) -> None:
        """Account batches that are not accounted yet. Returns when that is recorded."""
        fresh = [(name, columns) for name, columns in batches if not self.known(name)]
        self._meter.batches("duplicate", len(batches) - len(fresh))
        if not fresh:
            return
        parts = await asyncio.to_thread(self._measure, fresh, self._classifier())

        def decide(state: State) -> tuple[list[ConvergenceEvent], tuple[int, int]]:
            events = traffic.decide_record(state.traffic, parts)
            return [*events], _counts(events)

        counted, implausible = await self._ledger.transact(decide)
        self._meter.batches("counted", len(fresh))
        self._meter.flows(counted, implausible)
        now = self._now()
        self._heard |= {name.gateway: now for name, _ in fresh}

    async def tell(self) -> int:
        """Tell the minutes that are due. Returns how many."""
        now = self._now()
        revise = (now - self._revised).total_seconds() >= self._revise
        gateways = self._ledger.state.traffic
        silent = {
            gateway
            for gateway in gateways
            if (now - self._heard.get(gateway, self._started)).total_seconds() >= self._silent
        }

        def decide(state: State) -> tuple[list[ConvergenceEvent], list[ConvergenceEvent]]:
            events: list[ConvergenceEvent] = [
                *traffic.decide_close(state.traffic, silent, self._patience, revise=revise)
            ]
            return events, events

        if not decide(self._ledger.state)[0]:
            return 0
        told = await self._ledger.transact(decide)
        if revise:
            self._revised = now
        closed = sum(isinstance(event, TrafficMinuteClosed) for event in told)
        self._meter.minutes("closed", closed)
        self._meter.minutes("revised", len(told) - closed)
        return len(told)

    async def register(self, request: Registration) -> ServiceRegistered:
        """Register a service, once for each idempotency key. Raises register.RegisterError."""
        service_id = f"svc-{uuid.uuid4().hex[:16]}"
        now = self._now()

        def decide(state: State) -> tuple[list[ServiceRegistered], ServiceRegistered]:
            return register.decide_register(state.register, request, service_id, now)

        return await self._ledger.transact(decide)

    def services(self) -> list[ServiceRegistered]:
        return list(self._ledger.state.register.services.values())

    def traffic(self, start: datetime, end: datetime, gateway: str, most: int) -> list[TrafficMinute]:
        """Minutes in [start, end) by gateway and time. Raises WindowTooLongError for more than `most`."""
        first, last = traffic.number_of(start), -(-int(end.timestamp()) // 60)
        state = self._ledger.state.traffic
        found = [
            (name, number, minute)
            for name, known in sorted(state.items())
            if gateway in ("", name)
            for number, minute in sorted(known.minutes.items(), key=lambda item: item[0])
            if first <= number < last
        ]
        if len(found) > most:
            raise WindowTooLongError(
                f"{len(found)} minutes, at most {most} fit: ask for less time or one gateway"
            )
        return [
            TrafficMinute(
                name,
                traffic.moment(number),
                cells.to_cells(minute.totals),
                minute.revision > 0,
                minute.revision,
            )
            for name, number, minute in found
        ]

    def _classifier(self) -> Classifier:
        register = self._ledger.state.register
        if self._compiled is None or self._compiled[0] is not register:
            self._compiled = register, Classifier(self._networks, self._classes, register.rules)
        return self._compiled[1]

    def _measure(
        self, batches: list[tuple[BatchName, Columns]], classifier: Classifier
    ) -> list[BatchTraffic]:
        now_ms = int(self._now().timestamp() * 1000)
        measured: list[BatchTraffic] = []
        for name, columns in batches:
            minutes, watermark, implausible = by_minute(
                columns, classifier.codes(columns), now_ms, self._clock
            )
            measured.append(
                BatchTraffic(name.gateway, name.epoch, name.sequence, minutes, watermark, implausible)
            )
        return measured


def totals(minutes: Sequence[TrafficMinute]) -> tuple[TrafficCell, ...]:
    """Sum over minutes, by network, class and family."""
    whole = cells.empty()
    for minute in minutes:
        whole = cells.add(whole, cells.from_cells(minute.cells))
    return cells.to_cells(whole)


def _counts(events: Sequence[ConvergenceEvent]) -> tuple[int, int]:
    counted = implausible = 0
    for event in events:
        if isinstance(event, TrafficRecorded):
            implausible += event.implausible_flows
            counted += sum(cell.flows for part in event.minutes for cell in part.cells)
    return counted, implausible
