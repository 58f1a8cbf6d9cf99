"""Heartbeats of the agents: the newest in memory, all of them in the warehouse."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from google.protobuf.message import DecodeError
from nats.js.api import StreamConfig

from sixfold.api.agent.v1.agent_pb2 import Heartbeat
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.messaging import Consumer, Inbound, Messaging, Poison
from sixfold.chassis.telemetry import Telemetry
from sixfold.credit.domain.registry import Registry, register
from sixfold.credit.warehouse.connection import Warehouse

STREAM = "HEARTBEATS"
_MILLIS = pa.timestamp("ms", tz="UTC")
_TYPES = {
    "time": _MILLIS,
    "gateway": pa.string(),
    "agent_version": pa.string(),
    "started": _MILLIS,
    "epoch": pa.string(),
    "exporters": pa.uint32(),
    "templates": pa.uint32(),
    "spool_batches": pa.uint64(),
    "spool_bytes": pa.uint64(),
    "spool_limit_bytes": pa.uint64(),
    "kernel_drops": pa.uint64(),
    "counters": pa.map_(pa.string(), pa.uint64()),
    "troubles": pa.list_(pa.string()),
}


def stream_config() -> StreamConfig:
    return StreamConfig(
        name=STREAM,
        subjects=["heartbeat.>"],
        description="the newest heartbeat of every gateway-agent",
        max_msgs_per_subject=1,
        max_age=7 * 86_400,
    )


def _row(beat: Heartbeat) -> dict[str, Any]:
    return {
        "time": beat.time.ToDatetime(UTC),
        "gateway": beat.gateway,
        "agent_version": beat.agent_version,
        "started": beat.started.ToDatetime(UTC),
        "epoch": beat.epoch,
        "exporters": beat.exporters,
        "templates": beat.templates,
        "spool_batches": beat.spool.batches,
        "spool_bytes": beat.spool.bytes,
        "spool_limit_bytes": beat.spool.limit_bytes,
        "kernel_drops": sum(listener.kernel_drops for listener in beat.listeners),
        "counters": list(beat.counters.items()),
        "troubles": list(beat.troubles),
    }


class Heartbeats:
    """Takes heartbeats; knows the newest of each gateway."""

    def __init__(self, warehouse: Warehouse, ledger: Ledger[Registry]) -> None:
        self._warehouse = warehouse
        self._ledger = ledger
        self._newest: dict[str, Heartbeat] = {}

    @property
    def newest(self) -> Mapping[str, Heartbeat]:
        return self._newest

    def consumer(self, messaging: Messaging, telemetry: Telemetry) -> Consumer:
        return Consumer(
            messaging,
            stream=STREAM,
            durable="credit-heartbeats",
            subjects=["heartbeat.>"],
            handle=self.take,
            telemetry=telemetry,
            batch=512,
            max_wait=1.0,
        )

    async def take(self, messages: Sequence[Inbound]) -> None:
        beats = []
        for message in messages:
            beat = Heartbeat()
            try:
                beat.ParseFromString(message.data)
            except DecodeError as error:
                raise Poison("no-heartbeat", str(error), message) from error
            if beat.gateway != message.subject.partition(".")[2]:
                raise Poison("other-gateway", f"{beat.gateway!r} on {message.subject}", message)
            beats.append(beat)
        for beat in beats:
            self._newest[beat.gateway] = beat
        now = datetime.now(UTC)
        seen = {beat.gateway: beat.agent_version for beat in beats}
        if any(self._ledger.state.gateways.get(name) != version for name, version in seen.items()):
            await self._ledger.transact(lambda state: register(state, seen, now))
        columns = [pa.array([row[name] for row in map(_row, beats)], kind) for name, kind in _TYPES.items()]
        token = f"heartbeats:{messages[0].sequence}-{messages[-1].sequence}"
        await self._warehouse.insert("gateways", pa.Table.from_arrays(columns, names=list(_TYPES)), token)
