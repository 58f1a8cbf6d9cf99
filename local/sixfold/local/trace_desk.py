"""`sixfold trace …`: an officer's part of a lawful trace, signed with the keys of this home."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sixfold.local.command_line import HomeOption, say
from sixfold.local.errors import LocalError
from sixfold.local.home import DEFAULT_HOME, home_at

app = typer.Typer(
    help="Lawful trace: open a case, ask, have a second officer approve, read the answer.",
    no_args_is_help=True,
)
Requester = Annotated[str, typer.Option("--officer", help="Who asks.")]
Approver = Annotated[str, typer.Option("--officer", help="Who decides; not the one who asked.")]
CaseOption = Annotated[str, typer.Option("--case", help="Number of the case.")]
TraceArgument = Annotated[str, typer.Argument(help="What `request` or `person` printed.")]
PROTOCOLS: Final = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132, "dccp": 33}
DAY: Final = 86_400_000


def _now() -> int:
    return time.time_ns() // 1_000_000


def _milliseconds(text: str) -> int:
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise LocalError(f"{text!r} is no time; write 2026-01-31T12:00:00+08:00.") from error
    if read.tzinfo is None:
        raise LocalError(f"{text!r} has no time zone: end it with Z or +08:00.")
    return int(read.timestamp() * 1000)


def _shown(milliseconds: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)).isoformat()


def _ask(home: Path, officer: str, rpc: str, statement: Any, request: type[Any]) -> Any:
    from sixfold.api.identity.v1.trace_pb2_grpc import TraceServiceStub
    from sixfold.local.officers import call, signed

    message = request(signed=signed(home_at(home), officer, rpc, statement))
    return call(home_at(home), TraceServiceStub, lambda stub: getattr(stub, rpc)(message))


@app.command()
def case(
    number: Annotated[str, typer.Argument(help="The authority's own number.")],
    purpose: Annotated[str, typer.Option(help="What it is for.")],
    prefix: Annotated[list[str], typer.Option(help="Addresses that may be asked about; several.")],
    days: Annotated[int, typer.Option(min=1, help="Days back from now that may be asked about.")] = 30,
    expires: Annotated[int, typer.Option(min=1, max=365, help="Days from now that the case lasts.")] = 30,
    questions: Annotated[int, typer.Option(min=1, help="Questions in all.")] = 100,
    persons: Annotated[bool, typer.Option("--persons", help="Its scope reaches persons.")] = False,
    officer: Requester = "officer-a",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Open a case."""
    from sixfold.api.identity.v1 import trace_pb2 as pb

    scope = pb.CaseScope(
        prefixes=prefix,
        not_before=_now() - days * DAY,
        not_after=_now() + expires * DAY,
        max_questions=questions,
        persons=persons,
    )
    statement = pb.CaseStatement(
        case_number=number, purpose=purpose, scope=scope, expires=_now() + expires * DAY
    )
    answer = _ask(home, officer, "OpenCase", statement, pb.OpenCaseRequest)
    say(f"case {answer.case_number} is open until {_shown(answer.expires)}")


@app.command()
def request(
    address: Annotated[str, typer.Argument(help="What the server's log saw: IPv4 or IPv6.")],
    case_number: CaseOption,
    when: Annotated[str, typer.Option("--time", help="2026-01-31T12:00:00+08:00")],
    port: Annotated[int, typer.Option(min=0, max=65535)] = 0,
    protocol: Annotated[str, typer.Option(help=f"{', '.join(PROTOCOLS)} or a number.")] = "tcp",
    tolerance: Annotated[float, typer.Option(help="Seconds that the clocks may differ.")] = 1.0,
    to: Annotated[str, typer.Option(help="The server's address, where several are possible.")] = "",
    to_port: Annotated[int, typer.Option(min=0, max=65535)] = 0,
    officer: Requester = "officer-a",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Ask who was behind an address, port and time. Prints the number by which a second officer approves it."""
    from sixfold.api.identity.v1 import trace_pb2 as pb

    number = PROTOCOLS.get(protocol.lower()) or (int(protocol) if protocol.isdigit() else None)
    if number is None:
        raise LocalError(f"{protocol!r} is no protocol: one of {', '.join(PROTOCOLS)}, or a number.")
    question = pb.Question(
        address=address,
        port=port,
        protocol=number if port else 0,
        time=_milliseconds(when),
        clock_tolerance=int(tolerance * 1000),
        destination_address=to,
        destination_port=to_port,
    )
    statement = pb.TraceStatement(case_number=case_number, questions=[question])
    answer = _ask(home, officer, "RequestTrace", statement, pb.RequestTraceRequest)
    say(answer.trace_id)


@app.command()
def person(
    subscriber: Annotated[str, typer.Argument(help="The pseudonym that an answer named.")],
    case_number: CaseOption,
    of: Annotated[str, typer.Option(help="The trace whose answer named it.")],
    purpose: Annotated[str, typer.Option(help="What the person is needed for.")],
    officer: Requester = "officer-a",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Ask for the person behind a pseudonym. Prints the number by which a second officer approves it."""
    from sixfold.api.identity.v1 import trace_pb2 as pb

    statement = pb.PersonStatement(
        case_number=case_number, trace_id=of, subscriber=subscriber, purpose=purpose
    )
    say(_ask(home, officer, "RequestPerson", statement, pb.RequestPersonRequest).trace_id)


@app.command()
def approve(
    trace_id: TraceArgument,
    refuse: Annotated[bool, typer.Option("--refuse", help="Decline it.")] = False,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    hours: Annotated[float, typer.Option(min=0, help="How long the approval is good.")] = 24.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    officer: Approver = "officer-b",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Read the exact question, and sign its hash."""
    import hashlib

    from sixfold.api.identity.v1 import trace_pb2 as pb
    from sixfold.local.officers import parsed

    read = pb.ReadStatement(trace_id=trace_id)
    waiting = _ask(home, officer, "GetWaiting", read, pb.GetWaitingRequest)
    kind = pb.TraceStatement if waiting.rpc == "RequestTrace" else pb.PersonStatement
    question = parsed(waiting.signed.statement, kind)
    question.ClearField("nonce")
    say(f"{waiting.signed.officer} asks ({waiting.rpc}), made {_shown(question.made)}:\n{question}")
    if not yes and not typer.confirm("Decline it?" if refuse else "Approve exactly this?"):
        raise typer.Exit(1)
    statement = pb.ApprovalStatement(
        trace_id=trace_id,
        question_hash=hashlib.sha256(waiting.signed.statement).digest(),
        approved=not refuse,
        expires=_now() + int(hours * 3_600_000),
        reason=reason,
    )
    if waiting.rpc == "RequestTrace":
        _ask(home, officer, "ApproveTrace", statement, pb.ApproveTraceRequest)
    else:
        _ask(home, officer, "ApprovePerson", statement, pb.ApprovePersonRequest)
    say("declined" if refuse else "approved")


@app.command()
def answer(
    trace_id: TraceArgument, officer: Requester = "officer-a", home: HomeOption = DEFAULT_HOME
) -> None:
    """The answers: a subscriber's pseudonym, `ambiguous` or `unknown`."""
    from sixfold.api.identity.v1 import trace_pb2 as pb

    read = pb.ReadStatement(trace_id=trace_id)
    found = _ask(home, officer, "GetAnswer", read, pb.GetAnswerRequest)
    for one in found.answers:
        word = pb.TraceOutcome.Name(one.outcome).removeprefix("TRACE_OUTCOME_").lower()
        say(f"{one.subscriber} (by {one.path})" if one.subscriber else f"{word} ({one.reason})")


@app.command()
def resolve(
    trace_id: TraceArgument, officer: Requester = "officer-a", home: HomeOption = DEFAULT_HOME
) -> None:
    """The person's reference, after `person` and its approval."""
    from sixfold.api.identity.v1 import trace_pb2 as pb

    read = pb.ReadStatement(trace_id=trace_id)
    say(_ask(home, officer, "ResolvePerson", read, pb.ResolvePersonRequest).person_reference)


@app.command()
def erase(
    subscriber: Annotated[str, typer.Argument(help="The pseudonym whose person is to be forgotten.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    officer: Annotated[str, typer.Option("--officer", help="Who erases.")] = "auditor",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Make a person's vault entry unreadable for good."""
    from sixfold.api.identity.v1 import trace_pb2 as pb

    statement = pb.ErasureStatement(subscriber=subscriber, reason=reason)
    erased = _ask(home, officer, "ErasePerson", statement, pb.ErasePersonRequest).erased
    say("erased" if erased else "there was no entry")
