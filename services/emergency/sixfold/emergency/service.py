"""The only wiring of the emergency centre."""

from dataclasses import dataclass

from sixfold.api.emergency.v1.emergency_pb2_grpc import add_EmergencyServiceServicer_to_server
from sixfold.api.subjects import RECEIPT_STREAM
from sixfold.chassis.commands import CommandSender
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.lifecycle import Background, Lifecycle
from sixfold.chassis.messaging import Consumer, Messaging
from sixfold.chassis.rpc import RpcServer
from sixfold.chassis.telemetry import Telemetry
from sixfold.emergency.adapters.commands import SignedCommands, Streams
from sixfold.emergency.adapters.gateways import HeardGateways
from sixfold.emergency.adapters.ledger import CENTRE, codec
from sixfold.emergency.adapters.metering import TelemetryMeter
from sixfold.emergency.adapters.receipts import ReceiptReader
from sixfold.emergency.config import EmergencySettings
from sixfold.emergency.domain.state import State, evolve
from sixfold.emergency.handlers import Alerts
from sixfold.emergency.servicer import EmergencyServicer


@dataclass(frozen=True, slots=True)
class Dependencies:
    messaging: Messaging
    telemetry: Telemetry


class Service(Lifecycle):
    """The centre as one component; `rpc.port` is known once it is started."""

    rpc: RpcServer
    alerts: Alerts


class WatchEnd:
    """Ends the watches before the server drains, which would wait for them."""

    name = "emergency-watches"

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    async def start(self) -> None:
        return None

    async def stop(self) -> None:
        self._alerts.end_watches()


def build(settings: EmergencySettings, dependencies: Dependencies) -> Service:
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    meter = TelemetryMeter(telemetry)
    ledger: Ledger[State] = Ledger(messaging, centre=CENTRE, initial=State, evolve=evolve, codec=codec())
    streams = Streams(
        messaging, commands_bytes=settings.commands_bytes, receipts_bytes=settings.receipts_bytes
    )
    sender = CommandSender(messaging, settings.signing_seed_file)
    gateways = HeardGateways(
        messaging,
        areas=settings.areas,
        most=settings.most_gateways,
        heard=lambda: alerts.wake(),
        refused=meter.gateway_refused,
    )
    alerts = Alerts(
        ledger=ledger,
        commands=SignedCommands(sender),
        gateways=gateways,
        policy=settings.alerts.policy(),
        limits=settings.document.limits(),
        meter=meter,
    )
    ledger.follow(lambda event, sequence, replayed: alerts.wake())
    receipts = Consumer(
        messaging,
        stream=RECEIPT_STREAM,
        durable="emergency-receipts",
        subjects=["receipt.>"],
        handle=ReceiptReader(alerts).handle,
        telemetry=telemetry,
        batch=256,
    )
    rpc = RpcServer(
        settings.rpc,
        services=[(add_EmergencyServiceServicer_to_server, EmergencyServicer(alerts))],
        telemetry=telemetry,
        name="emergency-rpc",
    )
    sending = Background("emergency-sending", alerts.run)
    service = Service(
        [streams, sender, ledger, gateways, receipts, sending, rpc, WatchEnd(alerts)], name=CENTRE
    )
    service.rpc, service.alerts = rpc, alerts
    return service
