"""SetPolicies as checked values. Everything that is wrong is told at once, each with where it stands."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sixfold.api.addressing.embedded import WELL_KNOWN
from sixfold.api.addressing.policy import Action, Network, Sides, Wrong, sides, touched, wrong
from sixfold.api.agent.v1 import agent_pb2 as pb

MAX_POLICIES: Final = 1_000
MAX_PREFIXES: Final = 65_536
"""Of all policies together."""
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
Ranges = tuple[tuple[int, int], ...]


class PolicyError(ValueError):
    """These policies cannot be enforced. cause: a short stable word."""

    def __init__(self, cause: str, found: Sequence[object]) -> None:
        super().__init__("; ".join(map(str, found[:10])))
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Policy:
    policy_id: str
    sides: Sides
    protocols: tuple[int, ...]
    source_ports: Ranges
    destination_ports: Ranges
    lengths: Ranges
    flags: tuple[int, int]
    """(mask, value); a mask of 0 looks at none."""
    action: Action
    expires: datetime

    @property
    def name(self) -> str:
        """In nftables."""
        return self.policy_id.replace("-", "_")


def read_policies(message: pb.SetPolicies) -> tuple[Policy, ...]:
    """Raises PolicyError."""
    if len(message.policies) > MAX_POLICIES:
        raise PolicyError("too-many", [f"{len(message.policies)} policies, at most {MAX_POLICIES}"])
    found = [
        Wrong(f"policies[{at}].{one.where}", one.cause, one.detail)
        for at, policy in enumerate(message.policies)
        for one in _wrong(policy)
    ]
    ids = [policy.policy_id for policy in message.policies]
    if len(set(ids)) < len(ids):
        found.append(Wrong("policies", "taken", "an id stands twice"))
    prefixes = sum(len(one.match.sources) + len(one.match.destinations) for one in message.policies)
    if prefixes > MAX_PREFIXES:
        found.append(Wrong("policies", "too-many", f"{prefixes} prefixes, at most {MAX_PREFIXES}"))
    if found:
        raise PolicyError("invalid-policy", found)
    return tuple(map(_read, message.policies))


def _wrong(policy: pb.Policy) -> list[Wrong]:
    found = wrong(policy.match, action_of(policy.action))
    if not _ID.fullmatch(policy.policy_id):
        found.append(Wrong("policyId", "malformed", f"{policy.policy_id[:60]!r} is no id"))
    if not policy.HasField("expires"):
        found.append(Wrong("expires", "missing", "every policy ends"))
    return found


def action_of(action: pb.PolicyAction) -> Action:
    return Action(
        kind=int(action.kind),
        packets_per_second=action.packets_per_second,
        bytes_per_second=action.bytes_per_second,
        per=int(action.per),
        dscp=action.dscp,
        route=int(action.route),
        redirect=action.redirect,
    )


def _read(policy: pb.Policy) -> Policy:
    match = policy.match
    return Policy(
        policy_id=policy.policy_id,
        sides=sides(match),
        protocols=tuple(sorted(set(match.protocols))),
        source_ports=_ranges(match.source_ports),
        destination_ports=_ranges(match.destination_ports),
        lengths=_ranges(match.lengths),
        flags=(match.tcp_flags_mask, match.tcp_flags),
        action=action_of(policy.action),
        expires=policy.expires.ToDatetime(UTC),
    )


def _ranges(ranges: Iterable[pb.PortRange | pb.LengthRange]) -> Ranges:
    return tuple(sorted((one.first, one.last) for one in ranges))


def require_harmless(
    message: pb.SetPolicies, never: Iterable[Network], nat64: Iterable[Network] = ()
) -> None:
    """Raises PolicyError for a policy that would touch what must stay reachable."""
    kept, prefixes = tuple(never), (WELL_KNOWN, *nat64)
    found = [
        f"{policy.policy_id}: {one}"
        for policy in message.policies
        for one in touched(policy.match, kept, prefixes)
    ]
    if found:
        raise PolicyError("cuts-management", found)


def require_ending(policies: Iterable[Policy], now: datetime, longest: timedelta) -> None:
    """Raises PolicyError for one that lasts longer than this gateway lets any."""
    found = [
        f"{one.policy_id} lasts until {one.expires.isoformat()}, at most {longest} from now"
        for one in policies
        if one.expires > now + longest
    ]
    if found:
        raise PolicyError("too-long", found)
