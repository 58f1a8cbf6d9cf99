"""From a sealed batch to a record of the spool: encoded, within what the bus takes, numbered."""

import threading
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np

from sixfold.agent.batch import Sealed
from sixfold.agent.config import BatchSettings
from sixfold.agent.counters import Counters
from sixfold.agent.spool import Record, Spool
from sixfold.api.flow.codec import decode, encode_buffer
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import SCHEMAS, BatchSchema, Columns
from sixfold.chassis.telemetry import Telemetry, inject

HEADROOM: Final = 4_096
"""Bytes that headers and subject may take of the bus's payload limit."""
DEFAULT_PAYLOAD: Final = 1 << 20
"""What a NATS server takes unless it is told otherwise."""
_TIMES: Final = ("time_start", "time_end", "time")


class Sealer:
    """Encodes batches and puts them into the spool. `sealed` is told the kind of each; it may come from any thread."""

    def __init__(
        self,
        *,
        gateway: str,
        settings: BatchSettings,
        spool: Spool,
        counters: Counters,
        telemetry: Telemetry,
        max_payload: Callable[[], int],
        sealed: Callable[[str], None],
    ) -> None:
        self._gateway = gateway
        self._compression: Any = None if settings.compression == "none" else settings.compression
        self._spool = spool
        self._counters = counters
        self._telemetry = telemetry
        self._max_payload = max_payload
        self._sealed = sealed
        self._row_bytes: dict[str, float] = {}
        self._one_at_a_time = threading.Lock()

    def seal(self, batch: Sealed) -> None:
        """Encode and keep one batch, in parts where it is more than the bus takes."""
        try:
            with self._one_at_a_time:
                self._parts(batch.schema, batch.columns, batch.exporter)
        finally:
            batch.release()
        self._sealed(batch.schema.name)

    def divide(self, record: Record) -> None:
        """Put the halves of a record that the bus does not take any more into the spool, under numbers of their own.

        The caller acknowledges the record then. Killed just between, the agent delivers its flows twice; therefore the
        record is the oldest that waits when it is divided, so that its acknowledgement is on disk at once.
        """
        schema = SCHEMAS[record.meta["schema"].partition("/")[0]]
        columns = decode(record.meta["schema"], record.data)
        self._counters.add("batches_resplit", 1)
        with self._one_at_a_time:
            for half in _divided(columns, 2):
                self._parts(schema, half, str(record.meta["exporter"]))
        self._sealed(schema.name)

    def _parts(self, schema: BatchSchema, columns: Columns, exporter: str) -> None:
        """In as many parts as the last batch of this kind lets expect."""
        rows, limit = len(columns[schema.required[0]]), self._max_payload() - HEADROOM
        expected = rows * self._row_bytes.get(schema.name, 0.0)
        parts = min(rows, int(expected // limit) + 1)
        for part in _divided(columns, parts) if parts > 1 else (columns,):
            self._keep(schema, part, exporter, limit)

    def _keep(self, schema: BatchSchema, columns: Columns, exporter: str, limit: int) -> None:
        data = memoryview(encode_buffer(schema, columns, self._compression))
        kind, rows = schema.name, len(columns[schema.required[0]])
        self._row_bytes[kind] = len(data) / rows
        if len(data) > limit and rows > 1:
            for half in _divided(columns, 2):
                self._keep(schema, half, exporter, limit)
            return
        times = [columns[name] for name in _TIMES if name in columns] or [columns["time_received"]]
        headers: dict[str, str] = {}
        with self._telemetry.tracer.start_as_current_span(
            "agent.seal",
            start_time=int(columns["time_received"].min()) * 1_000_000,
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
                "count": rows,
                "time_first": min(int(some.min()) for some in times),
                "time_last": max(int(some.max()) for some in times),
                "traceparent": headers.get("traceparent", ""),
            }
            record = self._spool.append(kind, meta, data, rows)
            span.set_attribute("sixfold.batch.id", headers_of(self._gateway, record.meta, 0).batch_id)
        self._counters.add("batches_sealed", 1, kind=kind)
        self._counters.add("rows_sealed", rows, kind=kind)


def _divided(columns: Columns, parts: int) -> list[Columns]:
    rows = len(columns["time_received"])
    bounds = [rows * part // parts for part in range(parts + 1)]
    return [
        {name: np.ascontiguousarray(values[start:stop]) for name, values in columns.items()}
        for start, stop in pairwise(bounds)
    ]


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
