"""unbound.conf: a resolver for the subscribers that synthesises AAAA records (DNS64, RFC 6147)."""

from pathlib import Path
from typing import Final

from sixfold.agent.gateway.plan import Dns64, Nat64, Plan

FILE: Final = "unbound.conf"
PID_FILE: Final = "unbound.pid"


def configuration(plan: Plan, dns64: Dns64, nat64: Nat64, folder: Path) -> str:
    clients = {str(one) for one in dns64.clients} | {str(one.subscriber) for one in plan.port_sets}
    server = [
        *(f"interface: {address}" for address in dns64.listen),
        *(f"access-control: {client} allow" for client in sorted(clients)),
        'module-config: "dns64 validator iterator"',
        f"dns64-prefix: {nat64.prefix}",
        "do-ip6: yes",
        "ip-freebind: yes",
        "hide-identity: yes",
        "hide-version: yes",
        "qname-minimisation: yes",
        "prefetch: yes",
        "use-syslog: yes",
        'chroot: ""',
        f'directory: "{folder}"',
        f'pidfile: "{folder / PID_FILE}"',
    ]
    text = "server:\n" + "".join(f"  {line}\n" for line in server)
    text += "remote-control:\n  control-enable: no\n"
    for name, servers in dns64.stub_zones:
        text += f'stub-zone:\n  name: "{name}"\n' + "".join(f"  stub-addr: {one}\n" for one in servers)
    if dns64.forwarders:
        text += 'forward-zone:\n  name: "."\n' + "".join(
            f"  forward-addr: {one}\n" for one in dns64.forwarders
        )
    return text
