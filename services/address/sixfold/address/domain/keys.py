"""Idempotency keys: which delegation a key stands for.

A key is kept as a hash of 64 bits (BLAKE2b). Its delegation's pool, length and holder are compared too, so a
wrong answer takes two keys of one holder with one hash, for one pool and length: with 10 million keys the odds
that any two of all of them meet are 3 in a million, and then all that happens between two holders is that the
later wish is refused as KEY_REUSED.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Ids = NDArray[np.int64]
KeysOf = Callable[[Ids], Hashes]

LARGEST_ID: Final = (1 << 40) - 2
_GONE: Final = (1 << 40) - 1
_SLOTS: Final = 1 << 16
_FULL: Final = int(_SLOTS * 0.8)
_GOLDEN: Final = 0.6180339887498949
_FEW: Final = 24
"""Entries that are placed or looked for one by one: the last of many walk far, and an array of few is slow."""
_MARK: Final = np.uint64(16)


def key_hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8, person=b"sixfold.address").digest(), "little")


def key_hashes(keys: Sequence[str]) -> Hashes:
    digests = [blake2b(key.encode(), digest_size=8, person=b"sixfold.address").digest() for key in keys]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


class _Shard:
    """Open addressing: ids of 40 bits and a mark of 8 bits of the hash, 6 bytes a slot."""

    __slots__ = ("depth", "high", "limit", "live", "low", "mark", "used")

    def __init__(self, depth: int, turn: int) -> None:
        self.depth = depth
        # Shards fill evenly; each has a limit of its own, so that they are not all split in the same moment.
        self.limit = _FULL - int(_FULL / 4 * (turn * _GOLDEN % 1))
        self.live = 0
        self.used = 0
        """Slots that are not empty: live ones, and those of keys that are gone."""
        self.low = np.zeros(_SLOTS, np.uint32)
        self.high = np.zeros(_SLOTS, np.uint8)
        self.mark = np.zeros(_SLOTS, np.uint8)

    def ids(self) -> Ids:
        found = self.low.astype(np.int64) | self.high.astype(np.int64) << 32
        return found[(found != 0) & (found != _GONE)]

    def insert(self, hashes: Hashes, ids: Ids) -> None:
        """Those that want one slot come in turns: the last of them to write has it, the others go on."""
        at = (hashes & np.uint64(_SLOTS - 1)).astype(np.int64)
        while len(ids):
            if len(ids) <= _FEW:
                marks = (hashes >> _MARK & np.uint64(0xFF)).tolist()
                for place, number, mark in zip(at.tolist(), ids.tolist(), marks, strict=True):
                    self._insert(place, number, mark)
                return
            empty = (self.low[at] == 0) & (self.high[at] == 0)
            free = at[empty]
            self.low[free] = ids[empty].astype(np.uint32)
            self.high[free] = (ids[empty] >> 32).astype(np.uint8)
            self.mark[free] = (hashes[empty] >> _MARK).astype(np.uint8)
            placed = (self.low[at] == ids.astype(np.uint32)) & (self.high[at] == (ids >> 32).astype(np.uint8))
            placed &= empty
            self.live += int(placed.sum())
            self.used += int(placed.sum())
            left = ~placed
            hashes, ids, at = hashes[left], ids[left], (at[left] + 1) % _SLOTS

    def _insert(self, at: int, number: int, mark: int) -> None:
        low, high = self.low, self.high
        while low[at] or high[at]:
            at = (at + 1) % _SLOTS
        low[at], high[at], self.mark[at] = number & 0xFFFFFFFF, number >> 32, mark
        self.live += 1
        self.used += 1

    def candidates(self, key: int) -> list[int]:
        at, mark, found = key % _SLOTS, key >> 16 & 0xFF, list[int]()
        low, high, marks = self.low, self.high, self.mark
        while low[at] or high[at]:
            if marks[at] == mark:
                number = int(low[at]) | int(high[at]) << 32
                if number != _GONE:
                    found.append(number)
            at = (at + 1) % _SLOTS
        return found

    def maybe(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of them may be there: an entry with the same mark lies on their way."""
        found = np.zeros(len(hashes), np.bool_)
        rest = np.arange(len(hashes))
        at = (hashes & np.uint64(_SLOTS - 1)).astype(np.int64)
        marks = (hashes >> _MARK).astype(np.uint8)
        while len(rest):
            if len(rest) <= _FEW:
                for place, row, mark in zip(at.tolist(), rest.tolist(), marks.tolist(), strict=True):
                    found[row] = self._may_be(place, mark)
                return found
            busy = (self.low[at] != 0) | (self.high[at] != 0)
            same = busy & (self.mark[at] == marks)
            found[rest[same]] = True
            go = busy & ~same
            rest, at, marks = rest[go], (at[go] + 1) % _SLOTS, marks[go]
        return found

    def _may_be(self, at: int, mark: int) -> bool:
        low, high, marks = self.low, self.high, self.mark
        while low[at] or high[at]:
            if marks[at] == mark:
                return True
            at = (at + 1) % _SLOTS
        return False

    def remove(self, hashes: Hashes, ids: Ids) -> None:
        at = (hashes & np.uint64(_SLOTS - 1)).astype(np.int64)
        while len(ids):
            low, high = self.low[at], self.high[at]
            hit = (low == ids.astype(np.uint32)) & (high == (ids >> 32).astype(np.uint8))
            gone = at[hit]
            self.low[gone], self.high[gone] = _GONE & 0xFFFFFFFF, _GONE >> 32
            self.live -= int(hit.sum())
            if (((low == 0) & (high == 0)) & ~hit).any():
                raise KeyError("a key is not in the index")
            hashes, ids, at = hashes[~hit], ids[~hit], (at[~hit] + 1) % _SLOTS


class KeyIndex:
    """From the hash of a key to the id of its delegation, in shards that are split when they are full, so that
    no single call pays for the growth of all. `keys_of` tells the hashes of ids (as kept with the leases)."""

    __slots__ = ("_depth", "_each", "_keys_of", "_made", "_places", "_shards")

    def __init__(self, keys_of: KeysOf) -> None:
        self._keys_of = keys_of
        self._depth = 0
        self._made = 0
        self._lay([self._make(0)])

    def __len__(self) -> int:
        return sum(shard.live for shard in self._each)

    def _make(self, depth: int) -> _Shard:
        self._made += 1
        return _Shard(depth, self._made)

    def _lay(self, shards: list[_Shard]) -> None:
        """By the first bits of a hash; one shard may have several places."""
        self._shards = shards
        self._each = list({id(shard): shard for shard in shards}.values())
        numbers = {id(shard): number for number, shard in enumerate(self._each)}
        self._places = np.array([numbers[id(shard)] for shard in shards])

    def build(self, hashes: Hashes, ids: Ids) -> None:
        """Fill an empty index at once."""
        self._depth = max(int(len(hashes) / (_SLOTS * 0.75)).bit_length(), 0)
        order = np.argsort(hashes)
        hashes, ids = hashes[order], ids[order]
        shards = [self._make(self._depth) for _ in range(1 << self._depth)]
        self._lay(shards)
        for shard, rows in self._by_shard(hashes):
            if len(rows) > shard.limit:
                self.insert(hashes[rows], ids[rows])
            else:
                shard.insert(hashes[rows], ids[rows])

    def candidates(self, key: int) -> list[int]:
        """Ids that may be of that key; whether they are, their leases tell."""
        return self._shards[key >> (64 - self._depth)].candidates(key)

    def maybe(self, hashes: Hashes) -> NDArray[np.bool_]:
        found = np.zeros(len(hashes), np.bool_)
        for shard, rows in self._by_shard(hashes):
            found[rows] = shard.maybe(hashes[rows])
        return found

    def insert(self, hashes: Hashes, ids: Ids) -> None:
        for shard, rows in self._by_shard(hashes):
            if shard.used + len(rows) <= shard.limit:
                shard.insert(hashes[rows], ids[rows])
                continue
            for start in range(0, len(rows), _FULL // 4):
                part = rows[start : start + _FULL // 4]
                self._make_room(hashes[part])
                for roomy, some in self._by_shard(hashes[part]):
                    roomy.insert(hashes[part][some], ids[part][some])

    def remove(self, hashes: Hashes, ids: Ids) -> None:
        for shard, rows in self._by_shard(hashes):
            shard.remove(hashes[rows], ids[rows])

    def _by_shard(self, hashes: Hashes) -> list[tuple[_Shard, NDArray[np.int64]]]:
        """Each shard once."""
        if not self._depth:
            return [(self._shards[0], np.arange(len(hashes)))]
        if len(hashes) == 1:
            return [(self._shards[int(hashes[0]) >> (64 - self._depth)], np.zeros(1, np.int64))]
        places = self._places[(hashes >> np.uint64(64 - self._depth)).astype(np.int64)]
        order = np.argsort(places, kind="stable")
        ordered = places[order]
        edges = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(ordered)]
        return [
            (self._each[int(ordered[start])], order[start:end])
            for start, end in pairwise(edges)
            if end > start
        ]

    def _make_room(self, hashes: Hashes) -> None:
        crowded = True
        while crowded:
            crowded = False
            for shard, rows in self._by_shard(hashes):
                if shard.used + len(rows) > shard.limit:
                    self._rebuild(shard)
                    crowded = True
                    break

    def _rebuild(self, shard: _Shard) -> None:
        """Without the entries that are gone; in two halves where that alone makes too little room."""
        ids = shard.ids()
        hashes = self._keys_of(ids)
        if shard.live <= _FULL // 3:
            fresh = self._make(shard.depth)
            fresh.insert(hashes, ids)
            self._lay([fresh if each is shard else each for each in self._shards])
            return
        shards = self._shards
        if shard.depth == self._depth:
            shards = [each for each in shards for _ in range(2)]
            self._depth += 1
        halves = (self._make(shard.depth + 1), self._make(shard.depth + 1))
        upper = (hashes >> np.uint64(63 - shard.depth) & np.uint64(1)).astype(np.bool_)
        for half, chosen in zip(halves, (~upper, upper), strict=True):
            half.insert(hashes[chosen], ids[chosen])
        bit = self._depth - shard.depth - 1
        self._lay(
            [halves[number >> bit & 1] if each is shard else each for number, each in enumerate(shards)]
        )
