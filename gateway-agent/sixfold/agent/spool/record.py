"""One record of a segment: a head of fixed size, the batch's headers as JSON, the batch.

The check covers the headers whole and of the batch the first 4 KiB and every 256th byte after: enough to find a torn
write or pages that never reached the disk, at a hundredth of the price of a checksum over everything.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

MAGIC: Final = b"SFB1"
HEAD: Final = struct.Struct("<4sIIII")
"""magic, length of the headers, length of the batch, rows, check"""
MAX_META: Final = 1 << 16
MAX_DATA: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """meta: what stands in the headers of the batch. position: the segment and the number in it."""

    meta: Mapping[str, Any]
    data: bytes
    rows: int
    position: tuple[int, int] = (0, 0)

    @property
    def size(self) -> int:
        return len(self.data)


def check_of(meta: bytes, data: bytes | memoryview) -> int:
    view = np.frombuffer(data, dtype=np.uint8)
    check = zlib.crc32(meta)
    check = zlib.crc32(view[:4096].tobytes(), check)
    return zlib.crc32(view[4096::256].tobytes(), check)


def head_of(meta: bytes, data: bytes, rows: int) -> bytes:
    return HEAD.pack(MAGIC, len(meta), len(data), rows, check_of(meta, data))


def read_head(head: bytes) -> tuple[int, int, int, int] | None:
    """(length of the headers, of the batch, rows, check); None for what is no head."""
    if len(head) != HEAD.size:
        return None
    magic, meta, data, rows, check = HEAD.unpack(head)
    if magic != MAGIC or meta > MAX_META or data > MAX_DATA:
        return None
    return meta, data, rows, check


def decode_meta(meta: bytes) -> Mapping[str, Any] | None:
    try:
        decoded = json.loads(meta)
    except ValueError:
        return None
    return decoded if isinstance(decoded, dict) else None
