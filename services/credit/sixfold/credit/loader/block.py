"""Batches as they arrive, and many of them as one block of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pyarrow as pa

from sixfold.api.flow.codec import BatchError, BatchMalformedError, decode_arrow
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.subjects import gateway_token
from sixfold.credit.domain.watermark import BatchId
from sixfold.credit.loader.kinds import Kind

RECEIVED: Final = "time_received"
AHEAD: Final = timedelta(hours=1)
"""An agent's clock may be this much before the bus's."""
BEHIND: Final = timedelta(days=14)
"""A batch may have lain this long in an agent's spool."""
MAX_EPOCH: Final = 64


class OtherGatewayError(BatchError):
    """A batch on the subject of another gateway: an agent may speak for itself only."""

    cause = "other-gateway"


@dataclass(frozen=True, slots=True)
class Source:
    """A message of the stream, however it was read."""

    subject: str
    sequence: int
    published: datetime
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, read and checked. retimed: rows whose time of arrival could not be true."""

    id: BatchId
    headers: BatchHeaders
    rows: pa.RecordBatch
    retimed: int


def read_headers(source: Source) -> tuple[BatchHeaders, BatchId]:
    """Raises BatchError where the headers are no batch's."""
    read = BatchHeaders.from_nats(source.headers)
    try:
        gateway_token(read.gateway)
    except ValueError as error:
        raise BatchMalformedError(str(error)) from error
    if source.subject.rpartition(".")[2] != read.gateway:
        raise OtherGatewayError(f"a batch of {read.gateway} on {source.subject}")
    if not (0 < read.sequence < 1 << 63 and 0 <= read.floor < 1 << 63 and 0 < len(read.epoch) <= MAX_EPOCH):
        raise BatchMalformedError(
            f"epoch {read.epoch!r:.70}, sequence {read.sequence}, floor {read.floor}: out of bounds"
        )
    # What an agent has sent it held until then.
    floor = min(read.floor, read.sequence)
    return read, BatchId(read.gateway, read.epoch, read.sequence, floor, source.sequence)


def read_batch(kind: Kind, source: Source) -> Batch:
    """Raises BatchError (with its cause) for what is no batch of this kind."""
    read, identity = read_headers(source)
    if read.schema.partition("/")[0] != kind.schema.name:
        raise BatchMalformedError(f"a {read.schema} batch on a subject of {kind.schema.name}")
    rows = decode_arrow(read.schema, source.data)
    if rows.num_rows != read.count:
        raise BatchMalformedError(f"{rows.num_rows} rows, but the header counts {read.count}")
    rows, retimed = _timed(rows, source.published)
    return Batch(identity, read, rows, retimed)


def _timed(rows: pa.RecordBatch, published: datetime) -> tuple[pa.RecordBatch, int]:
    """Rows with a time of arrival that can be true, by the clock of the bus; others arrived when they were published.

    Partitions, order and retention go by that time: one agent's wrong clock must not make a partition for each day of
    fifty years, nor hide its flows in the past. The flow's own times are the exporter's and stay as they are.
    """
    column = rows.schema.get_field_index(RECEIVED)
    received = rows.column(column)
    if not len(received):
        return rows, 0
    times = received.to_numpy(zero_copy_only=False).astype("datetime64[ms]")
    first, last = (
        np.datetime64(bound.replace(tzinfo=None), "ms") for bound in (published - BEHIND, published + AHEAD)
    )
    wrong = ~((times >= first) & (times <= last))
    retimed = int(wrong.sum())
    if not retimed:
        return rows, 0
    times = np.where(wrong, np.datetime64(published.replace(tzinfo=None), "ms"), times)
    kept = pa.array(times).cast(received.type)
    return rows.set_column(column, rows.schema.field(column), kept), retimed


def _constant(value: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), [value])


def as_block(batches: Sequence[Batch]) -> pa.Table:
    """The rows of all batches in their order, with the gateway and the trail back to the batch.

    A column that one batch has and another has not is null there: the warehouse fills in its default.
    """
    tables = []
    for batch in batches:
        rows = batch.rows.num_rows
        table = pa.Table.from_batches([batch.rows])
        table = table.append_column("gateway", _constant(batch.headers.gateway, rows))
        table = table.append_column("batch_epoch", _constant(batch.headers.epoch, rows))
        tables.append(
            table.append_column("batch_sequence", pa.array(np.full(rows, batch.headers.sequence, np.uint64)))
        )
    return pa.concat_tables(tables, promote_options="permissive").combine_chunks()
