"""Pools, delegations and refusals."""

from dataclasses import dataclass
from typing import Literal

from sixfold.address.domain.prefix import BITS, Prefix
from sixfold.address.domain.space import Strategy

RefusalKind = Literal["invalid", "unknown", "exists", "precondition", "exhausted"]


class RefusedError(ValueError):
    """A wish is not granted. `reason` is a stable word; `field` names what is wrong in the request, where
    something is."""

    def __init__(self, kind: RefusalKind, reason: str, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.kind = kind
        self.reason = reason
        self.detail = detail
        self.field = field


@dataclass(frozen=True, slots=True)
class Pool:
    """Lengths count the bits of 128."""

    pool_id: str
    parent_id: str
    prefix: Prefix
    purpose: str
    shortest: int
    longest: int
    lease_seconds: int
    quarantine_seconds: int
    strategy: Strategy
    created: int
    room: int = 0
    """With dense: the length of the space that is kept free around a delegation while it can; 0: none."""

    @property
    def room_kept(self) -> int:
        """`room` as free space understands it."""
        if self.strategy == "sparse":
            return 0
        return self.room or BITS


@dataclass(frozen=True, slots=True)
class Withheld:
    """A prefix that is not given to just anybody: kept for `holder`, or excluded where there is none.
    `delegation_id` is the delegation that the holder has of it now; 0: none."""

    prefix: Prefix
    holder: str
    reason: str
    delegation_id: int = 0


@dataclass(frozen=True, slots=True)
class Delegation:
    """`expires` 0: without end. `resting_until` 0: active; otherwise released or expired, and in quarantine
    until then."""

    delegation_id: int
    pool_id: str
    prefix: Prefix
    holder: str
    expires: int
    version: int = 1
    resting_until: int = 0

    @property
    def is_active(self) -> bool:
        return self.resting_until == 0


@dataclass(frozen=True, slots=True)
class PoolWish:
    """`prefix` text, or with a parent empty and `length`; lengths in bits of the family, 0 for the
    default."""

    pool_id: str
    parent_id: str
    prefix: str
    length: int
    purpose: str
    shortest_length: int
    longest_length: int
    lease_seconds: int
    quarantine_seconds: int
    strategy: Strategy
    room_length: int = 0


@dataclass(frozen=True, slots=True)
class DelegationWish:
    """`length` in bits of the pool's family; `lease_seconds` 0: the pool's."""

    pool_id: str
    length: int
    key: str
    holder: str
    lease_seconds: int


@dataclass(frozen=True, slots=True)
class RenumberWish:
    """`pool_id` empty: the same pool; `length` 0: the same; `overlap_seconds`: how long the old prefix is valid
    beside the new one."""

    delegation_id: int
    key: str
    overlap_seconds: int
    pool_id: str = ""
    length: int = 0
    lease_seconds: int = 0
