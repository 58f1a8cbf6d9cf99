"""From a sealed batch to a record of the spool: encoded, within what the bus takes, numbered."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from sixfold.agent.batch import Sealed
from sixfold.agent.config import BatchSettings
from sixfold.agent.counters import Counters
from sixfold.agent.spool import Record, Spool
from sixfold.api.flow.codec import decode, encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import SCHEMAS, BatchSchema, Columns
from sixfold.chassis.telemetry import Telemetry, inject

HEADROOM: Final = 4_096
"""Bytes that headers and subject may take of the bus's payload limit."""
DEFAULT_PAYLOAD: Final = 1 << 20
"""What a NATS server takes unless it is told otherwise."""


def new_epoch() -> str:
    """A name that no other start of an agent has: batches are numbered within it."""
    return f"{int(time.time()):x}{secrets.token_hex(4)}"


class Sealer:
    """Numbers batches and puts them into the spool; used by one thread."""

    def __init__(
        self,
        *,
        gateway: str,
        epoch: str,
        settings: BatchSettings,
        spool: Spool,
        counters: Counters,
        telemetry: Telemetry,
        max_payload: Callable[[], int],
        sealed: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._epoch = epoch
        self._compression: Any = None if settings.compression == "none" else settings.compression
        self._spool = spool
        self._counters = counters
        self._telemetry = telemetry
        self._max_payload = max_payload
        self._sealed = sealed
        self._sequences: dict[str, int] = {}

    def seal(self, batch: Sealed) -> None:
        """Encode and keep one batch, in halves where it is more than the bus takes."""
        try:
            self._keep(batch.schema, batch.columns, batch.exporter, batch.time_first, batch.time_last)
        finally:
            batch.release()
        self._sealed()

    def divide(self, record: Record) -> None:
        """Put the halves of a record that the bus would not take into the spool, under numbers of their own."""
        schema = SCHEMAS[record.meta["schema"].partition("/")[0]]
        columns = decode(record.meta["schema"], record.data)
        self._counters.add("batches_resplit", 1)
        self._halves(schema, columns, str(record.meta["exporter"]))
        self._sealed()

    def _keep(self, schema: BatchSchema, columns: Columns, exporter: str, first: int, last: int) -> None:
        data = encode(schema, columns, self._compression)
        rows = len(columns[schema.required[0]])
        if len(data) > self._max_payload() - HEADROOM and rows > 1:
            self._halves(schema, columns, exporter)
            return
        kind = schema.name
        self._sequences[kind] = self._sequences.get(kind, 0) + 1
        headers: dict[str, str] = {}
        received = columns["time_received"]
        with self._telemetry.tracer.start_as_current_span(
            "agent.seal",
            start_time=int(received.min()) * 1_000_000,
            attributes={
                "sixfold.gateway": self._gateway,
                "sixfold.batch.kind": kind,
                "sixfold.batch.rows": rows,
            },
        ) as span:
            inject(headers)
            meta = {
                "schema": schema.version,
                "exporter": exporter,
                "epoch": self._epoch,
                "sequence": self._sequences[kind],
                "count": rows,
                "time_first": first,
                "time_last": last,
                "traceparent": headers.get("traceparent", ""),
            }
            span.set_attribute("sixfold.batch.id", headers_of(self._gateway, meta, 0).batch_id)
            self._spool.append(meta, data, rows)
        self._counters.add("batches_sealed", 1, kind=kind)
        self._counters.add("rows_sealed", rows, kind=kind)

    def _halves(self, schema: BatchSchema, columns: Columns, exporter: str) -> None:
        rows = len(columns[schema.required[0]])
        times = [name for name in ("time_start", "time_end", "time") if name in columns]
        for part in (slice(0, rows // 2), slice(rows // 2, rows)):
            half = {name: np.ascontiguousarray(values[part]) for name, values in columns.items()}
            first = min(int(half[name].min()) for name in times or ["time_received"])
            last = max(int(half[name].max()) for name in times or ["time_received"])
            self._keep(schema, half, exporter, first, last)


def headers_of(gateway: str, meta: Mapping[str, Any], floor: int) -> BatchHeaders:
    """The headers that a record is published with."""
    return BatchHeaders(
        schema=meta["schema"],
        gateway=gateway,
        exporter=meta["exporter"],
        epoch=meta["epoch"],
        sequence=meta["sequence"],
        floor=floor,
        count=meta["count"],
        time_first=meta["time_first"],
        time_last=meta["time_last"],
        traceparent=meta.get("traceparent", ""),
    )
