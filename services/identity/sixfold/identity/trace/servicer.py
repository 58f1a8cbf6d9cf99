"""TraceService: who asks is proven, what is refused is recorded."""

# ruff: noqa: N802 - the methods have the names of the contract

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from sixfold.api.identity.v1 import trace_pb2 as pb
from sixfold.api.identity.v1 import trace_pb2_grpc
from sixfold.chassis.rpc import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    RpcError,
    Unavailable,
)
from sixfold.identity.domain.case import Officer
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.ports import VaultError
from sixfold.identity.trace.admission import Admission
from sixfold.identity.trace.cases import Request
from sixfold.identity.trace.desk import PERSON, TRACE, Desk
from sixfold.identity.trace.ports import SourceUnavailableError
from sixfold.identity.trace.trail import Trail

Statement = TypeVar("Statement", bound=Message)
R = TypeVar("R")
STATES: Final = {
    "waiting": pb.TRACE_STATE_WAITING,
    "approved": pb.TRACE_STATE_APPROVED,
    "refused": pb.TRACE_STATE_REFUSED,
    "answered": pb.TRACE_STATE_ANSWERED,
}
OUTCOMES: Final = {
    "subscriber": pb.TRACE_OUTCOME_SUBSCRIBER,
    "ambiguous": pb.TRACE_OUTCOME_AMBIGUOUS,
    "unknown": pb.TRACE_OUTCOME_UNKNOWN,
    "refused": pb.TRACE_OUTCOME_REFUSED,
}


def rpc_error(error: RefusedError) -> RpcError:
    match error.kind:
        case "invalid":
            return InvalidArgument(error.field, error.detail, error.reason)
        case "unknown":
            return NotFound(error.detail, reason=error.reason)
        case "exists":
            return AlreadyExists(error.detail, reason=error.reason)
        case "forbidden":
            return PermissionDenied(error.detail, reason=error.reason)
        case _:
            return FailedPrecondition(error.detail, reason=error.reason)


class Admitted:
    """Admits a signed statement, does the work, and records what was refused or failed."""

    def __init__(self, admission: Admission, trail: Trail) -> None:
        self._admission = admission
        self._trail = trail

    async def __call__(
        self,
        rpc: str,
        signed: pb.Signed,
        kind: type[Statement],
        work: Callable[[Officer, Statement], Awaitable[R]],
    ) -> R:
        statement: Any = None
        officer = "unknown"
        try:
            known, statement = self._admission.admit(rpc, signed, kind)
            officer = known.name
            return await work(known, statement)
        except RefusedError as error:
            case = getattr(statement, "case_number", "")
            trace = getattr(statement, "trace_id", "")
            await self._trail.refused(rpc, officer, error, case=case, trace=trace)
            raise rpc_error(error) from error
        except (SourceUnavailableError, VaultError) as error:
            trace = getattr(statement, "trace_id", "")
            await self._trail.record("failed", rpc=rpc, officer=officer, trace=trace[:64])
            raise Unavailable(str(error), reason="SOURCE_UNAVAILABLE") from error


class TraceServicer(trace_pb2_grpc.TraceServiceServicer):
    def __init__(
        self,
        desk: Desk,
        admitted: Admitted,
        issue: Callable[[str, str], Awaitable[tuple[str, int, int]]],
    ) -> None:
        self._desk = desk
        self._admitted = admitted
        self._issue = issue

    async def OpenCase(self, request: pb.OpenCaseRequest, context: Any) -> pb.OpenCaseResponse:
        case = await self._admitted("OpenCase", request.signed, pb.CaseStatement, self._desk.open)
        return pb.OpenCaseResponse(case_number=case.case_number, expires=case.expires)

    async def RequestTrace(self, request: pb.RequestTraceRequest, context: Any) -> pb.RequestTraceResponse:
        async def work(officer: Officer, statement: pb.TraceStatement) -> Request:
            return await self._desk.request_trace(officer, statement, request.signed)

        made = await self._admitted(TRACE, request.signed, pb.TraceStatement, work)
        return pb.RequestTraceResponse(trace_id=made.trace_id, question_hash=made.question_hash)

    async def RequestPerson(self, request: pb.RequestPersonRequest, context: Any) -> pb.RequestPersonResponse:
        async def work(officer: Officer, statement: pb.PersonStatement) -> Request:
            return await self._desk.request_person(officer, statement, request.signed)

        made = await self._admitted(PERSON, request.signed, pb.PersonStatement, work)
        return pb.RequestPersonResponse(trace_id=made.trace_id, question_hash=made.question_hash)

    async def GetWaiting(self, request: pb.GetWaitingRequest, context: Any) -> pb.GetWaitingResponse:
        found = await self._admitted("GetWaiting", request.signed, pb.ReadStatement, self._desk.waiting)
        return pb.GetWaitingResponse(
            signed=pb.Signed(officer=found.officer, statement=found.statement, signature=found.signature),
            rpc=found.rpc,
            state=STATES[found.state],
        )

    async def ApproveTrace(self, request: pb.ApproveTraceRequest, context: Any) -> pb.ApproveTraceResponse:
        made = await self._decide("ApproveTrace", TRACE, request.signed)
        return pb.ApproveTraceResponse(state=STATES[made.state])

    async def ApprovePerson(self, request: pb.ApprovePersonRequest, context: Any) -> pb.ApprovePersonResponse:
        made = await self._decide("ApprovePerson", PERSON, request.signed)
        return pb.ApprovePersonResponse(state=STATES[made.state])

    async def _decide(self, rpc: str, on: str, signed: pb.Signed) -> Request:
        async def work(officer: Officer, statement: pb.ApprovalStatement) -> Request:
            return await self._desk.decide(on, officer, statement, signed)

        return await self._admitted(rpc, signed, pb.ApprovalStatement, work)

    async def GetAnswer(self, request: pb.GetAnswerRequest, context: Any) -> pb.GetAnswerResponse:
        verdicts, index = await self._admitted(
            "GetAnswer", request.signed, pb.ReadStatement, self._desk.answer
        )
        answers = [
            pb.Answer(
                outcome=OUTCOMES[one.outcome], subscriber=one.subscriber, path=one.path, reason=one.reason
            )
            for one in verdicts
        ]
        return pb.GetAnswerResponse(answers=answers, audit_index=index)

    async def ResolvePerson(self, request: pb.ResolvePersonRequest, context: Any) -> pb.ResolvePersonResponse:
        person, index = await self._admitted(
            "ResolvePerson", request.signed, pb.ReadStatement, self._desk.person
        )
        return pb.ResolvePersonResponse(person_reference=person, audit_index=index)

    async def ErasePerson(self, request: pb.ErasePersonRequest, context: Any) -> pb.ErasePersonResponse:
        erased, index = await self._admitted(
            "ErasePerson", request.signed, pb.ErasureStatement, self._desk.erase_person
        )
        return pb.ErasePersonResponse(erased=erased, audit_index=index)

    async def IssueInterfaceIdentifier(
        self, request: pb.IssueInterfaceIdentifierRequest, context: Any
    ) -> pb.IssueInterfaceIdentifierResponse:
        try:
            address, identifier, until = await self._issue(request.network, request.pseudonym)
        except RefusedError as error:
            raise rpc_error(error) from error
        return pb.IssueInterfaceIdentifierResponse(
            address=address, interface_identifier=identifier, valid_until=until
        )
