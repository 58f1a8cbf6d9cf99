"""What in a plan contradicts itself, or would cut the gateway off from those who run it."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from sixfold.agent.gateway.plan import Nat64, Network, Plan, PlanError, PortSet, Problem


@dataclass(frozen=True, slots=True)
class Protected:
    """A network that must stay reachable, and the interface that it is reached over; empty: not known."""

    network: Network
    interface: str
    what: str


def require_valid(plan: Plan, protected: Iterable[Protected] = ()) -> Plan:
    """Raises PlanError with all that is wrong."""
    guarded = [*protected, *(Protected(one, "", "a management prefix") for one in plan.management)]
    found = [
        *_slots(plan),
        *_subscribers(plan),
        *_ports(plan),
        *_interfaces(plan),
        *_networks(plan),
        *_sources(plan),
        *_cut_off(plan, guarded),
    ]
    if found:
        raise PlanError(found)
    return plan


def overlaps(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def covers(network: Network, inner: Network) -> bool:
    return network.version == inner.version and inner.subnet_of(network)  # type: ignore[arg-type]


def _slots(plan: Plan) -> Iterator[Problem]:
    most = plan.nat64.capacity if plan.nat64 else 8_191
    taken: dict[int, object] = {}
    users = [(f"portSets[{at}]", one.slot, one) for at, one in enumerate(plan.port_sets)]
    users += [(f"staticMappings[{at}]", one.slot, one.server) for at, one in enumerate(plan.static)]
    for where, slot, user in users:
        if not 0 < slot <= most:
            yield Problem(f"{where}.slot", "slot-out-of-range", f"slot {slot} is not 1 to {most}")
        elif taken.setdefault(slot, user) != user or (isinstance(user, PortSet) and taken[slot] is not user):
            yield Problem(f"{where}.slot", "slot-taken", f"slot {slot} has another user")


def _subscribers(plan: Plan) -> Iterator[Problem]:
    needs_nat64 = [one.subscriber for one in plan.port_sets if one.subscriber.version == 6]
    if plan.nat64 is None and (needs_nat64 or plan.static):
        yield Problem("nat64", "missing", "IPv6 subscribers and static mappings need it")
    if plan.nat64 is None and plan.dns64 is not None:
        yield Problem("dns64", "needs-nat64", "there is no NAT64 prefix to synthesise from")
    for version in (4, 6):
        some = [
            (one.subscriber, at) for at, one in enumerate(plan.port_sets) if one.subscriber.version == version
        ]
        some.sort(key=lambda pair: (int(pair[0].network_address), pair[0].prefixlen))
        for (before, _), (after, at) in pairwise(some):
            if overlaps(before, after):
                where = f"portSets[{at}].subscriberPrefix"
                yield Problem(where, "overlap", f"{after} overlaps {before} of another subscriber")


def _ports(plan: Plan) -> Iterator[Problem]:
    used: dict[ipaddress.IPv4Address, list[tuple[int, int, str]]] = defaultdict(list)
    seen = set()
    for at, one in enumerate(plan.port_sets):
        used[one.public] += [(first, last, f"portSets[{at}]") for first, last in one.ranges]
    for at, one in enumerate(plan.static):
        where = f"staticMappings[{at}]"
        key = (one.public, one.protocol, one.port)
        if key in seen:
            yield Problem(where, "mapped-twice", f"{one.public} port {one.port} is mapped already")
        seen.add(key)
        if one.port and (one.public, 0, 0) in seen:
            yield Problem(where, "mapped-twice", f"all of {one.public} is mapped already")
        ports = (one.port, one.port) if one.port else (1, 65_535)
        for first, last, other in used[one.public]:
            if first <= ports[1] and ports[0] <= last:
                yield Problem(where, "overlap", f"port {ports[0]} of {one.public} belongs to {other}")
                break
    for address, ranges in used.items():
        ranges.sort()
        for (first, last, one), (start, _, other) in pairwise(ranges):
            if start <= last:
                detail = f"ports {first} to {last} of {address} belong to {one}, too"
                yield Problem(f"{other}.ranges", "overlap", detail)
    if plan.nat64 is not None:
        publics = {one.public for one in (*plan.port_sets, *plan.static)}
        for address in sorted(publics):
            if not any(address in pool for pool in plan.nat64.pool):
                yield Problem("nat64.ipv4Pool", "not-in-pool", f"{address} is used, but in no pool")


def _interfaces(plan: Plan) -> Iterator[Problem]:
    for name in sorted(set(plan.access) & set(plan.ipv4_side)):
        yield Problem("ipv4Interfaces", "two-roles", f"{name} is an access interface, too")
    if plan.port_sets and not plan.ipv4_side:
        yield Problem("ipv4Interfaces", "missing", "port sets need a way to the IPv4 internet")
    if plan.nat64 is not None and plan.nat64.interface in (*plan.access, *plan.ipv4_side):
        yield Problem("nat64.interface", "two-roles", f"{plan.nat64.interface} is made by the agent")
    if plan.export is not None and not plan.export.interfaces:
        yield Problem("flowExport.interfaces", "missing", "there is nothing to meter")


def _own(nat64: Nat64) -> list[tuple[str, Network]]:
    return [
        ("nat64.prefix", nat64.prefix),
        ("nat64.innerIpv4", nat64.inner_ipv4),
        ("nat64.innerIpv6", nat64.inner_ipv6),
        *(("nat64.ipv4Pool", pool) for pool in nat64.pool),
    ]


def _networks(plan: Plan) -> Iterator[Problem]:
    if plan.nat64 is None:
        return
    own = _own(plan.nat64)
    for (_, one), (where, other) in combinations(own, 2):
        if overlaps(one, other):
            yield Problem(where, "overlap", f"{other} overlaps {one}")
    taken = [network for where, network in own if where != "nat64.ipv4Pool"]
    for at, subscriber in enumerate(plan.port_sets):
        for network in taken:
            if overlaps(network, subscriber.subscriber):
                where = f"portSets[{at}].subscriberPrefix"
                yield Problem(
                    where, "overlap", f"{subscriber.subscriber} overlaps {network} of the translator"
                )
    for at, mapping in enumerate(plan.static):
        if any(mapping.server in network for network in taken):
            where = f"staticMappings[{at}].serverAddress"
            yield Problem(where, "overlap", f"{mapping.server} is an address of the translator")


def _sources(plan: Plan) -> Iterator[Problem]:
    if plan.validation is None:
        return
    for at, one in enumerate(plan.validation.valid):
        if one.interface not in plan.access:
            where = f"sourceValidation.valid[{at}].interface"
            yield Problem(where, "not-access", f"{one.interface} is no access interface")


def _cut_off(plan: Plan, protected: Iterable[Protected]) -> Iterator[Problem]:
    """What would take the management's packets away."""
    for one in protected:
        name = f"{one.network}, {one.what},"
        for where, network in _own(plan.nat64) if plan.nat64 else ():
            if where != "nat64.ipv4Pool" and overlaps(network, one.network):
                yield Problem(where, "cuts-management", f"{name} would be led into the translator")
        for at, mapping in enumerate(plan.static):
            if mapping.public in one.network:
                where = f"staticMappings[{at}].publicAddress"
                yield Problem(where, "cuts-management", f"{name} would be led to {mapping.server}")
        for at, subscriber in enumerate(plan.port_sets):
            if overlaps(subscriber.subscriber, one.network):
                where = f"portSets[{at}].subscriberPrefix"
                yield Problem(where, "cuts-management", f"{name} overlaps {subscriber.subscriber}")
        if plan.validation is None or plan.validation.action != "drop" or one.interface not in plan.access:
            continue
        valid = [some.prefix for some in plan.validation.valid if some.interface == one.interface]
        if not any(covers(prefix, one.network) for prefix in valid):
            detail = f"{name} is reached over {one.interface}, where its packets would be dropped as forged"
            yield Problem("sourceValidation", "cuts-management", detail)
