"""The convergence centre put together: the only place where its parts meet."""

import asyncio
import logging
from dataclasses import dataclass

from sixfold.api.convergence.v1.convergence_pb2_grpc import add_ConvergenceServiceServicer_to_server
from sixfold.chassis.ledger import Ledger, LedgerError
from sixfold.chassis.lifecycle import Background, Lifecycle
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.rpc import RpcServer
from sixfold.chassis.telemetry import Telemetry
from sixfold.convergence.adapters import flows
from sixfold.convergence.adapters.broadcast import Broadcast
from sixfold.convergence.adapters.ledger import CENTRE, StateSnapshots, codec
from sixfold.convergence.adapters.metering import TelemetryMeter, observe
from sixfold.convergence.config import ConvergenceSettings
from sixfold.convergence.domain.events import ConvergenceEvent, TrafficMinuteClosed, TrafficMinuteRevised
from sixfold.convergence.domain.state import State, evolve
from sixfold.convergence.handlers import Accounting, TrafficMinute, utc_now
from sixfold.convergence.ports import Now
from sixfold.convergence.servicer import ConvergenceServicer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dependencies:
    messaging: Messaging
    telemetry: Telemetry
    now: Now = utc_now


class Service(Lifecycle):
    """The started parts, for whoever runs or tests them."""

    accounting: Accounting
    ledger: Ledger[State]
    changes: Broadcast[tuple[TrafficMinute, int]]
    rpc: RpcServer


def build(settings: ConvergenceSettings, dependencies: Dependencies) -> Service:
    """The centre, inert until started."""
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    changes: Broadcast[tuple[TrafficMinute, int]] = Broadcast()

    def changed(event: ConvergenceEvent, sequence: int, _: bool) -> None:
        if isinstance(event, TrafficMinuteClosed | TrafficMinuteRevised):
            revision = event.revision if isinstance(event, TrafficMinuteRevised) else 1
            changes.send((TrafficMinute(event.gateway, event.minute, event.cells, True, revision), sequence))

    ledger: Ledger[State] = Ledger(
        messaging, centre=CENTRE, initial=State, evolve=evolve, codec=codec(), snapshots=StateSnapshots()
    )
    ledger.follow(changed)
    accounting = Accounting(
        ledger=ledger,
        networks=settings.networks,
        classes=settings.class_rules,
        clock=settings.clock,
        patience=settings.patience,
        silent_seconds=settings.silent_seconds,
        revise_seconds=settings.revise_seconds,
        meter=TelemetryMeter(telemetry),
        now=dependencies.now,
    )
    observe(telemetry, "convergence_gateways", "gateways with traffic", lambda: len(ledger.state.traffic))
    observe(
        telemetry, "convergence_services", "registered services", lambda: len(ledger.state.register.services)
    )
    observe(telemetry, "convergence_watchers", "streams of WatchTraffic", lambda: changes.watchers)
    consumers = flows.consumers(
        messaging,
        telemetry,
        flows.handler(accounting.take, telemetry, accounting.columns),
        settings.partitions,
        name=CENTRE,
    )
    servicer = ConvergenceServicer(accounting, changes)
    rpc = RpcServer(
        settings.rpc,
        services=[(add_ConvergenceServiceServicer_to_server, servicer)],
        telemetry=telemetry,
        name=f"{CENTRE}-rpc",
    )
    telling = Background("convergence-minutes", lambda: _tell(accounting))
    service = Service([ledger, *consumers, telling, rpc], name=CENTRE)
    service.accounting, service.ledger, service.changes, service.rpc = accounting, ledger, changes, rpc
    return service


async def _tell(accounting: Accounting) -> None:
    while True:
        await asyncio.sleep(1.0)
        try:
            await accounting.tell()
        except LedgerError as error:
            log.warning("minutes wait to be told: %s", error)
