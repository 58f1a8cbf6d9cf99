"""Traffic by minute and gateway: state, pure decisions, evolution.

Exactly once. One event, TrafficRecorded, holds both the batches and what they add; whoever asks to record a
batch that is taken gets no event for it. So flows may be delivered again at any time, whatever was killed.

A minute is told once, by TrafficMinuteClosed, when the gateway's own clock is `lateness` past it or the
gateway has gone
silent. What comes later still counts: TrafficMinuteRevised tells the minute's new totals.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sixfold.convergence.domain import cells
from sixfold.convergence.domain.batches import MAX_EPOCHS, Taken
from sixfold.convergence.domain.cells import Cells
from sixfold.convergence.domain.events import (
    BatchRange,
    MinutePart,
    TrafficEvent,
    TrafficMinuteClosed,
    TrafficMinuteRevised,
    TrafficRecorded,
)
from sixfold.convergence.domain.minutes import MINUTE, BatchTraffic


@dataclass(frozen=True, slots=True, eq=False)
class Minute:
    totals: Cells
    revision: int = 0
    """0 = not told yet, 1 = closed, more = told again."""
    untold: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class GatewayTraffic:
    minutes: Mapping[int, Minute] = field(default_factory=dict[int, Minute])
    taken: Mapping[str, Taken] = field(default_factory=dict[str, Taken])
    watermark: int = 0
    implausible: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    lateness_ms: int = 90_000
    at_once: int = 500
    """Minutes told in one pass; the rest in the next."""


Traffic = Mapping[str, GatewayTraffic]
KEPT_MINUTES = 26 * 60
"""A day, which the clock rules believe, and what a flow reaches back beyond it."""


def is_taken(state: Traffic, gateway: str, epoch: str, sequence: int) -> bool:
    known = state.get(gateway)
    return known is not None and sequence in known.taken.get(epoch, Taken())


def decide_record(state: Traffic, batches: Sequence[BatchTraffic]) -> list[TrafficEvent]:
    """One TrafficRecorded for each gateway with a batch that is not taken yet."""
    fresh: dict[str, dict[tuple[str, int], BatchTraffic]] = {}
    for batch in batches:
        if not is_taken(state, batch.gateway, batch.epoch, batch.sequence):
            fresh.setdefault(batch.gateway, {}).setdefault((batch.epoch, batch.sequence), batch)
    return [_recorded(gateway, list(mine.values())) for gateway, mine in fresh.items()]


def _recorded(gateway: str, batches: list[BatchTraffic]) -> TrafficRecorded:
    sums: dict[int, Cells] = {}
    for batch in batches:
        for minute, totals in batch.minutes.items():
            sums[minute] = cells.add(sums[minute], totals) if minute in sums else totals
    return TrafficRecorded(
        gateway=gateway,
        batches=tuple(_ranges(batches)),
        minutes=tuple(MinutePart(moment(minute), cells.to_cells(sums[minute])) for minute in sorted(sums)),
        watermark=datetime.fromtimestamp(max(batch.watermark for batch in batches) / 1000, UTC),
        implausible_flows=sum(batch.implausible for batch in batches),
    )


def _ranges(batches: Iterable[BatchTraffic]) -> list[BatchRange]:
    taken: dict[str, Taken] = {}
    for batch in batches:
        taken[batch.epoch] = taken.get(batch.epoch, Taken()).add(batch.sequence)
    return [BatchRange(epoch, first, last) for epoch, one in taken.items() for first, last in one.ranges]


def decide_close(
    state: Traffic, silent: Collection[str], patience: Patience, *, revise: bool = True
) -> list[TrafficEvent]:
    """Tell the minutes that are due: by the gateway's own latest flow, or all of them when it is silent.

    With `revise`, minutes that have grown since they were told are told again.
    """
    closed: list[TrafficEvent] = []
    revised: list[TrafficEvent] = []
    for gateway, known in state.items():
        due = known.watermark - patience.lateness_ms
        for number, minute in known.minutes.items():
            if not minute.untold or (gateway not in silent and (number + 1) * MINUTE > due):
                continue
            told = cells.to_cells(minute.totals)
            if minute.revision == 0:
                closed.append(TrafficMinuteClosed(gateway, moment(number), told))
            elif revise:
                revised.append(TrafficMinuteRevised(gateway, moment(number), told, minute.revision + 1))
    return [*closed, *revised][: patience.at_once]


def evolve(state: Traffic, event: TrafficEvent) -> Traffic:
    known = state.get(event.gateway, GatewayTraffic())
    if isinstance(event, TrafficRecorded):
        return {**state, event.gateway: _grown(known, event)}
    number = number_of(event.minute)
    revision = event.revision if isinstance(event, TrafficMinuteRevised) else 1
    minute = Minute(cells.from_cells(event.cells), revision, untold=False)
    newest = max(known.minutes, default=number)
    minutes = {
        kept: one for kept, one in known.minutes.items() if kept > newest - KEPT_MINUTES or one.untold
    } | {number: minute}
    return {**state, event.gateway: replace(known, minutes=minutes)}


def _grown(known: GatewayTraffic, event: TrafficRecorded) -> GatewayTraffic:
    minutes = dict(known.minutes)
    for part in event.minutes:
        number, more = number_of(part.minute), cells.from_cells(part.cells)
        before = minutes.get(number)
        if before is None:
            minutes[number] = Minute(more)
        else:
            minutes[number] = replace(before, totals=cells.add(before.totals, more), untold=True)
    taken = dict(known.taken)
    for one in event.batches:
        taken[one.epoch] = taken.pop(one.epoch, Taken()).add_range(one.first, one.last)
    while len(taken) > MAX_EPOCHS:
        del taken[next(iter(taken))]
    return GatewayTraffic(
        minutes=minutes,
        taken=taken,
        watermark=max(known.watermark, int(event.watermark.timestamp() * 1000)),
        implausible=known.implausible + event.implausible_flows,
    )


def moment(number: int) -> datetime:
    return datetime.fromtimestamp(number * 60, UTC)


def number_of(minute: datetime) -> int:
    return int(minute.timestamp()) // 60
