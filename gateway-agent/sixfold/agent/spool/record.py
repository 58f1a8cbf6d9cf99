"""What stands in a segment: its head, then records, each a head, the batch's headers as JSON, the batch itself.

A segment's file is used over and over, so that its pages are there already (writing new ones costs ten times as much).
Whatever an earlier life of the file left behind the newest record is told apart by the segment's number in each head.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MAGIC: Final = b"SFR2"
MAX_META: Final = 1 << 16
MAX_DATA: Final = 64 << 20
_HEAD: Final = struct.Struct("<4sQIIIII")
"""magic, number of the segment, length of the headers, of the batch, rows, checksum of both, checksum of this."""
HEAD_BYTES: Final = _HEAD.size
_SEGMENT: Final = struct.Struct("<4sQQ32sI")
"""magic, number of the segment, sequence that its first record has, epoch, checksum of this."""
SEGMENT_BYTES: Final = _SEGMENT.size
_SEGMENT_MAGIC: Final = b"SFS2"

Data = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Record:
    """meta: the headers of the batch. position: (segment, number in it); a segment of -1 is memory."""

    meta: Mapping[str, Any]
    data: Data
    rows: int
    position: tuple[int, int] = (0, 0)

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Head:
    meta: int
    data: int
    rows: int
    check: int

    @property
    def size(self) -> int:
        """Bytes of the whole record."""
        return HEAD_BYTES + self.meta + self.data


def segment_head(number: int, epoch: str, sequence: int) -> bytes:
    start = _SEGMENT.pack(_SEGMENT_MAGIC, number, sequence, epoch.encode(), 0)[:-4]
    return start + struct.pack("<I", zlib.crc32(start))


def read_segment_head(head: bytes, number: int) -> tuple[str, int] | None:
    """Epoch, and sequence of the first record; None for what is no head of segment `number`."""
    if len(head) != SEGMENT_BYTES:
        return None
    magic, its_number, sequence, epoch, check = _SEGMENT.unpack(head)
    if magic != _SEGMENT_MAGIC or its_number != number or check != zlib.crc32(head[:-4]):
        return None
    return epoch.rstrip(b"\0").decode(errors="replace"), sequence


def check_of(meta: bytes, data: Data) -> int:
    return zlib.crc32(data, zlib.crc32(meta))


def record_head(segment: int, meta: bytes, data: Data, rows: int) -> bytes:
    start = _HEAD.pack(MAGIC, segment, len(meta), len(data), rows, check_of(meta, data), 0)[:-4]
    return start + struct.pack("<I", zlib.crc32(start))


def read_record_head(head: bytes, segment: int) -> Head | None:
    """None where no record of this segment begins: at its end, or at what an earlier life of the file left."""
    if len(head) != HEAD_BYTES:
        return None
    magic, its_segment, meta, data, rows, check, own = _HEAD.unpack(head)
    if magic != MAGIC or its_segment != segment or own != zlib.crc32(head[:-4]):
        return None
    return Head(meta, data, rows, check) if meta <= MAX_META and data <= MAX_DATA else None


def encode_meta(meta: Mapping[str, Any]) -> bytes:
    return json.dumps(meta, separators=(",", ":")).encode()


def decode_meta(meta: bytes) -> Mapping[str, Any] | None:
    try:
        decoded = json.loads(meta)
    except ValueError:
        return None
    return decoded if isinstance(decoded, dict) else None
