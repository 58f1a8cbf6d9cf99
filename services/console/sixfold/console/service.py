"""The console put together: the only place where its parts meet."""

import asyncio
from dataclasses import dataclass

import grpc

from sixfold.api.subjects import CENTRES
from sixfold.chassis.http import AsgiServer
from sixfold.chassis.lifecycle import Lifecycle
from sixfold.chassis.rpc import connect
from sixfold.chassis.telemetry import Telemetry
from sixfold.console.adapters.centres import Centres
from sixfold.console.config import ConsoleSettings
from sixfold.console.pages.app import application


@dataclass(frozen=True, slots=True)
class Dependencies:
    telemetry: Telemetry


class Web:
    """The pages on their port, over channels to the centres; a component."""

    name = "console-web"

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._server: AsgiServer | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self._server.port if self._server is not None else self._settings.http.port

    async def start(self) -> None:
        settings = self._settings
        self._channels = {
            centre: connect(getattr(settings.centres, centre), settings.client) for centre in CENTRES
        }
        app = application(
            Centres(self._channels, timeout=settings.call_timeout),
            refresh_seconds=settings.refresh_seconds,
            allowed_hosts=settings.allowed_hosts,
        )
        self._server = AsgiServer(self.name, app, settings.http)
        await self._server.start()
        self.task = self._server.task

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))


def build(settings: ConsoleSettings, dependencies: Dependencies) -> Lifecycle:
    """The console, inert until started. It does not wait for the centres: its pages say which one is silent."""
    return Lifecycle([Web(settings)], name="console")
