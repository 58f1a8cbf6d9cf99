"""Facts of the address centre, as its ledger holds them: addresses of 16 bytes, times in UTC milliseconds, 0
for never."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolCreated:
    pool_id: str
    parent_id: str
    network: bytes
    length: int
    purpose: str
    shortest: int
    longest: int
    lease_seconds: int
    quarantine_seconds: int
    strategy: str
    time: int
    room: int = 0


@dataclass(frozen=True, slots=True)
class PoolSplit:
    """`pool_id` keeps the lower half of its prefix, `other_id` has the upper one and the same rules."""

    pool_id: str
    other_id: str
    time: int


@dataclass(frozen=True, slots=True)
class PoolsMerged:
    """`pool_id` has the space of both; `other_id` is no more."""

    pool_id: str
    other_id: str
    time: int


@dataclass(frozen=True, slots=True)
class SpaceWithheld:
    """Without a holder: excluded, given to nobody."""

    pool_id: str
    network: bytes
    length: int
    holder: str
    reason: str
    time: int


@dataclass(frozen=True, slots=True)
class SpaceOpened:
    pool_id: str
    network: bytes
    length: int
    time: int


@dataclass(frozen=True, slots=True)
class Grant:
    delegation_id: int
    network: bytes
    length: int
    holder: str
    key: str
    expires: int


@dataclass(frozen=True, slots=True)
class PrefixesDelegated:
    """Columns: network n (16 bytes) and key hash n (8 bytes) are of delegation `first_id` + n and `holders[n]`.
    `grants` is how it was written before there were columns."""

    pool_id: str
    time: int
    first_id: int = 0
    length: int = 0
    networks: bytes = b""
    keys: bytes = b""
    holders: tuple[str, ...] = ()
    expires: int = 0
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class DelegationGrown:
    delegation_id: int
    network: bytes
    length: int
    time: int


@dataclass(frozen=True, slots=True)
class DelegationRenumbered:
    """Both are valid until `old_expires`."""

    delegation_id: int
    successor_id: int
    pool_id: str
    network: bytes
    length: int
    holder: str
    key: bytes
    expires: int
    old_expires: int
    time: int


@dataclass(frozen=True, slots=True)
class LeaseRenewed:
    delegation_id: int
    expires: int
    time: int


@dataclass(frozen=True, slots=True)
class LeasesRenewed:
    """Those that rest are their holders' again."""

    delegation_ids: tuple[int, ...]
    expires: int
    time: int


@dataclass(frozen=True, slots=True)
class DelegationsReleased:
    delegation_ids: tuple[int, ...]
    time: int


@dataclass(frozen=True, slots=True)
class LeasesExpired:
    delegation_ids: tuple[int, ...]
    time: int


@dataclass(frozen=True, slots=True)
class PrefixesReturned:
    delegation_ids: tuple[int, ...]
    time: int


@dataclass(frozen=True, slots=True)
class AnomalySeen:
    """Out of the ordinary for this pool: `kind` is hoarding, churn or leak; nothing changes by it."""

    pool_id: str
    kind: str
    detail: str
    measure: float
    usual: float
    time: int


Event = (
    PoolCreated
    | PoolSplit
    | PoolsMerged
    | SpaceWithheld
    | SpaceOpened
    | PrefixesDelegated
    | DelegationGrown
    | DelegationRenumbered
    | LeaseRenewed
    | LeasesRenewed
    | DelegationsReleased
    | LeasesExpired
    | PrefixesReturned
    | AnomalySeen
)
EVENTS = (
    PoolCreated,
    PoolSplit,
    PoolsMerged,
    SpaceWithheld,
    SpaceOpened,
    PrefixesDelegated,
    DelegationGrown,
    DelegationRenumbered,
    LeaseRenewed,
    LeasesRenewed,
    DelegationsReleased,
    LeasesExpired,
    PrefixesReturned,
    AnomalySeen,
)
