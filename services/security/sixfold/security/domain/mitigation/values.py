"""Policies and what is known of them. Field names are those of the protos."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sixfold.api.addressing.policy import Action


class Kind(Enum):
    UNSPECIFIED = 0
    BLOCK = 1
    RATE_LIMIT = 2
    DIVERT = 3
    MARK = 4


class Per(Enum):
    UNSPECIFIED = 0
    SOURCE = 1
    DESTINATION = 2


class Route(Enum):
    UNSPECIFIED = 0
    BLACKHOLE = 1
    FLOWSPEC = 2


@dataclass(frozen=True, slots=True)
class Range:
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Match:
    """`PolicyMatch`: packets that meet all that is given; within one field, any of it."""

    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    protocols: tuple[int, ...] = ()
    source_ports: tuple[Range, ...] = ()
    destination_ports: tuple[Range, ...] = ()
    tcp_flags_mask: int = 0
    tcp_flags: int = 0
    lengths: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyAction:
    kind: Kind
    packets_per_second: int = 0
    bytes_per_second: int = 0
    per: Per = Per.UNSPECIFIED
    dscp: int = 0
    route: Route = Route.UNSPECIFIED
    redirect: str = ""

    @property
    def plain(self) -> Action:
        """As the rules that gateways share know it."""
        return Action(
            self.kind.value,
            self.packets_per_second,
            self.bytes_per_second,
            self.per.value,
            self.dscp,
            self.route.value,
            self.redirect,
        )


@dataclass(frozen=True, slots=True)
class Policy:
    match: Match
    action: PolicyAction


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What a policy would have touched among the stored flows; good: from before the incident."""

    start_time: datetime
    end_time: datetime
    flows: int = 0
    bytes: int = 0
    packets: int = 0
    sources: int = 0
    destinations: int = 0
    good_flows: int = 0
    good_bytes: int = 0
    good_sources: int = 0
    known_flows: int = 0
    known_bytes: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    time: datetime
    matched_packets: int = 0
    matched_bytes: int = 0
    acted_packets: int = 0
    acted_bytes: int = 0
    matched_bits_per_second: float = 0.0
    acted_bits_per_second: float = 0.0
    passed_bits_per_second: float = 0.0
    collateral_flows: int = 0
    collateral_bytes: int = 0
    collateral_sources: int = 0
    collateral_known: bool = False


class Status(Enum):
    PROPOSED = 1
    ACTIVE = 2
    ENDED = 3
    REJECTED = 4


@dataclass(frozen=True, slots=True)
class Mitigation:
    mitigation_id: str
    incident_id: str
    policy: Policy
    gateways: tuple[str, ...]
    """Empty: every gateway."""
    status: Status
    proposer: str
    note: str
    proposed: datetime
    seconds: int
    estimate: BlastRadius | None = None
    two_person_reasons: tuple[str, ...] = ()
    approver: str = ""
    approved: datetime | None = None
    expires: datetime | None = None
    end_cause: str = ""
    ended_by: str = ""
    ended: datetime | None = None
    effect: Effect | None = None

    @property
    def is_open(self) -> bool:
        """Proposed or active."""
        return self.status in (Status.PROPOSED, Status.ACTIVE)

    def concerns(self, gateway: str) -> bool:
        return not self.gateways or gateway in self.gateways
