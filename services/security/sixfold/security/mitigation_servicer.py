"""MitigationService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar, cast

from google.protobuf.message import Message

from sixfold.api.security.v1 import mitigation_pb2 as pb
from sixfold.api.security.v1 import mitigation_pb2_grpc
from sixfold.api.subjects import gateway_token
from sixfold.chassis.codec import CodecError, from_message, to_message
from sixfold.chassis.rpc import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)
from sixfold.security.domain.decisions import IncidentUnknownError
from sixfold.security.domain.mitigation import decisions
from sixfold.security.domain.mitigation.decisions import MitigationError, PolicyInvalidError, Request
from sixfold.security.domain.mitigation.values import Mitigation, Policy, Status
from sixfold.security.enforcement_handlers import Enforcement
from sixfold.security.mitigation_handlers import MitigationDesk
from sixfold.security.ports import Clock

R = TypeVar("R")
LARGEST_PAGE: Final = 500
LONGEST_NOTE: Final = 2_000
MOST_GATEWAYS: Final = 1_000
STATUSES: Final = {pb.MitigationStatus.Value(f"MITIGATION_STATUS_{one.name}"): one for one in Status}
_ERRORS: Final[dict[type[Exception], Callable[[str], Exception]]] = {
    IncidentUnknownError: lambda text: NotFound(text, reason="INCIDENT_UNKNOWN"),
    decisions.MitigationUnknownError: lambda text: NotFound(text, reason="MITIGATION_UNKNOWN"),
    decisions.MitigationStateError: lambda text: FailedPrecondition(text, reason="MITIGATION_STATE"),
    decisions.NeverTouchError: lambda text: FailedPrecondition(text, reason="NEVER_TOUCH"),
    decisions.PolicyTooBroadError: lambda text: InvalidArgument("policy.match", text, "TOO_BROAD"),
    decisions.SecondPersonError: lambda text: PermissionDenied(text, reason="SECOND_PERSON_NEEDED"),
    decisions.TooManyError: lambda text: ResourceExhausted(text, reason="TOO_MANY"),
    decisions.DuplicateMitigationError: lambda text: AlreadyExists(text, reason="MITIGATION_EXISTS"),
}


def _as_error(error: Exception) -> Exception:
    if isinstance(error, PolicyInvalidError):
        first = error.found[0]
        reason = first.cause.upper().replace("-", "_")
        return InvalidArgument(f"policy.{first.where}", str(error), reason)
    return _ERRORS[type(error)](str(error))


class MitigationServicer(mitigation_pb2_grpc.MitigationServiceServicer):
    """signs: whether policies can be signed; without, nothing can be approved."""

    def __init__(self, desk: MitigationDesk, enforcement: Enforcement, *, signs: bool, clock: Clock) -> None:
        self._desk = desk
        self._enforcement = enforcement
        self._signs = signs
        self._clock = clock

    async def SuggestMitigation(
        self, request: pb.SuggestMitigationRequest, context: Any
    ) -> pb.SuggestMitigationResponse:
        try:
            found = self._desk.suggest(request.incident_id)
        except IncidentUnknownError as error:
            raise _as_error(error) from error
        return pb.SuggestMitigationResponse(
            suggestions=[cast("pb.Suggestion", to_message(one, pb.Suggestion)) for one in found]
        )

    async def ProposeMitigation(
        self, request: pb.ProposeMitigationRequest, context: Any
    ) -> pb.ProposeMitigationResponse:
        _check(request)
        wanted = Request(
            policy=_policy(request.policy),
            actor=request.actor.strip(),
            incident_id=request.incident_id,
            gateways=_gateways(request.gateways),
            note=request.note,
            seconds=request.seconds,
        )
        made = await _done(self._desk.propose(wanted, dry_run=request.dry_run))
        return pb.ProposeMitigationResponse(mitigation=message(made))

    async def ApproveMitigation(
        self, request: pb.ApproveMitigationRequest, context: Any
    ) -> pb.ApproveMitigationResponse:
        _check(request)
        if not self._signs:
            raise FailedPrecondition(
                "the security centre has no mitigation.signing_seed_file: gateways would obey nothing",
                reason="NO_SIGNING_KEY",
            )
        done = await _done(self._desk.approve(request.mitigation_id, request.actor.strip(), request.note))
        return pb.ApproveMitigationResponse(mitigation=message(done))

    async def RejectMitigation(
        self, request: pb.RejectMitigationRequest, context: Any
    ) -> pb.RejectMitigationResponse:
        _check(request)
        done = await _done(self._desk.reject(request.mitigation_id, request.actor.strip(), request.note))
        return pb.RejectMitigationResponse(mitigation=message(done))

    async def WithdrawMitigation(
        self, request: pb.WithdrawMitigationRequest, context: Any
    ) -> pb.WithdrawMitigationResponse:
        _check(request)
        done = await _done(self._desk.withdraw(request.mitigation_id, request.actor.strip(), request.note))
        return pb.WithdrawMitigationResponse(mitigation=message(done))

    async def GetMitigation(self, request: pb.GetMitigationRequest, context: Any) -> pb.GetMitigationResponse:
        try:
            return pb.GetMitigationResponse(mitigation=message(self._desk.get(request.mitigation_id)))
        except MitigationError as error:
            raise _as_error(error) from error

    async def ListMitigations(
        self, request: pb.ListMitigationsRequest, context: Any
    ) -> pb.ListMitigationsResponse:
        unknown = [one for one in request.statuses if one not in STATUSES]
        if unknown:
            raise InvalidArgument("statuses", f"{unknown[0]} is no status", "STATUS_UNKNOWN")
        size = min(request.page_size or 50, LARGEST_PAGE)
        chosen = self._desk.list(frozenset(STATUSES[one] for one in request.statuses), request.incident_id)
        start = 0
        if request.page_token:
            places = [at for at, one in enumerate(chosen) if one.mitigation_id == request.page_token]
            if not places:
                raise InvalidArgument("page_token", "is none that this service gave", "PAGE_TOKEN_UNKNOWN")
            start = places[0]
        more = chosen[start + size].mitigation_id if len(chosen) > start + size else ""
        return pb.ListMitigationsResponse(
            mitigations=[message(one) for one in chosen[start : start + size]], next_page_token=more
        )

    async def ListEnforcement(
        self, request: pb.ListEnforcementRequest, context: Any
    ) -> pb.ListEnforcementResponse:
        state, now = self._desk.state, self._clock()
        answer = pb.ListEnforcementResponse()
        for name, place in sorted(self._enforcement.places.items()):
            one = answer.gateways.add(
                gateway=name,
                wanted_generation=state.generation(name),
                mitigation_ids=[wanted.mitigation_id for wanted in state.wanted(name, now)],
            )
            if place.report is not None:
                one.reported_generation = place.report.generation
                one.reported.FromDatetime(place.report.time)
                one.troubles.extend(place.report.troubles)
            if (known := state.answers.get(name)) is not None:
                one.outcome, one.cause = known.outcome, known.cause
        return answer


def message(one: Mitigation) -> pb.Mitigation:
    return cast("pb.Mitigation", to_message(one, pb.Mitigation))


async def _done(work: Awaitable[R]) -> R:
    try:
        return await work
    except (MitigationError, IncidentUnknownError) as error:
        raise _as_error(error) from error


def _policy(given: Message) -> Policy:
    try:
        return cast("Policy", from_message(given, Policy))
    except CodecError as error:
        raise InvalidArgument("policy", str(error), "POLICY_MALFORMED") from error


def _gateways(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) > MOST_GATEWAYS:
        raise InvalidArgument(
            "gateways", f"at most {MOST_GATEWAYS}; none: every gateway", "TOO_MANY_GATEWAYS"
        )
    try:
        return tuple(sorted({gateway_token(one) for one in names}))
    except ValueError as error:
        raise InvalidArgument("gateways", str(error), "GATEWAY_MALFORMED") from error


def _check(request: Any) -> None:
    if not request.actor.strip() or len(request.actor) > 200:
        raise InvalidArgument("actor", "who decides: 1 to 200 characters", "ACTOR_REQUIRED")
    if request.actor.strip().casefold() == decisions.AUTOMATIC:
        raise InvalidArgument("actor", "is the name of what no person decides", "ACTOR_RESERVED")
    if len(request.note) > LONGEST_NOTE:
        raise InvalidArgument("note", f"at most {LONGEST_NOTE} characters", "NOTE_TOO_LONG")
