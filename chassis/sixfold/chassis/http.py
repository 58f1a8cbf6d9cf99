"""HTTP of a service: any ASGI app as a component, and the health endpoints /livez, /readyz, /metrics.

    server = HealthServer(HttpSettings(port=9000), lifecycle, [telemetry.registry])

/livez answers 200 while the process can answer; /readyz 200 or 503 with each component's state as JSON; /metrics is the
Prometheus text of all registries as one, so that several services in one process do not repeat a metric's head.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sixfold.chassis.config import Settings
from sixfold.chassis.lifecycle import Lifecycle


class HttpSettings(Settings):
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free port."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the daemon's own lifecycle stops it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


class AsgiServer:
    """An ASGI app on one port; `port` is the real one once it is started."""

    def __init__(self, name: str, app: Any, settings: HttpSettings, *, drain_timeout: int = 5) -> None:
        self.name = name
        self.port = settings.port
        self.task: asyncio.Task[None] | None = None
        self._host = settings.host
        self._app = app
        self._drain_timeout = drain_timeout
        self._server: _Server | None = None

    async def start(self) -> None:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self.port))
        except OSError as error:
            listener.close()
            raise OSError(
                error.errno,
                f"cannot listen on {self._host}:{self.port}: {error.strerror}; choose another port",
            ) from error
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=self._drain_timeout,
            limit_concurrency=512,
        )
        self._server = _Server(config)
        self.task = asyncio.create_task(self._server.serve(sockets=[listener]), name=self.name)
        while not self._server.started:
            if self.task.done():
                await self.task
                raise RuntimeError(f"{self.name} ended while starting")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._server is not None and self.task is not None:
            self._server.should_exit = True
            await asyncio.gather(self.task, return_exceptions=True)


class _Together:
    """The registries of several services as one collector: one family a name, with everybody's samples."""

    def __init__(self, registries: Sequence[CollectorRegistry]) -> None:
        self._registries = tuple(registries)

    def collect(self) -> Iterable[Metric]:
        families: dict[tuple[str, str], Metric] = {}
        seen: set[tuple[str, str, tuple[tuple[str, str], ...]]] = set()
        for registry in dict.fromkeys(self._registries):
            for metric in registry.collect():
                family = families.setdefault(
                    (metric.name, metric.type),
                    Metric(metric.name, metric.documentation, metric.type, metric.unit),
                )
                for sample in metric.samples:
                    identity = (metric.type, sample.name, tuple(sorted(sample.labels.items())))
                    if identity not in seen:
                        seen.add(identity)
                        family.samples.append(sample)
        return families.values()


Readiness = Lifecycle | Callable[[], Sequence[str]]


def health_app(readiness: Readiness, registries: Sequence[CollectorRegistry]) -> Starlette:
    """/livez, /readyz (503 naming what is not ready) and /metrics."""
    together = CollectorRegistry()
    together.register(_Together(registries))  # pyright: ignore[reportArgumentType]

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        body: dict[str, Any] = {}
        if isinstance(readiness, Lifecycle):
            body["components"] = readiness.states()
            waiting = readiness.unready()
        else:
            waiting = list(readiness())
        return JSONResponse({"ready": not waiting, "waiting_for": waiting} | body, 503 if waiting else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(together), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


class HealthServer(AsgiServer):
    """The health endpoints of one process. `readiness` is a Lifecycle, or names what is not ready yet."""

    def __init__(
        self,
        settings: HttpSettings,
        readiness: Readiness,
        registries: Sequence[CollectorRegistry],
    ) -> None:
        super().__init__("health", health_app(readiness, registries), settings)
