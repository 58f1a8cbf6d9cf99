"""ConvergenceService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from google.protobuf.timestamp_pb2 import Timestamp

from sixfold.api.convergence.v1 import convergence_pb2 as pb
from sixfold.api.convergence.v1 import convergence_pb2_grpc, events_pb2
from sixfold.api.subjects import gateway_token
from sixfold.chassis.codec import to_message
from sixfold.chassis.rpc import AlreadyExists, InvalidArgument, ResourceExhausted, Unavailable
from sixfold.convergence.adapters.broadcast import Broadcast, WatchersFullError, WatcherSlowError
from sixfold.convergence.domain.events import Network, PortRange, ServiceRegistered
from sixfold.convergence.domain.register import (
    IdempotencyConflictError,
    RegisterFullError,
    Registration,
    RegistrationInvalidError,
)
from sixfold.convergence.handlers import Accounting, TrafficMinute, WindowTooLongError, totals

NETWORKS: Final = {events_pb2.Network.Value(f"NETWORK_{network.name}"): network for network in Network}
MOST_MINUTES: Final = 10_000
LARGEST_PAGE: Final = 1_000


class ConvergenceServicer(convergence_pb2_grpc.ConvergenceServiceServicer):
    def __init__(self, accounting: Accounting, changes: Broadcast[tuple[TrafficMinute, int]]) -> None:
        self._accounting = accounting
        self._changes = changes

    async def GetTraffic(self, request: pb.GetTrafficRequest, context: Any) -> pb.GetTrafficResponse:
        _check_gateway(request.gateway)
        end = _moment(request, "end_time") or datetime.now(UTC)
        start = _moment(request, "start_time") or end - timedelta(hours=1)
        if start >= end:
            raise InvalidArgument("start_time", "must be before end_time", "TIME_RANGE_EMPTY")
        try:
            minutes = self._accounting.traffic(start, end, request.gateway, MOST_MINUTES)
        except WindowTooLongError as error:
            raise InvalidArgument("start_time", str(error), "TIME_RANGE_TOO_LONG") from error
        return pb.GetTrafficResponse(
            minutes=[minute_message(minute) for minute in minutes],
            totals=[cast("Any", to_message(cell, events_pb2.TrafficCell)) for cell in totals(minutes)],
        )

    async def WatchTraffic(
        self, request: pb.WatchTrafficRequest, context: Any
    ) -> AsyncIterator[pb.WatchTrafficResponse]:
        _check_gateway(request.gateway)
        try:
            with self._changes.subscribed() as changes:
                async for minute, sequence in changes:
                    if request.gateway in ("", minute.gateway):
                        yield pb.WatchTrafficResponse(minute=minute_message(minute), sequence=sequence)
        except WatchersFullError as error:
            raise ResourceExhausted(str(error), reason="TOO_MANY_WATCHERS") from error
        except WatcherSlowError as error:
            raise Unavailable(f"{error}: watch again", reason="WATCHER_TOO_SLOW") from error

    async def RegisterService(
        self, request: pb.RegisterServiceRequest, context: Any
    ) -> pb.RegisterServiceResponse:
        if request.network not in NETWORKS:
            raise InvalidArgument("network", "must be telecom, broadcast or internet", "NETWORK_REQUIRED")
        registration = Registration(
            name=request.name,
            network=NETWORKS[request.network],
            service_class=request.service_class,
            prefixes=tuple(request.prefixes),
            ports=tuple(PortRange(one.protocol, one.first, one.last) for one in request.ports),
            provider=request.provider,
            idempotency_key=request.idempotency_key,
        )
        try:
            service = await self._accounting.register(registration)
        except RegistrationInvalidError as error:
            reason = f"{error.name.upper()}_INVALID"
            raise InvalidArgument(error.name, error.problem, reason) from error
        except IdempotencyConflictError as error:
            raise AlreadyExists(str(error), reason="IDEMPOTENCY_KEY_USED") from error
        except RegisterFullError as error:
            raise ResourceExhausted(str(error), reason="REGISTER_FULL") from error
        return pb.RegisterServiceResponse(service=service_message(service))

    async def ListServices(self, request: pb.ListServicesRequest, context: Any) -> pb.ListServicesResponse:
        if request.network and request.network not in NETWORKS:
            raise InvalidArgument("network", "is no network this service knows", "NETWORK_UNKNOWN")
        size = min(request.page_size or 100, LARGEST_PAGE)
        start = _page(request.page_token)
        wanted = NETWORKS.get(request.network)
        services = [one for one in self._accounting.services() if wanted in (None, one.network)]
        more = str(start + size) if len(services) > start + size else ""
        return pb.ListServicesResponse(
            services=[service_message(one) for one in services[start : start + size]], next_page_token=more
        )


def minute_message(minute: TrafficMinute) -> pb.TrafficMinute:
    return cast("pb.TrafficMinute", to_message(minute, pb.TrafficMinute))


def service_message(service: ServiceRegistered) -> pb.Service:
    registered = Timestamp()
    registered.FromDatetime(service.time)
    return pb.Service(
        service_id=service.service_id,
        name=service.name,
        network=cast("Any", events_pb2.Network.Value(f"NETWORK_{service.network.name}")),
        service_class=service.service_class,
        prefixes=service.prefixes,
        ports=[events_pb2.PortRange(protocol=p.protocol, first=p.first, last=p.last) for p in service.ports],
        provider=service.provider,
        registered=registered,
    )


def _moment(request: pb.GetTrafficRequest, name: str) -> datetime | None:
    if not request.HasField(cast("Any", name)):
        return None
    try:
        return getattr(request, name).ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(name, "is no moment of the years 1 to 9999", "TIME_INVALID") from error


def _check_gateway(gateway: str) -> None:
    if gateway:
        try:
            gateway_token(gateway)
        except ValueError as error:
            raise InvalidArgument("gateway", str(error), "GATEWAY_MALFORMED") from error


def _page(token: str) -> int:
    if token and not (token.isascii() and token.isdigit() and len(token) < 10):
        raise InvalidArgument("page_token", "is none that this service gave", "PAGE_TOKEN_UNKNOWN")
    return int(token or 0)
