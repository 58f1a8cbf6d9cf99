"""Texts of one segment of leases (holders), each kept once, as bytes."""

import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

_STEP: Final = 64


class Names:
    """Open: texts by number and back. Sealed: bytes, two bytes each for the length and for finding it."""

    __slots__ = ("_blob", "_numbers", "_sizes", "_starts", "_sums", "_texts")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._numbers: dict[str, int] | None = {}
        self._blob = b""
        self._sizes: NDArray[np.uint16] = np.empty(0, np.uint16)
        self._sums: NDArray[np.uint16] = np.empty(0, np.uint16)
        self._starts: NDArray[np.uint32] = np.empty(0, np.uint32)

    def __len__(self) -> int:
        return len(self._sizes) if self._numbers is None else len(self._texts)

    def intern(self, text: str) -> int:
        """Only while open."""
        assert self._numbers is not None
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number

    def intern_all(self, texts: Iterable[str]) -> list[int]:
        assert self._numbers is not None
        known, added = self._numbers, self._texts
        numbers: list[int] = []
        for text in texts:
            number = known.get(text)
            if number is None:
                number = known[text] = len(added)
                added.append(text)
            numbers.append(number)
        return numbers

    def text(self, number: int) -> str:
        if self._numbers is not None:
            return self._texts[number]
        block = number // _STEP
        start = int(self._starts[block]) + int(self._sizes[block * _STEP : number].sum())
        return self._blob[start : start + int(self._sizes[number])].decode()

    def find(self, text: str) -> int | None:
        if self._numbers is not None:
            return self._numbers.get(text)
        for number in np.flatnonzero(self._sums == _sum(text.encode())).tolist():
            if self.text(number) == text:
                return int(number)
        return None

    def seal(self) -> None:
        if self._numbers is not None:
            self._put(*self.packed())

    def copy(self) -> "Names":
        """Of an open one, to be read while this one goes on."""
        other = Names()
        other._texts = list(self._texts)
        return other

    def packed(self) -> tuple[bytes, NDArray[np.uint16], NDArray[np.uint16]]:
        """All texts joined, their sizes, and what they are found by; for `unpacked`."""
        if self._numbers is None:
            return self._blob, self._sizes, self._sums
        parts = [text.encode() for text in self._texts]
        return b"".join(parts), *_described(parts)

    @staticmethod
    def unpacked(
        blob: bytes, sizes: NDArray[np.uint16], sums: NDArray[np.uint16], *, sealed: bool
    ) -> "Names":
        names = Names()
        if sealed:
            names._put(blob, sizes, sums)
            return names
        ends = np.cumsum(sizes, dtype=np.int64).tolist()
        for start, end in pairwise([0, *ends]):
            names.intern(blob[start:end].decode())
        return names

    def _put(self, blob: bytes, sizes: NDArray[np.uint16], sums: NDArray[np.uint16]) -> None:
        self._blob, self._sizes, self._sums = blob, sizes, sums
        ends = np.cumsum(sizes, dtype=np.uint32)
        self._starts = np.concatenate([np.zeros(1, np.uint32), ends])[:-1][::_STEP].copy()
        self._texts, self._numbers = [], None


def _described(parts: list[bytes]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    return np.array([len(part) for part in parts], np.uint16), np.array(
        [_sum(part) for part in parts], np.uint16
    )


def _sum(text: bytes) -> int:
    return zlib.crc32(text) & 0xFFFF
