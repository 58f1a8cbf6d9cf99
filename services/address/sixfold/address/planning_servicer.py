"""PlanningService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract

from collections.abc import AsyncIterator
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from sixfold.address.adapters.exchange import (
    ExchangeError,
    Imported,
    from_csv,
    from_netbox,
    rows_of,
    to_csv,
    to_netbox,
)
from sixfold.address.domain.advice import Advice
from sixfold.address.domain.plan import Level, Plan, drawn, explained
from sixfold.address.domain.prefix import PrefixError
from sixfold.address.domain.values import RefusedError
from sixfold.address.handlers import Addresses, utc_milliseconds
from sixfold.address.planning_handlers import HORIZON_DAYS, Planning
from sixfold.address.servicer import refusing
from sixfold.api.address.v1 import planning_pb2 as pb
from sixfold.api.address.v1 import planning_pb2_grpc
from sixfold.chassis.rpc import InvalidArgument

PIECE: Final = 1 << 20
MOST_EXPORTED: Final = 1_000_000
DAY: Final = 86_400_000
_SEVERITY: Final = {
    "error": pb.SEVERITY_ERROR,
    "warning": pb.SEVERITY_WARNING,
    "advice": pb.SEVERITY_ADVICE,
}
_URGENCY: Final = {"now": pb.URGENCY_NOW, "soon": pb.URGENCY_SOON, "later": pb.URGENCY_LATER}


class PlanningServicer(planning_pb2_grpc.PlanningServiceServicer):
    def __init__(self, planning: Planning, addresses: Addresses) -> None:
        self._planning = planning
        self._addresses = addresses

    async def JudgePlan(self, request: pb.JudgePlanRequest, context: Any) -> pb.JudgePlanResponse:
        plan = plan_of(request.plan)
        found, named = self._planning.judge(plan)
        wrong = any(one.severity == "error" for one in found)
        return pb.JudgePlanResponse(
            findings=[
                pb.PlanFinding(
                    severity=_SEVERITY[one.severity], reason=one.reason, level=one.level, detail=one.detail
                )
                for one in found
            ],
            drawing="" if wrong else drawn(plan),
            named_prefixes=named,
        )

    @refusing
    async def ApplyPlan(self, request: pb.ApplyPlanRequest, context: Any) -> pb.ApplyPlanResponse:
        made = await self._planning.apply(
            plan_of(request.plan), request.pool_id_prefix, dry_run=request.dry_run
        )
        return pb.ApplyPlanResponse(pool_ids=made)

    async def ExplainAddress(
        self, request: pb.ExplainAddressRequest, context: Any
    ) -> pb.ExplainAddressResponse:
        try:
            found = explained(plan_of(request.plan), request.address)
        except PrefixError as error:
            raise InvalidArgument("address", str(error), "ADDRESS_OUTSIDE") from error
        return pb.ExplainAddressResponse(
            meanings=[pb.AddressMeaning(level=level, code=code) for level, code in found.items()]
        )

    @refusing
    async def GetForecast(self, request: pb.GetForecastRequest, context: Any) -> pb.GetForecastResponse:
        found = self._planning.outlook(request.pool_id, request.horizon_days or HORIZON_DAYS)
        return pb.GetForecastResponse(
            forecast=pb.Forecast(
                pool_id=request.pool_id,
                used_share=found.now,
                growth_per_day=found.growth_per_day,
                expected_share=found.expected,
                low_share=found.low,
                high_share=found.high,
                full=in_days(found.full_in_days),
                full_earliest=in_days(found.full_earliest),
                full_latest=in_days(found.full_latest),
                points=found.points,
            )
        )

    @refusing
    async def ListAdvice(self, request: pb.ListAdviceRequest, context: Any) -> pb.ListAdviceResponse:
        return pb.ListAdviceResponse(
            advice=[advice_message(one) for one in self._planning.advice(request.pool_id)]
        )

    @refusing
    async def WhatIf(self, request: pb.WhatIfRequest, context: Any) -> pb.WhatIfResponse:
        if request.more_per_day < 0:
            raise InvalidArgument("more_per_day", "is negative", "NUMBER_OUT_OF_RANGE")
        found = self._planning.what_if(
            request.pool_id, request.delegations, request.length, request.more_per_day
        )
        return pb.WhatIfResponse(
            fits=found.fitting == request.delegations,
            fitting=found.fitting,
            used_share=found.used_share,
            hd_ratio=found.hd_ratio,
            full=in_days(found.full_in_days),
        )

    async def ListAnomalies(self, request: pb.ListAnomaliesRequest, context: Any) -> pb.ListAnomaliesResponse:
        found = pb.ListAnomaliesResponse()
        for pool_id, time, one in reversed(self._planning.anomalies):
            if request.pool_id in ("", pool_id):
                said = found.anomalies.add(
                    pool_id=pool_id, kind=one.kind, detail=one.detail, measure=one.measure, usual=one.usual
                )
                said.time.FromMilliseconds(time)
        return found

    async def ExportPools(
        self, request: pb.ExportPoolsRequest, context: Any
    ) -> AsyncIterator[pb.ExportPoolsResponse]:
        book = self._addresses.book
        held = list(self._held()) if request.with_delegations else []
        rows = rows_of([page.pool for page in book.pages.values()], held)
        text = (to_netbox if request.format == pb.EXCHANGE_FORMAT_NETBOX_JSON else to_csv)(rows).encode()
        for at in range(0, len(text), PIECE):
            yield pb.ExportPoolsResponse(piece=text[at : at + PIECE])

    def _held(self) -> Any:
        for number, one in enumerate(self._addresses.book.listed("", "", 0)):
            if number >= MOST_EXPORTED:
                detail = f"over {MOST_EXPORTED:,} delegations: ask the warehouse, or export pools alone"
                raise InvalidArgument("with_delegations", detail, "TOO_MANY")
            yield one

    async def ImportPools(self, request: pb.ImportPoolsRequest, context: Any) -> pb.ImportPoolsResponse:
        found = imported(request)
        answer = pb.ImportPoolsResponse(
            prefixes_in_use=[str(one.prefix) for one in found.held],
            faults=[
                pb.ImportFault(row=one.row, reason=one.reason, detail=one.detail) for one in found.faults
            ],
        )
        for wish in found.pools:
            try:
                if not request.dry_run:
                    await self._addresses.create_pool(wish)
                answer.pool_ids.append(wish.pool_id)
            except RefusedError as error:
                answer.faults.add(reason=error.reason, detail=f"{wish.prefix}: {error.detail}")
        return answer


def imported(request: pb.ImportPoolsRequest) -> Imported:
    try:
        text = request.file.decode("utf-8-sig")
        return (from_netbox if request.format == pb.EXCHANGE_FORMAT_NETBOX_JSON else from_csv)(text)
    except (ExchangeError, UnicodeDecodeError) as error:
        raise InvalidArgument("file", str(error)[:500], "FILE_MALFORMED") from error


def plan_of(message: pb.Plan) -> Plan:
    return Plan(
        message.root,
        tuple(Level(level.name, level.bits, dict(level.codes)) for level in message.levels),
        message.delegated_length,
    )


def advice_message(one: Advice) -> pb.Advice:
    return pb.Advice(
        pool_id=one.pool_id,
        urgency=_URGENCY[one.urgency],
        reason=one.reason,
        detail=one.detail,
        remedy=one.remedy,
    )


def in_days(days: float | None) -> Timestamp | None:
    if days is None:
        return None
    moment = Timestamp()
    moment.FromMilliseconds(utc_milliseconds() + int(days * DAY))
    return moment
