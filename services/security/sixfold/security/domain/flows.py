"""One part of the flows as detectors get it: columns, and groupings that are made once for all of them.

Hosts have dense numbers already, because the window counts by them: a grouping by source or destination is an
indexed addition, never a second hash of the addresses. Everything here is made when it is first asked for and
then shared; nothing in it may be written to, and nothing kept beyond the part: numbers change their meaning.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

from sixfold.security.domain import addresses
from sixfold.security.domain.hosts import Numbers
from sixfold.security.domain.kinds import kinds_of
from sixfold.security.domain.spread import Shares

Columns = Mapping[str, npt.NDArray[Any]]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]
_MIX: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
SOURCE: Final = "source"
DESTINATION: Final = "destination"
T = TypeVar("T")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows of equal key. `of[row]` is the row's group (0 to `count`), `first[group]` one row of it."""

    of: Numbers
    first: Numbers

    @property
    def count(self) -> int:
        return len(self.first)

    def sum(self, values: npt.NDArray[Any] | None = None) -> F64:
        """By group, the sum of a column; without one, the number of rows."""
        if values is None:
            return np.bincount(self.of, minlength=self.count).astype(np.float64)
        return np.bincount(self.of, values, self.count).astype(np.float64, copy=False)

    def distinct(self, finer: "Groups") -> F64:
        """By group, in how many groups of `finer` its rows lie, where `finer` divides these groups."""
        return np.bincount(self.of[finer.first], minlength=self.count).astype(np.float64)


class Flows:
    """Some thousands of plausible flows (at most a batch or `rows_at_once`), each exported once.

    `columns` are those that the detectors ask for and the window's own. `shares` says how the flows are laid over
    the window's slots: for each Shares, row r has `share` of its volume in `slot`.
    """

    def __init__(
        self,
        columns: Columns,
        now_ms: int,
        *,
        source: Numbers,
        destination: Numbers,
        shares: tuple[Shares, ...],
        words: Mapping[str, tuple[U64, U64]] | None = None,
        lane: npt.NDArray[np.uint32] | None = None,
    ) -> None:
        self.columns = columns
        self.now_ms = now_ms
        """Wall clock."""
        self.source = source
        """Dense number of each row's source host: equal numbers are equal hosts, within this part."""
        self.destination = destination
        self.shares = shares
        self.lane = lane
        """Which of several exporters on one path each row is from, as Lanes numbers them; None: no such groups."""
        self._words: dict[str, tuple[U64, U64]] = dict(words or {})
        self._groups: dict[tuple[str, ...], Groups] = {}
        self._made: dict[Callable[[Flows], Any], Any] = {}

    @property
    def rows(self) -> int:
        return len(self.source)

    def words(self, column: str) -> tuple[U64, U64]:
        """An address column as (hi, lo)."""
        if column not in self._words:
            self._words[column] = addresses.words(self.columns[column])
        return self._words[column]

    @cached_property
    def kind(self) -> npt.NDArray[np.uint8]:
        """What each flow is: an index into kinds.KINDS."""
        columns = self.columns
        return kinds_of(columns["protocol"], columns["src_port"], columns["dst_port"], columns["tcp_flags"])

    def made(self, make: "Callable[[Flows], Made]") -> "Made":
        """What this function makes of the part, made once for all that ask."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("Made", self._made[make])

    def groups(self, *keys: str) -> Groups:
        """Rows grouped by `keys`: "source", "destination", or names of columns of whole numbers.

        Shared: ask with the keys in the order that others use (source, destination, then columns by name).
        Several keys are joined to one of 64 bits; where they do not fit, by a hash (two of n groups meet with a
        probability under n^2 / 2^65).
        """
        if keys not in self._groups:
            self._groups[keys] = self._grouped(keys)
        return self._groups[keys]

    def _grouped(self, keys: tuple[str, ...]) -> Groups:
        numbers = [self._key(key) for key in keys]
        if len(numbers) == 1 and keys[0] in (SOURCE, DESTINATION):
            return by_number(numbers[0])
        joined = numbers[0].astype(np.uint64)
        width = _bits(joined)
        for number in numbers[1:]:
            more = number.astype(np.uint64)
            bits = _bits(more)
            if width + bits <= 64:
                joined = (joined << np.uint64(bits)) | more
                width += bits
            else:
                joined = (joined ^ (joined >> np.uint64(29))) * _MIX[0] + more * _MIX[1]
                width = 64
        return by_value(joined)

    def _key(self, key: str) -> npt.NDArray[Any]:
        if key == SOURCE:
            return self.source
        if key == DESTINATION:
            return self.destination
        if key == "kind":
            return self.kind
        return self.columns[key]


def _bits(values: U64) -> int:
    return int(values.max(initial=0)).bit_length()


def by_number(numbers: Numbers) -> Groups:
    """Group by dense numbers, without sorting."""
    if not len(numbers):
        return Groups(numbers, numbers)
    place = np.full(int(numbers.max()) + 1, -1, np.intp)
    place[numbers] = np.arange(len(numbers))
    first = place[place >= 0]
    place[numbers[first]] = np.arange(len(first))
    return Groups(place[numbers], first)


def by_value(values: U64) -> Groups:
    """Group by values of any size."""
    if not len(values):
        return Groups(np.zeros(0, np.intp), np.zeros(0, np.intp))
    order = np.argsort(values)
    ordered = values[order]
    opens = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    of = np.empty(len(values), np.intp)
    of[order] = np.cumsum(opens) - 1
    return Groups(of, order[opens])
