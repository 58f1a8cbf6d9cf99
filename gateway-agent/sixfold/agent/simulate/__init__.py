"""A whole region's traffic as IPFIX: seeded, repeatable, with attacks on demand and the truth beside it."""

from sixfold.agent.simulate.attacks import Attack, AttackError, parse_attack
from sixfold.agent.simulate.command import simulate_command
from sixfold.agent.simulate.region import Region
from sixfold.agent.simulate.simulator import Simulation, Simulator

__all__ = ["Attack", "AttackError", "Region", "Simulation", "Simulator", "parse_attack", "simulate_command"]
