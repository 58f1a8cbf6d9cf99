"""The only wiring of the identity centre."""

from dataclasses import dataclass

from sixfold.api.identity.v1.bindings_pb2_grpc import add_BindingLogServiceServicer_to_server
from sixfold.api.identity.v1.identity_pb2_grpc import add_IdentityServiceServicer_to_server
from sixfold.api.subjects import NAT_STREAM
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.lifecycle import Aside, Component, Lifecycle
from sixfold.chassis.messaging import Consumer, Messaging
from sixfold.chassis.rpc import RpcServer
from sixfold.chassis.telemetry import Telemetry
from sixfold.identity.adapters.keys import KeyedPseudonyms
from sixfold.identity.adapters.ledger import CENTRE, codec
from sixfold.identity.adapters.metering import TelemetryMeter, observe_registry
from sixfold.identity.adapters.nat_sessions import SessionCounter
from sixfold.identity.adapters.vault import SealedVault
from sixfold.identity.binding_log import BindingLog, BindingLogServicer
from sixfold.identity.config import IdentitySettings
from sixfold.identity.credentials.service import CredentialRoom, build_credentials
from sixfold.identity.domain.registry import Registry, evolve
from sixfold.identity.handlers import Identities
from sixfold.identity.servicer import IdentityServicer
from sixfold.identity.trace.service import TraceDesk, build_desk


@dataclass(frozen=True, slots=True)
class Dependencies:
    messaging: Messaging
    telemetry: Telemetry


class Service(Lifecycle):
    """The centre as one component; `rpc.port` is known once it is started."""

    rpc: RpcServer
    identities: Identities
    desk: TraceDesk | None
    credentials: CredentialRoom | None


def build(settings: IdentitySettings, dependencies: Dependencies) -> Service:
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    meter = TelemetryMeter(telemetry)
    ledger: Ledger[Registry] = Ledger(
        messaging, centre=CENTRE, initial=Registry, evolve=evolve, codec=codec()
    )
    pseudonyms = KeyedPseudonyms(settings.pseudonym_key_file)
    vault = SealedVault(messaging, settings.vault_key_file)
    identities = Identities(ledger=ledger, vault=vault, pseudonyms=pseudonyms, meter=meter)
    observe_registry(telemetry, lambda: ledger.state)
    desk = build_desk(settings.trace, messaging, ledger, vault) if settings.trace is not None else None
    credentials = (
        build_credentials(settings.credentials, ledger, meter) if settings.credentials is not None else None
    )
    rpc = RpcServer(
        settings.rpc,
        services=[
            (add_IdentityServiceServicer_to_server, IdentityServicer(identities)),
            (add_BindingLogServiceServicer_to_server, BindingLogServicer(BindingLog(ledger, meter).log)),
            *(desk.services if desk is not None else ()),
            *(credentials.services if credentials is not None else ()),
        ],
        telemetry=telemetry,
        name="identity-rpc",
    )
    components: list[Component] = [pseudonyms, vault, ledger]
    if credentials is not None:
        components += credentials.before
    if desk is not None:
        components += [*desk.before, rpc, *desk.after]
    else:
        components.append(rpc)
    if credentials is not None:
        components.append(credentials.http)
    if settings.nat_sessions:
        components.append(Aside(_sessions(settings, dependencies, ledger, meter)))
    service = Service(components, name=CENTRE)
    service.rpc, service.identities, service.desk = rpc, identities, desk
    service.credentials = credentials
    return service


def _sessions(
    settings: IdentitySettings, dependencies: Dependencies, ledger: Ledger[Registry], meter: TelemetryMeter
) -> Consumer:
    counter = SessionCounter(lambda: ledger.state, meter, index_seconds=settings.index_seconds)
    return Consumer(
        dependencies.messaging,
        stream=NAT_STREAM,
        durable="identity-sessions",
        subjects=["nat.>"],
        handle=counter.handle,
        telemetry=dependencies.telemetry,
        batch=16,
        # A dead centre must not hold the stream for ever.
        inactive_threshold=600,
    )
