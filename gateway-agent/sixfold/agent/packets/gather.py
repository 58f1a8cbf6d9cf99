"""Big-endian numbers out of a byte buffer at many offsets at once.

Offsets past the end are read at the last place that exists, so a gather never faults: the caller masks out
the rows whose bytes are not there.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

PADDING = 64
"""A buffer must be at least this long; `padded` sees to it."""


def padded(data: Bytes) -> Bytes:
    """`data` itself if it is long enough to be gathered from, else a copy with zeros after it."""
    if len(data) >= PADDING:
        return data
    return np.concatenate([data, np.zeros(PADDING - len(data), dtype=np.uint8)])


def _at(data: Bytes, offsets: Offsets, width: int) -> Offsets:
    return np.clip(offsets, 0, len(data) - width)


def byte(data: Bytes, offsets: Offsets) -> Bytes:
    return data[_at(data, offsets, 1)]


def be16(data: Bytes, offsets: Offsets) -> npt.NDArray[np.uint16]:
    at = _at(data, offsets, 2)
    return (data[at].astype(np.uint16) << np.uint16(8)) | data[at + 1]


def be32(data: Bytes, offsets: Offsets) -> npt.NDArray[np.uint32]:
    at = _at(data, offsets, 4)
    value = data[at].astype(np.uint32)
    for place in (1, 2, 3):
        value = (value << np.uint32(8)) | data[at + place]
    return value


def octets(data: Bytes, offsets: Offsets, width: int) -> Bytes:
    """`width` bytes from each offset, (n, width) uint8."""
    at = _at(data, offsets, width)
    return data[at[:, None] + np.arange(width)]


def rows_where(mask: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    return np.flatnonzero(mask)
