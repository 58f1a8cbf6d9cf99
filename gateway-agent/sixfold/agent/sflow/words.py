"""XDR (RFC 4506) over many datagrams at once: 32-bit words, and lists of (tag, length, body) walked in lockstep.

Everything in sFlow lies on four bytes, so a batch of datagrams is one array of words and every position is an
index into it. A walk takes step k of all lists at the same time: the number of numpy calls is the length of the
longest list, whatever the number of datagrams.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.datagrams import Datagrams

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_MAPPED: Final = np.array([0] * 10 + [0xFF, 0xFF], dtype=np.uint8)
ADDRESS_UNKNOWN, ADDRESS_IPV4, ADDRESS_IPV6 = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Words:
    """words: big-endian uint32, flat. octets: the same memory as uint8. starts, ends: (n,) word index a datagram."""

    words: npt.NDArray[np.uint32]
    octets: npt.NDArray[np.uint8]
    starts: Index
    ends: Index

    @classmethod
    def of(cls, datagrams: Datagrams) -> "Words":
        data = datagrams.data
        rows, slot = data.shape
        if slot % 4 or not data.flags.c_contiguous:
            wider = np.zeros((rows, (slot + 3) // 4 * 4), dtype=np.uint8)
            wider[:, :slot] = data
            data, slot = wider, wider.shape[1]
        starts = np.arange(rows, dtype=np.int64) * (slot // 4)
        lengths = np.clip(datagrams.lengths.astype(np.int64), 0, slot)
        flat = data.reshape(-1)
        return cls(flat.view(">u4"), flat, starts, starts + lengths // 4)

    def at(self, index: Index) -> npt.NDArray[np.uint32]:
        """The words at `index`; an index past the end reads the last word (the caller masks those rows)."""
        if not len(self.words):
            return np.zeros(len(index), dtype=np.uint32)
        return self.words[np.clip(index, 0, len(self.words) - 1)].astype(np.uint32)

    def signed(self, index: Index) -> Index:
        return self.at(index).astype(np.int64)

    def long(self, index: Index) -> npt.NDArray[np.uint64]:
        """An unsigned hyper: two words."""
        return self.at(index).astype(np.uint64) << np.uint64(32) | self.at(index + 1)

    def bytes16(self, index: Index, words: int) -> npt.NDArray[np.uint8]:
        """`words` (1 or 4) words from each index as an address: one word is IPv4, mapped."""
        result = np.zeros((len(index), 16), dtype=np.uint8)
        if not len(index):
            return result
        width = words * 4
        place = np.clip(index * 4, 0, len(self.octets) - width)[:, None] + np.arange(width)
        result[:, 16 - width :] = self.octets[place]
        if words == 1:
            result[:, :12] = _MAPPED
        return result

    def address(self, index: Index, ends: Index) -> tuple[npt.NDArray[np.uint8], Index, Mask]:
        """The `address` union at each index: (n, 16) uint8, the index after it, and whether it is sound."""
        kind = self.at(index)
        size = np.select([kind == ADDRESS_IPV4, kind == ADDRESS_IPV6], [1, 4], 0)
        after = index + 1 + size
        sound = (index < ends) & (after <= ends) & (kind <= ADDRESS_IPV6)
        value = np.zeros((len(index), 16), dtype=np.uint8)
        four = np.flatnonzero(sound & (kind == ADDRESS_IPV4))
        six = np.flatnonzero(sound & (kind == ADDRESS_IPV6))
        value[four] = self.bytes16(index[four] + 1, 1)
        value[six] = self.bytes16(index[six] + 1, 4)
        return value, after, sound


@dataclass(frozen=True, slots=True)
class Items:
    """Items of all lists, ordered by list and then by place. owner: row of the list. starts, ends: word index."""

    owner: Index
    tag: npt.NDArray[np.uint32]
    starts: Index
    ends: Index

    def __len__(self) -> int:
        return len(self.owner)

    def having(self, tag: int) -> "Items":
        rows = np.flatnonzero(self.tag == tag)
        return Items(self.owner[rows], self.tag[rows], self.starts[rows], self.ends[rows])


@dataclass(frozen=True, slots=True)
class Walked:
    """after: word index where each list ended. short: it ended before its count; lying: an item's length is false.

    A list that is short or lying keeps the items before the bad place.
    """

    items: Items
    after: Index
    short: Mask
    lying: Mask


def walk(words: Words, starts: Index, ends: Index, counts: Index) -> Walked:
    """Walk lists of `counts` items, each a tag, a length in bytes, and that many bytes."""
    position = starts.copy()
    short = np.zeros(len(starts), dtype=bool)
    lying = np.zeros(len(starts), dtype=bool)
    found: list[tuple[Index, npt.NDArray[np.uint32], Index, Index]] = []
    active = np.arange(len(starts), dtype=np.int64)
    step = 0
    while True:
        active = active[counts[active] > step]
        there = position[active] + 2 <= ends[active]
        short[active[~there]] = True
        active = active[there]
        if not len(active):
            break
        at = position[active]
        size = words.signed(at + 1)
        after = at + 2 + size // 4
        sound = (size % 4 == 0) & (after <= ends[active])
        lying[active[~sound]] = True
        active, at, after = active[sound], at[sound], after[sound]
        position[active] = after
        found.append((active, words.at(at), at + 2, after))
        step += 1
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return Walked(Items(none, none.astype(np.uint32), none, none), position, short, lying)
    owner = np.concatenate([item[0] for item in found])
    order = np.argsort(owner, kind="stable")
    items = Items(
        owner[order],
        np.concatenate([item[1] for item in found])[order],
        np.concatenate([item[2] for item in found])[order],
        np.concatenate([item[3] for item in found])[order],
    )
    return Walked(items, position, short, lying)
