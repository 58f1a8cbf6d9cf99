"""`sixfold credential …`: what an operator does for a terminal's certificates and secret."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sixfold.local.command_line import HomeOption, say
from sixfold.local.home import DEFAULT_HOME, home_at
from sixfold.local.register import CLASSES, number_of

app = typer.Typer(
    help="Terminals' certificates and secrets: enrol, list, revoke.",
    no_args_is_help=True,
)
Terminal = Annotated[str, typer.Argument(help="The terminal's pseudonym, t-….")]


def _ask(home: Path, rpc: str, request: Any) -> Any:
    from sixfold.api.identity.v1.credential_pb2_grpc import CredentialServiceStub
    from sixfold.local.officers import call

    return call(home_at(home), CredentialServiceStub, lambda stub: getattr(stub, rpc)(request))


@app.command()
def enrol(
    customer: Annotated[
        str, typer.Argument(help="The operator's reference of the customer; sealed at once.")
    ],
    hardware: Annotated[
        str, typer.Argument(help="Serial number, MAC address or IMEI; only a keyed hash is kept.")
    ],
    terminal_class: Annotated[str, typer.Option("--class", help=", ".join(CLASSES))] = "home-gateway",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Enrol a person and a terminal (others: `sixfold register`); prints the terminal's pseudonym."""
    from sixfold.api.identity.v1 import identity_pb2 as pb
    from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
    from sixfold.local.officers import call

    kind = number_of(pb.TerminalClass, "TERMINAL_CLASS_", terminal_class, CLASSES, "--class")

    async def both(stub: Any) -> Any:
        person = pb.EnrolSubscriberRequest(person_reference=customer, kind=pb.SUBSCRIBER_KIND_PERSON)
        subscriber = (await stub.EnrolSubscriber(person)).subscriber.subscriber
        return await stub.EnrolTerminal(
            pb.EnrolTerminalRequest(subscriber=subscriber, terminal_class=kind, hardware_reference=hardware)
        )

    say(call(home_at(home), IdentityServiceStub, both).terminal.terminal)


@app.command()
def token(
    terminal: Terminal,
    hours: Annotated[float, typer.Option(min=0.01, max=168, help="How long it is good.")] = 1.0,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """A one-time token that pays for one enrolment by EST."""
    from sixfold.api.identity.v1 import credential_pb2 as pb

    request = pb.IssueEnrolmentTokenRequest(terminal=terminal, valid_seconds=int(hours * 3_600))
    say(_ask(home, "IssueEnrolmentToken", request).token)


@app.command()
def secret(terminal: Terminal, home: HomeOption = DEFAULT_HOME) -> None:
    """Draw a new CPE secret; it is shown this once."""
    from sixfold.api.identity.v1 import credential_pb2 as pb

    say(_ask(home, "SetCpeSecret", pb.SetCpeSecretRequest(terminal=terminal)).drawn_secret)


@app.command("list")
def list_certificates(terminal: Terminal, home: HomeOption = DEFAULT_HOME) -> None:
    """The terminal's certificates: serial, status, end, reason."""
    from sixfold.api.identity.v1 import credential_pb2 as pb

    for one in _ask(home, "ListCertificates", pb.ListCertificatesRequest(terminal=terminal)).certificates:
        status = pb.CertificateStatus.Name(one.status).removeprefix("CERTIFICATE_STATUS_").lower()
        say(f"{one.serial} {status} {one.not_after.ToDatetime():%Y-%m-%dT%H:%M:%SZ} {one.reason}".rstrip())


@app.command()
def revoke(
    serial: Annotated[str, typer.Argument(help="As `list` prints it.")],
    reason: Annotated[str, typer.Option(help="Of RFC 5280: keyCompromise, superseded, …")] = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Revoke a certificate for good."""
    from sixfold.api.identity.v1 import credential_pb2 as pb

    revoked = _ask(home, "RevokeCertificate", pb.RevokeCertificateRequest(serial=serial, reason=reason))
    say(f"revoked as {revoked.certificate.reason}")
