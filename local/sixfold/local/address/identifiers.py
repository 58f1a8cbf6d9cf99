"""`sixfold address identifier`: the address that a terminal is to have in a network."""

from typing import Annotated, Any

import typer

from sixfold.local.address.asking import HOME, HomeOption, say
from sixfold.local.centres import call
from sixfold.local.home import home_at

app = typer.Typer()


@app.command()
def identifier(
    network: Annotated[str, typer.Argument(help="A /64.")],
    terminal: Annotated[str, typer.Argument(help="The terminal's pseudonym, t-….")],
    interface: Annotated[str, typer.Option(help="Which of its interfaces, where it has several.")] = "",
    dad_counter: Annotated[
        int, typer.Option(min=0, help="After a collision: the last answer's counter plus one.")
    ] = 0,
    opaque: Annotated[
        bool, typer.Option("--opaque", help="An opaque one, even where the network bears identities.")
    ] = False,
    home: HomeOption = HOME,
) -> None:
    """A terminal's address: identity-bearing where the network has opted in, else opaque (RFC 7217)."""
    trusted = None if opaque or dad_counter else _trusted(home, network, terminal)
    if trusted is not None:
        say(f"{trusted.address}\ttrusted\t{_until(trusted.valid_until)}")
        return
    answer = _opaque(home, network, terminal, interface, dad_counter)
    say(f"{answer.address}\topaque\t{answer.dad_counter}")


def _trusted(home: Any, network: str, terminal: str) -> Any:
    """The trace desk's answer; None where the network has not opted in."""
    import grpc

    from sixfold.api.identity.v1 import trace_pb2 as pb
    from sixfold.api.identity.v1.trace_pb2_grpc import TraceServiceStub
    from sixfold.chassis.rpc import reason_of

    async def asked(stub: Any) -> Any:
        try:
            return await stub.IssueInterfaceIdentifier(
                pb.IssueInterfaceIdentifierRequest(network=network, pseudonym=terminal)
            )
        except grpc.aio.AioRpcError as error:
            if reason_of(error) == "NETWORK_NOT_OPTED_IN":
                return None
            raise

    return call(home_at(home), "identity", TraceServiceStub, asked)


def _opaque(home: Any, network: str, terminal: str, interface: str, dad_counter: int) -> Any:
    from sixfold.api.address.v1 import identifiers_pb2 as pb
    from sixfold.api.address.v1.identifiers_pb2_grpc import InterfaceIdentifierServiceStub

    request = pb.AssignOpaqueIdentifierRequest(
        network=network, terminal=terminal, interface=interface, dad_counter=dad_counter
    )
    return call(
        home_at(home),
        "address",
        InterfaceIdentifierServiceStub,
        lambda stub: stub.AssignOpaqueIdentifier(request),
    )


def _until(milliseconds: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
