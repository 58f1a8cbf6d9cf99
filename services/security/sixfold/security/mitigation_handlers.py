"""What people decide about mitigations, and what is decided without them: messages and ports to effects."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sixfold.security.domain.centre import Centre, CentreEvent
from sixfold.security.domain.decisions import decide_mitigated, decide_mitigation_ended
from sixfold.security.domain.decisions import find as find_incident
from sixfold.security.domain.events import Severity
from sixfold.security.domain.incidents import ACTIVE, Incident
from sixfold.security.domain.mitigation import decisions
from sixfold.security.domain.mitigation.decisions import AUTOMATIC, MitigationError, Request, Rules
from sixfold.security.domain.mitigation.events import MitigationApproved, MitigationEnded
from sixfold.security.domain.mitigation.state import Mitigations, evolve
from sixfold.security.domain.mitigation.suggest import Suggestion, suggest
from sixfold.security.domain.mitigation.values import BlastRadius, Kind, Mitigation, Policy, Status
from sixfold.security.mitigation_ports import CentreLedger, MitigationMeter, Warehouse, WarehouseAwayError
from sixfold.security.ports import Clock

log = logging.getLogger(__name__)
BEFORE: Final = timedelta(hours=1)
"""How far back before an incident its good traffic is looked at."""
LONGEST: Final = timedelta(hours=24)


def approved(centre: Centre, event: MitigationApproved) -> list[CentreEvent]:
    """With what the incident learns of it."""
    incident = centre.mitigations.by_id[event.mitigation_id].incident_id
    return [
        event,
        *decide_mitigated(
            centre.incidents, incident, event.mitigation_id, event.approver, event.note, event.time
        ),
    ]


def ended(centre: Centre, event: MitigationEnded) -> list[CentreEvent]:
    incident = centre.mitigations.by_id[event.mitigation_id].incident_id
    return [
        event,
        *decide_mitigation_ended(
            centre.incidents, incident, event.mitigation_id, event.actor, event.cause, event.time
        ),
    ]


async def estimate(
    warehouse: Warehouse, policy: Policy, gateways: Sequence[str], incident: Incident | None, now: datetime
) -> BlastRadius:
    """On the hour before the incident began and all since; without an incident, on the last hour, all of it good.

    Where the warehouse does not answer, the trouble says so.
    """
    split = min(incident.started, now) if incident is not None else now
    start = max(split - BEFORE, now - LONGEST)
    try:
        return await warehouse.sum(policy.match, gateways, start, split, now + timedelta(seconds=1))
    except WarehouseAwayError as error:
        return BlastRadius(start, now, trouble=str(error)[:500])


class MitigationDesk:
    """What people ask and decide. Every method raises decisions.MitigationError, and IncidentUnknownError where an
    incident is named that is not there.
    """

    def __init__(
        self,
        *,
        ledger: CentreLedger,
        warehouse: Warehouse,
        rules: Rules,
        meter: MitigationMeter,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._warehouse = warehouse
        self._rules = rules
        self._meter = meter
        self._clock = clock

    @property
    def state(self) -> Mitigations:
        return self._ledger.state.mitigations

    def suggest(self, incident_id: str) -> list[Suggestion]:
        """Those that the rules let through."""
        found: list[Suggestion] = []
        for one in suggest(find_incident(self._ledger.state.incidents, incident_id)):
            try:
                decisions.check(one.policy, self._rules)
            except MitigationError as error:
                log.debug("not suggested: %s", error)
                continue
            found.append(one)
        return found

    async def propose(self, request: Request, *, dry_run: bool) -> Mitigation:
        centre = self._ledger.state
        incident = find_incident(centre.incidents, request.incident_id) if request.incident_id else None
        decisions.check(request.policy, self._rules)
        now = self._clock()
        radius = await estimate(self._warehouse, request.policy, request.gateways, incident, now)
        if dry_run:
            event = decisions.propose(centre.mitigations, request, radius, now, self._rules)
            self._meter.decided("dry-run")
            return evolve(Mitigations(), event).by_id[event.mitigation_id]

        def decide(state: Centre) -> tuple[Sequence[CentreEvent], str]:
            event = decisions.propose(state.mitigations, request, radius, now, self._rules)
            return [event], event.mitigation_id

        mitigation_id = await self._ledger.transact(decide)
        self._meter.decided("proposed")
        return self.state.by_id[mitigation_id]

    async def approve(self, mitigation_id: str, actor: str, note: str) -> Mitigation:
        now = self._clock()

        def decide(state: Centre) -> tuple[Sequence[CentreEvent], None]:
            event = decisions.approve(state.mitigations, mitigation_id, actor, note, now, self._rules)
            return approved(state, event), None

        await self._ledger.transact(decide)
        self._meter.decided("approved")
        return self.state.by_id[mitigation_id]

    async def reject(self, mitigation_id: str, actor: str, note: str) -> Mitigation:
        return await self._end(mitigation_id, Status.PROPOSED, "rejected", actor, note)

    async def withdraw(self, mitigation_id: str, actor: str, note: str) -> Mitigation:
        return await self._end(mitigation_id, Status.ACTIVE, "withdrawn", actor, note)

    async def _end(self, mitigation_id: str, status: Status, cause: str, actor: str, note: str) -> Mitigation:
        now = self._clock()

        def decide(state: Centre) -> tuple[Sequence[CentreEvent], None]:
            decisions.require(decisions.find(state.mitigations, mitigation_id), status)
            return ended(state, MitigationEnded(mitigation_id, cause, actor, note, now)), None

        await self._ledger.transact(decide)
        self._meter.decided(cause)
        return self.state.by_id[mitigation_id]

    def get(self, mitigation_id: str) -> Mitigation:
        return decisions.find(self.state, mitigation_id)

    def list(self, statuses: frozenset[Status], incident_id: str) -> "list[Mitigation]":
        """Newest first; of the given statuses and incident, empty: any."""
        return [
            one
            for one in reversed(list(self.state.by_id.values()))
            if (not statuses or one.status in statuses)
            and (not incident_id or one.incident_id == incident_id)
        ]


@dataclass(frozen=True, slots=True)
class AutomaticRules:
    """When nobody is asked. Off unless it is enabled."""

    enabled: bool = False
    confidence: float = 0.95
    severity: Severity = Severity.HIGH
    coverage: float = 0.7
    kinds: frozenset[Kind] = frozenset({Kind.BLOCK, Kind.RATE_LIMIT})
    seconds: int = 300
    most_active: int = 20
    gateways: tuple[str, ...] = ()


@dataclass(slots=True)
class Automatic:
    """Proposes the narrowest that helps, once for each incident, and approves it where one person could.

    What would need two persons stays proposed, for them.
    """

    ledger: CentreLedger
    warehouse: Warehouse
    rules: Rules
    automatic: AutomaticRules
    meter: MitigationMeter
    clock: Clock
    leads: Callable[[], bool]
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Incidents that nothing could be done against, and why."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        while True:
            await self.changed.wait()
            self.changed.clear()
            if self.automatic.enabled and self.leads():
                for incident in self.chosen(self.ledger.state):
                    await self._mitigate(incident)

    def chosen(self, centre: Centre) -> list[Incident]:
        """Severe and certain enough, and nothing was proposed yet."""
        known = {one.incident_id for one in centre.mitigations.by_id.values()}
        self.failed = {one: why for one, why in self.failed.items() if one in centre.incidents.by_id}
        found = [
            incident
            for incident_id in centre.incidents.active.values()
            if (incident := centre.incidents.by_id[incident_id]).confidence >= self.automatic.confidence
            and incident.severity.value >= self.automatic.severity.value
            and incident.status in ACTIVE
            and incident_id not in known
            and incident_id not in self.failed
        ]
        mine = [one for one in centre.mitigations.of_status(Status.ACTIVE) if one.approver == AUTOMATIC]
        return found[: max(self.automatic.most_active - len(mine), 0)]

    async def _mitigate(self, incident: Incident) -> None:
        now = self.clock()
        for one in suggest(incident):
            if one.policy.action.kind not in self.automatic.kinds or one.coverage < self.automatic.coverage:
                continue
            try:
                decisions.check(one.policy, self.rules)
            except MitigationError as error:
                self.failed[incident.incident_id] = str(error)
                continue
            radius = await estimate(self.warehouse, one.policy, self.automatic.gateways, incident, now)
            request = Request(
                policy=one.policy,
                actor=AUTOMATIC,
                incident_id=incident.incident_id,
                gateways=self.automatic.gateways,
                note=one.reason,
                seconds=self.automatic.seconds,
            )
            try:
                outcome = await self.ledger.transact(lambda state: self._decide(state, request, radius))  # noqa: B023
            except MitigationError as error:
                self.failed[incident.incident_id] = str(error)
                log.info("incident %s is not mitigated: %s", incident.incident_id, error)
                continue
            self.meter.decided(f"automatically-{outcome}")
            return
        self.failed.setdefault(incident.incident_id, "nothing that is suggested covers enough of it")

    def _decide(
        self, state: Centre, request: Request, radius: BlastRadius
    ) -> tuple[Sequence[CentreEvent], str]:
        now = self.clock()
        proposed = decisions.propose(state.mitigations, request, radius, now, self.rules)
        if proposed.two_person_reasons:
            return [proposed], "proposed"
        after = replace(state, mitigations=evolve(state.mitigations, proposed))
        event = decisions.approve(
            after.mitigations, proposed.mitigation_id, AUTOMATIC, request.note, now, self.rules
        )
        return [proposed, *approved(after, event)], "approved"
