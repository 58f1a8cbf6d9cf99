"""tayga.conf: stateless, each slot one to one. It depends on how many slots there are, on no subscriber."""

from typing import Final

from sixfold.agent.gateway.plan import Nat64, Plan

FILE: Final = "tayga.conf"
_LEAST: Final = 256


def slots(plan: Plan, nat64: Nat64) -> int:
    """How many are laid out: a power of two above the highest in use, so that tayga seldom has to start anew."""
    highest = max((one.slot for one in (*plan.port_sets, *plan.static)), default=0)
    return min(nat64.capacity, max(_LEAST, 1 << highest.bit_length()))


def configuration(plan: Plan, nat64: Nat64) -> str:
    lines = [
        f"tun-device {nat64.interface}",
        f"ipv4-addr {nat64.own_ipv4}",
        f"ipv6-addr {nat64.own_ipv6}",
        f"prefix {nat64.prefix}",
        *(f"map {nat64.ipv4_of(slot)} {nat64.ipv6_of(slot)}" for slot in range(1, slots(plan, nat64) + 1)),
    ]
    return "\n".join(lines) + "\n"
