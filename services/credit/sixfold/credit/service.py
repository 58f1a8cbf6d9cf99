"""The credit centre put together: the only place where its parts meet."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.js.api import RetentionPolicy, StreamConfig
from nats.js.errors import NotFoundError

from sixfold.api.credit.v1 import credit_pb2_grpc, log_pb2_grpc
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.lifecycle import Component, Lifecycle
from sixfold.chassis.messaging import Messaging, ensure_dead_letters
from sixfold.chassis.rpc import RpcServer
from sixfold.chassis.telemetry import Telemetry
from sixfold.credit.adapters import heartbeats as beats
from sixfold.credit.adapters.heartbeats import Heartbeats
from sixfold.credit.adapters.ledger import codec
from sixfold.credit.adapters.spoofed import SpoofedReports
from sixfold.credit.config import CreditSettings, LoaderSettings
from sixfold.credit.domain.registry import Registry, apply, evolve
from sixfold.credit.loader.kinds import KINDS, Kind, stream_config
from sixfold.credit.loader.ledger import BindingLoader
from sixfold.credit.loader.loader import Loader
from sixfold.credit.log_servicer import LogServicer
from sixfold.credit.servicer import CreditServicer
from sixfold.credit.warehouse.connection import Warehouse
from sixfold.credit.warehouse.migrate import migrate

log = logging.getLogger(__name__)
CENTRE = "credit"


@dataclass(frozen=True, slots=True)
class Dependencies:
    messaging: Messaging
    telemetry: Telemetry


class Migrations:
    """Brings the warehouse to this release's schema when it starts, and writes that into the ledger."""

    name = "migrations"

    def __init__(self, warehouse: Warehouse, ledger: Ledger[Registry]) -> None:
        self._warehouse = warehouse
        self._ledger = ledger

    async def start(self) -> None:
        done = await self._warehouse.write(lambda client: migrate(client, self._warehouse.settings))
        now = datetime.now(UTC)
        if done:
            log.info("warehouse: applied migrations %s", ", ".join(done))
            await self._ledger.transact(lambda state: apply(state, done, now))

    async def stop(self) -> None:
        return


class Streams:
    """Makes the streams of batches, with the loaders' consumers on them before anything can be forgotten."""

    name = "streams"

    def __init__(self, messaging: Messaging, loaders: list[Loader], settings: LoaderSettings) -> None:
        self._messaging = messaging
        self._loaders = loaders
        self._settings = settings

    async def start(self) -> None:
        await ensure_dead_letters(self._messaging)
        await self._messaging.ensure_stream(beats.stream_config())
        for kind in KINDS:
            if not await self._exists(kind):
                await self._messaging.ensure_stream(self._config(kind, RetentionPolicy.LIMITS))
            for loader in self._loaders:
                if loader.kind is kind:
                    await loader.ensure()
            await self._messaging.ensure_stream(self._config(kind, RetentionPolicy.INTEREST))

    async def _exists(self, kind: Kind) -> bool:
        try:
            await self._messaging.js.stream_info(kind.stream)
        except NotFoundError:
            return False
        return True

    def _config(self, kind: Kind, retention: RetentionPolicy) -> StreamConfig:
        return stream_config(kind, self._settings.stream_bytes, retention)

    async def stop(self) -> None:
        return


class Service(Lifecycle):
    """The started parts, for whoever runs or tests them."""

    warehouse: Warehouse
    loaders: list[Loader]
    bindings: BindingLoader
    rpc: RpcServer


def build(settings: CreditSettings, dependencies: Dependencies) -> Service:
    """The centre, inert until started."""
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    warehouse = Warehouse(settings.warehouse)
    ledger: Ledger[Registry] = Ledger(
        messaging, centre=CENTRE, initial=Registry, evolve=evolve, codec=codec()
    )
    loaders = [
        Loader(
            kind,
            partition,
            messaging=messaging,
            warehouse=warehouse,
            settings=settings.loader,
            telemetry=telemetry,
        )
        for kind in KINDS
        for partition in range(settings.loader.partitions if kind.partitioned else 1)
    ]
    bindings = BindingLoader(
        messaging=messaging, warehouse=warehouse, settings=settings.loader, telemetry=telemetry
    )
    heartbeats = Heartbeats(warehouse, ledger)
    server = RpcServer(
        settings.rpc,
        services=[
            (
                credit_pb2_grpc.add_CreditServiceServicer_to_server,
                CreditServicer(warehouse, heartbeats, [*loaders, bindings]),
            ),
            (log_pb2_grpc.add_LogServiceServicer_to_server, LogServicer(warehouse)),
        ],
        telemetry=telemetry,
    )
    parts: list[Component] = [
        warehouse,
        ledger,
        Migrations(warehouse, ledger),
        Streams(messaging, loaders, settings.loader),
        *loaders,
        bindings,
        heartbeats.consumer(messaging, telemetry),
        SpoofedReports(warehouse, telemetry).consumer(messaging, telemetry),
        server,
    ]
    service = Service(parts, name=CENTRE)
    service.warehouse, service.loaders, service.rpc = warehouse, loaders, server
    service.bindings = bindings
    return service
