"""What gateways are told to enforce, what they say that they do, and the end of what is over."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sixfold.security.domain.centre import Centre, CentreEvent
from sixfold.security.domain.mitigation import decisions
from sixfold.security.domain.mitigation.decisions import AUTOMATIC, Rules
from sixfold.security.domain.mitigation.effect import Tally, is_over, measure
from sixfold.security.domain.mitigation.events import (
    MitigationEnded,
    MitigationMeasured,
    PoliciesAnswered,
)
from sixfold.security.domain.mitigation.values import Effect, Mitigation, Status
from sixfold.security.mitigation_handlers import ended, estimate
from sixfold.security.mitigation_ports import (
    Answer,
    CentreLedger,
    Commands,
    MitigationMeter,
    Report,
    SendError,
    Warehouse,
)
from sixfold.security.ports import Clock

log = logging.getLogger(__name__)
TURN_SECONDS: Final = 1.0
RESEND_SECONDS: Final = 5.0
REFUSED_SECONDS: Final = 60.0
"""After a refusal, until the same is tried again."""
ALIVE_SECONDS: Final = 30.0
MOST_GENERATION: Final = 1 << 62
MOST_GATEWAYS: Final = 100_000


@dataclass(frozen=True, slots=True)
class EffectRules:
    """measure: seconds between two measures; collateral: between two questions to the warehouse. over: seconds of no
    more than `little` packets a second after which a mitigation has done its work. most_collateral: the part of its
    matched bytes that may be good traffic; 0: any.
    """

    measure: float = 15.0
    collateral: float = 60.0
    over: float = 300.0
    little: float = 5.0
    most_collateral: float = 0.0


@dataclass(slots=True)
class Place:
    """What is known of one gateway, while this process lives."""

    heard: datetime
    report: Report | None = None
    sent: int = 0
    sent_at: datetime | None = None
    refused_at: datetime | None = None

    @property
    def generation(self) -> int | None:
        return self.report.generation if self.report is not None else None


class Enforcement:
    """Runs on every replica, so that each hears the gateways; the one that leads sends and writes."""

    def __init__(
        self,
        *,
        ledger: CentreLedger,
        commands: Commands | None,
        warehouse: Warehouse,
        rules: Rules,
        effect: EffectRules,
        meter: MitigationMeter,
        leads: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """commands None: there is no key to sign with, and nothing is sent."""
        self.changed = asyncio.Event()
        self.places: dict[str, Place] = {}
        self._ledger = ledger
        self._commands = commands
        self._warehouse = warehouse
        self._rules = rules
        self._effect = effect
        self._meter = meter
        self._leads = leads
        self._clock = clock
        self._tallies: dict[str, Tally] = {}
        self._final: set[str] = set()
        self._measured: dict[str, datetime] = {}
        self._asked: dict[str, datetime] = {}
        self._answers: list[Answer] = []

    def hear(self, gateway: str) -> None:
        """It lives."""
        place = self.places.get(gateway)
        if place is not None:
            place.heard = self._clock()
        elif len(self.places) < MOST_GATEWAYS:
            self.places[gateway] = Place(self._clock())
            self.changed.set()

    def report(self, report: Report) -> None:
        self.hear(report.gateway)
        place = self.places.get(report.gateway)
        if place is None:
            return
        place.report = report
        now = self._clock()
        known = self._ledger.state.mitigations.by_id
        for mitigation_id, count in report.counts.items():
            if mitigation_id in known:
                tally = self._tallies.setdefault(mitigation_id, Tally())
                tally.hear(report.gateway, report.time, now, count)
        self._final |= {one for one in report.ended if one in known and not known[one].is_open}
        if report.generation != self._ledger.state.mitigations.generation(report.gateway):
            self.changed.set()

    def answer(self, answer: Answer) -> None:
        self._meter.answered(answer.outcome)
        place = self.places.get(answer.gateway)
        if place is not None and answer.outcome != "applied" and answer.generation == place.sent:
            place.refused_at = self._clock()
        if len(self._answers) < MOST_GATEWAYS:
            self._answers.append(answer)
        self.changed.set()

    async def run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), TURN_SECONDS)
            self.changed.clear()
            if self._leads():
                await self.turn()
            else:
                self._answers.clear()

    async def turn(self) -> None:
        """One look at everything: ends first, so that what is sent next is without them."""
        await self._end_due()
        await self._record()
        await asyncio.gather(*(self._send(name) for name in list(self.places)))
        await self._measure()

    async def _end_due(self) -> None:
        now = self._clock()
        centre = self._ledger.state
        over = {
            one.mitigation_id for one in centre.mitigations.of_status(Status.ACTIVE) if self._over(one, now)
        }
        if not over and not decisions.due(centre.mitigations, centre.incidents, now, self._rules):
            return

        def decide(state: Centre) -> tuple[Sequence[CentreEvent], list[str]]:
            ends = decisions.due(state.mitigations, state.incidents, now, self._rules)
            known = {one.mitigation_id for one in ends}
            for one in state.mitigations.of_status(Status.ACTIVE):
                if one.mitigation_id in over - known:
                    note = f"next to nothing for {self._effect.over:.0f} s"
                    ends.append(MitigationEnded(one.mitigation_id, "over", AUTOMATIC, note, now))
            return [event for one in ends for event in ended(state, one)], [one.cause for one in ends]

        for cause in await self._ledger.transact(decide):
            self._meter.decided(cause)

    def _over(self, one: Mitigation, now: datetime) -> bool:
        tally = self._tallies.setdefault(one.mitigation_id, Tally())
        scope = one.gateways or self._alive(now)
        return is_over(one, tally, scope, now, little=self._effect.little, seconds=self._effect.over)

    def _alive(self, now: datetime) -> list[str]:
        """Those that enforce something, and speak."""
        return [
            name
            for name, place in self.places.items()
            if place.generation and now - place.heard <= timedelta(seconds=ALIVE_SECONDS)
        ]

    async def _record(self) -> None:
        """Answers that say something new, and gateways that are ahead of us."""
        now = self._clock()
        taken, self._answers = self._answers, []
        newest = {one.gateway: one for one in taken}
        for name, place in self.places.items():
            reported, wanted = place.generation, self._ledger.state.mitigations.generation(name)
            if reported is not None and wanted < reported <= MOST_GENERATION:
                detail = f"{reported} is in force there, {wanted} is wanted"
                newest[name] = Answer(name, reported, "ahead", detail, now)

        def decide(state: Centre) -> tuple[Sequence[CentreEvent], None]:
            return [
                PoliciesAnswered(one.gateway, one.generation, one.outcome, one.cause, one.time)
                for one in newest.values()
                if _is_new(state, one)
            ], None

        if any(_is_new(self._ledger.state, one) for one in newest.values()):
            await self._ledger.transact(decide)

    async def _send(self, gateway: str) -> None:
        now = self._clock()
        state = self._ledger.state.mitigations
        place = self.places[gateway]
        generation = state.generation(gateway)
        if self._commands is None or generation == 0 or place.generation == generation:
            return
        if place.sent == generation and place.sent_at is not None:
            refused = place.refused_at is not None and place.refused_at >= place.sent_at
            wait = REFUSED_SECONDS if refused else RESEND_SECONDS
            if now - place.sent_at < timedelta(seconds=wait) or now - place.heard > timedelta(
                seconds=ALIVE_SECONDS
            ):
                return
        try:
            await self._commands.send(gateway, generation, state.wanted(gateway, now), now)
        except SendError as error:
            self._meter.sent("failed")
            log.warning("policies for %s wait for the bus: %s", gateway, error)
            return
        place.sent, place.sent_at = generation, now
        self._meter.sent("sent")

    async def _measure(self) -> None:
        now = self._clock()
        state = self._ledger.state.mitigations
        active = {one.mitigation_id for one in state.of_status(Status.ACTIVE)}
        due = [
            one
            for mitigation_id in (*active, *self._final)
            if (one := state.by_id.get(mitigation_id)) is not None
            and (
                mitigation_id in self._final
                or self._is_due(self._measured, mitigation_id, self._effect.measure, now)
            )
        ]
        found = [MitigationMeasured(one.mitigation_id, await self._look(one, now)) for one in due]
        changed = [one for one in found if _differs(state.by_id[one.mitigation_id], one)]
        if changed:
            await self._ledger.transact(lambda _: (changed, None))
        await self._end_harmful(changed, now)
        self._final.clear()
        for gone in set(self._tallies) - {one.mitigation_id for one in state.by_id.values() if one.is_open}:
            if gone not in active:
                self._forget(gone, now)

    def _forget(self, mitigation_id: str, now: datetime) -> None:
        one = self._ledger.state.mitigations.by_id.get(mitigation_id)
        if one is None or one.ended is None or now - one.ended > timedelta(seconds=10 * ALIVE_SECONDS):
            for known in (self._tallies, self._measured, self._asked):
                known.pop(mitigation_id, None)

    def _is_due(self, known: dict[str, datetime], key: str, seconds: float, now: datetime) -> bool:
        last = known.get(key)
        if last is not None and now - last < timedelta(seconds=seconds):
            return False
        known[key] = now
        return last is not None

    async def _look(self, one: Mitigation, now: datetime) -> Effect:
        tally = self._tallies.setdefault(one.mitigation_id, Tally())
        collateral = None
        incident = self._ledger.state.incidents.by_id.get(one.incident_id)
        if incident is not None and self._is_due(
            self._asked, one.mitigation_id, self._effect.collateral, now
        ):
            radius = await estimate(self._warehouse, one.policy, one.gateways, incident, now)
            if not radius.trouble:
                before = one.estimate
                collateral = {
                    "flows": max(radius.known_flows - (before.known_flows if before else 0), 0),
                    "bytes": max(radius.known_bytes - (before.known_bytes if before else 0), 0),
                    "sources": radius.good_sources,
                }
        return measure(one, tally, now, collateral)

    async def _end_harmful(self, measured: Iterable[MitigationMeasured], now: datetime) -> None:
        most = self._effect.most_collateral
        harmful = {
            one.mitigation_id: share
            for one in measured
            if most and one.effect.collateral_known and one.effect.matched_bytes
            if (share := one.effect.collateral_bytes / one.effect.matched_bytes) > most
        }
        if not harmful:
            return

        def decide(state: Centre) -> tuple[Sequence[CentreEvent], None]:
            return [
                event
                for one in state.mitigations.of_status(Status.ACTIVE)
                if one.mitigation_id in harmful
                for event in ended(
                    state,
                    MitigationEnded(
                        one.mitigation_id,
                        "collateral",
                        AUTOMATIC,
                        f"{harmful[one.mitigation_id]:.0%} of it was good traffic",
                        now,
                    ),
                )
            ], None

        await self._ledger.transact(decide)
        self._meter.decided("collateral")


def _is_new(state: Centre, answer: Answer) -> bool:
    known = state.mitigations.answers.get(answer.gateway)
    if answer.outcome == "ahead":
        return answer.generation > state.mitigations.generation(answer.gateway)
    return known is None or (known.generation, known.outcome, known.cause) != (
        answer.generation,
        answer.outcome,
        answer.cause,
    )


def _differs(one: Mitigation, measured: MitigationMeasured) -> bool:
    before, after = one.effect, measured.effect
    if before is None:
        return after.matched_packets > 0 or after.collateral_known
    return (before.matched_packets, before.collateral_bytes, before.matched_bits_per_second) != (
        after.matched_packets,
        after.collateral_bytes,
        after.matched_bits_per_second,
    )
