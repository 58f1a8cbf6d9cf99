"""The free space of one pool: binary buddies.

Free space is kept as the set of its largest aligned blocks, by length. Its content alone decides what is
given next, never the order in which it came about, so that a replay gives the same answers. A refusal is one
look at a bit mask, however full the pool and however many blocks it holds; taking and giving back cost at most
one step per length, and many prefixes of one length are taken, or given back, at once.
"""

from typing import Final, Literal

import numpy as np

from sixfold.address.domain.blocks import EMPTY, BlockSet, Numbers
from sixfold.address.domain.prefix import BITS, Prefix

Strategy = Literal["dense", "sparse"]
_WIDEST: Final = 62
"""Bits of a block's number that arrays hold; in a pool with longer delegations they are taken one by one."""


class SpaceError(ValueError):
    """A prefix that is not free was taken, or one that is free was given back."""


class FreeSpace:
    """Starts as the whole of `whole`, free.

    A block's number counts the blocks of its length from the start of `whole`. `room` in `choose` and `plan` is
    a length: as long as a block of it is free, a prefix is put at the start of one (of the smallest that holds
    one), which stays free around it; after that in the largest block that is left, which halves the room
    between neighbours each time. So `room` = the length itself is the densest (best fit), 0 the sparsest. Of equal
    blocks the lowest; where halving has left every other block of a length, the one that RFC 3531's leftmost
    order has next.
    """

    __slots__ = ("_free", "_lengths", "free_addresses", "whole")

    def __init__(self, whole: Prefix) -> None:
        self.whole = whole
        self.free_addresses = 0
        # Bit `length` is set where a free block of that length exists.
        self._lengths = 0
        self._free: dict[int, BlockSet] = {}
        self._add(0, whole.length)

    def fits(self, length: int) -> bool:
        """Whether a prefix of that length is free. O(1)."""
        return bool(self._lengths & ((2 << length) - 1))

    @property
    def largest(self) -> int | None:
        """The shortest length that is free; None where nothing is."""
        return (self._lengths & -self._lengths).bit_length() - 1 if self._lengths else None

    def blocks(self) -> list[Prefix]:
        return sorted(
            Prefix(self._network(number, length), length)
            for length, numbers in self._free.items()
            for number in numbers
        )

    def counts(self) -> dict[int, int]:
        """How many free blocks there are of each length."""
        return {length: numbers.count for length, numbers in sorted(self._free.items()) if numbers}

    def choose(self, length: int, room: int) -> Prefix | None:
        """The prefix that a wish for `length` would get, still free; None where nothing fits. O(1)."""
        fitting = self._lengths & ((2 << length) - 1)
        if not fitting:
            return None
        roomy = fitting & ((2 << min(room, length)) - 1)
        if roomy:
            block = roomy.bit_length() - 1
            return Prefix(self._network(self._free[block].lowest(), block), length)
        block = (fitting & -fitting).bit_length() - 1
        free, turn = self._free[block], self._turn(block)
        number = -1 if turn is None else _reversed(turn, block - self.whole.length - 1) << 1 | 1
        return Prefix(self._network(number if number in free else free.lowest(), block), length)

    def plan(self, length: int, count: int, room: int) -> list[int] | Numbers:
        """The numbers, at `length`, of the next up to `count` prefixes that `choose` and `take` would give one
        after the other; they are still free."""
        if length - self.whole.length > _WIDEST:
            return self._plan_one_by_one(length, count, room)
        room = max(min(room, length), self.whole.length - 1)
        parts: list[Numbers] = []
        wanted = count
        for block in range(room, self.whole.length - 1, -1):
            if wanted and self._lengths >> block & 1:
                found = self._slots(block, room, wanted) << np.uint64(length - room)
                parts.append(found)
                wanted -= len(found)
        if wanted and room < length and self.fits(length):
            parts += self._plan_between(length, parts, wanted)
        return np.concatenate(parts) if parts else EMPTY

    def _slots(self, block: int, room: int, wanted: int) -> Numbers:
        """The lowest numbers at `room` inside the free blocks of length `block`."""
        bits = room - block
        blocks = self._free[block].first(-(-wanted // (1 << bits)) if bits < 62 else 1)
        inner = np.arange(min(wanted, 1 << min(bits, 62)), dtype=np.uint64)
        return ((blocks << np.uint64(bits))[:, None] | inner).reshape(-1)[:wanted]

    def _plan_between(self, length: int, before: list[Numbers], wanted: int) -> list[Numbers]:
        """No room is left as it should be: from the largest block, for real, and undone."""
        parts: list[Numbers] = []
        for numbers in before:
            self.take_many(length, numbers)
        while wanted and self.fits(length):
            block = self.largest
            assert block is not None
            found = self._next_between(block, wanted) << np.uint64(length - block)
            self.take_many(length, found)
            parts.append(found)
            wanted -= len(found)
        for numbers in (*before, *parts):
            self.give_back_many(length, numbers)
        return parts

    def _next_between(self, block: int, wanted: int) -> Numbers:
        """Up to `wanted` of the free blocks of that length, in the order of `choose`."""
        free, turn = self._free[block], self._turn(block)
        if turn is not None:
            turns = np.arange(turn, turn + min(wanted, free.count), dtype=np.uint64)
            numbers = _reversed_many(turns, block - self.whole.length - 1) << np.uint64(1) | np.uint64(1)
            order = np.argsort(numbers)
            there = np.empty(len(numbers), np.bool_)
            there[order] = free.holds(numbers[order])
            regular = numbers[: len(numbers) if there.all() else int(np.argmin(there))]
            if len(regular):
                return regular
        return free.first(wanted)

    def _plan_one_by_one(self, length: int, count: int, room: int) -> list[int]:
        found: list[Prefix] = []
        while len(found) < count and (prefix := self.choose(length, room)) is not None:
            self.take(prefix)
            found.append(prefix)
        for prefix in found:
            self.give_back(prefix)
        return [self.number(prefix) for prefix in found]

    def is_free(self, prefix: Prefix) -> bool:
        return self._block_around(prefix) is not None

    def take(self, prefix: Prefix) -> None:
        """Raises SpaceError unless all of `prefix` is free."""
        block = self._block_around(prefix)
        if block is None:
            raise SpaceError(f"{prefix} is not free in {self.whole}")
        number = self.number(prefix)
        self._remove(number >> (prefix.length - block), block)
        for length in range(block + 1, prefix.length + 1):
            # Of the two halves, the one that does not hold the prefix becomes free.
            self._add((number >> (prefix.length - length)) ^ 1, length)

    def take_many(self, length: int, numbers: list[int] | Numbers) -> None:
        """Take the prefixes of one length by their numbers. Raises SpaceError unless all are free, and then
        nothing is taken."""
        if not isinstance(numbers, np.ndarray) or length - self.whole.length > _WIDEST:
            for number in numbers:
                self.take(Prefix(self._network(int(number), length), length))
            return
        wanted = _sorted(numbers)
        plan: list[tuple[int, Numbers, Numbers]] = []
        level = length
        while len(wanted):
            if level < self.whole.length:
                raise SpaceError(f"not all of {len(numbers)} prefixes of /{length} are free in {self.whole}")
            there = self._holds(level, wanted)
            missing = wanted[~there]
            # A missing block is made by taking its parent; its buddy is left over, unless it is wanted too.
            buddies = missing ^ np.uint64(1)
            plan.append((level, wanted[there], _without(buddies, missing)))
            wanted = np.unique(missing >> np.uint64(1))
            level -= 1
        for level, taken, left in plan:
            self._remove_many(taken, level)
            self._add_many(left, level)

    def give_back(self, prefix: Prefix) -> None:
        """Frees a prefix that was taken whole. Raises SpaceError where it is free already or lies outside."""
        if not self.whole.holds(prefix):
            raise SpaceError(f"{prefix} lies outside of {self.whole}")
        if self._block_around(prefix) is not None:
            raise SpaceError(f"{prefix} is free already")
        number, length = self.number(prefix), prefix.length
        while length > self.whole.length and (number ^ 1) in self._free.get(length, ()):
            self._remove(number ^ 1, length)
            number >>= 1
            length -= 1
        self._add(number, length)

    def give_back_many(self, length: int, numbers: list[int] | Numbers) -> None:
        """Free prefixes of one length that were taken whole. Raises SpaceError where one is free already."""
        if not isinstance(numbers, np.ndarray) or length - self.whole.length > _WIDEST:
            for number in numbers:
                self.give_back(Prefix(self._network(int(number), length), length))
            return
        freed = _sorted(numbers)
        for level in range(self.whole.length, length + 1):
            if self._lengths >> level & 1 and self._holds(level, freed >> np.uint64(length - level)).any():
                raise SpaceError(f"of {len(freed)} prefixes of /{length} one is free already in {self.whole}")
        level = length
        while len(freed):
            self._add_many(freed, level)
            if level == self.whole.length:
                break
            pairs = self._free[level].pairs_out(freed)
            self.free_addresses -= 2 * len(pairs) << (BITS - level)
            self._mark(level)
            freed, level = pairs, level - 1

    def number(self, prefix: Prefix) -> int:
        return (prefix.network - self.whole.network) >> (BITS - prefix.length)

    def chunks(self) -> dict[int, dict[int, int]]:
        """What `restore` takes: bits by chunk by length. The copy stays as it is."""
        return {length: dict(numbers.chunks) for length, numbers in self._free.items() if numbers}

    def restore(self, chunks: dict[int, dict[int, int]]) -> None:
        self._free, self._lengths, self.free_addresses = {}, 0, 0
        for length, bits in chunks.items():
            numbers = self._free[length] = BlockSet()
            numbers.restore(bits)
            self._mark(length)
            self.free_addresses += numbers.count << (BITS - length)

    def _network(self, number: int, length: int) -> int:
        return self.whole.network + (number << (BITS - length))

    def _turn(self, block: int) -> int | None:
        """How many of the odd blocks of that length are gone; None where that is not how the space looks."""
        width = block - self.whole.length - 1
        if width < 0:
            return None
        turn = (1 << width) - self._free[block].count
        return turn if turn >= 0 else None

    def _block_around(self, prefix: Prefix) -> int | None:
        """The length of the free block that holds a prefix."""
        if not self.whole.holds(prefix):
            return None
        number = self.number(prefix)
        lengths = self._lengths & ((2 << prefix.length) - 1)
        while lengths:
            length = lengths.bit_length() - 1
            if (number >> (prefix.length - length)) in self._free[length]:
                return length
            lengths ^= 1 << length
        return None

    def _holds(self, length: int, numbers: Numbers) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        free = self._free.get(length)
        return np.zeros(len(numbers), np.bool_) if free is None else free.holds(numbers)

    def _add(self, number: int, length: int) -> None:
        self._free.setdefault(length, BlockSet()).add(number)
        self._lengths |= 1 << length
        self.free_addresses += 1 << (BITS - length)

    def _remove(self, number: int, length: int) -> None:
        self._free[length].remove(number)
        self._mark(length)
        self.free_addresses -= 1 << (BITS - length)

    def _add_many(self, numbers: Numbers, length: int) -> None:
        if len(numbers):
            self._free.setdefault(length, BlockSet()).add_many(numbers)
            self._lengths |= 1 << length
            self.free_addresses += len(numbers) << (BITS - length)

    def _remove_many(self, numbers: Numbers, length: int) -> None:
        if len(numbers):
            self._free[length].remove_many(numbers)
            self._mark(length)
            self.free_addresses -= len(numbers) << (BITS - length)

    def _mark(self, length: int) -> None:
        if self._free[length]:
            self._lengths |= 1 << length
        else:
            self._lengths &= ~(1 << length)


def _reversed(number: int, width: int) -> int:
    """The last `width` bits in the opposite order."""
    return int(f"{number:0{width}b}"[::-1], 2) if width else 0


def _reversed_many(numbers: Numbers, width: int) -> Numbers:
    result = np.zeros_like(numbers)
    for bit in range(width):
        result |= (numbers >> np.uint64(bit) & np.uint64(1)) << np.uint64(width - 1 - bit)
    return result


def _sorted(numbers: Numbers) -> Numbers:
    """Sorted; raises SpaceError for one that is there twice."""
    chosen = np.sort(numbers)
    if (chosen[1:] == chosen[:-1]).any():
        raise SpaceError("a prefix is named twice")
    return chosen


def _without(numbers: Numbers, others: Numbers) -> Numbers:
    """`numbers`, each the buddy of one of `others` (sorted), without those that are in `others`; sorted."""
    return np.setdiff1d(numbers, others, assume_unique=True) if len(numbers) else numbers
