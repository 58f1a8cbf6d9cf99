"""LogService: the trace desk's questions, and the erasure of old logs."""

# ruff: noqa: N802 - the methods have the names of the contract

import time
from collections.abc import AsyncIterator
from typing import Any, Final

import pyarrow as pa

from sixfold.api.credit.v1 import log_pb2 as pb
from sixfold.api.credit.v1 import log_pb2_grpc
from sixfold.chassis import rpc
from sixfold.credit.servicer import asked, cut, pieces
from sixfold.credit.warehouse import trace
from sixfold.credit.warehouse.connection import Warehouse
from sixfold.credit.warehouse.erasure import erase
from sixfold.credit.warehouse.held import put_together

DAY: Final = 86_400_000
REMEMBERED: Final = 1.0
SKEW: Final = 300_000
"""Milliseconds that the caller's clock may be before ours."""


def _questions(message: pb.LogQuestions) -> trace.Questions:
    try:
        return trace.read_questions(message.address, message.port, message.start, message.end)
    except trace.ColumnsMalformedError as error:
        raise rpc.InvalidArgument("questions", str(error), reason="COLUMNS_MALFORMED") from error


class LogServicer(log_pb2_grpc.LogServiceServicer):
    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._known_lengths: Any = ()
        self._lengths_read = -REMEMBERED

    async def FindNatEvents(
        self, request: pb.FindNatEventsRequest, context: Any
    ) -> AsyncIterator[pb.FindNatEventsResponse]:
        questions = _questions(request.questions)
        if len(questions) == 1:
            one = trace.nat_events_of_one(questions, self._database)
            for piece in cut(await asked(self._warehouse.query_stream(one))):
                yield pb.FindNatEventsResponse(arrow=piece)
            return
        sql = trace.nat_events(questions, self._database)
        for piece in pieces(await asked(self._warehouse.query_arrow(sql, settings=trace.SETTINGS))):
            yield pb.FindNatEventsResponse(arrow=piece)

    async def FindBindings(
        self, request: pb.FindBindingsRequest, context: Any
    ) -> AsyncIterator[pb.FindBindingsResponse]:
        questions = _questions(request.questions)
        lengths = await self._lengths()
        if not len(lengths):
            return
        places = trace.places(questions, lengths)
        table = await self._bindings_of_few(places) if len(questions) <= trace.FEW else None
        if table is None:
            sql = trace.bindings(places, self._database)
            table = await asked(self._warehouse.query_arrow(sql, settings=trace.SETTINGS))
        for piece in pieces(table):
            yield pb.FindBindingsResponse(arrow=piece)

    async def _bindings_of_few(self, places: Any) -> pa.Table | None:
        """None: more rows than are put together here."""
        sql = trace.bindings_of_few(places, self._database)
        rows = pa.ipc.open_stream(await asked(self._warehouse.query_stream(sql))).read_all()
        return put_together(rows, places) if rows.num_rows < trace.MAX_ROWS_OF_FEW else None

    async def _lengths(self) -> Any:
        """The lengths of prefix in use, remembered for a second: the log itself is not told sooner."""
        if time.monotonic() - self._lengths_read > REMEMBERED:
            table = await asked(self._warehouse.query_arrow(trace.binding_lengths(self._database)))
            self._known_lengths = table.column("length").to_numpy()
            self._lengths_read = time.monotonic()
        return self._known_lengths

    async def EraseLogs(self, request: pb.EraseLogsRequest, context: Any) -> pb.EraseLogsResponse:
        days = self._warehouse.settings.nat_days
        youngest = time.time_ns() // 1_000_000 - days * DAY + SKEW
        if not 0 < request.before <= youngest:
            raise rpc.InvalidArgument(
                "before", f"logs are kept for {days} days (warehouse.nat_days)", reason="WITHIN_RETENTION"
            )
        found, left = await asked(erase(self._warehouse, request.before))
        return pb.EraseLogsResponse(found=found, left=left)

    @property
    def _database(self) -> str:
        return self._warehouse.settings.database
