"""What is decided about mitigations: pure, out of the centre's state, the rules and the clock.

MitigationError
    MitigationUnknownError      there is none of this id
    MitigationStateError        it is not proposed, or not active
    PolicyInvalidError          cannot be enforced; says each field
    PolicyTooBroadError         wider than any policy may be
    NeverTouchError             meets a network that must never be touched
    SecondPersonError           whoever proposed it may not approve it
    TooManyError                no room for more
    DuplicateMitigationError    the same is proposed or active already
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sixfold.api.addressing.embedded import WELL_KNOWN
from sixfold.api.addressing.policy import Network, Wrong, sides, touched, wrong
from sixfold.security.domain.events import IncidentEvent
from sixfold.security.domain.incidents import Incidents
from sixfold.security.domain.incidents import Status as IncidentStatus
from sixfold.security.domain.mitigation.events import (
    MitigationApproved,
    MitigationEnded,
    MitigationEvent,
    MitigationProposed,
)
from sixfold.security.domain.mitigation.state import Mitigations
from sixfold.security.domain.mitigation.values import BlastRadius, Kind, Match, Mitigation, Policy, Status

AUTOMATIC = "automatic"
"""Who decides where no person does."""


class MitigationError(Exception):
    """The request is understood and will not be done."""


class MitigationUnknownError(MitigationError): ...


class MitigationStateError(MitigationError): ...


class PolicyInvalidError(MitigationError):
    def __init__(self, found: Sequence[Wrong]) -> None:
        super().__init__("; ".join(map(str, found[:10])))
        self.found = tuple(found)


class PolicyTooBroadError(MitigationError): ...


class NeverTouchError(MitigationError): ...


class SecondPersonError(MitigationError): ...


class TooManyError(MitigationError): ...


class DuplicateMitigationError(MitigationError): ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be mitigated, and what needs a second person. docs/operators/mitigation.md explains each."""

    never_touch: tuple[Network, ...] = ()
    nat64: tuple[Network, ...] = (WELL_KNOWN,)
    widest_ipv4: int = 16
    widest_ipv6: int = 32
    default_seconds: int = 600
    longest_seconds: int = 86_400
    lapse_seconds: int = 3_600
    alone_ipv4: int = 24
    alone_ipv6: int = 48
    alone_good_sources: int = 50
    alone_good_share: float = 0.2
    alone_divert: bool = False
    most_active: int = 500
    most_proposed: int = 1_000


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants done."""

    policy: Policy
    actor: str
    incident_id: str = ""
    gateways: tuple[str, ...] = ()
    note: str = ""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    mitigations: tuple[MitigationEvent, ...] = ()
    incidents: tuple[IncidentEvent, ...] = field(default=())

    @property
    def events(self) -> tuple[MitigationEvent | IncidentEvent, ...]:
        return (*self.mitigations, *self.incidents)


def check(policy: Policy, rules: Rules) -> None:
    """Raises PolicyInvalidError, PolicyTooBroadError, NeverTouchError."""
    if found := wrong(policy.match, policy.action.plain):
        raise PolicyInvalidError(found)
    if not _within(policy.match, rules.widest_ipv4, rules.widest_ipv6):
        raise PolicyTooBroadError(
            f"neither the sources nor the destinations are all /{rules.widest_ipv4} (IPv6: /{rules.widest_ipv6}) "
            "or narrower; name the networks that are attacked, or those that attack"
        )
    if meets := touched(policy.match, rules.never_touch, rules.nat64):
        raise NeverTouchError("; ".join(map(str, meets[:10])))


def _within(match: Match, ipv4: int, ipv6: int) -> bool:
    """Whether one side of it is of such lengths or longer, in each family that it has."""
    chosen = sides(match)
    for version, length in ((4, ipv4), (6, ipv6)):
        if (both := chosen.of(version)) is None:
            continue
        if not any(both):
            continue
        if not any(side and min(one.prefixlen for one in side) >= length for side in both):
            return False
    return True


def second_person(policy: Policy, estimate: BlastRadius | None, rules: Rules) -> tuple[str, ...]:
    """Why a second person has to approve it; nothing: one is enough."""
    reasons: list[str] = []
    if not _within(policy.match, rules.alone_ipv4, rules.alone_ipv6):
        reasons.append(
            f"network-size: wider than /{rules.alone_ipv4} (IPv6: /{rules.alone_ipv6}) on both sides"
        )
    if policy.action.kind is Kind.DIVERT and not rules.alone_divert:
        reasons.append("diversion: routers lead the traffic away")
    if policy.action.kind is Kind.MARK:
        return tuple(reasons)
    if estimate is None or estimate.trouble:
        detail = estimate.trouble if estimate is not None else "the warehouse could not be asked"
        return (*reasons, f"blast-radius-unknown: {detail}")
    if estimate.good_sources > rules.alone_good_sources:
        reasons.append(
            f"good-sources: {estimate.good_sources} good sources, {rules.alone_good_sources} are allowed"
        )
    # Of what is matched since the incident began, the part of those who were there before it.
    since = estimate.bytes - estimate.good_bytes
    share = estimate.known_bytes / since if since > 0 else float(estimate.good_bytes > 0)
    if share > rules.alone_good_share:
        reasons.append(
            f"good-share: {share:.0%} of it is good traffic, {rules.alone_good_share:.0%} is allowed"
        )
    return tuple(reasons)


def propose(
    state: Mitigations, request: Request, estimate: BlastRadius | None, now: datetime, rules: Rules
) -> MitigationProposed:
    """Raises MitigationError."""
    check(request.policy, rules)
    seconds = request.seconds or rules.default_seconds
    if seconds > rules.longest_seconds:
        found = Wrong("seconds", "too-long", f"{seconds} seconds, at most {rules.longest_seconds}")
        raise PolicyInvalidError([found])
    proposed = state.of_status(Status.PROPOSED)
    if len(proposed) >= rules.most_proposed:
        raise TooManyError(f"{len(proposed)} proposals wait for an answer: approve or reject some")
    for one in (*proposed, *state.of_status(Status.ACTIVE)):
        if one.policy == request.policy and set(one.gateways) == set(request.gateways):
            raise DuplicateMitigationError(f"{one.mitigation_id} is the same, and {one.status.name.lower()}")
    return MitigationProposed(
        mitigation_id=_identifier(request, now),
        incident_id=request.incident_id,
        policy=request.policy,
        gateways=tuple(sorted(set(request.gateways))),
        proposer=request.actor,
        note=request.note,
        seconds=seconds,
        estimate=estimate,
        two_person_reasons=second_person(request.policy, estimate, rules),
        time=now,
    )


def _identifier(request: Request, now: datetime) -> str:
    text = f"{request!r}|{now.isoformat()}"
    return "mit-" + hashlib.blake2s(text.encode(), digest_size=6).hexdigest()


def find(state: Mitigations, mitigation_id: str) -> Mitigation:
    """Raises MitigationUnknownError."""
    known = state.by_id.get(mitigation_id)
    if known is None:
        raise MitigationUnknownError(f"no mitigation {mitigation_id!r}")
    return known


def require(one: Mitigation, *statuses: Status) -> None:
    """Raises MitigationStateError."""
    if one.status not in statuses:
        wanted = " or ".join(status.name.lower() for status in statuses)
        raise MitigationStateError(f"{one.mitigation_id} is {one.status.name.lower()}, not {wanted}")


def approve(
    state: Mitigations, mitigation_id: str, actor: str, note: str, now: datetime, rules: Rules
) -> MitigationApproved:
    """Raises MitigationError."""
    one = find(state, mitigation_id)
    require(one, Status.PROPOSED)
    check(one.policy, rules)
    if one.two_person_reasons and _same(actor, one.proposer):
        reasons = "; ".join(one.two_person_reasons)
        raise SecondPersonError(f"{actor} proposed it, and a second person has to approve it: {reasons}")
    if len(state.of_status(Status.ACTIVE)) >= rules.most_active:
        raise TooManyError(f"{rules.most_active} mitigations are active: withdraw some")
    return MitigationApproved(mitigation_id, actor, note, now, now + timedelta(seconds=one.seconds))


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def due(state: Mitigations, incidents: Incidents, now: datetime, rules: Rules) -> list[MitigationEnded]:
    """Ends that time, or the end of the incident as a false positive, brings."""
    found: list[MitigationEnded] = []
    for one in state.by_id.values():
        if not one.is_open:
            continue
        incident = incidents.by_id.get(one.incident_id)
        if incident is not None and incident.status is IncidentStatus.FALSE_POSITIVE:
            cause = "withdrawn" if one.status is Status.ACTIVE else "rejected"
            note = "the incident is a false positive"
            found.append(MitigationEnded(one.mitigation_id, cause, incident.actor, note, now))
        elif one.status is Status.ACTIVE and one.expires is not None and one.expires <= now:
            found.append(MitigationEnded(one.mitigation_id, "expired", AUTOMATIC, "", now))
        elif one.status is Status.PROPOSED and one.proposed + timedelta(seconds=rules.lapse_seconds) <= now:
            found.append(MitigationEnded(one.mitigation_id, "lapsed", AUTOMATIC, "never approved", now))
    return found
