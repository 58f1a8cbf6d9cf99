"""Policies as one transaction of nftables.

The chain comes first of all at a packet, before connection tracking: what is dropped costs no session. Counters, sets
and meters have names of their own and stay where the policy stays, so a change of others counts on and limits on.
Names of a policy `p`: `p_matched` and `p_acted` (counters), `p_d4`, `p_s6` … (prefixes), `p_m4` … (rates).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from sixfold.agent.gateway.policy.read import Policy, Ranges
from sixfold.agent.gateway.validate import Protected
from sixfold.api.addressing.policy import BLOCK, DIVERT, MARK, RATE_LIMIT, Network

FAMILY: Final = "inet"
TABLE: Final = "sixfold_policy"
CHAIN: Final = "policies"
MATCHED, ACTED = "_matched", "_acted"
METER_SIZE: Final = 65_536
"""Sources or destinations whose rate is held at a time; packets of others pass."""
METER_SECONDS: Final = 60
_PRIORITY: Final = -310
"""Just before `raw`, after fragments were put together."""
_ORDER: Final = {MARK: 0, BLOCK: 1, RATE_LIMIT: 2}
_TYPES: Final = {4: "ipv4_addr", 6: "ipv6_addr"}
_HEADERS: Final = {4: "ip", 6: "ip6"}


def transaction(
    policies: Iterable[Policy], protected: Sequence[Protected], now: datetime, table: str = TABLE
) -> str:
    """From whatever is there to these policies; those that have expired are left out."""
    living = sorted(
        (one for one in policies if one.expires > now and one.action.kind != DIVERT),
        key=lambda one: (_ORDER[one.action.kind], one.policy_id),
    )
    target = f"{FAMILY} {table}"
    lines = [
        f"add table {target}",
        f"add chain {target} {CHAIN} {{ type filter hook prerouting priority {_PRIORITY}; policy accept; }}",
        f"flush chain {target} {CHAIN}",
        *(f"add rule {target} {CHAIN} {rule}" for rule in _guards(protected)),
    ]
    for one in living:
        lines += _objects(one, target, now)
        lines += [f"add rule {target} {CHAIN} {rule}" for rule in _rules(one)]
    return "".join(f"{line}\n" for line in lines)


def removal(objects: Iterable[tuple[str, str]], table: str = TABLE) -> str:
    """Takes (kind, name) out of the table; no rule may refer to them any more."""
    return "".join(f"delete {kind} {FAMILY} {table} {name}\n" for kind, name in objects)


def _guards(protected: Sequence[Protected]) -> Iterator[str]:
    """Before any policy. A source is believed only on the interface that leads to it, where that is known."""
    for one in protected:
        header = _HEADERS[one.network.version]
        yield f"{header} daddr {one.network} accept"
        inlet = f'iifname "{one.interface}" ' if one.interface else ""
        yield f"{inlet}{header} saddr {one.network} accept"


def _objects(policy: Policy, target: str, now: datetime) -> Iterator[str]:
    left = max(int((policy.expires - now).total_seconds() * 1000), 1)
    for suffix in (MATCHED, ACTED):
        yield f"add counter {target} {policy.name}{suffix}"
    for version in (4, 6):
        if (both := policy.sides.of(version)) is None:
            continue
        for letter, networks in zip("sd", both, strict=True):
            if networks:
                name = f"{policy.name}_{letter}{version}"
                yield f"add set {target} {name} {{ type {_TYPES[version]}; flags interval, timeout; }}"
                yield f"flush set {target} {name}"
                yield f"add element {target} {name} {{ {_elements(networks, left)} }}"
        if policy.action.kind == RATE_LIMIT and policy.action.per:
            yield (
                f"add set {target} {policy.name}_m{version} {{ type {_TYPES[version]}; size {METER_SIZE}; "
                f"flags dynamic, timeout; timeout {METER_SECONDS}s; }}"
            )


def _elements(networks: Iterable[Network], left: int) -> str:
    return ", ".join(f"{one} timeout {left}ms" for one in networks)


def _rules(policy: Policy) -> Iterator[str]:
    for version in (4, 6):
        if (both := policy.sides.of(version)) is None:
            continue
        header = _HEADERS[version]
        parts = [
            f"{header} {field} @{policy.name}_{letter}{version}"
            for letter, field, networks in zip("sd", ("saddr", "daddr"), both, strict=True)
            if networks
        ]
        parts += _narrowing(policy)
        parts += [f'counter name "{policy.name}{MATCHED}"', *_action(policy, version)]
        yield " ".join(parts)


def _narrowing(policy: Policy) -> Iterator[str]:
    if policy.protocols:
        yield f"meta l4proto {{ {', '.join(map(str, policy.protocols))} }}"
    for field, ranges in (("sport", policy.source_ports), ("dport", policy.destination_ports)):
        if ranges:
            yield f"th {field} {_set(ranges)}"
    mask, value = policy.flags
    if mask:
        yield f"tcp flags & {mask:#04x} == {value:#04x}"
    if policy.lengths:
        yield f"meta length {_set(policy.lengths)}"


def _set(ranges: Ranges) -> str:
    return (
        "{ " + ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges) + " }"
    )


def _action(policy: Policy, version: int) -> Iterator[str]:
    acted = f'counter name "{policy.name}{ACTED}"'
    action, header = policy.action, _HEADERS[version]
    if action.kind == MARK:
        yield f"{header} dscp set {action.dscp} {acted}"
        return
    if action.kind == RATE_LIMIT:
        rate = _rate(action.packets_per_second, action.bytes_per_second)
        if action.per:
            # A host of IPv6 has a /64 to send from.
            key = f"{header} {'saddr' if action.per == 1 else 'daddr'}"
            narrowed = " & ffff:ffff:ffff:ffff::" if version == 6 and action.per == 1 else ""
            yield f"update @{policy.name}_m{version} {{ {key}{narrowed} {rate} }}"
        else:
            yield rate
    yield f"{acted} drop"


def _rate(packets: int, bytes_: int) -> str:
    """A burst of a tenth of a second, and no smaller than any one packet."""
    if packets:
        return f"limit rate over {packets}/second burst {max(packets // 10, 5)} packets"
    return f"limit rate over {bytes_} bytes/second burst {max(bytes_ // 10, 9_000)} bytes"
