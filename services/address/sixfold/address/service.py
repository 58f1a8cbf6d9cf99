"""The only wiring of the address centre."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sixfold.address.adapters.gateway_commands import Receipts, SignedConfigurations, TelemetryGatewayMeter
from sixfold.address.adapters.key_files import key_from
from sixfold.address.adapters.ledger import CENTRE, CentreSnapshots, LedgerPart, codec
from sixfold.address.adapters.metering import TelemetryMeter, observe_pools
from sixfold.address.adapters.translation_metering import TelemetryTranslationMeter
from sixfold.address.adapters.turnover import TurnoverCounter
from sixfold.address.adapters.usage import UsageStore
from sixfold.address.config import AddressSettings, GatewaySettings
from sixfold.address.dhcpv6.service import Doors, dhcpv6
from sixfold.address.domain.book import Book
from sixfold.address.domain.centre import Centre, evolve_centre
from sixfold.address.gateway_handlers import Gateways
from sixfold.address.gateway_servicer import GatewayServicer
from sixfold.address.handlers import Addresses, utc_milliseconds
from sixfold.address.identifiers_handlers import OpaqueIdentifiers
from sixfold.address.identifiers_servicer import InterfaceIdentifierServicer
from sixfold.address.planning_handlers import Planning
from sixfold.address.planning_servicer import PlanningServicer
from sixfold.address.retention_handlers import Retention
from sixfold.address.servicer import AddressServicer
from sixfold.address.translation_handlers import Translations
from sixfold.address.translation_servicer import TranslationServicer
from sixfold.api.address.v1.address_pb2_grpc import add_AddressServiceServicer_to_server
from sixfold.api.address.v1.gateways_pb2_grpc import add_GatewayServiceServicer_to_server
from sixfold.api.address.v1.identifiers_pb2_grpc import add_InterfaceIdentifierServiceServicer_to_server
from sixfold.api.address.v1.planning_pb2_grpc import add_PlanningServiceServicer_to_server
from sixfold.api.address.v1.translation_pb2_grpc import add_TranslationServiceServicer_to_server
from sixfold.api.subjects import RECEIPT_STREAM
from sixfold.chassis.commands import CommandSender
from sixfold.chassis.deliveries import HeartbeatListener
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.lifecycle import Aside, Background, Component, Lifecycle
from sixfold.chassis.messaging import Consumer, Messaging
from sixfold.chassis.rpc import RpcServer
from sixfold.chassis.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Dependencies:
    messaging: Messaging
    telemetry: Telemetry


class Service(Lifecycle):
    """The centre as one component; `rpc.port` is known once it is started."""

    rpc: RpcServer
    addresses: Addresses
    planning: Planning
    gateways: Gateways | None
    """None where they are configured by hand."""
    dhcpv6: Doors | None
    """None where the front is not enabled; its `port` is known once the centre is started."""


def build(settings: AddressSettings, dependencies: Dependencies) -> Service:
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    ledger: Ledger[Centre] = Ledger(
        messaging,
        centre=CENTRE,
        initial=Centre,
        evolve=evolve_centre,
        codec=codec(),
        snapshots=CentreSnapshots(),
        snapshot_every=settings.snapshot_every,
    )
    book: LedgerPart[Book] = LedgerPart(ledger, lambda centre: centre.book)
    addresses = Addresses(ledger=book, meter=TelemetryMeter(telemetry), ends_at_once=settings.ends_at_once)
    observe_pools(telemetry, lambda: book.state)
    translations = Translations(
        ledger=ledger,
        meter=TelemetryTranslationMeter(telemetry, lambda: ledger.state.translations),
        clock=utc_milliseconds,
        keep_ms=round(settings.log_days * 86_400_000),
    )
    retention = Retention(translations, ledger.cut, days=settings.log_days, hours=settings.retention_hours)
    turnover = TurnoverCounter(lambda: book.state)
    ledger.follow(turnover)
    planning = Planning(
        addresses=addresses,
        ledger=book,
        histories=UsageStore(messaging),
        turnover=turnover.taken,
        sample_seconds=settings.sample_seconds,
        clock=utc_milliseconds,
    )
    gateways, commanding = (
        _gateways(settings.gateways, dependencies, ledger) if settings.gateways is not None else (None, [])
    )
    rpc = RpcServer(
        settings.rpc,
        services=[
            (add_AddressServiceServicer_to_server, AddressServicer(addresses)),
            (add_PlanningServiceServicer_to_server, PlanningServicer(planning, addresses)),
            (add_TranslationServiceServicer_to_server, TranslationServicer(translations)),
            *(
                [(add_GatewayServiceServicer_to_server, GatewayServicer(gateways))]
                if gateways is not None
                else []
            ),
            *_identifiers(settings.identifier_key_file, lambda: book.state),
        ],
        telemetry=telemetry,
        name="address-rpc",
    )
    ending = Background("address-ending", addresses.run)
    sampling = Background("address-sampling", planning.run)
    front, doors = dhcpv6(
        settings.dhcpv6, ledger=ledger, messaging=messaging, telemetry=telemetry, clock=utc_milliseconds
    )
    forgetting = Background("address-retention", retention.run)
    service = Service([ledger, ending, sampling, forgetting, *commanding, rpc, *front], name=CENTRE)
    service.rpc, service.addresses, service.planning, service.dhcpv6 = rpc, addresses, planning, doors
    service.gateways = gateways
    return service


def _identifiers(key_file: Path | None, book: Callable[[], Book]) -> list[tuple[Any, Any]]:
    """The service of opaque identifiers, where there is a key for them."""
    if key_file is None:
        return []
    identifiers = OpaqueIdentifiers(key_from(key_file, "identifier_key_file"), book)
    return [(add_InterfaceIdentifierServiceServicer_to_server, InterfaceIdentifierServicer(identifiers))]


def _gateways(
    settings: GatewaySettings, dependencies: Dependencies, ledger: Ledger[Centre]
) -> tuple[Gateways, list[Component]]:
    """And its components, in the order of their start, after the ledger."""
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    sender = CommandSender(messaging, settings.signing_seed_file)
    gateways = Gateways(
        ledger=ledger,
        commands=SignedConfigurations(sender, lifetime=settings.lifetime),
        meter=TelemetryGatewayMeter(telemetry),
        clock=utc_milliseconds,
    )
    ledger.follow(lambda event, sequence, replayed: gateways.evolved(event))
    receipts = Consumer(
        messaging,
        stream=RECEIPT_STREAM,
        durable="address-receipts",
        subjects=["receipt.>"],
        handle=Receipts(gateways.answered).handle,
        telemetry=telemetry,
        batch=256,
    )
    return gateways, [
        sender,
        HeartbeatListener(messaging, gateways.heard),
        Aside(receipts),
        Background("address-gateways", gateways.run),
    ]
