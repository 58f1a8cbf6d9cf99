"""What the events of mitigations add up to, and what each gateway should enforce by it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sixfold.security.domain.mitigation.events import (
    MitigationApproved,
    MitigationEnded,
    MitigationEvent,
    MitigationMeasured,
    MitigationProposed,
    PoliciesAnswered,
)
from sixfold.security.domain.mitigation.values import Mitigation, Status

KEPT_ENDED: Final = 5_000
KEPT_ANSWERS: Final = 10_000
EVERY: Final = ""
"""Key of what concerns every gateway."""


@dataclass(frozen=True, slots=True)
class Mitigations:
    """by_id: in the order of their proposals. answers: the newest of each gateway.

    `revision` grows with every approval, and every end of what was approved; `changed` has the revision of the last
    one that concerned a gateway, `EVERY` for those without a scope. So two replicas agree on the generation of a
    gateway's policies, and gateways that nobody has heard of yet have one, too.
    """

    by_id: Mapping[str, Mitigation] = field(default_factory=dict[str, Mitigation])
    revision: int = 0
    changed: Mapping[str, int] = field(default_factory=dict[str, int])
    answers: Mapping[str, PoliciesAnswered] = field(default_factory=dict[str, PoliciesAnswered])

    def generation(self, gateway: str) -> int:
        return max(self.changed.get(EVERY, 0), self.changed.get(gateway, 0))

    def wanted(self, gateway: str, now: datetime) -> tuple[Mitigation, ...]:
        """Those that the gateway should enforce."""
        return tuple(
            one
            for one in self.by_id.values()
            if one.status is Status.ACTIVE
            and one.concerns(gateway)
            and one.expires is not None
            and one.expires > now
        )

    def of_status(self, *statuses: Status) -> list[Mitigation]:
        return [one for one in self.by_id.values() if one.status in statuses]


def evolve(state: Mitigations, event: MitigationEvent) -> Mitigations:
    """The state after one event, a new one. Events about what has been forgotten change nothing."""
    if isinstance(event, MitigationProposed):
        made = Mitigation(
            mitigation_id=event.mitigation_id,
            incident_id=event.incident_id,
            policy=event.policy,
            gateways=event.gateways,
            status=Status.PROPOSED,
            proposer=event.proposer,
            note=event.note,
            proposed=event.time,
            seconds=event.seconds,
            estimate=event.estimate,
            two_person_reasons=event.two_person_reasons,
        )
        return replace(state, by_id=_bounded({**state.by_id, made.mitigation_id: made}))
    if isinstance(event, PoliciesAnswered):
        return _answered(state, event)
    known = state.by_id.get(event.mitigation_id)
    if known is None:
        return replace(state)
    if isinstance(event, MitigationMeasured):
        return _with(state, replace(known, effect=event.effect))
    if isinstance(event, MitigationApproved):
        fresh = replace(
            known, status=Status.ACTIVE, approver=event.approver, approved=event.time, expires=event.expires
        )
        return _revised(_with(state, fresh), fresh.gateways)
    assert isinstance(event, MitigationEnded)
    ended = replace(
        known,
        status=Status.REJECTED if event.cause == "rejected" else Status.ENDED,
        end_cause=event.cause,
        ended_by=event.actor,
        ended=event.time,
    )
    fresh_state = _with(state, ended)
    return _revised(fresh_state, known.gateways) if known.status is Status.ACTIVE else fresh_state


def _with(state: Mitigations, one: Mitigation) -> Mitigations:
    return replace(state, by_id={**state.by_id, one.mitigation_id: one})


def _revised(state: Mitigations, gateways: Iterable[str], floor: int = 0) -> Mitigations:
    revision = max(state.revision, floor) + 1
    keys = tuple(gateways) or (EVERY,)
    return replace(state, revision=revision, changed={**state.changed, **dict.fromkeys(keys, revision)})


def _answered(state: Mitigations, event: PoliciesAnswered) -> Mitigations:
    answers = dict(state.answers)
    answers.pop(event.gateway, None)
    while len(answers) >= KEPT_ANSWERS:
        del answers[next(iter(answers))]
    answers[event.gateway] = event
    state = replace(state, answers=answers)
    if event.outcome == "ahead":
        # Of another ledger, or of a restored one: only a newer number will be obeyed.
        return _revised(state, (event.gateway,), event.generation)
    return state


def _bounded(by_id: dict[str, Mitigation]) -> dict[str, Mitigation]:
    """Forget the oldest that are over; the ledger still has them."""
    excess = len(by_id) - KEPT_ENDED
    if excess > 0:
        for one in [one.mitigation_id for one in by_id.values() if not one.is_open][:excess]:
            del by_id[one]
    return by_id
