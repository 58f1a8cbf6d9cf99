"""A case, the questions asked under it, and the decisions of two officers: pure, every refusal with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sixfold.identity.domain.prefix import BITS, PrefixError, parse_address, parse_prefix
from sixfold.identity.domain.values import RefusedError

Role = Literal["requester", "approver", "person-requester", "person-approver", "auditor", "eraser"]
State = Literal["waiting", "approved", "refused", "answered"]
MAX_QUESTIONS: Final = 10_000
MAX_TOLERANCE: Final = 3_600_000
MAX_SCOPE: Final = 1_000_000
NONCE_BYTES: Final = 16
_IPV4: Final = 0xFFFF
_LOCAL: Final = tuple(
    (BITS - prefix.length, prefix.network >> (BITS - prefix.length))
    for prefix in map(
        parse_prefix, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    )
)


@dataclass(frozen=True, slots=True)
class Officer:
    name: str
    public: bytes
    roles: frozenset[str]

    def require(self, role: Role) -> None:
        if role not in self.roles:
            raise RefusedError("forbidden", "ROLE_MISSING", f"{self.name} has not the role {role}")


@dataclass(frozen=True, slots=True)
class Scope:
    """Times in UTC milliseconds, both included."""

    prefixes: tuple[str, ...]
    not_before: int
    not_after: int
    max_questions: int
    persons: bool


@dataclass(frozen=True, slots=True)
class Case:
    case_number: str
    purpose: str
    scope: Scope
    expires: int
    officer: str
    opened: int
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, read. `address` and `destination` are numbers of 128 bits; 0: none."""

    address: int
    port: int
    protocol: int
    time: int
    tolerance: int
    destination: int = 0
    destination_port: int = 0

    @property
    def is_ipv4(self) -> bool:
        return self.address >> 32 == _IPV4

    @property
    def start(self) -> int:
        return max(self.time - self.tolerance, 0)

    @property
    def end(self) -> int:
        return self.time + self.tolerance


def open_case(case: Case, now: int) -> Case:
    """The case, where it can be opened. Raises RefusedError."""

    def refuse(detail: str, field: str) -> RefusedError:
        return RefusedError("invalid", "CASE_MALFORMED", detail, field)

    if not 1 <= len(case.case_number) <= 64 or not case.case_number.isprintable():
        raise refuse("1 to 64 printable characters", "case_number")
    if not 1 <= len(case.purpose.strip()) <= 512:
        raise refuse("1 to 512 characters", "purpose")
    if not now < case.expires <= now + 366 * 86_400_000:
        raise refuse("must lie ahead, by a year at most", "expires")
    scope = case.scope
    if not 1 <= len(scope.prefixes) <= 1_000:
        raise refuse("1 to 1,000 prefixes", "scope.prefixes")
    for prefix in scope.prefixes:
        try:
            parse_prefix(prefix)
        except PrefixError as error:
            raise refuse(str(error), "scope.prefixes") from error
    if not 0 < scope.not_before <= scope.not_after:
        raise refuse("not_before must be told and lie before not_after", "scope.not_before")
    if not 1 <= scope.max_questions <= MAX_SCOPE:
        raise refuse(f"1 to {MAX_SCOPE:,}", "scope.max_questions")
    return case


def require_open(case: Case, now: int) -> None:
    if now > case.expires:
        raise RefusedError(
            "precondition", "CASE_EXPIRED", f"case {case.case_number} has expired", "case_number"
        )


def read_question(
    address: str, port: int, protocol: int, time: int, destination: tuple[str, int], tolerance: int, now: int
) -> Asked:
    """Raises RefusedError for what is no question that can be answered (RFC 6302)."""

    def malformed(detail: str, field: str) -> RefusedError:
        return RefusedError("invalid", "QUESTION_MALFORMED", detail, field)

    try:
        number = parse_address(address)
        towards = parse_address(destination[0]) if destination[0] else 0
    except PrefixError as error:
        raise malformed(str(error), "address") from error
    if not 0 <= port <= 65_535 or not 0 <= destination[1] <= 65_535:
        raise malformed("no port", "port")
    if not 0 <= protocol <= 255:
        raise malformed("no protocol", "protocol")
    if time <= 0:
        raise RefusedError("invalid", "TIME_REQUIRED", "a time is needed (RFC 6302)", "time")
    if time > now + MAX_TOLERANCE:
        raise malformed("the time lies ahead", "time")
    if not 0 <= tolerance <= MAX_TOLERANCE:
        raise malformed("at most an hour", "clock_tolerance")
    asked = Asked(number, port, protocol, time, tolerance, towards, destination[1])
    if port and not protocol:
        raise RefusedError("invalid", "PROTOCOL_REQUIRED", "a port needs its protocol (RFC 6302)", "protocol")
    return asked


def require_in_scope(case: Case, questions: Sequence[Asked]) -> None:
    if not 1 <= len(questions) <= MAX_QUESTIONS:
        raise RefusedError("invalid", "QUESTION_MALFORMED", f"1 to {MAX_QUESTIONS:,} questions", "questions")
    scope = case.scope
    if case.asked + len(questions) > scope.max_questions:
        detail = f"the case allows {scope.max_questions} questions, {case.asked} were asked"
        raise RefusedError("precondition", "OUT_OF_SCOPE", detail, "questions")
    prefixes = [parse_prefix(prefix) for prefix in scope.prefixes]
    for asked in questions:
        if not scope.not_before <= asked.time <= scope.not_after:
            raise RefusedError("precondition", "OUT_OF_SCOPE", "a time outside of the case's scope", "time")
        if not any(
            asked.address >> (BITS - prefix.length) == prefix.network >> (BITS - prefix.length)
            for prefix in prefixes
        ):
            raise RefusedError(
                "precondition", "OUT_OF_SCOPE", "an address outside of the case's scope", "address"
            )


@dataclass(frozen=True, slots=True)
class Approval:
    officer: str
    question_hash: bytes
    approved: bool
    expires: int
    made: int
    reason: str = ""


def approve(state: State, requester: str, question_hash: bytes, approval: Approval, now: int) -> State:
    """The new state. Raises RefusedError: the second officer must be another one, and have seen this very question."""
    if approval.officer == requester:
        raise RefusedError("forbidden", "SELF_APPROVAL", f"{requester} asked; another officer has to decide")
    if approval.question_hash != question_hash:
        raise RefusedError(
            "precondition", "QUESTION_CHANGED", "the approval is of another question", "question_hash"
        )
    if state != "waiting":
        raise RefusedError("precondition", "ALREADY_DECIDED", f"it is {state} already", "trace_id")
    if approval.approved and not now < approval.expires:
        raise RefusedError("precondition", "APPROVAL_EXPIRED", "the approval has expired", "expires")
    return "approved" if approval.approved else "refused"


def require_answerable(state: State, approval: Approval | None, question_hash: bytes, now: int) -> None:
    if state == "refused":
        raise RefusedError("forbidden", "TRACE_REFUSED", "the second officer has refused it", "trace_id")
    if state == "waiting" or approval is None or not approval.approved:
        raise RefusedError("forbidden", "NOT_APPROVED", "no second officer has approved it", "trace_id")
    if approval.question_hash != question_hash:
        raise RefusedError("forbidden", "QUESTION_CHANGED", "the approval is of another question", "trace_id")
    if now >= approval.expires:
        raise RefusedError("forbidden", "APPROVAL_EXPIRED", "the approval has expired", "trace_id")


def is_local(address: int) -> bool:
    """Whether the address means something behind one gateway only (RFC 1918, 6598, 4193)."""
    return any(address >> shift == prefix for shift, prefix in _LOCAL)
