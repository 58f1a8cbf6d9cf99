"""The warehouse's logs, asked over gRPC of the credit centre."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import grpc
import numpy as np
import pyarrow as pa

from sixfold.api.credit.v1 import log_pb2 as pb
from sixfold.api.credit.v1.log_pb2_grpc import LogServiceStub
from sixfold.chassis.rpc import ClientSettings, connect
from sixfold.identity.domain.case import Asked
from sixfold.identity.domain.evidence import Held, NatEvent
from sixfold.identity.trace.ports import Place, SourceUnavailableError

AT_ONCE: Final = 10_000
DEADLINE: Final = 30.0
ERASING: Final = 3_600.0


class WarehouseLogs:
    """ports.Logs; a component."""

    name = "warehouse-logs"

    def __init__(self, target: str, settings: ClientSettings) -> None:
        self._target = target
        self._settings = settings
        self._channel: grpc.aio.Channel | None = None

    async def start(self) -> None:
        self._channel = connect(self._target, self._settings)

    async def stop(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    @property
    def _stub(self) -> Any:
        assert self._channel is not None, "the logs are not started"
        return LogServiceStub(self._channel)

    async def nat_events(self, questions: Sequence[Asked], lookback: int) -> list[list[NatEvent]]:
        found: list[list[NatEvent]] = [[] for _ in questions]
        places = [
            Place(one.address, one.port, max(one.start - lookback, 0), one.end + lookback)
            for one in questions
        ]
        for first in range(0, len(places), AT_ONCE):
            request = pb.FindNatEventsRequest(questions=_columns(places[first : first + AT_ONCE]))
            table = await self._read(self._stub.FindNatEvents(request, timeout=DEADLINE))
            await asyncio.to_thread(_as_events, table, first, found)
        return found

    async def bindings(self, places: Sequence[Place]) -> list[list[Held]]:
        found: list[list[Held]] = [[] for _ in places]
        for first in range(0, len(places), AT_ONCE):
            request = pb.FindBindingsRequest(questions=_columns(places[first : first + AT_ONCE]))
            table = await self._read(self._stub.FindBindings(request, timeout=DEADLINE))
            await asyncio.to_thread(_as_held, table, first, found)
        return found

    async def erase(self, before: int) -> tuple[dict[str, int], dict[str, int]]:
        try:
            answer = await self._stub.EraseLogs(pb.EraseLogsRequest(before=before), timeout=ERASING)
        except grpc.aio.AioRpcError as error:
            raise SourceUnavailableError(f"the warehouse did not erase: {error.details()}") from error
        return dict(answer.found), dict(answer.left)

    async def _read(self, call: Any) -> pa.Table | None:
        try:
            data = b"".join([piece.arrow async for piece in call])
        except grpc.aio.AioRpcError as error:
            raise SourceUnavailableError(
                f"the warehouse does not answer: {error.code().name}: {error.details()}"
            ) from error
        return pa.ipc.open_stream(data).read_all() if data else None


def _columns(places: Sequence[Place]) -> pb.LogQuestions:
    return pb.LogQuestions(
        address=b"".join(place.address.to_bytes(16) for place in places),
        port=np.fromiter((place.port for place in places), "<u2", len(places)).tobytes(),
        start=np.fromiter((place.start for place in places), "<i8", len(places)).tobytes(),
        end=np.fromiter((place.end for place in places), "<i8", len(places)).tobytes(),
    )


def _lists(table: pa.Table, *names: str) -> list[list[Any]]:
    return [table.column(name).to_pylist() for name in names]


def _number(packed: bytes | None) -> int:
    return int.from_bytes(packed or b"")


def _as_events(table: pa.Table | None, first: int, found: list[list[NatEvent]]) -> None:
    if table is None:
        return
    columns = _lists(
        table,
        *("question", "time", "event", "protocol", "src_address", "src_port", "post_nat_dst_address"),
        *("post_nat_dst_port", "dst_address", "dst_port", "port_block_start", "port_block_end", "gateway"),
    )
    for row in zip(*columns, strict=True):
        question, time, event, protocol, inside, port, post, post_port, dst, dst_port, low, high, gateway = (
            row
        )
        # What the server's side saw is the destination after translation, where the exporter tells it.
        translated = any(post)
        destination = _number(post if translated else dst)
        found[first + question].append(
            NatEvent(
                time,
                event,
                protocol,
                _number(inside),
                port,
                destination,
                post_port if translated else dst_port,
                low,
                high,
                gateway,
            )
        )


def _as_held(table: pa.Table | None, first: int, found: list[list[Held]]) -> None:
    if table is None:
        return
    columns = _lists(
        table, "question", "holder", "length", "since", "until", "gateway", "port_first", "port_last"
    )
    for question, *held in zip(*columns, strict=True):
        found[first + question].append(Held(*held))
