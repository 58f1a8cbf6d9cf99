"""The ruleset: one table of our own, in which sets and maps hold what changes and rules hold what does not.

`validate` comes first of all (raw): nothing from outside may bear an inner address, and what access interfaces
bring must have a source that is valid there (RFC 7039). `outbound` gives a subscriber its inner address and, after
tayga, its public ports; `inbound` leads to servers. NAT rules see the first packet of a session only, so replacing the
table does not touch the sessions that there are.
"""

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sixfold.agent.gateway.plan import Network, Plan, PortSet, StaticMapping, ValidSource

FILE: Final = "nftables.conf"
FAMILY: Final = "inet"
TABLE: Final = "sixfold"
FORGED: Final = "forged"
FORGED_SETS: Final = ("forged6", "forged4")
FORGED_SIZE: Final = 4_096
"""Forged sources that are told one by one at a time; the others are in the total only."""
FORGED_SECONDS: Final = 600
_PORTED: Final = "meta l4proto { icmp, tcp, udp }"


def ruleset(plan: Plan, told: Sequence[ValidSource] = ()) -> str:
    """A whole table, without what makes it replace another one."""
    body = [*_sources(plan, told), *_maps(plan), *_chains(plan)]
    return f"table {FAMILY} {TABLE} {{\n" + "".join(f"  {line}\n" for line in body) + "}\n"


def replacing(text: str) -> str:
    """The same as one transaction, whatever was in the table before."""
    return f"table {FAMILY} {TABLE}\ndelete table {FAMILY} {TABLE}\n{text}"


def _elements(items: Iterable[str]) -> list[str]:
    found = list(items)
    return ["elements = {", *(f"  {one}," for one in found), "}"] if found else []


def _set(kind: str, name: str, type_: str, flags: str, items: Iterable[str], *more: str) -> list[str]:
    lines = [f"type {type_}", *([f"flags {flags}"] if flags else []), *more, *_elements(items)]
    return [f"{kind} {name} {{", *(f"  {line}" for line in lines), "}"]


def source_elements(plan: Plan, told: Sequence[ValidSource]) -> dict[str, set[str]]:
    """By name of the set; prefixes that another covers, and those of other interfaces, are left out."""
    by_interface: dict[tuple[int, str], list[Network]] = defaultdict(list)
    for one in (*(plan.validation.valid if plan.validation else ()), *told):
        if one.interface in plan.access:
            by_interface[one.prefix.version, one.interface].append(one.prefix)
    found: dict[str, set[str]] = {"valid6": set(), "valid4": set()}
    for (version, interface), networks in by_interface.items():
        collapsed = ipaddress.collapse_addresses(networks)  # type: ignore[type-var]
        found[f"valid{version}"] |= {f'"{interface}" . {network}' for network in collapsed}
    return found


def _sources(plan: Plan, told: Sequence[ValidSource]) -> Iterator[str]:
    if plan.validation is None:
        return
    elements = source_elements(plan, told)
    yield f"counter {FORGED} {{ }}"
    for version, type_ in ((6, "ipv6_addr"), (4, "ipv4_addr")):
        name = f"valid{version}"
        yield from _set("set", name, f"ifname . {type_}", "interval", sorted(elements[name]))
        yield from _set(
            "set", f"forged{version}", f"ifname . {type_}", "dynamic, timeout", (),
            f"size {FORGED_SIZE}", f"timeout {FORGED_SECONDS}s", "counter",
        )  # fmt: skip


def _ports(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _inner(plan: Plan, one: PortSet) -> str:
    """What the IPv4 side of the gateway sees of a subscriber."""
    if one.subscriber.version == 6 and plan.nat64 is not None:
        return str(plan.nat64.ipv4_of(one.slot))
    return str(one.subscriber)


def _static_target(plan: Plan, one: StaticMapping) -> str:
    return str(plan.nat64.ipv4_of(one.slot)) if plan.nat64 else str(one.public)


def _maps(plan: Plan) -> Iterator[str]:
    if plan.nat64 is not None:
        inner = plan.nat64
        six = [one for one in plan.port_sets if one.subscriber.version == 6]
        servers = {inner.ipv6_of(one.slot): one.server for one in plan.static}
        yield from _set(
            "map", "subscribers", "ipv6_addr : ipv6_addr", "interval",
            (f"{one.subscriber} : {inner.ipv6_of(one.slot)}" for one in six),
        )  # fmt: skip
        yield from _set(
            "map", "servers", "ipv6_addr : ipv6_addr", "", (f"{one} : {to}" for one, to in servers.items())
        )
        yield from _set(
            "map", "public_ports", "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service", "",
            (
                f"{one.public} . {one.protocol} . {one.port} : {_static_target(plan, one)} . {one.server_port}"
                for one in plan.static
                if one.port
            ),
        )  # fmt: skip
        yield from _set(
            "map", "public_addresses", "ipv4_addr : ipv4_addr", "",
            (f"{one.public} : {_static_target(plan, one)}" for one in plan.static if not one.port),
        )  # fmt: skip
    yield from _set(
        "map", "port_sets", "ipv4_addr : interval ipv4_addr . inet_service", "interval",
        (
            f"{_inner(plan, one)} : {one.public} . {_ports(*one.ranges[0])}"
            for one in plan.port_sets
            if len(one.ranges) == 1
        ),
    )  # fmt: skip
    scattered = [one for one in plan.port_sets if len(one.ranges) > 1]
    for one in scattered:
        choices = ", ".join(
            f"{number} : {one.public} . {_ports(*some)}" for number, some in enumerate(one.ranges)
        )
        yield f"chain ports_{one.slot} {{"
        yield f"  {_PORTED} snat ip to numgen random mod {len(one.ranges)} map {{ {choices} }}"
        yield "}"
    yield from _set(
        "map", "scattered_port_sets", "ipv4_addr : verdict", "interval",
        (f"{_inner(plan, one)} : goto ports_{one.slot}" for one in scattered),
    )  # fmt: skip


def _names(names: Iterable[str]) -> str:
    return "{ " + ", ".join(f'"{name}"' for name in names) + " }"


def _chains(plan: Plan) -> Iterator[str]:
    yield "chain validate {"
    yield "  type filter hook prerouting priority raw; policy accept;"
    if plan.nat64 is not None:
        inner = plan.nat64
        for field in ("saddr", "daddr"):
            yield f'  iifname != "{inner.interface}" ip6 {field} {inner.inner_ipv6} counter drop'
            yield f'  iifname != "{inner.interface}" ip {field} {inner.inner_ipv4} counter drop'
    if plan.validation is not None and plan.access:
        yield f"  iifname {_names(plan.access)} jump sources"
    yield "}"
    if plan.validation is not None:
        yield from _sources_chain(plan.validation.action)
    yield from _nat_chains(plan)


def _sources_chain(action: str) -> Iterator[str]:
    """Link-local and unspecified sources belong to neighbour discovery and DHCP; the kernel never forwards them."""
    verdict = " drop" if action == "drop" else " return"
    yield "chain sources {"
    yield "  ip6 saddr { ::, fe80::/10 } return"
    yield "  ip saddr 0.0.0.0 return"
    yield "  iifname . ip6 saddr @valid6 return"
    yield "  iifname . ip saddr @valid4 return"
    for version in (6, 4):
        yield f"  meta nfproto ipv{version} counter name {FORGED} jump forged{version}_source"
    yield "}"
    for version, protocol in ((6, "ip6"), (4, "ip")):
        yield f"chain forged{version}_source {{"
        yield f"  add @forged{version} {{ iifname . {protocol} saddr }}"
        yield f" {verdict}"
        yield "}"


def _nat_chains(plan: Plan) -> Iterator[str]:
    if plan.nat64 is None and not plan.port_sets:
        return
    yield "chain inbound {"
    yield "  type nat hook prerouting priority dstnat; policy accept;"
    if plan.nat64 is not None:
        yield f'  iifname "{plan.nat64.interface}" dnat ip6 to ip6 daddr map @servers'
        yield "  dnat ip to ip daddr . meta l4proto . th dport map @public_ports"
        yield "  dnat ip to ip daddr map @public_addresses"
    yield "}"
    yield "chain outbound {"
    yield "  type nat hook postrouting priority srcnat; policy accept;"
    outside = plan.ipv4_side
    if plan.nat64 is not None:
        yield f'  oifname "{plan.nat64.interface}" snat ip6 to ip6 saddr map @subscribers'
        outside = (*outside, plan.nat64.interface)
    yield f"  oifname {_names(outside)} ip saddr vmap @scattered_port_sets"
    yield f"  oifname {_names(outside)} {_PORTED} snat ip to ip saddr map @port_sets"
    yield "}"
    if plan.nat64 is not None:
        name, inner = plan.nat64.interface, plan.nat64.inner_ipv4
        yield "chain forward {"
        yield "  type filter hook forward priority filter; policy accept;"
        # Without ports there is no telling subscribers apart at one public address.
        yield f'  iifname "{name}" ip saddr {inner} meta l4proto != {{ icmp, tcp, udp }} counter drop'
        yield f'  oifname "{name}" tcp flags syn tcp option maxseg size set rt mtu'
        yield f'  iifname "{name}" tcp flags syn tcp option maxseg size set rt mtu'
        yield "}"
