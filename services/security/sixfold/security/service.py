"""The security centre put together: the only place where its parts meet."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sixfold.api.security.v1.mitigation_pb2_grpc import add_MitigationServiceServicer_to_server
from sixfold.api.security.v1.security_pb2_grpc import add_SecurityServiceServicer_to_server
from sixfold.chassis.commands import CommandSender
from sixfold.chassis.http import AsgiServer
from sixfold.chassis.ledger import Ledger, LedgerError
from sixfold.chassis.lifecycle import Background, Component, Lifecycle
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.rpc import RpcServer
from sixfold.chassis.telemetry import Telemetry
from sixfold.security.adapters import flows, sessions, spoofing, taxii
from sixfold.security.adapters.broadcast import Broadcast
from sixfold.security.adapters.checkpoints import Checkpoints
from sixfold.security.adapters.feeds import FeedStore
from sixfold.security.adapters.feeds import read as read_feed
from sixfold.security.adapters.leases import Partitions
from sixfold.security.adapters.ledger import CENTRE, CentreSnapshots, LedgerPart, codec
from sixfold.security.adapters.metering import (
    MitigationTelemetry,
    TelemetryIntelMeter,
    TelemetryMeter,
    observe,
)
from sixfold.security.adapters.mitigation_bus import SignedPolicies, Voices
from sixfold.security.adapters.registry import chosen, known
from sixfold.security.adapters.warehouse import CreditWarehouse
from sixfold.security.adapters.webhooks import Outbox
from sixfold.security.config import SecuritySettings
from sixfold.security.detectors_servicer import DetectorQueries
from sixfold.security.domain.centre import Centre, CentreEvent, evolve_centre
from sixfold.security.domain.engine import Engine
from sixfold.security.domain.events import ThresholdReverted
from sixfold.security.domain.exchange.catalogue import Catalogue
from sixfold.security.domain.exchange.stix import bundle
from sixfold.security.domain.incidents import Incidents
from sixfold.security.domain.mitigation.events import MitigationEvent, MitigationMeasured
from sixfold.security.domain.mitigation.values import Status
from sixfold.security.domain.window import Lanes, Window
from sixfold.security.enforcement_handlers import Enforcement
from sixfold.security.handlers import FlowWatch, Operators, utc_now
from sixfold.security.intel_handlers import Feeds
from sixfold.security.intel_servicer import IntelQueries
from sixfold.security.mitigation_handlers import Automatic, MitigationDesk
from sixfold.security.mitigation_servicer import MitigationServicer
from sixfold.security.ports import Clock
from sixfold.security.servicer import SecurityServicer
from sixfold.security.spoofing_handlers import SpoofedSources

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dependencies:
    messaging: Messaging
    telemetry: Telemetry
    clock: Clock = utc_now


@dataclass(frozen=True, slots=True)
class Mitigation:
    """The duty of mitigation: who decides, what is enforced, and what runs for it, in the order of starting."""

    ledger: Ledger[Centre]
    desk: MitigationDesk
    enforcement: Enforcement
    automatic: Automatic
    servicer: MitigationServicer
    parts: tuple[Component, ...]


class Service(Lifecycle):
    """The started parts, for whoever runs or tests them."""

    watch: FlowWatch
    ledger: LedgerPart[Incidents]
    changes: Broadcast[tuple[str, int]]
    rpc: RpcServer
    partitions: Partitions
    feeds: Feeds
    mitigation: Mitigation
    taxii: AsgiServer | None
    """None where it is not enabled; its `port` is known once the centre is started."""


def _mitigation(
    settings: SecuritySettings, dependencies: Dependencies, whole: Ledger[Centre], leads: Callable[[], bool]
) -> Mitigation:
    options, clock = settings.mitigation, dependencies.clock
    meter = MitigationTelemetry(dependencies.telemetry)
    ledger = LedgerPart(whole, lambda centre: centre)
    warehouse = CreditWarehouse(options.credit, options.client)
    sender = (
        CommandSender(dependencies.messaging, options.signing_seed_file)
        if options.signing_seed_file
        else None
    )
    commands = SignedPolicies(sender, timedelta(seconds=options.command_seconds)) if sender else None
    rules = options.rules()
    desk = MitigationDesk(ledger=ledger, warehouse=warehouse, rules=rules, meter=meter, clock=clock)
    enforcement = Enforcement(
        ledger=ledger,
        commands=commands,
        warehouse=warehouse,
        rules=rules,
        effect=options.effect(),
        meter=meter,
        leads=leads,
        clock=clock,
    )
    automatic = Automatic(ledger, warehouse, rules, options.automatic.domain(), meter, clock, leads)

    def changed(event: CentreEvent, _sequence: int, _replayed: bool) -> None:
        automatic.changed.set()
        if not isinstance(event, MitigationMeasured):
            enforcement.changed.set()

    whole.follow(changed)
    servicer = MitigationServicer(desk, enforcement, signs=commands is not None, clock=clock)
    parts: tuple[Component, ...] = (
        *((sender,) if sender else ()),
        warehouse,
        Voices(dependencies.messaging, enforcement, refused=meter.refused),
        Background("security-enforcement", lambda: _persisting(enforcement.run)),
        Background("security-automatic", lambda: _persisting(automatic.run)),
    )
    observe(
        dependencies.telemetry,
        "security_mitigations_active",
        "mitigations in force",
        lambda: len(desk.state.of_status(Status.ACTIVE)),
    )
    return Mitigation(whole, desk, enforcement, automatic, servicer, parts)


async def _persisting(work: Callable[[], Awaitable[None]]) -> None:
    """A ledger that does not answer for a while ends nothing."""
    while True:
        try:
            await work()
        except LedgerError as error:
            log.warning("mitigations wait for the ledger: %s", error)
            await asyncio.sleep(1.0)


def build(settings: SecuritySettings, dependencies: Dependencies) -> Service:
    """The centre, inert until started."""
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    changes: Broadcast[tuple[str, int]] = Broadcast()

    def changed(event: CentreEvent, sequence: int, _: bool) -> None:
        if not isinstance(event, ThresholdReverted | MitigationEvent):
            changes.send((event.incident_id, sequence))

    whole: Ledger[Centre] = Ledger(
        messaging,
        centre=CENTRE,
        initial=Centre,
        evolve=evolve_centre,
        codec=codec(),
        snapshots=CentreSnapshots(),
        shared=True,
    )
    whole.follow(changed)
    ledger = LedgerPart(whole, lambda centre: centre.incidents)
    meter = TelemetryMeter(telemetry)

    failures: Counter[str] = Counter()

    def failed(detector: str, doing: str, error: Exception) -> None:
        failures[detector] += 1
        log.warning("detector %s failed (%s): %s", detector, doing, error, exc_info=error)
        meter.failed(detector, doing)

    engine = Engine(
        Window(settings.window.domain(), Lanes(settings.duplicate_exporters)),
        chosen(settings.detectors, given={"volumetric": settings.volumetric.domain()}, rules=settings.rules),
        failed=failed,
    )
    watch = FlowWatch(
        engine=engine,
        ledger=ledger,
        life=settings.incidents.domain(),
        rows_at_once=settings.rows_at_once,
        look_seconds=settings.look_seconds,
        meter=meter,
        clock=dependencies.clock,
    )
    observe(telemetry, "security_window_hosts", "rows held in the window", lambda: watch.hosts)
    observe(telemetry, "security_incidents_active", "incidents that are on", lambda: len(ledger.state.active))
    observe(telemetry, "security_watchers", "streams of WatchIncidents", lambda: changes.watchers)
    operators = Operators(ledger=ledger, life=settings.incidents.domain(), clock=dependencies.clock)
    feeds = Feeds(
        settings.intel.domain(),
        read=read_feed,
        store=FeedStore(messaging),
        install=watch.use_listed,
        meter=TelemetryIntelMeter(telemetry),
        clock=dependencies.clock,
    )
    observe(
        telemetry, "security_listed_prefixes", "prefixes of feeds that are matched", lambda: len(feeds.listed)
    )
    exchange = settings.exchange
    servicer = SecurityServicer(
        watch,
        operators,
        changes,
        IntelQueries(feeds),
        lambda: partitions,
        lambda incident: bundle(incident, producer=exchange.producer, tlp=exchange.tlp),
        DetectorQueries(known(rules=settings.rules), engine, told=watch.told, failures=failures),
    )
    outbox = Outbox(
        messaging,
        telemetry,
        doors=[webhook.domain() for webhook in exchange.webhooks],
        codec=codec(),
        incident=lambda incident_id: ledger.state.by_id.get(incident_id),
    )
    doors = _taxii(settings, telemetry, ledger)
    mitigation = _mitigation(settings, dependencies, whole, lambda: partitions.leads)
    rpc = RpcServer(
        settings.rpc,
        services=[
            (add_SecurityServiceServicer_to_server, servicer),
            (add_MitigationServiceServicer_to_server, mitigation.servicer),
        ],
        telemetry=telemetry,
        name=f"{CENTRE}-rpc",
    )
    checkpoints = Checkpoints(
        messaging,
        partitions=lambda: partitions.newest,
        interval=settings.checkpoint_seconds,
        dump=watch.dump,
        restore=watch.restore,
    )

    async def gained(held: Sequence[int]) -> None:
        if watch.gained():
            await checkpoints.load(held)

    handle = flows.handler(watch.take, telemetry, watch.columns)
    partitions = Partitions(
        messaging,
        name=settings.replica.name,
        partitions=settings.partitions,
        beat=settings.replica.beat_seconds,
        patience=settings.replica.patience_seconds,
        consumer=lambda partition: flows.consumer(messaging, telemetry, handle, partition, name=CENTRE),
        gained=gained,
    )
    observe(
        telemetry,
        "security_partitions_held",
        "partitions that this replica watches",
        lambda: len(partitions.held),
    )
    closing = Background("security-incidents", lambda: _close_quiet(watch))
    forged = _spoofing(settings, dependencies, watch)
    translated = sessions.consumer(messaging, telemetry, watch.take_sessions, replica=partitions.replica)
    parts = [
        whole,
        feeds,
        checkpoints,
        partitions,
        translated,
        *forged,
        closing,
        *mitigation.parts,
        outbox,
        *doors,
        rpc,
    ]
    service = Service(parts, name=CENTRE)
    service.mitigation = mitigation
    service.watch, service.ledger, service.changes, service.rpc = watch, ledger, changes, rpc
    service.partitions, service.feeds = partitions, feeds
    service.taxii = doors[0] if doors else None
    return service


def _spoofing(settings: SecuritySettings, dependencies: Dependencies, watch: FlowWatch) -> list[Component]:
    """What reads the gateways' reports of forged sources, in the order of starting."""
    messaging, telemetry, options = dependencies.messaging, dependencies.telemetry, settings.spoofing
    meter = spoofing.TelemetrySpoofingMeter(telemetry)
    holders = spoofing.IdentityHolders(options.identity, options.client, meter) if options.identity else None
    spoofed = SpoofedSources(options.domain(), observe=watch.observe, holders=holders)
    reading = spoofing.consumer(messaging, telemetry, spoofed, meter)
    return [holders, reading] if holders is not None else [reading]


def _taxii(
    settings: SecuritySettings, telemetry: Telemetry, ledger: LedgerPart[Incidents]
) -> list[AsgiServer]:
    """The TAXII server, where it is enabled."""
    exchange, options = settings.exchange, settings.exchange.taxii
    if not options.enabled:
        return []
    catalogue = Catalogue(producer=exchange.producer, tlp=exchange.tlp, incidents=options.incidents)
    requests = telemetry.counter("security_taxii_requests_total", "requests by resource and status")
    password = options.password_file.read_text(encoding="utf-8").strip() if options.password_file else ""
    app = taxii.app(
        catalogue,
        lambda: catalogue.refresh(ledger.state.by_id.values()),
        title=exchange.producer,
        username=options.username,
        password=password,
        count=lambda resource, status: requests.add(1, {"resource": resource, "status": str(status)}),
    )
    return [AsgiServer("security-taxii", app, options.http)]


async def _close_quiet(watch: FlowWatch) -> None:
    while True:
        await asyncio.sleep(1.0)
        try:
            await watch.close_quiet()
        except LedgerError as error:
            log.warning("incidents wait to be closed: %s", error)
