"""Jool's configuration file, for gateways that translate in the kernel. Its sessions do not pass conntrack."""

import json
from typing import Any, Final

from sixfold.agent.gateway.plan import Plan

FILE: Final = "jool.json"
_PROTOCOLS: Final = ("TCP", "UDP", "ICMP")


def configuration(plan: Plan) -> str:
    """pool4 by mark: nftables marks a subscriber's packets with its slot."""
    if plan.nat64 is None:
        raise ValueError("a plan without nat64")
    pool: list[dict[str, Any]] = [
        {
            "mark": one.slot,
            "protocol": protocol,
            "prefix": f"{one.public}/32",
            "port range": f"{first}-{last}",
        }
        for one in plan.port_sets
        if one.subscriber.version == 6
        for first, last in one.ranges
        for protocol in _PROTOCOLS
    ]
    bib = [
        {
            "protocol": "TCP" if one.protocol == 6 else "UDP",
            "ipv6 address": f"{one.server}#{one.server_port}",
            "ipv4 address": f"{one.public}#{one.port}",
        }
        for one in plan.static
        if one.port
    ]
    document = {
        "instance": "sixfold",
        "framework": "netfilter",
        "global": {"pool6": str(plan.nat64.prefix)},
        "pool4": pool,
        "bib": bib,
    }
    return json.dumps(document, indent=2) + "\n"
