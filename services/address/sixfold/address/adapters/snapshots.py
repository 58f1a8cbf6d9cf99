"""The book as bytes: one JSON line, then blocks of columns, each compressed (zstd).

`freeze` takes what a snapshot needs in a moment, without a copy: segments that change while it is written are
copied by the book then, and the writing is done beside the work.
"""

import json
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from sixfold.address.domain.book import Book, PoolPage
from sixfold.address.domain.leases import COLUMNS, Segment
from sixfold.address.domain.names import Names
from sixfold.address.domain.prefix import Prefix
from sixfold.address.domain.space import FreeSpace
from sixfold.address.domain.values import Pool, Withheld

_CHUNK: Final = 128
_COUNTS: Final = ("child_addresses", "held", "held_addresses", "resting", "resting_addresses")


@dataclass(frozen=True, slots=True)
class FrozenSegment:
    head: dict[str, Any]
    columns: list["np.ndarray[Any, Any]"]
    names: Names


@dataclass(frozen=True, slots=True)
class FrozenBook:
    head: dict[str, Any]
    pools: list[dict[int, dict[int, int]]]
    segments: list[FrozenSegment]


def freeze(book: Book) -> FrozenBook:
    """Milliseconds, however large the book."""
    head = {
        "pools": [_page_row(page) for page in book.pages.values()],
        "successors": list(book.successors.items()),
        "last_id": book.last_id,
        "clock": book.clock,
    }
    chunks = [page.space.chunks() for page in book.pages.values()]
    return FrozenBook(head, chunks, [_frozen(book.leases.segments[n]) for n in book.leases.numbers])


def _frozen(segment: Segment) -> FrozenSegment:
    segment.frozen = True
    head = {
        name: getattr(segment, name)
        for name in ("number", "count", "live", "sealed", "next_due", "bottom", "top")
    }
    columns = [getattr(segment, name)[: segment.count] for name in COLUMNS]
    columns += [column[: segment.count] for column in (segment.low, segment.offsets) if column is not None]
    head |= {"pools": list(segment.pools), "low": segment.low is not None}
    head["offsets"] = segment.offsets is not None
    return FrozenSegment(head, columns, segment.names if segment.sealed else segment.names.copy())


def dump_book(frozen: FrozenBook) -> bytes:
    codec = pa.Codec("zstd", 1)
    heads: list[dict[str, Any]] = []
    blocks: list[bytes] = []

    def put(head: dict[str, Any], content: bytes) -> None:
        blocks.append(codec.compress(content, asbytes=True))
        heads.append(head | {"size": len(content), "packed": len(blocks[-1])})

    for lengths in frozen.pools:
        free = {str(length): sorted(chunks) for length, chunks in lengths.items()}
        bits = (
            lengths[int(length)][chunk].to_bytes(_CHUNK, "little")
            for length, chunks in free.items()
            for chunk in chunks
        )
        put({"free": free}, b"".join(bits))
    for segment in frozen.segments:
        blob, sizes, sums = segment.names.packed()
        parts = [column.tobytes() for column in segment.columns]
        put(segment.head | {"names": len(sizes)}, b"".join((*parts, sizes.tobytes(), sums.tobytes(), blob)))
    line = json.dumps(frozen.head | {"blocks": heads}, separators=(",", ":")).encode()
    return b"".join((line, b"\n", *blocks))


def load_book(data: bytes) -> Book:
    codec = pa.Codec("zstd", 1)
    line, _, _ = data.partition(b"\n")
    head = json.loads(line)
    view, at = memoryview(data), len(line) + 1
    blocks: deque[tuple[dict[str, Any], bytes]] = deque()
    book = Book()
    for block in head["blocks"]:
        content = codec.decompress(
            view[at : at + block["packed"]], decompressed_size=block["size"], asbytes=True
        )
        at += block["packed"]
        if "free" in block:
            blocks.append((block["free"], content))
        else:
            book.leases.adopt(_segment(block, content))
    for row, (free, content) in zip(head["pools"], blocks, strict=True):
        page = _page(row, free, content)
        book.pages[page.pool.pool_id] = page
        if not page.pool.parent_id:
            book.roots.append((page.pool.prefix.network, page.pool.pool_id))
    book.roots.sort()
    book.leases.index()
    book.leases.last_id, book.clock = head["last_id"], head["clock"]
    book.successors = dict(head["successors"])
    return book


def _segment(head: dict[str, Any], content: bytes) -> Segment:
    sealed = head["sealed"]
    room = head["count"] if sealed else None
    segment, at, count = Segment(head["number"], room), 0, head["count"]

    def read(kind: Any, number: int) -> "np.ndarray[Any, Any]":
        nonlocal at
        column = np.frombuffer(content, kind, number, at)
        at += column.nbytes
        return column

    for name, kind in COLUMNS.items():
        getattr(segment, name)[:count] = read(kind, count)
    if head["low"]:
        segment.widen()
        assert segment.low is not None
        segment.low[:count] = read(np.uint64, count)
    if head["offsets"]:
        segment.offsets = read(np.uint16, count).copy()
    sizes, sums = (read(np.uint16, head["names"]).copy() for _ in range(2))
    segment.names = Names.unpacked(content[at:], sizes, sums, sealed=sealed)
    segment.count, segment.live, segment.next_due = count, head["live"], head["next_due"]
    segment.bottom, segment.top, segment.pools = head["bottom"], head["top"], head["pools"]
    if sealed:
        segment.seal()
    return segment


def _page_row(page: PoolPage) -> dict[str, Any]:
    pool = asdict(page.pool)
    return {
        "pool": pool | {"prefix": [pool["prefix"]["network"], page.pool.prefix.length]},
        "children": list(page.children),
        "withheld": [
            [one.prefix.network, one.prefix.length, one.holder, one.reason, one.delegation_id]
            for one in page.withheld.values()
        ],
    } | {name: getattr(page, name) for name in _COUNTS}


def _page(row: dict[str, Any], free: dict[str, list[int]], content: bytes) -> PoolPage:
    pool = Pool(**(row["pool"] | {"prefix": Prefix(*row["pool"]["prefix"])}))
    page, at = PoolPage(pool, FreeSpace(pool.prefix)), 0
    chunks: dict[int, dict[int, int]] = {}
    for length, numbers in free.items():
        chunks[int(length)] = {
            number: int.from_bytes(content[at + _CHUNK * place : at + _CHUNK * (place + 1)], "little")
            for place, number in enumerate(numbers)
        }
        at += _CHUNK * len(numbers)
    page.space.restore(chunks)
    page.children = row["children"]
    for network, length, holder, reason, delegation_id in row["withheld"]:
        prefix = Prefix(network, length)
        page.withheld[prefix] = Withheld(prefix, holder, reason, delegation_id)
    for name in _COUNTS:
        setattr(page, name, row[name])
    return page
