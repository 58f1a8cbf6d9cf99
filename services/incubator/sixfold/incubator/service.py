"""The incubator put together: the only place where its parts meet."""

import asyncio
from dataclasses import dataclass

import grpc

from sixfold.api.subjects import CENTRES
from sixfold.chassis.http import AsgiServer
from sixfold.chassis.lifecycle import Lifecycle
from sixfold.chassis.rpc import connect
from sixfold.chassis.telemetry import Telemetry
from sixfold.incubator.adapters.access_tokens import TokenDoor
from sixfold.incubator.adapters.centres import Centres
from sixfold.incubator.adapters.contract import Contract
from sixfold.incubator.config import IncubatorSettings, read_keys
from sixfold.incubator.domain.keys import by_digest
from sixfold.incubator.pages.app import application
from sixfold.incubator.pages.door import Door


@dataclass(frozen=True, slots=True)
class Dependencies:
    telemetry: Telemetry


class Web:
    """The open API and the portal on their port, over channels to the centres; a component."""

    name = "incubator-web"

    def __init__(self, settings: IncubatorSettings, telemetry: Telemetry) -> None:
        self._settings = settings
        self._calls = telemetry.counter(
            "openapi_calls_total", "calls of the open API by operation and status"
        )
        self._tokens = telemetry.counter("openapi_tokens_total", "access tokens by outcome")
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._server: AsgiServer | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self._server.port if self._server is not None else self._settings.http.port

    def _count(self, operation: str, status: int) -> None:
        self._calls.add(1, {"operation": operation, "status": str(status)})

    def _count_token(self, outcome: str) -> None:
        self._tokens.add(1, {"outcome": outcome})

    async def start(self) -> None:
        settings = self._settings
        keys = by_digest(read_keys(settings.keys_file))
        self._channels = {
            centre: connect(getattr(settings.centres, centre), settings.client) for centre in CENTRES
        }
        contract = Contract()
        door = Door(
            Centres(self._channels, timeout=settings.call_timeout),
            contract,
            keys,
            tokens=self._token_door(),
            anonymous_per_minute=settings.anonymous_per_minute,
            count=self._count,
        )
        self._server = AsgiServer(
            self.name, application(contract, door, allowed_hosts=settings.allowed_hosts), settings.http
        )
        await self._server.start()
        self.task = self._server.task

    def _token_door(self) -> TokenDoor | None:
        settings = self._settings
        if settings.tokens is None:
            return None
        return TokenDoor(
            self._channels["identity"],
            settings.tokens,
            timeout=settings.call_timeout,
            count=self._count_token,
        )

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))


def build(settings: IncubatorSettings, dependencies: Dependencies) -> Lifecycle:
    """The public door, inert until started. It does not wait for the centres: calls say which one is silent."""
    return Lifecycle([Web(settings, dependencies.telemetry)], name="incubator")
