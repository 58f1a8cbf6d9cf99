"""The whole state of the convergence ledger."""

from dataclasses import dataclass, field, replace

from sixfold.convergence.domain import register, traffic
from sixfold.convergence.domain.events import ConvergenceEvent, ServiceRegistered
from sixfold.convergence.domain.register import Register
from sixfold.convergence.domain.traffic import GatewayTraffic, Traffic


@dataclass(frozen=True, slots=True, eq=False)
class State:
    traffic: Traffic = field(default_factory=dict[str, GatewayTraffic])
    register: Register = field(default_factory=Register)


def evolve(state: State, event: ConvergenceEvent) -> State:
    if isinstance(event, ServiceRegistered):
        return replace(state, register=register.evolve(state.register, event))
    return replace(state, traffic=traffic.evolve(state.traffic, event))
