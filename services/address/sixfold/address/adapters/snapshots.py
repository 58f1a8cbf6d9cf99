"""The book as an Arrow IPC stream: pools in the schema's metadata, one row per delegation."""

import heapq
import json
from typing import Final

import pyarrow as pa

from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.events import PoolCreated
from sixfold.address.domain.prefix import from_packed
from sixfold.address.domain.values import Delegation

_COLUMNS: Final = pa.schema(
    [
        pa.field("delegation_id", pa.uint64()),
        pa.field("pool", pa.dictionary(pa.int32(), pa.string())),
        pa.field("network", pa.binary(16)),
        pa.field("length", pa.uint8()),
        pa.field("holder", pa.string()),
        pa.field("key", pa.string()),
        pa.field("expires", pa.int64()),
        pa.field("version", pa.uint32()),
        pa.field("resting_until", pa.int64()),
    ]
)


def dump_book(book: Book) -> bytes:
    held = list(book.delegations.values())
    columns = [
        pa.array([one.delegation_id for one in held], pa.uint64()),
        pa.array([one.pool_id for one in held], pa.string()).dictionary_encode(),
        pa.array([one.prefix.packed for one in held], pa.binary(16)),
        pa.array([one.prefix.length for one in held], pa.uint8()),
        pa.array([one.holder for one in held], pa.string()),
        pa.array([one.key for one in held], pa.string()),
        pa.array([one.expires for one in held], pa.int64()),
        pa.array([one.version for one in held], pa.uint32()),
        pa.array([one.resting_until for one in held], pa.int64()),
    ]
    head = {
        "pools": [_pool_row(book, name) for name in book.pages],
        "last_id": book.last_id,
        "clock": book.clock,
    }
    schema = _COLUMNS.with_metadata({"book": json.dumps(head)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return sink.getvalue().to_pybytes()


def load_book(data: bytes) -> Book:
    with pa.ipc.open_stream(data) as reader:
        table = reader.read_all()
    head = json.loads((table.schema.metadata or {})[b"book"])
    book = Book()
    # In the order of their creation, so that a parent is there before its child.
    for row in head["pools"]:
        evolve(book, PoolCreated(**(row | {"network": bytes.fromhex(row["network"])})))
    for batch in table.to_batches():
        columns = [column.to_pylist() for column in batch.columns]
        for number, pool_id, network, length, holder, key, expires, version, resting_until in zip(
            *columns, strict=True
        ):
            prefix = from_packed(network, length)
            _place(book, Delegation(number, pool_id, prefix, holder, key, expires, version, resting_until))
    heapq.heapify(book.expiries)
    heapq.heapify(book.rests)
    book.last_id, book.clock = head["last_id"], head["clock"]
    return book


def _place(book: Book, one: Delegation) -> None:
    page = book.pages[one.pool_id]
    page.take(one.prefix, one.delegation_id)
    book.delegations[one.delegation_id] = one
    book.by_key[one.key] = one.delegation_id
    book.by_holder.setdefault(one.holder, set()).add(one.delegation_id)
    if not one.is_active:
        page.resting += 1
        page.resting_addresses += one.prefix.size
        book.rests.append((one.resting_until, one.delegation_id))
    elif one.expires:
        book.expiries.append((one.expires, one.delegation_id))


def _pool_row(book: Book, name: str) -> dict[str, str | int]:
    pool = book.pages[name].pool
    return {
        "pool_id": pool.pool_id,
        "parent_id": pool.parent_id,
        "network": pool.prefix.packed.hex(),
        "length": pool.prefix.length,
        "purpose": pool.purpose,
        "shortest": pool.shortest,
        "longest": pool.longest,
        "lease_seconds": pool.lease_seconds,
        "quarantine_seconds": pool.quarantine_seconds,
        "strategy": pool.strategy,
        "time": pool.created,
    }
