"""The gRPC server of a service: its services, health and reflection."""

from collections.abc import Callable, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from sixfold.chassis.rpc.interceptor import CallInterceptor
from sixfold.chassis.rpc.settings import RpcSettings
from sixfold.chassis.telemetry import Telemetry

Register = Callable[[Any, Any], None]


class _Recorder:
    """Learns the names of the services that a generated `add_…Servicer_to_server` registers."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server
        self.names: list[str] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self.names += [handler.service_name() for handler in handlers]
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        self._server.add_registered_method_handlers(service, handlers)  # pyright: ignore[reportAttributeAccessIssue]  # pyright: ignore[reportAttributeAccessIssue]


class RpcServer:
    """A component. `services` are pairs of a generated `add_…Servicer_to_server` and a servicer."""

    def __init__(
        self,
        settings: RpcSettings,
        *,
        services: Sequence[tuple[Register, Any]],
        telemetry: Telemetry | None = None,
        name: str = "rpc",
        drain_timeout: float = 5.0,
    ) -> None:
        self.name = name
        self.port = settings.port
        self._settings = settings
        self._services = tuple(services)
        self._telemetry = telemetry
        self._drain_timeout = drain_timeout
        self._server: grpc.aio.Server | None = None
        self._health: Any = None
        self._names: list[str] = []

    @property
    def address(self) -> str:
        """host:port for a client."""
        return f"{self._settings.host}:{self.port}"

    async def start(self) -> None:
        size = self._settings.max_message_bytes
        self._server = grpc.aio.server(
            interceptors=[CallInterceptor(self._settings, self._telemetry)],
            options=[
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", size),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=self._settings.max_concurrent,
        )
        recorder = _Recorder(self._server)
        for register, servicer in self._services:
            register(servicer, recorder)
        self._names = list(recorder.names)
        self._health = health.aio.HealthServicer()  # pyright: ignore[reportAttributeAccessIssue]  # pyright: ignore[reportAttributeAccessIssue]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        await self._listen()
        await self._server.start()
        for service in (*self._names, ""):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    async def _listen(self) -> None:
        assert self._server is not None
        target = f"{self._settings.host}:{self.port}"
        try:
            if self._settings.tls is None:
                self.port = self._server.add_insecure_port(target)
            else:
                self.port = self._server.add_secure_port(target, self._settings.tls.for_server())
        except RuntimeError as error:
            raise OSError(
                f"cannot listen on {target}: is the port taken? choose another in rpc.port"
            ) from error

    async def stop(self) -> None:
        """Say that we are going, let the calls under way end within the drain timeout, stop."""
        if self._server is None:
            return
        if self._health is not None:
            await self._health.enter_graceful_shutdown()
        await self._server.stop(self._drain_timeout)
