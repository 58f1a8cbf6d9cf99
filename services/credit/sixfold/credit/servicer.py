"""CreditService: proto to questions of the warehouse and back."""

import ipaddress
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import pyarrow as pa
from google.protobuf.timestamp_pb2 import Timestamp

from sixfold.api.addressing.policy import BLOCK, Action, wrong
from sixfold.api.credit.v1 import credit_pb2 as pb
from sixfold.api.credit.v1 import credit_pb2_grpc
from sixfold.chassis import rpc
from sixfold.credit.adapters.heartbeats import Heartbeats
from sixfold.credit.loader.ledger import BindingLoader
from sixfold.credit.loader.loader import Loader
from sixfold.credit.warehouse.connection import Warehouse, WarehouseBusyError, WarehouseRefusedError
from sixfold.credit.warehouse.questions import IPV6_SHARE, NEEDS_HOST, QUESTIONS
from sixfold.credit.warehouse.sums import MAX_PREFIXES, sums

R = TypeVar("R")
PIECE: Final = 1 << 20
DEFAULT_ROWS: Final = 1_000
MAX_ROWS: Final = 1_000_000


def _span(start: Timestamp | None, end: Timestamp | None, width: timedelta) -> tuple[int, int]:
    """(start, end) in milliseconds."""
    until = end.ToDatetime(UTC) if end is not None else datetime.now(UTC) + timedelta(milliseconds=1)
    since = start.ToDatetime(UTC) if start is not None else until - width
    if since >= until:
        raise rpc.InvalidArgument("start_time", "must be before end_time", reason="EMPTY_INTERVAL")
    return int(since.timestamp() * 1000), int(until.timestamp() * 1000)


def _given(message: Any, field: str) -> Timestamp | None:
    return getattr(message, field) if message.HasField(field) else None


async def asked(answer: Awaitable[R]) -> R:
    """The warehouse's answer; its refusals as errors of gRPC."""
    try:
        return await answer
    except WarehouseBusyError as error:
        raise rpc.Unavailable(str(error), reason="WAREHOUSE_BUSY") from error
    except WarehouseRefusedError as error:
        raise rpc.FailedPrecondition(str(error), reason="WAREHOUSE_REFUSED") from error


def pieces(table: pa.Table) -> Iterator[bytes]:
    """The table as one Arrow IPC stream, cut."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    yield from cut(memoryview(sink.getvalue()))


def cut(stream: bytes | memoryview) -> Iterator[bytes]:
    for offset in range(0, len(stream), PIECE):
        yield bytes(stream[offset : offset + PIECE])


class CreditServicer(credit_pb2_grpc.CreditServiceServicer):
    def __init__(
        self, warehouse: Warehouse, heartbeats: Heartbeats, loaders: Sequence[Loader | BindingLoader]
    ) -> None:
        self._warehouse = warehouse
        self._heartbeats = heartbeats
        self._loaders = loaders

    async def ListGateways(self, request: pb.ListGatewaysRequest, context: Any) -> pb.ListGatewaysResponse:  # noqa: N802
        newest = sorted(self._heartbeats.newest.items())
        return pb.ListGatewaysResponse(
            gateways=[pb.Gateway(gateway=name, heartbeat=beat) for name, beat in newest]
        )

    async def GetIpv6Share(self, request: pb.GetIpv6ShareRequest, context: Any) -> pb.GetIpv6ShareResponse:  # noqa: N802
        start, end = _span(_given(request, "start_time"), _given(request, "end_time"), timedelta(hours=24))
        parameters = {"start": start, "end": end, "gateway": request.gateway, "database": self._database}
        table = await asked(self._warehouse.query_arrow(IPV6_SHARE, parameters))
        shares = []
        for row in table.to_pylist():
            share = pb.Ipv6Share(gateway=row["gateway"])
            for name in ("bytes_ipv4", "bytes_ipv6", "flows_ipv4", "flows_ipv6"):
                setattr(share, name, int(row[name]))
            share.hour.FromSeconds(_seconds(row["hour"]))
            shares.append(share)
        return pb.GetIpv6ShareResponse(shares=shares)

    async def GetLoaderStatus(  # noqa: N802
        self, request: pb.GetLoaderStatusRequest, context: Any
    ) -> pb.GetLoaderStatusResponse:
        return pb.GetLoaderStatusResponse(
            loaders=[
                pb.LoaderStatus(
                    name=loader.name,
                    ready=loader.ready,
                    trouble=loader.trouble,
                    stored_rows=loader.stored_flows,
                    stored_batches=loader.stored_batches,
                )
                for loader in self._loaders
            ]
        )

    async def QueryFlows(  # noqa: N802
        self, request: pb.QueryFlowsRequest, context: Any
    ) -> AsyncIterator[pb.QueryFlowsResponse]:
        sql = QUESTIONS.get(request.query)
        if sql is None:
            raise rpc.InvalidArgument(
                "query", f"must be one of {', '.join(sorted(QUESTIONS))}", reason="UNKNOWN_QUERY"
            )
        if request.limit > MAX_ROWS:
            raise rpc.InvalidArgument("limit", f"at most {MAX_ROWS}", reason="LIMIT_TOO_LARGE")
        start, end = _span(_given(request, "start_time"), _given(request, "end_time"), timedelta(hours=1))
        parameters: dict[str, Any] = {"start": start, "end": end, "limit": request.limit or DEFAULT_ROWS}
        if request.query in NEEDS_HOST:
            try:
                parameters["host"] = str(ipaddress.ip_address(request.host))
            except ValueError as error:
                raise rpc.InvalidArgument("host", "must be an IP address", reason="NO_ADDRESS") from error
        table = await asked(self._warehouse.query_arrow(sql, {**parameters, "database": self._database}))
        for piece in pieces(table):
            yield pb.QueryFlowsResponse(arrow=piece)

    async def SumFlows(self, request: pb.SumFlowsRequest, context: Any) -> pb.SumFlowsResponse:  # noqa: N802
        if found := wrong(request.match, Action(BLOCK)):
            raise rpc.InvalidArgument(found[0].where, found[0].detail, reason="MATCH_INVALID")
        for name in ("sources", "destinations"):
            if len(getattr(request.match, name)) > MAX_PREFIXES:
                raise rpc.InvalidArgument(
                    f"match.{name}", f"at most {MAX_PREFIXES} prefixes", reason="TOO_MANY_PREFIXES"
                )
        start, end = _span(_given(request, "start_time"), _given(request, "end_time"), timedelta(hours=1))
        split = _given(request, "split_time")
        at = int(split.ToDatetime(UTC).timestamp() * 1000) if split is not None else end
        sql, parameters = sums(request.match, start, end, at, request.gateways)
        table = await asked(self._warehouse.query_arrow(sql, {**parameters, "database": self._database}))
        row = table.to_pylist()[0]
        return pb.SumFlowsResponse(**{name: int(value or 0) for name, value in row.items()})

    @property
    def _database(self) -> str:
        return self._warehouse.settings.database


def _seconds(value: Any) -> int:
    """ClickHouse's DateTime comes as a number of seconds through Arrow, or as a datetime."""
    return int(value.timestamp()) if isinstance(value, datetime) else int(value)
