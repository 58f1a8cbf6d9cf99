"""The only wiring of the address centre."""

from dataclasses import dataclass

from sixfold.address.adapters.ledger import CENTRE, BookSnapshots, codec
from sixfold.address.adapters.metering import TelemetryMeter, observe_pools
from sixfold.address.config import AddressSettings
from sixfold.address.domain.book import Book, evolve
from sixfold.address.handlers import Addresses
from sixfold.address.servicer import AddressServicer
from sixfold.api.address.v1.address_pb2_grpc import add_AddressServiceServicer_to_server
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.lifecycle import Background, Lifecycle
from sixfold.chassis.messaging import Messaging
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


def build(settings: AddressSettings, dependencies: Dependencies) -> Service:
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    ledger: Ledger[Book] = Ledger(
        messaging,
        centre=CENTRE,
        initial=Book,
        evolve=evolve,
        codec=codec(),
        snapshots=BookSnapshots(),
        snapshot_every=settings.snapshot_every,
    )
    addresses = Addresses(ledger=ledger, meter=TelemetryMeter(telemetry), ends_at_once=settings.ends_at_once)
    observe_pools(telemetry, lambda: ledger.state)
    rpc = RpcServer(
        settings.rpc,
        services=[(add_AddressServiceServicer_to_server, AddressServicer(addresses))],
        telemetry=telemetry,
        name="address-rpc",
    )
    ending = Background("address-ending", addresses.run)
    service = Service([ledger, ending, rpc], name=CENTRE)
    service.rpc, service.addresses = rpc, addresses
    return service
