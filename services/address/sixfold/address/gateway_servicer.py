"""GatewayService: what translating gateways have of their own, and what they are told."""

# ruff: noqa: N802 - the methods have the names of the contract

from typing import Any, Final

from sixfold.address.domain.gateway_register import GatewayRecord
from sixfold.address.gateway_handlers import Gateways
from sixfold.address.gateway_messages import read_profile
from sixfold.address.servicer import refusing
from sixfold.api.address.v1 import gateways_pb2 as pb
from sixfold.api.address.v1 import gateways_pb2_grpc

LARGEST_PAGE: Final = 1_000
_OUTCOMES: Final = {
    "": pb.GatewayState.OUTCOME_UNSPECIFIED,
    "sent": pb.GatewayState.OUTCOME_SENT,
    "applied": pb.GatewayState.OUTCOME_APPLIED,
    "refused": pb.GatewayState.OUTCOME_REFUSED,
    "failed": pb.GatewayState.OUTCOME_FAILED,
}


class GatewayServicer(gateways_pb2_grpc.GatewayServiceServicer):
    def __init__(self, gateways: Gateways) -> None:
        self._gateways = gateways

    @refusing
    async def PutGateway(self, request: pb.PutGatewayRequest, context: Any) -> pb.PutGatewayResponse:
        return pb.PutGatewayResponse(profile=await self._gateways.put(request.profile))

    @refusing
    async def GetGateway(self, request: pb.GetGatewayRequest, context: Any) -> pb.GetGatewayResponse:
        profile = self._gateways.profile(request.gateway)
        composed = await self._gateways.composed(request.gateway)
        return pb.GetGatewayResponse(
            profile=profile,
            configuration=composed.configuration,
            omitted=[pb.OmittedPart(part=part, why=why) for part, why in composed.omitted],
            state=self._state(self._gateways.records[request.gateway]),
        )

    @refusing
    async def ListGateways(self, request: pb.ListGatewaysRequest, context: Any) -> pb.ListGatewaysResponse:
        size = min(request.page_size or 100, LARGEST_PAGE)
        names = sorted(
            name
            for name, record in self._gateways.records.items()
            if record.profile and name > request.page_token
        )
        return pb.ListGatewaysResponse(
            gateways=[
                pb.GatewaySummary(
                    profile=read_profile(self._gateways.records[name].profile),
                    state=self._state(self._gateways.records[name]),
                )
                for name in names[:size]
            ],
            next_page_token=names[size - 1] if len(names) > size else "",
        )

    @refusing
    async def RemoveGateway(self, request: pb.RemoveGatewayRequest, context: Any) -> pb.RemoveGatewayResponse:
        await self._gateways.remove(request.gateway)
        return pb.RemoveGatewayResponse()

    def _state(self, record: GatewayRecord) -> pb.GatewayState:
        delivery, heard = self._gateways.delivery(record.gateway)
        of_newest = delivery.sent == record.generation
        state = pb.GatewayState(
            generation=record.generation,
            outcome=_OUTCOMES.get(delivery.outcome, pb.GatewayState.OUTCOME_SENT)
            if of_newest
            else pb.GatewayState.OUTCOME_UNSPECIFIED,
            cause=delivery.cause if of_newest else "",
            reported_generation=delivery.reported,
        )
        if record.generation and delivery.reported == record.generation:
            state.outcome = pb.GatewayState.OUTCOME_APPLIED
        if record.composed:
            state.composed.FromMilliseconds(record.composed)
        if heard:
            state.last_heartbeat.FromMilliseconds(heard)
        return state
