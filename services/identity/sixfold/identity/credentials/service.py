"""The credentials put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from sixfold.api.identity.v1.credential_pb2_grpc import add_CredentialServiceServicer_to_server
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.lifecycle import Component
from sixfold.identity.config import CredentialSettings
from sixfold.identity.credentials.authority import Authority
from sixfold.identity.credentials.desk import CredentialDesk
from sixfold.identity.credentials.est import EstDoor
from sixfold.identity.credentials.limits import Limit
from sixfold.identity.credentials.secrets import Hasher
from sixfold.identity.credentials.servicer import CredentialServicer
from sixfold.identity.domain.registry import Registry
from sixfold.identity.handlers import utc_milliseconds
from sixfold.identity.ports import Meter


@dataclass(frozen=True, slots=True)
class CredentialRoom:
    """before: what starts before the servers; routes: EST, CRL and OCSP, for the HTTP door."""

    before: Sequence[Component]
    after: Sequence[Component]
    routes: Sequence[Route]
    services: Sequence[tuple[Callable[[Any, Any], None], Any]]
    desk: CredentialDesk


def build_credentials(
    settings: CredentialSettings,
    ledger: Ledger[Registry],
    meter: Meter,
    clock: Callable[[], int] = utc_milliseconds,
) -> CredentialRoom:
    """Inert until its components are started."""
    authority = Authority(
        root_file=settings.ca.root_file,
        certificate_file=settings.ca.certificate_file,
        key_file=settings.ca.key_file,
        url=settings.url.rstrip("/"),
    )
    hasher = Hasher(settings.key_file)
    desk = CredentialDesk(
        ledger=ledger,
        authority=authority,
        hasher=hasher,
        meter=meter,
        clock=clock,
        certificate_seconds=settings.ca.certificate_days * 86_400,
        crl_seconds=settings.ca.crl_hours * 3_600,
        attempts=Limit(burst=settings.wrong_attempts, seconds=settings.wrong_seconds, clock=clock),
    )
    per_host = Limit(burst=settings.host_attempts, seconds=1.0, clock=clock)
    door = EstDoor(desk, meter, per_host=per_host, forwarded=settings.forwarded_certificate_header)
    return CredentialRoom(
        before=(authority, hasher),
        after=(),
        routes=door.routes(),
        services=((add_CredentialServiceServicer_to_server, CredentialServicer(desk, clock)),),
        desk=desk,
    )
