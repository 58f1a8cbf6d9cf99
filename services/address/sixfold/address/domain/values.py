"""Pools, delegations and refusals."""

from dataclasses import dataclass
from typing import Literal

from sixfold.address.domain.prefix import Prefix
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


@dataclass(frozen=True, slots=True)
class Delegation:
    """`expires` 0: without end. `resting_until` 0: active; otherwise released or expired, and in quarantine
    until then."""

    delegation_id: int
    pool_id: str
    prefix: Prefix
    holder: str
    key: str
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


@dataclass(frozen=True, slots=True)
class DelegationWish:
    """`length` in bits of the pool's family; `lease_seconds` 0: the pool's."""

    pool_id: str
    length: int
    key: str
    holder: str
    lease_seconds: int
