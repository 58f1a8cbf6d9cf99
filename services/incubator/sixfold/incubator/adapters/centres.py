"""Asks the centres over gRPC and turns their refusals into the open API's errors."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.api.credit.v1.credit_pb2_grpc import CreditServiceStub
from sixfold.api.emergency.v1.emergency_pb2_grpc import EmergencyServiceStub
from sixfold.api.security.v1.security_pb2_grpc import SecurityServiceStub
from sixfold.api.subjects import CENTRES
from sixfold.chassis.rpc import reason_of
from sixfold.incubator.ports import ApiError

_STATUS: Final[Mapping[grpc.StatusCode, tuple[int, str]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: (400, "INVALID_ARGUMENT"),
    grpc.StatusCode.OUT_OF_RANGE: (400, "OUT_OF_RANGE"),
    grpc.StatusCode.NOT_FOUND: (404, "NOT_FOUND"),
    grpc.StatusCode.ALREADY_EXISTS: (409, "ALREADY_EXISTS"),
    grpc.StatusCode.ABORTED: (409, "ABORTED"),
    grpc.StatusCode.FAILED_PRECONDITION: (409, "CONFLICT"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (409, "QUOTA_EXCEEDED"),
    grpc.StatusCode.UNAVAILABLE: (503, "UNAVAILABLE"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (503, "UNAVAILABLE"),
}


class Centres:
    """Stubs over open channels; the owner of the channels closes them."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel], *, timeout: float) -> None:
        self._timeout = timeout
        self.security = SecurityServiceStub(channels["security"])
        self.emergency = EmergencyServiceStub(channels["emergency"])
        self.address = AddressServiceStub(channels["address"])
        self.credit = CreditServiceStub(channels["credit"])
        # the library generates this stub without types
        self._health: dict[str, Any] = {centre: HealthStub(channels[centre]) for centre in CENTRES}

    async def ask(self, centre: str, call: Callable[..., Any], request: Any) -> Any:
        """The answer to one unary call; ApiError where the centre refuses or does not answer."""
        try:
            return await call(request, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            status, code = _STATUS.get(error.code(), (500, "INTERNAL"))
            if status == 503:
                raise ApiError(503, code, f"The {centre} centre does not answer; try again.") from error
            if status == 500:
                raise ApiError(
                    500, code, f"The {centre} centre failed; the operator has the details."
                ) from error
            if status == 409:
                code = f"{centre.upper()}.{reason_of(error)}"
            raise ApiError(status, code, error.details() or code) from error

    async def health(self) -> dict[str, bool]:
        async def serving(centre: str) -> bool:
            try:
                reply = await self._health[centre].Check(HealthCheckRequest(), timeout=self._timeout)
            except grpc.aio.AioRpcError:
                return False
            return reply.status == HealthCheckResponse.SERVING

        return dict(zip(CENTRES, await asyncio.gather(*map(serving, CENTRES)), strict=True))
