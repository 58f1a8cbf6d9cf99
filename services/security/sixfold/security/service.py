"""The security centre put together: the only place where its parts meet."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sixfold.api.security.v1.security_pb2_grpc import add_SecurityServiceServicer_to_server
from sixfold.chassis.ledger import Ledger, LedgerError
from sixfold.chassis.lifecycle import Background, Lifecycle
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.rpc import RpcServer
from sixfold.chassis.telemetry import Telemetry
from sixfold.security.adapters import flows
from sixfold.security.adapters.broadcast import Broadcast
from sixfold.security.adapters.checkpoints import Checkpoints
from sixfold.security.adapters.feeds import FeedStore
from sixfold.security.adapters.feeds import read as read_feed
from sixfold.security.adapters.leases import Partitions
from sixfold.security.adapters.ledger import CENTRE, CentreSnapshots, LedgerPart, codec
from sixfold.security.adapters.metering import TelemetryIntelMeter, TelemetryMeter, observe
from sixfold.security.adapters.registry import chosen
from sixfold.security.config import SecuritySettings
from sixfold.security.domain.centre import Centre, CentreEvent, evolve_centre
from sixfold.security.domain.engine import Engine
from sixfold.security.domain.events import ThresholdReverted
from sixfold.security.domain.incidents import Incidents
from sixfold.security.domain.window import Lanes, Window
from sixfold.security.handlers import FlowWatch, Operators, utc_now
from sixfold.security.intel_handlers import Feeds
from sixfold.security.intel_servicer import IntelQueries
from sixfold.security.ports import Clock
from sixfold.security.servicer import SecurityServicer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dependencies:
    messaging: Messaging
    telemetry: Telemetry
    clock: Clock = utc_now


class Service(Lifecycle):
    """The started parts, for whoever runs or tests them."""

    watch: FlowWatch
    ledger: LedgerPart[Incidents]
    changes: Broadcast[tuple[str, int]]
    rpc: RpcServer
    partitions: Partitions
    feeds: Feeds


def build(settings: SecuritySettings, dependencies: Dependencies) -> Service:
    """The centre, inert until started."""
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    changes: Broadcast[tuple[str, int]] = Broadcast()

    def changed(event: CentreEvent, sequence: int, _: bool) -> None:
        if not isinstance(event, ThresholdReverted):
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

    def failed(detector: str, doing: str, error: Exception) -> None:
        log.warning("detector %s failed (%s): %s", detector, doing, error, exc_info=error)
        meter.failed(detector, doing)

    engine = Engine(
        Window(settings.window.domain(), Lanes(settings.duplicate_exporters)),
        chosen(settings.detectors, given={"volumetric": settings.volumetric.domain()}),
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
    servicer = SecurityServicer(watch, operators, changes, IntelQueries(feeds), lambda: partitions)
    rpc = RpcServer(
        settings.rpc,
        services=[(add_SecurityServiceServicer_to_server, servicer)],
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
    service = Service([whole, feeds, checkpoints, partitions, closing, rpc], name=CENTRE)
    service.watch, service.ledger, service.changes, service.rpc = watch, ledger, changes, rpc
    service.partitions, service.feeds = partitions, feeds
    return service


async def _close_quiet(watch: FlowWatch) -> None:
    while True:
        await asyncio.sleep(1.0)
        try:
            await watch.close_quiet()
        except LedgerError as error:
            log.warning("incidents wait to be closed: %s", error)
