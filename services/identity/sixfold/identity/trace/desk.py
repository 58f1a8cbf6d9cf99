"""The trace desk: every step decided by `domain.case`, recorded in the trail before it counts."""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from sixfold.api.identity.v1 import trace_pb2 as pb
from sixfold.identity.domain.case import (
    Approval,
    Asked,
    Case,
    Officer,
    Role,
    Scope,
    approve,
    open_case,
    read_question,
    require_answerable,
    require_in_scope,
    require_open,
)
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.ports import PersonErasedError, Vault
from sixfold.identity.trace.admission import Admission, parse
from sixfold.identity.trace.cases import CaseStore, ChangedError, Request, trace_id_of
from sixfold.identity.trace.resolve import Resolver, Verdict
from sixfold.identity.trace.trail import Trail, commitment

LONGEST_APPROVAL: Final = 30 * 86_400_000
_ATTEMPTS: Final = 5
TRACE: Final = "RequestTrace"
PERSON: Final = "RequestPerson"
REQUESTERS: Final[dict[str, Role]] = {TRACE: "requester", PERSON: "person-requester"}
APPROVERS: Final[dict[str, Role]] = {TRACE: "approver", PERSON: "person-approver"}
_DECISION: Final = {TRACE: "ApproveTrace", PERSON: "ApprovePerson"}


class Desk:
    def __init__(
        self,
        *,
        admission: Admission,
        cases: CaseStore,
        resolver: Resolver,
        vault: Vault,
        trail: Trail,
        clock: Callable[[], int],
    ) -> None:
        self._admission = admission
        self._cases = cases
        self._resolver = resolver
        self._vault = vault
        self._trail = trail
        self._clock = clock

    async def open(self, officer: Officer, statement: pb.CaseStatement) -> Case:
        officer.require("requester")
        scope = statement.scope
        case = open_case(
            Case(
                statement.case_number,
                statement.purpose,
                Scope(
                    tuple(scope.prefixes),
                    scope.not_before,
                    scope.not_after,
                    scope.max_questions,
                    scope.persons,
                ),
                statement.expires,
                officer.name,
                self._clock(),
            ),
            self._clock(),
        )
        if await self._cases.case(case.case_number) is not None:
            raise _exists(case)
        await self._trail.record(
            "case-opened", officer=officer.name, case=case.case_number, expires=case.expires
        )
        try:
            await self._cases.put_case(case)
        except ChangedError as error:
            raise _exists(case) from error
        return case

    async def request_trace(
        self, officer: Officer, statement: pb.TraceStatement, signed: pb.Signed
    ) -> Request:
        officer.require("requester")
        questions = _questions(statement, self._clock())
        for _ in range(_ATTEMPTS):
            case, revision = await self._open_case(statement.case_number)
            require_in_scope(case, questions)
            await self._require_ports(questions)
            try:
                await self._cases.put_case(replace(case, asked=case.asked + len(questions)), revision)
                break
            except ChangedError:
                continue
        else:
            raise RefusedError("precondition", "CASE_BUSY", "others ask under this case at once; try again")
        return await self._request(TRACE, officer, statement.case_number, signed, questions=len(questions))

    async def request_person(
        self, officer: Officer, statement: pb.PersonStatement, signed: pb.Signed
    ) -> Request:
        officer.require("person-requester")
        case, _ = await self._open_case(statement.case_number)
        if not case.scope.persons:
            detail = "the case's scope does not reach persons"
            raise RefusedError("precondition", "OUT_OF_SCOPE", detail, "case_number")
        if not 1 <= len(statement.purpose.strip()) <= 512:
            raise RefusedError("invalid", "QUESTION_MALFORMED", "a purpose of 1 to 512 characters", "purpose")
        trace, _ = await self._found(statement.trace_id, TRACE)
        named = {subscriber for _, subscriber, _, _ in trace.answers if subscriber}
        if trace.case_number != case.case_number or statement.subscriber not in named:
            detail = "no answer of this case names that pseudonym"
            raise RefusedError("precondition", "NOT_ANSWERED", detail, "subscriber")
        return await self._request(PERSON, officer, case.case_number, signed, of=trace.trace_id)

    async def waiting(self, officer: Officer, statement: pb.ReadStatement) -> Request:
        request, _ = await self._found(statement.trace_id, None)
        if request.officer != officer.name:
            officer.require(APPROVERS[request.rpc])
        await self._trail.record(
            "question-read", officer=officer.name, case=request.case_number, trace=request.trace_id
        )
        return request

    async def decide(
        self, rpc: str, officer: Officer, statement: pb.ApprovalStatement, signed: pb.Signed
    ) -> Request:
        """`rpc` is what is decided on."""
        officer.require(APPROVERS[rpc])
        request, revision = await self._found(statement.trace_id, rpc)
        await self._open_case(request.case_number)
        now = self._clock()
        approval = Approval(
            officer.name,
            statement.question_hash,
            statement.approved,
            min(statement.expires, now + LONGEST_APPROVAL),
            now,
            statement.reason[:512],
        )
        state = approve(request.state, request.officer, request.question_hash, approval, now)
        word = "approved" if approval.approved else "declined"
        await self._trail.record(
            f"{_kind(rpc)}-{word}",
            officer=officer.name,
            case=request.case_number,
            trace=request.trace_id,
            question_hash=request.question_hash.hex(),
            expires=approval.expires,
        )
        decided = replace(
            request,
            state=state,
            approval=approval,
            approval_statement=signed.statement,
            approval_signature=signed.signature,
        )
        try:
            await self._cases.put_request(decided, revision)
        except ChangedError as error:
            raise RefusedError("precondition", "ALREADY_DECIDED", "another has just decided") from error
        return decided

    async def answer(self, officer: Officer, statement: pb.ReadStatement) -> tuple[list[Verdict], int]:
        """The verdicts and the index of the record that tells that they were given."""
        request, revision = await self._answerable(officer, statement.trace_id, TRACE)
        if request.state == "answered":
            index = await self._answered(request, officer, "answer-read")
            return [_verdict(one) for one in request.answers], index
        questions = _questions(parse(request.statement, pb.TraceStatement), self._clock())
        verdicts = await self._resolver.answer(questions)
        answers = tuple((one.outcome, one.subscriber, one.path, one.reason) for one in verdicts)
        done = replace(request, state="answered", answers=answers, salt=secrets.token_bytes(16))
        index = await self._answered(done, officer, "trace-answered")
        try:
            await self._cases.put_request(done, revision)
        except ChangedError as error:
            raise RefusedError(
                "precondition", "ALREADY_DECIDED", "it is being answered; ask again"
            ) from error
        return verdicts, index

    async def person(self, officer: Officer, statement: pb.ReadStatement) -> tuple[str, int]:
        request, revision = await self._answerable(officer, statement.trace_id, PERSON)
        subscriber = parse(request.statement, pb.PersonStatement).subscriber
        try:
            person = await self._vault.open(subscriber)
        except PersonErasedError as error:
            raise RefusedError("unknown", "PERSON_ERASED", "the entry was erased", "trace_id") from error
        salt = request.salt or secrets.token_bytes(16)
        index = await self._trail.record(
            "person-resolved",
            officer=officer.name,
            case=request.case_number,
            trace=request.trace_id,
            subscriber_hash=commitment(salt, [subscriber]),
        )
        if request.state != "answered":
            try:
                await self._cases.put_request(replace(request, state="answered", salt=salt), revision)
            except ChangedError as error:
                raise RefusedError("precondition", "ALREADY_DECIDED", "it is being answered") from error
        return person, index

    async def erase_person(self, officer: Officer, statement: pb.ErasureStatement) -> tuple[bool, int]:
        officer.require("eraser")
        if not 1 <= len(statement.reason.strip()) <= 512:
            raise RefusedError("invalid", "STATEMENT_MALFORMED", "a reason of 1 to 512 characters", "reason")
        erased = await self._vault.erase(statement.subscriber)
        index = await self._trail.record(
            "person-erased",
            officer=officer.name,
            subscriber_hash=commitment(b"", [statement.subscriber]),
            entries=int(erased),
        )
        return erased, index

    # -- what the steps share -----------------------------------------------------------------------------------

    async def _open_case(self, case_number: str) -> tuple[Case, int]:
        found = await self._cases.case(case_number)
        if found is None:
            raise RefusedError("unknown", "CASE_UNKNOWN", "there is no such case", "case_number")
        require_open(found[0], self._clock())
        return found

    async def _require_ports(self, questions: Sequence[Asked]) -> None:
        portless = [asked for asked in questions if asked.is_ipv4 and not asked.port]
        if not portless:
            return
        verdicts = await self._resolver.answer(portless)
        if any(verdict.outcome == "refused" for verdict in verdicts):
            detail = "a shared address needs the port (RFC 6302)"
            raise RefusedError("invalid", "PORT_REQUIRED", detail, "port")

    async def _request(
        self, rpc: str, officer: Officer, case_number: str, signed: pb.Signed, **details: Any
    ) -> Request:
        request = Request(
            trace_id_of(case_number, signed.statement),
            rpc,
            officer.name,
            case_number,
            signed.statement,
            signed.signature,
            self._clock(),
        )
        await self._trail.record(
            f"{_kind(rpc)}-requested",
            officer=officer.name,
            case=case_number,
            trace=request.trace_id,
            question_hash=request.question_hash.hex(),
            **details,
        )
        try:
            await self._cases.put_request(request)
        except ChangedError as error:
            raise RefusedError("forbidden", "STATEMENT_REPEATED", "it was asked before", "nonce") from error
        return request

    async def _found(self, trace_id: str, rpc: str | None) -> tuple[Request, int]:
        found = await self._cases.request(trace_id)
        if found is None or rpc not in (None, found[0].rpc):
            raise RefusedError("unknown", "TRACE_UNKNOWN", "there is no such request", "trace_id")
        return found

    async def _answerable(self, officer: Officer, trace_id: str, rpc: str) -> tuple[Request, int]:
        officer.require(REQUESTERS[rpc])
        request, revision = await self._found(trace_id, rpc)
        if request.officer != officer.name:
            raise RefusedError("forbidden", "NOT_YOURS", "another officer has asked", "trace_id")
        await self._open_case(request.case_number)
        require_answerable(request.state, request.approval, request.question_hash, self._clock())
        self._require_signed(request)
        return request, revision

    def _require_signed(self, request: Request) -> None:
        """Both signatures once more: a record that was written past the desk opens nothing."""
        assert request.approval is not None
        asked = pb.Signed(officer=request.officer, statement=request.statement, signature=request.signature)
        approved = pb.Signed(
            officer=request.approval.officer,
            statement=request.approval_statement,
            signature=request.approval_signature,
        )
        self._admission.verify(request.rpc, asked).require(REQUESTERS[request.rpc])
        self._admission.verify(_DECISION[request.rpc], approved).require(APPROVERS[request.rpc])
        told = parse(request.approval_statement, pb.ApprovalStatement)
        same = told.approved and told.question_hash == request.question_hash
        if not same or request.approval.officer == request.officer or self._clock() >= told.expires:
            raise RefusedError(
                "forbidden", "NOT_APPROVED", "the approval is not of this question", "trace_id"
            )

    async def _answered(self, request: Request, officer: Officer, event: str) -> int:
        counts = Counter(outcome for outcome, _, _, _ in request.answers)
        return await self._trail.record(
            event,
            officer=officer.name,
            case=request.case_number,
            trace=request.trace_id,
            answers_hash=commitment(request.salt, list(request.answers)),
            **{f"answers_{outcome}": number for outcome, number in sorted(counts.items())},
        )


def _exists(case: Case) -> RefusedError:
    return RefusedError("exists", "CASE_EXISTS", f"case {case.case_number} was opened before", "case_number")


def _kind(rpc: str) -> str:
    return "trace" if rpc == TRACE else "person"


def _verdict(answer: tuple[str, str, str, str]) -> Verdict:
    outcome: Any = answer[0]
    return Verdict(outcome, *answer[1:])


def _questions(statement: pb.TraceStatement, now: int) -> list[Asked]:
    return [
        read_question(
            one.address,
            one.port,
            one.protocol,
            one.time,
            (one.destination_address, one.destination_port),
            one.clock_tolerance,
            now,
        )
        for one in statement.questions
    ]
