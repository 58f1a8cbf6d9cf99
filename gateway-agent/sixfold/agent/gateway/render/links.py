"""The translating interface, its routes, and what the kernel must do: as `ip -batch` and `sysctl` lines."""

from collections.abc import Iterator, Mapping
from typing import Final

from sixfold.agent.gateway.plan import Plan

FILE: Final = "links.batch"
SYSCTL_FILE: Final = "sysctl.conf"


def routes(plan: Plan) -> Iterator[tuple[str, str]]:
    """(prefix, interface) that must be in the main table."""
    if plan.nat64 is not None:
        for prefix in (plan.nat64.prefix, plan.nat64.inner_ipv6, plan.nat64.inner_ipv4):
            yield str(prefix), plan.nat64.interface


def batch(plan: Plan) -> str:
    lines = [f"link set dev {plan.nat64.interface} up"] if plan.nat64 else []
    lines += [f"route replace {prefix} dev {interface}" for prefix, interface in routes(plan)]
    return "".join(f"{line}\n" for line in lines)


def wanted_sysctls(plan: Plan) -> Mapping[str, str]:
    """Accounting and timestamps give NAT sessions their bytes and times."""
    forwarding = {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}
    if plan.nat64 is None and not plan.port_sets:
        return forwarding
    tracking = ("nf_conntrack_acct", "nf_conntrack_timestamp", "nf_conntrack_events")
    return forwarding | {f"net.netfilter.{name}": "1" for name in tracking}


def sysctls(plan: Plan) -> str:
    return "".join(f"{name}={value}\n" for name, value in wanted_sysctls(plan).items())
