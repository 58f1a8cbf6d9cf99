"""Prefixes of one length as columns: 16 bytes each, two words each, or numbers of blocks in a pool."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sixfold.address.domain.blocks import Numbers
from sixfold.address.domain.prefix import BITS, Prefix

WIDEST: Final = 62
Words = NDArray[np.uint64]


def words(packed: bytes) -> tuple[Words, Words]:
    """(first 64 bits, last 64 bits) of addresses of 16 bytes."""
    both = np.frombuffer(packed, ">u8").reshape(-1, 2).astype(np.uint64)
    return both[:, 0].copy(), both[:, 1].copy()


def packed(high: Words, low: Words) -> bytes:
    return np.stack((high, low), axis=1).astype(">u8").tobytes()


def block_numbers(whole: Prefix, length: int, high: Words, low: Words) -> list[int] | Numbers:
    """Numbers, at `length`, inside of `whole`; a list where they may have more than 62 bits."""
    if length - whole.length > WIDEST:
        pairs = zip(high.tolist(), low.tolist(), strict=True)
        return [((one << 64 | two) - whole.network) >> (BITS - length) for one, two in pairs]
    start = whole.network >> (BITS - length)
    if length <= 64:
        return (high >> np.uint64(64 - length)) - np.uint64(start)
    # Whatever lies left of the number's own bits is the same everywhere in `whole`, and falls away modulo 2**64.
    number = (high << np.uint64(length - 64) if length < BITS else np.zeros_like(high)) | low >> np.uint64(
        BITS - length
    )
    return (
        number - np.uint64(start & (1 << 64) - 1) if length < BITS else low - np.uint64(start & (1 << 64) - 1)
    )


def networks(whole: Prefix, length: int, numbers: list[int] | Numbers) -> tuple[Words, Words]:
    """The way back from `block_numbers`."""
    if not isinstance(numbers, np.ndarray) or length - whole.length > WIDEST:
        there = [whole.network + (int(number) << (BITS - length)) for number in numbers]
        mask = (1 << 64) - 1
        return (
            np.array([network >> 64 for network in there], np.uint64),
            np.array([network & mask for network in there], np.uint64),
        )
    start = whole.network >> (BITS - length)
    if length <= 64:
        high = (numbers + np.uint64(start)) << np.uint64(64 - length)
        return high, np.zeros_like(high)
    # `whole` and the number share no bits, so nothing is carried from the last words to the first.
    low = (numbers << np.uint64(BITS - length)) | np.uint64(whole.network & (1 << 64) - 1)
    right = length - 64
    high = np.full_like(numbers, whole.network >> 64)
    return (high | numbers >> np.uint64(right) if right < 64 else high), low
