"""Batches as they arrive, and many of them as one block of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sixfold.api.flow.codec import BatchMalformedError, decode_arrow
from sixfold.api.flow.headers import BatchHeaders
from sixfold.credit.domain.progress import BatchId
from sixfold.credit.loader.kinds import Kind


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, read and checked."""

    headers: BatchHeaders
    rows: pa.RecordBatch

    @property
    def id(self) -> BatchId:
        return BatchId(self.headers.gateway, self.headers.epoch, self.headers.sequence, self.headers.floor)


def read_batch(kind: Kind, headers: Mapping[str, str], data: bytes) -> Batch:
    """Raises BatchError (with its cause) for what is no batch of this kind."""
    read = BatchHeaders.from_nats(headers)
    if read.schema.partition("/")[0] != kind.schema.name:
        raise BatchMalformedError(f"a {read.schema} batch on a subject of {kind.schema.name}")
    rows = decode_arrow(read.schema, data)
    if rows.num_rows != read.count:
        raise BatchMalformedError(f"{rows.num_rows} rows, but the header counts {read.count}")
    return Batch(read, rows)


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
