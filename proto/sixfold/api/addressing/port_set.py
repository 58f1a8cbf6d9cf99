"""Port sets of a shared IPv4 address (RFC 7597, 5.1 and appendix B).

A port is `A (offset bits) | PSID (length bits) | j`; a set is every port with one PSID, and, where the offset is not
zero, A at least 1.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sixfold.api.addressing.errors import AddressingError

DEFAULT_OFFSET: Final = 6
PORTS: Final = 1 << 16


@dataclass(frozen=True)
class PortSet:
    """`offset` is a, `length` is k; a + k is at most 16. Length 0 has one PSID, 0: all ports but the excluded."""

    offset: int
    length: int
    psid: int

    def __post_init__(self) -> None:
        check_parameters(self.offset, self.length)
        if not 0 <= self.psid < 1 << self.length:
            raise AddressingError("psid", f"{self.psid} does not fit {self.length} bits")

    @cached_property
    def _contiguous(self) -> int:
        return 1 << (16 - self.offset - self.length)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """First and last port of each range, in order."""
        size = self._contiguous
        for block in range(1 if self.offset else 0, 1 << self.offset):
            first = (block << (16 - self.offset)) + self.psid * size
            yield first, first + size - 1

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and psid_of(port, self.offset, self.length) == self.psid

    def __len__(self) -> int:
        return ((1 << self.offset) - (1 if self.offset else 0)) * self._contiguous

    def overlaps(self, other: "PortSet") -> bool:
        """Whether a port lies in both; the two may have other parameters."""
        if (self.offset, self.length) == (other.offset, other.length):
            return self.psid == other.psid
        mine = list(self.ranges())
        at = 0
        for first, last in other.ranges():
            while at < len(mine) and mine[at][1] < first:
                at += 1
            if at < len(mine) and mine[at][0] <= last:
                return True
        return False

    def option(self) -> bytes:
        """OPTION_S46_PORTPARAMS (93) with its header; the PSID is left-justified here (RFC 7598, 4.5)."""
        return struct.pack(
            "!HHBBH", 93, 4, self.offset, self.length, self.psid << (16 - self.length) & 0xFFFF
        )


def check_parameters(offset: int, length: int) -> None:
    """Raises AddressingError for parameters that leave no ports."""
    if not 0 <= offset <= 15:
        raise AddressingError("psid_offset", f"{offset} is not in 0 to 15")
    if not 0 <= length <= 16 - offset:
        raise AddressingError("psid_length", f"{length} is not in 0 to {16 - offset} beside offset {offset}")


def psid_of(port: int, offset: int, length: int) -> int | None:
    """The PSID that a port belongs to; None for one that is excluded, or none at all."""
    if not 0 <= port < PORTS or (offset and port >> (16 - offset) == 0):
        return None
    return port >> (16 - offset - length) & ((1 << length) - 1)


def from_option(data: bytes) -> PortSet | None:
    """A PortSet from OPTION_S46_PORTPARAMS with its header; None where its length says that it is to be ignored.
    Raises AddressingError."""
    if len(data) != 8:
        raise AddressingError("option", f"{len(data)} bytes, not 8")
    code, size, offset, length, left = struct.unpack("!HHBBH", data)
    if (code, size) != (93, 4):
        raise AddressingError("option", f"option {code} of {size} bytes is no S46_PORTPARAMS")
    if length == 0:
        return None
    check_parameters(offset, length)
    return PortSet(offset, length, left >> (16 - length))
