"""`sixfold register …`: subscribers and terminals by pseudonym: enrolment, life cycle, who holds what."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sixfold.local.command_line import HomeOption, say
from sixfold.local.home import DEFAULT_HOME, home_at

app = typer.Typer(
    help="Subscribers and terminals: enrol, show, suspend, resume, retire, bind addresses.",
    no_args_is_help=True,
)
Pseudonym = Annotated[str, typer.Argument(help="Of a subscriber (s-…) or a terminal (t-…).")]
Reason = Annotated[str, typer.Option(help="Kept with the event.")]
KINDS: Final = ("person", "organisation")
CLASSES: Final = ("person", "enterprise", "home-gateway", "lte", "iot")


def _ask(home: Path, rpc: str, request: Any) -> Any:
    from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
    from sixfold.local.officers import call

    return call(home_at(home), IdentityServiceStub, lambda stub: getattr(stub, rpc)(request))


def _word(kind: Any, value: int) -> str:
    """`TERMINAL_CLASS_HOME_GATEWAY` as `home-gateway`."""
    name, own = kind.Name(value), kind.Name(0).removesuffix("UNSPECIFIED")
    return name.removeprefix(own).lower().replace("_", "-")


def number_of(kind: Any, prefix: str, word: str, words: tuple[str, ...], option: str) -> Any:
    if word not in words:
        raise typer.BadParameter(f"one of {', '.join(words)}", param_hint=option)
    return kind.Value(prefix + word.replace("-", "_").upper())


def _binding(one: Any) -> str:
    ports = f" ports {one.port_first}-{one.port_last}" if one.port_last else ""
    since = f"{one.since.ToDatetime():%Y-%m-%dT%H:%M:%SZ}"
    return f"{one.binding_id} {one.terminal} {one.prefix}{ports} {one.gateway or '-'} since {since}"


@app.command()
def subscriber(
    customer: Annotated[
        str, typer.Argument(help="The operator's reference of the customer; sealed at once.")
    ],
    kind: Annotated[str, typer.Option(help=", ".join(KINDS))] = "person",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Enrol a subscriber; prints the pseudonym, also where there was one."""
    from sixfold.api.identity.v1 import identity_pb2 as pb

    number = number_of(pb.SubscriberKind, "SUBSCRIBER_KIND_", kind, KINDS, "--kind")
    request = pb.EnrolSubscriberRequest(person_reference=customer, kind=number)
    say(_ask(home, "EnrolSubscriber", request).subscriber.subscriber)


@app.command()
def terminal(
    subscriber: Annotated[str, typer.Argument(help="Whose it is, s-….")],
    terminal_class: Annotated[str, typer.Option("--class", help=", ".join(CLASSES))],
    hardware: Annotated[
        str,
        typer.Option(help="Serial number, MAC address or IMEI; only a keyed hash is kept. Empty: by lot."),
    ] = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Enrol a terminal of a subscriber; prints the pseudonym."""
    from sixfold.api.identity.v1 import identity_pb2 as pb

    number = number_of(pb.TerminalClass, "TERMINAL_CLASS_", terminal_class, CLASSES, "--class")
    request = pb.EnrolTerminalRequest(
        subscriber=subscriber, terminal_class=number, hardware_reference=hardware
    )
    say(_ask(home, "EnrolTerminal", request).terminal.terminal)


@app.command()
def show(pseudonym: Pseudonym, home: HomeOption = DEFAULT_HOME) -> None:
    """What is known of a pseudonym, and the addresses that a terminal holds."""
    from sixfold.api.identity.v1 import identity_pb2 as pb

    if pseudonym.startswith("s-"):
        one = _ask(home, "GetSubscriber", pb.GetSubscriberRequest(subscriber=pseudonym)).subscriber
        what = f"{_word(pb.SubscriberKind, one.kind)} terminals {one.terminals}"
        bindings: Any = ()
    else:
        one = _ask(home, "GetTerminal", pb.GetTerminalRequest(terminal=pseudonym)).terminal
        what = f"{_word(pb.TerminalClass, one.terminal_class)} of {one.subscriber}"
        bindings = _ask(home, "ListBindings", pb.ListBindingsRequest(terminal=pseudonym)).bindings
    enrolled = f"{one.enrolled.ToDatetime():%Y-%m-%dT%H:%M:%SZ}"
    say(f"{pseudonym} {_word(pb.LifecycleState, one.state)} {what} enrolled {enrolled}")
    for binding in bindings:
        say(_binding(binding))


@app.command()
def suspend(pseudonym: Pseudonym, reason: Reason = "", home: HomeOption = DEFAULT_HOME) -> None:
    """Suspend: certificates are on hold, sessions end, nothing is admitted; a subscriber's terminals with it."""
    from sixfold.api.identity.v1 import identity_pb2 as pb

    _ask(home, "Suspend", pb.SuspendRequest(pseudonym=pseudonym, reason=reason))
    say(f"{pseudonym} is suspended")


@app.command()
def resume(pseudonym: Pseudonym, reason: Reason = "", home: HomeOption = DEFAULT_HOME) -> None:
    """Resume what was suspended."""
    from sixfold.api.identity.v1 import identity_pb2 as pb

    _ask(home, "Resume", pb.ResumeRequest(pseudonym=pseudonym, reason=reason))
    say(f"{pseudonym} is active")


@app.command()
def retire(
    pseudonym: Pseudonym,
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Retire for good: bindings end, certificates are revoked."""
    from sixfold.api.identity.v1 import identity_pb2 as pb

    if not yes:
        typer.confirm(f"Retire {pseudonym} for good?", abort=True)
    answer = _ask(home, "Retire", pb.RetireRequest(pseudonym=pseudonym, reason=reason))
    say(f"{pseudonym} is retired; bindings that ended: {answer.released_bindings}")


@app.command()
def bind(
    terminal: Annotated[str, typer.Argument(help="The terminal, t-….")],
    prefix: Annotated[str, typer.Argument(help="An address or a prefix that it holds from now on.")],
    gateway: Annotated[str, typer.Option(help="The gateway that it is behind.")],
    key: Annotated[str, typer.Option(help="A key of your own: the same key gets the same answer.")],
    ports: Annotated[str, typer.Option(help="FIRST-LAST, where the address is shared.")] = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Bind an address to a terminal; prints the binding."""
    from sixfold.api.identity.v1 import identity_pb2 as pb

    first, _, last = ports.partition("-")
    if ports and not (first.isdecimal() and last.isdecimal()):
        raise typer.BadParameter(f"{ports!r} is not FIRST-LAST", param_hint="--ports")
    request = pb.BindAddressRequest(
        terminal=terminal,
        prefix=prefix,
        port_first=int(first or 0),
        port_last=int(last or 0),
        gateway=gateway,
        idempotency_key=key,
    )
    say(_binding(_ask(home, "BindAddress", request).binding))


@app.command()
def release(
    binding: Annotated[int, typer.Argument(help="The number of the binding, as `show` prints it.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """End a binding."""
    from sixfold.api.identity.v1 import identity_pb2 as pb

    until = _ask(home, "ReleaseBinding", pb.ReleaseBindingRequest(binding_id=binding)).until
    say(f"ended {until.ToDatetime():%Y-%m-%dT%H:%M:%SZ}")
