"""From a sealed batch to a record of the spool: encoded, within what the bus takes, numbered."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np

from sixfold.agent.batch import Sealed
from sixfold.agent.config import BatchSettings
from sixfold.agent.counters import Counters
from sixfold.agent.sealed_log import Line, SealedLog
from sixfold.agent.sequences import SequenceFile, Snapshot
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


@dataclass(frozen=True, slots=True)
class _Part:
    schema: BatchSchema
    columns: Columns
    exporter: str
    data: memoryview
    rows: int

    @property
    def octets(self) -> int:
        return int(self.columns["bytes"].sum()) if "bytes" in self.columns else 0


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
        log: SealedLog,
        sequences: SequenceFile,
        max_payload: Callable[[], int],
        sealed: Callable[[str], None],
    ) -> None:
        self._gateway = gateway
        self._compression: Any = None if settings.compression == "none" else settings.compression
        self._spool = spool
        self._counters = counters
        self._telemetry = telemetry
        self._log = log
        self._sequences = sequences
        self._lost = 0
        self._max_payload = max_payload
        self._sealed = sealed
        self._row_bytes: dict[str, float] = {}
        self._one_at_a_time = threading.Lock()

    def seal(self, batches: Sequence[Sealed], snapshot: Snapshot | None = None) -> None:
        """Encode and keep what was handed over, in parts where it is more than the bus takes.

        snapshot: the exporters' numbers that belong to it, told before the first batch is kept.
        """
        try:
            with self._one_at_a_time:
                parts = [
                    part
                    for batch in batches
                    for part in self._parts(batch.schema, batch.columns, batch.exporter)
                ]
                self._keep(parts, snapshot)
        finally:
            for batch in batches:
                batch.release()
        for kind in {batch.schema.name for batch in batches}:
            self._sealed(kind)

    def divide(self, record: Record) -> None:
        """Put the halves of a record that the bus does not take any more into the spool, under numbers of their own.

        The caller acknowledges the record then. Killed just between, the agent delivers its flows twice; therefore the
        record is the oldest that waits when it is divided, so that its acknowledgement is on disk at once.
        """
        schema = SCHEMAS[record.meta["schema"].partition("/")[0]]
        columns = decode(record.meta["schema"], record.data)
        self._counters.add("batches_resplit", 1)
        with self._one_at_a_time:
            halves = [
                part
                for half in _divided(columns, 2)
                for part in self._parts(schema, half, str(record.meta["exporter"]))
            ]
            self._keep(halves, None)
            # The halves stand for it from now on.
            self._log.write([_line(schema.name, record.meta, 0, 0, self._lost)])
        self._sealed(schema.name)

    def _parts(self, schema: BatchSchema, columns: Columns, exporter: str) -> Iterator[_Part]:
        """In as many parts as the last batch of this kind lets expect."""
        rows, limit = len(columns[schema.required[0]]), self._max_payload() - HEADROOM
        expected = rows * self._row_bytes.get(schema.name, 0.0)
        parts = min(rows, int(expected // limit) + 1)
        for part in _divided(columns, parts) if parts > 1 else (columns,):
            yield from self._encoded(schema, part, exporter, limit)

    def _encoded(self, schema: BatchSchema, columns: Columns, exporter: str, limit: int) -> Iterator[_Part]:
        data = memoryview(encode_buffer(schema, columns, self._compression))
        rows = len(columns[schema.required[0]])
        self._row_bytes[schema.name] = len(data) / rows
        if len(data) <= limit or rows < 2:
            yield _Part(schema, columns, exporter, data, rows)
            return
        for half in _divided(columns, 2):
            yield from self._encoded(schema, half, exporter, limit)

    def _keep(self, parts: Sequence[_Part], snapshot: Snapshot | None) -> None:
        """Tell what the spool is about to get, then give it: the publisher sees all of it or nothing."""
        before = self._given()
        after = dict(before)
        told: list[Line] = []
        if snapshot is not None:
            self._lost = snapshot.lost
        for part in parts:
            meta = {"epoch": self._spool.epoch, "sequence": after[part.schema.name]}
            told.append(_line(part.schema.name, meta, part.rows, part.octets, self._lost))
            after[part.schema.name] += 1
        if told:
            self._log.write(told)
        if snapshot is not None:
            self._sequences.write(self._spool.epoch, before, after, snapshot)
        logs = [self._spool.logs[kind] for kind in {part.schema.name for part in parts}]
        for one in logs:
            one.hide()
        try:
            for part, line in zip(parts, told, strict=True):
                meta = self._append(part)
                if (meta["epoch"], meta["sequence"]) != (line.epoch, line.sequence):
                    # The disk took it not, and it is held in memory under another number.
                    actual = _line(line.kind, meta, line.rows, line.bytes, self._lost)
                    self._log.write([replace(line, rows=0, bytes=0), actual])
            if snapshot is not None and (given := self._given()) != after:
                self._sequences.write(self._spool.epoch, given, given, snapshot)
        finally:
            for one in logs:
                one.show()

    def _given(self) -> dict[str, int]:
        return {kind: spooled.next_sequence for kind, spooled in self._spool.logs.items()}

    def resume(self) -> Snapshot | None:
        """Take back what a killed agent had kept in part, and give the exporters' numbers as of what it kept."""
        newest = self._sequences.newest()
        if newest is not None and newest.epoch == self._spool.epoch:
            if not newest.is_true(newest.epoch, self._given()):
                for kind, number in newest.before.items():
                    if kind in self._spool.logs:
                        self._spool.logs[kind].forget_from(number)
            void = {"epoch": newest.epoch}
            self._log.write(
                _line(kind, {**void, "sequence": number}, 0, 0, newest.snapshot.lost)
                for kind, after in newest.after.items()
                for number in range(self._given().get(kind, after), after)
            )
        known = self._sequences.resume(self._spool.epoch, self._given())
        self._lost = known.lost if known is not None else 0
        return known

    def _append(self, part: _Part) -> Mapping[str, Any]:
        columns, kind = part.columns, part.schema.name
        times = [columns[name] for name in _TIMES if name in columns] or [columns["time_received"]]
        headers: dict[str, str] = {}
        with self._telemetry.tracer.start_as_current_span(
            "agent.seal",
            start_time=int(columns["time_received"].min()) * 1_000_000,
            attributes={
                "sixfold.gateway": self._gateway,
                "sixfold.batch.kind": kind,
                "sixfold.batch.rows": part.rows,
            },
        ) as span:
            inject(headers)
            meta = {
                "schema": part.schema.version,
                "exporter": part.exporter,
                "count": part.rows,
                "time_first": min(int(some.min()) for some in times),
                "time_last": max(int(some.max()) for some in times),
                "traceparent": headers.get("traceparent", ""),
            }
            record = self._spool.append(kind, meta, part.data, part.rows)
            span.set_attribute("sixfold.batch.id", headers_of(self._gateway, record.meta, 0).batch_id)
        self._counters.add("batches_sealed", 1, kind=kind)
        self._counters.add("rows_sealed", part.rows, kind=kind)
        return record.meta


def _line(kind: str, meta: Mapping[str, Any], rows: int, octets: int, lost: int) -> Line:
    return Line(kind, meta["epoch"], meta["sequence"], rows, octets, lost)


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
