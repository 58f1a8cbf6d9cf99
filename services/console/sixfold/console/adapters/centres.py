"""Asks the centres over gRPC: every question has a deadline, an answer is a value or a sentence why not."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.api.convergence.v1.convergence_pb2_grpc import ConvergenceServiceStub
from sixfold.api.credit.v1.credit_pb2_grpc import CreditServiceStub
from sixfold.api.emergency.v1.emergency_pb2_grpc import EmergencyServiceStub
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.api.security.v1.mitigation_pb2_grpc import MitigationServiceStub
from sixfold.api.security.v1.security_pb2_grpc import SecurityServiceStub
from sixfold.api.subjects import CENTRES

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a centre said: `value`, or `trouble` in its own words (with `code`, the gRPC status)."""

    centre: str
    value: T | None = None
    trouble: str = ""
    code: str = ""

    def map(self, change: Callable[[T], Any]) -> "Answer[Any]":
        return self if self.value is None else Answer(self.centre, change(self.value))


class Centres:
    """Stubs of the six centres over open channels; the owner of the channels closes them."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel], *, timeout: float) -> None:
        self._timeout = timeout
        self.security = SecurityServiceStub(channels["security"])
        self.mitigation = MitigationServiceStub(channels["security"])
        self.emergency = EmergencyServiceStub(channels["emergency"])
        self.identity = IdentityServiceStub(channels["identity"])
        self.address = AddressServiceStub(channels["address"])
        self.convergence = ConvergenceServiceStub(channels["convergence"])
        self.credit = CreditServiceStub(channels["credit"])
        # the library generates this stub without types
        self._health: dict[str, Any] = {centre: HealthStub(channels[centre]) for centre in CENTRES}

    async def ask(self, centre: str, call: Callable[..., Any], request: Any) -> Answer[Any]:
        """The answer to one unary call."""
        try:
            return Answer(centre, await call(request, timeout=self._timeout))
        except grpc.aio.AioRpcError as error:
            return Answer(centre, trouble=error.details() or error.code().name, code=error.code().name)

    async def health(self) -> dict[str, Answer[bool]]:
        """Which centres serve, by the standard health service."""

        async def one(centre: str) -> Answer[bool]:
            answer = await self.ask(centre, self._health[centre].Check, HealthCheckRequest())
            return answer.map(lambda reply: reply.status == HealthCheckResponse.SERVING)

        answers = await asyncio.gather(*map(one, CENTRES))
        return dict(zip(CENTRES, answers, strict=True))
