"""Lists of ports as people write them, `0-1023,5004`, and the ports that such a list leaves."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.port_set import PORTS

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Ports in order, each with its rank from 0. `starts` are the ranks of the ranges' first ports."""

    ranges: Ranges
    starts: tuple[int, ...]
    count: int

    def rank(self, port: int) -> int | None:
        """None for a port that is not among them."""
        at = bisect_right(self.ranges, (port, PORTS)) - 1
        if at < 0 or port > self.ranges[at][1]:
            return None
        return self.starts[at] + port - self.ranges[at][0]

    def port(self, rank: int) -> int:
        at = bisect_right(self.starts, rank) - 1
        return self.ranges[at][0] + rank - self.starts[at]

    def ranges_of(self, first: int, count: int) -> Iterator[tuple[int, int]]:
        """The ports with ranks from `first` on, as ranges."""
        while count > 0:
            at = bisect_right(self.starts, first) - 1
            port = self.ranges[at][0] + first - self.starts[at]
            here = min(count, self.ranges[at][1] - port + 1)
            yield port, port + here - 1
            first, count = first + here, count - here


def parse_ports(text: str) -> Ranges:
    """Sorted and joined ranges. Raises AddressingError."""
    found: list[tuple[int, int]] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        first, dash, last = part.partition("-")
        numbers = (first, last) if dash else (first, first)
        if not all(number.isascii() and number.isdigit() and len(number) <= 5 for number in numbers):
            raise AddressingError("reserved_ports", f"{part[:20]!r} is no port and no range")
        low, high = int(numbers[0]), int(numbers[1])
        if not low <= high < PORTS:
            raise AddressingError("reserved_ports", f"{part} is not in 0 to 65535, or backwards")
        found.append((low, high))
    return joined(found)


def joined(ranges: list[tuple[int, int]]) -> Ranges:
    """Sorted, overlapping and adjacent ones made one."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def candidates(reserved: Ranges) -> Candidates:
    """Every port that is not reserved; port 0 never is one."""
    left: list[tuple[int, int]] = []
    at = 1
    for first, last in joined([*reserved, (0, 0)]):
        if first > at:
            left.append((at, first - 1))
        at = max(at, last + 1)
    if at < PORTS:
        left.append((at, PORTS - 1))
    sizes = [last - first + 1 for first, last in left]
    return Candidates(tuple(left), tuple(accumulate(sizes, initial=0))[:-1], sum(sizes))
