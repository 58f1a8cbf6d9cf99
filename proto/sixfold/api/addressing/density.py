"""How full address space is, as RFC 3194 and the RIPE policy measure it."""

import math
from typing import Final

RIPE_RATIO: Final = 0.94
RIPE_UNIT: Final = 56


def hd_ratio(allocated: int, allocatable: int) -> float:
    """log(allocated) / log(allocatable); 0 of nothing, and 1 of one thing that is taken."""
    if not 0 <= allocated <= allocatable:
        raise ValueError(f"{allocated} of {allocatable}")
    if allocated <= 1:
        return float(allocated) if allocatable == 1 else 0.0
    return math.log(allocated) / math.log(allocatable)


def objects_at(ratio: float, allocatable: int) -> int:
    """How many are allocated when the HD ratio is reached: allocatable ** ratio, rounded down."""
    return math.floor(math.exp(ratio * math.log(allocatable))) if allocatable > 0 else 0


def threshold(length: int, *, unit: int = RIPE_UNIT, ratio: float = RIPE_RATIO) -> int:
    """Units of /`unit` in a prefix of `length` bits that must be in use before more may be asked for (RIPE)."""
    if not 0 <= length <= unit:
        raise ValueError(f"/{length} holds no /{unit}")
    return math.floor(2 ** ((unit - length) * ratio))
