"""The ledger of the credit centre: which gateways there are and what the warehouse's schema has been through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class GatewayRegistered:
    gateway: str
    agent_version: str
    time: datetime


@dataclass(frozen=True, slots=True)
class MigrationApplied:
    version: str
    time: datetime


Event = GatewayRegistered | MigrationApplied


@dataclass(frozen=True, slots=True)
class Registry:
    gateways: Mapping[str, str] = field(default_factory=dict[str, str])
    """Agent version by gateway."""
    migrations: tuple[str, ...] = ()


def evolve(state: Registry, event: Event) -> Registry:
    match event:
        case GatewayRegistered():
            return replace(state, gateways={**state.gateways, event.gateway: event.agent_version})
        case MigrationApplied():
            return replace(state, migrations=(*state.migrations, event.version))


def register(state: Registry, seen: Mapping[str, str], now: datetime) -> tuple[Sequence[Event], None]:
    """What is new in the agent versions that were `seen`."""
    new = {name: version for name, version in seen.items() if state.gateways.get(name) != version}
    return [GatewayRegistered(name, version, now) for name, version in new.items()], None


def apply(state: Registry, versions: Sequence[str], now: datetime) -> tuple[Sequence[Event], None]:
    return [MigrationApplied(version, now) for version in versions if version not in state.migrations], None
