"""The stored flows, asked over gRPC of the credit centre."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

import grpc

from sixfold.api.agent.v1.agent_pb2 import PolicyMatch
from sixfold.api.credit.v1 import credit_pb2 as pb
from sixfold.api.credit.v1.credit_pb2_grpc import CreditServiceStub
from sixfold.chassis.codec import to_message
from sixfold.chassis.rpc import ClientSettings, connect
from sixfold.security.domain.mitigation.values import BlastRadius, Match
from sixfold.security.mitigation_ports import WarehouseAwayError

DEADLINE: Final = 10.0


class CreditWarehouse:
    """mitigation_ports.Warehouse; a component."""

    name = "security-warehouse"

    def __init__(self, target: str, settings: ClientSettings) -> None:
        self._target = target
        self._settings = settings
        self._channel: grpc.aio.Channel | None = None

    async def start(self) -> None:
        self._channel = connect(self._target, self._settings)

    async def stop(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def sum(
        self, match: Match, gateways: Sequence[str], start: datetime, split: datetime, end: datetime
    ) -> BlastRadius:
        assert self._channel is not None, "the warehouse is not started"
        request = pb.SumFlowsRequest(
            match=cast("PolicyMatch", to_message(match, PolicyMatch)), gateways=gateways
        )
        for name, moment in (("start_time", start), ("split_time", split), ("end_time", end)):
            getattr(request, name).FromDatetime(moment)
        stub: Any = CreditServiceStub(self._channel)
        try:
            found: pb.SumFlowsResponse = await stub.SumFlows(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise WarehouseAwayError(
                f"the warehouse does not answer: {error.code().name}: {error.details()}"
            ) from error
        return BlastRadius(
            start_time=start,
            end_time=end,
            flows=found.flows,
            bytes=found.bytes,
            packets=found.packets,
            sources=found.sources,
            destinations=found.destinations,
            good_flows=found.before_flows,
            good_bytes=found.before_bytes,
            good_sources=found.before_sources,
            known_flows=found.known_flows,
            known_bytes=found.known_bytes,
        )
