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
    pool_id: str
    time: int
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class LeaseRenewed:
    delegation_id: int
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


Event = (
    PoolCreated | PrefixesDelegated | LeaseRenewed | DelegationsReleased | LeasesExpired | PrefixesReturned
)
EVENTS = (PoolCreated, PrefixesDelegated, LeaseRenewed, DelegationsReleased, LeasesExpired, PrefixesReturned)
