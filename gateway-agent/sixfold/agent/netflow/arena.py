"""Memory for decoded columns, taken over and over from the same pages: fresh pages cost more than decoding."""

from typing import Any

import numpy as np
import numpy.typing as npt

_ALIGN = 64


class Arena:
    """`take` gives uninitialised arrays that stay valid until `reset`. Never shrinks below what one round used."""

    def __init__(self, size: int = 4 << 20) -> None:
        self._block = np.empty(size, dtype=np.uint8)
        self._used = 0
        self._missing = 0

    def reset(self) -> None:
        """Start over; after a round that was too big for the block, with a block that holds such a round."""
        if self._missing:
            self._block = np.empty(len(self._block) + 2 * self._missing, dtype=np.uint8)
        self._used = self._missing = 0

    def take(self, rows: int, dtype: Any, width: int = 0) -> npt.NDArray[Any]:
        """(rows,) or (rows, width) of dtype."""
        kind = np.dtype(dtype)
        size = rows * kind.itemsize * (width or 1)
        start = (self._used + _ALIGN - 1) // _ALIGN * _ALIGN
        if start + size > len(self._block):
            self._missing += size + _ALIGN
            flat = np.empty(rows * (width or 1), dtype=kind)
        else:
            self._used = start + size
            flat = self._block[start : start + size].view(kind)
        return flat.reshape(rows, width) if width else flat
