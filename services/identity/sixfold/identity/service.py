"""The only wiring of the identity centre."""

from dataclasses import dataclass
from datetime import timedelta

from starlette.applications import Starlette

from sixfold.api.identity.v1.bindings_pb2_grpc import add_BindingLogServiceServicer_to_server
from sixfold.api.identity.v1.identity_pb2_grpc import add_IdentityServiceServicer_to_server
from sixfold.api.subjects import NAT_STREAM, RECEIPT_STREAM
from sixfold.chassis.commands import CommandSender
from sixfold.chassis.deliveries import HeartbeatListener
from sixfold.chassis.http import AsgiServer
from sixfold.chassis.ledger import Ledger, PlainSnapshots
from sixfold.chassis.lifecycle import Aside, Background, Component, Lifecycle
from sixfold.chassis.messaging import Consumer, Messaging
from sixfold.chassis.rpc import RpcServer
from sixfold.chassis.telemetry import Telemetry
from sixfold.identity.aaa.service import AaaRoom, build_aaa
from sixfold.identity.adapters.keys import KeyedPseudonyms
from sixfold.identity.adapters.ledger import CENTRE, codec
from sixfold.identity.adapters.metering import TelemetryMeter, observe_registry
from sixfold.identity.adapters.nat_sessions import SessionCounter
from sixfold.identity.adapters.sources import (
    AddressLinks,
    BucketNumbers,
    SignedSources,
    SourceReceipts,
    TelemetrySourceMeter,
)
from sixfold.identity.adapters.vault import SealedVault
from sixfold.identity.binding_log import BindingLog, BindingLogServicer
from sixfold.identity.config import IdentitySettings, SourceSettings
from sixfold.identity.credentials.service import CredentialRoom, build_credentials
from sixfold.identity.domain.registry import Registry, evolve
from sixfold.identity.handlers import Identities
from sixfold.identity.oauth.service import TokenRoom, build_tokens
from sixfold.identity.servicer import IdentityServicer
from sixfold.identity.sources_handlers import ValidSources
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
    aaa: AaaRoom | None
    tokens: TokenRoom | None


def build(settings: IdentitySettings, dependencies: Dependencies) -> Service:
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    meter = TelemetryMeter(telemetry)
    ledger: Ledger[Registry] = Ledger(
        messaging,
        centre=CENTRE,
        initial=Registry,
        evolve=evolve,
        codec=codec(),
        snapshots=PlainSnapshots(Registry, "registry-1"),
        # Mostly written where old events are given up: millions of entries are not packed every few seconds.
        snapshot_every=1_000_000,
        snapshot_bytes=1 << 30,
    )
    pseudonyms = KeyedPseudonyms(settings.pseudonym_key_file)
    vault = SealedVault(messaging, settings.vault_key_file)
    identities = Identities(ledger=ledger, vault=vault, pseudonyms=pseudonyms, meter=meter)
    observe_registry(telemetry, lambda: ledger.state)
    desk = build_desk(settings.trace, messaging, ledger, vault) if settings.trace is not None else None
    credentials = (
        build_credentials(settings.credentials, ledger, meter) if settings.credentials is not None else None
    )
    aaa = (
        build_aaa(settings.aaa, ledger, credentials.desk, telemetry)
        if settings.aaa is not None and credentials is not None
        else None
    )
    tokens = (
        build_tokens(settings.oauth, settings.credentials, ledger, credentials.desk, meter)
        if settings.oauth is not None and settings.credentials is not None and credentials is not None
        else None
    )
    rooms = [room for room in (credentials, aaa, tokens) if room is not None]
    rpc = RpcServer(
        settings.rpc,
        services=[
            (add_IdentityServiceServicer_to_server, IdentityServicer(identities)),
            (add_BindingLogServiceServicer_to_server, BindingLogServicer(BindingLog(ledger, meter).log)),
            *(desk.services if desk is not None else ()),
            *(service for room in rooms for service in room.services),
        ],
        telemetry=telemetry,
        name="identity-rpc",
    )
    components: list[Component] = [pseudonyms, vault, ledger]
    for room in rooms:
        components += room.before
    if desk is not None:
        components += [*desk.before, rpc, *desk.after]
    else:
        components.append(rpc)
    if settings.credentials is not None:
        routes = [route for room in rooms for route in room.routes]
        components.append(AsgiServer("identity-http", Starlette(routes=routes), settings.credentials.http))
    for room in rooms:
        components += room.after
    if settings.sources is not None:
        components += _sources(settings.sources, dependencies, ledger)
    if settings.nat_sessions:
        components.append(Aside(_sessions(settings, dependencies, ledger, meter)))
    service = Service(components, name=CENTRE)
    service.rpc, service.identities, service.desk = rpc, identities, desk
    service.credentials, service.aaa, service.tokens = credentials, aaa, tokens
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


def _sources(
    settings: SourceSettings, dependencies: Dependencies, ledger: Ledger[Registry]
) -> list[Component]:
    """In the order of their start, after the ledger."""
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    sender = CommandSender(messaging, settings.signing_seed_file)
    links = AddressLinks(messaging, settings.address, settings.client, lambda: valid.links_changed())
    valid = ValidSources(
        registry=lambda: ledger.state,
        links=links,
        commands=SignedSources(sender, lifetime=timedelta(seconds=settings.command_seconds)),
        numbers=BucketNumbers(messaging),
        meter=TelemetrySourceMeter(telemetry),
        linger=settings.linger_seconds,
    )
    ledger.follow(lambda event, sequence, replayed: valid.evolved(event))
    receipts = Consumer(
        messaging,
        stream=RECEIPT_STREAM,
        durable="identity-receipts",
        subjects=["receipt.>"],
        handle=SourceReceipts(valid.answered).handle,
        telemetry=telemetry,
        batch=256,
    )
    return [
        sender,
        links,
        HeartbeatListener(messaging, valid.heard),
        Aside(receipts),
        Background("identity-sources", valid.run),
    ]
