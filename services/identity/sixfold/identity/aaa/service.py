"""AAA put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from sixfold.api.identity.v1.aaa_pb2_grpc import add_AaaServiceServicer_to_server
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.lifecycle import Background, Component
from sixfold.chassis.telemetry import Telemetry
from sixfold.identity.aaa.access import AccessDoor
from sixfold.identity.aaa.accounts import AccountingDoor
from sixfold.identity.aaa.disconnecting import Disconnector
from sixfold.identity.aaa.doors import Door
from sixfold.identity.aaa.grants import Grants
from sixfold.identity.aaa.metering import AaaMeter
from sixfold.identity.aaa.packets import dictionary
from sixfold.identity.aaa.servers import AccessServers
from sixfold.identity.aaa.servicer import AaaServicer
from sixfold.identity.aaa.web import CertificateDoor
from sixfold.identity.config import AaaSettings
from sixfold.identity.credentials.desk import CredentialDesk
from sixfold.identity.domain.registry import Registry
from sixfold.identity.handlers import utc_milliseconds


@dataclass(frozen=True, slots=True)
class AaaRoom:
    """before: what starts before the gRPC server; after: the doors, once the ledger is read; routes: over HTTP."""

    before: Sequence[Component]
    after: Sequence[Component]
    services: Sequence[tuple[Callable[[Any, Any], None], Any]]
    routes: Sequence[Route]
    authentication: Door
    accounting: Door


def build_aaa(
    settings: AaaSettings,
    ledger: Ledger[Registry],
    desk: CredentialDesk,
    telemetry: Telemetry,
    clock: Callable[[], int] = utc_milliseconds,
) -> AaaRoom:
    """Inert until its components are started."""
    known, meter = dictionary(), AaaMeter(telemetry)
    servers = AccessServers(settings.access_servers)
    grants = Grants(session_seconds=settings.session_seconds, interim_seconds=settings.interim_seconds)
    access = AccessDoor(desk, known, grants)
    certificates = CertificateDoor(ledger, servers, grants, meter, clock)
    accounts = AccountingDoor(ledger, known, meter, clock, settings.gather_seconds)
    disconnector = Disconnector(ledger, servers, known, meter)
    ledger.follow(lambda event, sequence, replayed: disconnector.evolved(event, replayed=replayed))

    def door(name: str, answer: Any, port: int) -> Door:
        return Door(
            name,
            answer,
            servers=servers,
            meter=meter,
            clock=clock,
            host=settings.host,
            port=port,
            receive_bytes=settings.receive_bytes,
        )

    authentication = door("authentication", access.answer, settings.authentication_port)
    accounting = door("accounting", accounts.answer, settings.accounting_port)
    return AaaRoom(
        before=(servers,),
        after=(
            Background("radius-records", accounts.run),
            Background("radius-disconnects", disconnector.run),
            authentication,
            accounting,
        ),
        services=((add_AaaServiceServicer_to_server, AaaServicer(ledger, servers, disconnector)),),
        routes=certificates.routes(),
        authentication=authentication,
        accounting=accounting,
    )
