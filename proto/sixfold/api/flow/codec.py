"""Columns to Arrow IPC bytes and back.

`SchemaRefusedError` is raised for a batch of a schema or major version this code does not know,
`BatchMalformedError` for bytes that are no such batch.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa

from sixfold.api.flow.schema import ADDRESS, SCHEMAS, BatchSchema, Column, Columns

Compression = Literal["lz4", "zstd"]
MAX_ROWS: Final = 65_536
# What pyarrow raises on damaged bytes: a damaged field name UnicodeDecodeError, a lying length MemoryError.
_UNREADABLE: Final = (pa.ArrowException, OSError, EOFError, UnicodeDecodeError, MemoryError)


class BatchError(ValueError):
    """A batch cannot be read. `cause` is a short stable word for counters and dead letters."""

    cause = "batch"


class SchemaRefusedError(BatchError):
    cause = "schema-refused"


class BatchMalformedError(BatchError):
    cause = "batch-malformed"


def schema_for(version: str) -> BatchSchema:
    """Return the schema that reads `name/major.minor`; any minor of a known major is read."""
    name, _, number = version.partition("/")
    major, _, _ = number.partition(".")
    schema = SCHEMAS.get(name)
    if schema is None:
        raise SchemaRefusedError(f"unknown batch schema {version!r}; known: {', '.join(sorted(SCHEMAS))}")
    if major != str(schema.major):
        raise SchemaRefusedError(f"batch schema {version!r} has a major that {schema.version} cannot read")
    return schema


def _to_arrow(column: Column, values: np.ndarray[Any, Any], rows: int) -> pa.Array:
    if column.kind == ADDRESS:
        if values.shape != (rows, 16) or values.dtype != np.uint8:
            raise ValueError(f"{column.name}: expected ({rows}, 16) uint8, got {values.shape} {values.dtype}")
        return pa.Array.from_buffers(
            column.arrow_type, rows, [None, pa.py_buffer(np.ascontiguousarray(values))]
        )
    if values.shape != (rows,) or values.dtype != column.dtype:
        raise ValueError(
            f"{column.name}: expected ({rows},) {column.dtype}, got {values.shape} {values.dtype}"
        )
    return pa.Array.from_buffers(column.arrow_type, rows, [None, pa.py_buffer(np.ascontiguousarray(values))])


def record_batch(schema: BatchSchema, columns: Columns) -> pa.RecordBatch:
    """Columns as a RecordBatch, contiguous arrays uncopied. ValueError on unknown or missing columns."""
    missing = [name for name in schema.required if name not in columns]
    if missing:
        raise ValueError(f"{schema.name} batch lacks {', '.join(missing)}")
    unknown = set(columns) - {column.name for column in schema.columns}
    if unknown:
        raise ValueError(f"{schema.name} batch has unknown columns {', '.join(sorted(unknown))}")
    rows = len(columns[schema.required[0]])
    present = [column for column in schema.columns if column.name in columns]
    return pa.RecordBatch.from_arrays(
        [_to_arrow(column, columns[column.name], rows) for column in present],
        schema=pa.schema([pa.field(column.name, column.arrow_type, nullable=False) for column in present]),
    )


def encode(schema: BatchSchema, columns: Columns, compression: Compression | None = "lz4") -> bytes:
    """One batch as an Arrow IPC stream."""
    return encode_buffer(schema, columns, compression).to_pybytes()


def encode_buffer(
    schema: BatchSchema, columns: Columns, compression: Compression | None = "lz4"
) -> pa.Buffer:
    """`encode` without its last copy."""
    batch = record_batch(schema, columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
    ) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def decode_arrow(
    version: str, data: bytes | memoryview, only: Collection[str] | None = None
) -> pa.RecordBatch:
    """Read one batch, validated, with the columns of this code's schema that are present in it.

    With `only`, the other columns are neither decompressed nor judged.
    """
    schema = schema_for(version)
    try:
        names, table = _read(data, only)
        table.validate(full=False)
    except _UNREADABLE as error:
        raise BatchMalformedError(f"not an Arrow IPC stream: {error}") from error
    missing = [name for name in schema.required if name not in names]
    if missing:
        raise BatchMalformedError(f"{version} batch lacks {', '.join(missing)}")
    if table.num_rows > MAX_ROWS:
        raise BatchMalformedError(f"{table.num_rows} rows, at most {MAX_ROWS} are allowed")
    read = set(table.schema.names)
    present = [column for column in schema.columns if column.name in read]
    for column in present:
        field = table.schema.field(column.name)
        if field.type != column.arrow_type:
            raise BatchMalformedError(f"{column.name} is {field.type}, expected {column.arrow_type}")
        if table.column(column.name).null_count:
            raise BatchMalformedError(f"{column.name} holds nulls")
    batches = table.select([column.name for column in present]).combine_chunks().to_batches()
    if batches:
        return batches[0]
    return pa.RecordBatch.from_pylist([], schema=table.select([c.name for c in present]).schema)


def _read(data: bytes | memoryview, only: Collection[str] | None) -> tuple[set[str], pa.Table]:
    """The names that a stream has, and its columns, all or `only` some of them."""
    with pa.ipc.open_stream(data) as reader:
        names: list[str] = reader.schema.names
        if only is None:
            return set(names), reader.read_all()
    fields = [at for at, name in enumerate(names) if name in only]
    options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
    with pa.ipc.open_stream(data, options=options) as reader:
        return set(names), reader.read_all()


def columns_of(batch: pa.RecordBatch) -> dict[str, np.ndarray[Any, Any]]:
    """A RecordBatch as numpy columns, zero-copy; addresses as `(n, 16) uint8`."""
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_fixed_size_binary(array.type):
            raw = np.frombuffer(array.buffers()[1] or b"", dtype=np.uint8)
            columns[name] = raw.reshape(-1, 16)[array.offset : array.offset + len(array)]
        elif pa.types.is_timestamp(array.type):
            columns[name] = array.view(pa.int64()).to_numpy(zero_copy_only=True)
        else:
            columns[name] = array.to_numpy(zero_copy_only=True)
    return columns


def decode(
    version: str, data: bytes | memoryview, only: Collection[str] | None = None
) -> dict[str, np.ndarray[Any, Any]]:
    """Read one batch as numpy columns, all or `only` some of them.

    Absent optional columns stay absent: see `with_defaults`.
    """
    return columns_of(decode_arrow(version, data, only))


def with_defaults(schema: BatchSchema, columns: Columns) -> Mapping[str, np.ndarray[Any, Any]]:
    """Every column of `schema`, absent ones as zeros (the version rule's default)."""
    rows = len(columns[schema.required[0]])
    full = dict(columns)
    for column in schema.columns:
        if column.name not in full:
            shape = (rows, 16) if column.kind == ADDRESS else (rows,)
            full[column.name] = np.zeros(shape, dtype=column.dtype)
    return full
