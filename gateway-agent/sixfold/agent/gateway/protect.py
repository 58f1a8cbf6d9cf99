"""What must stay reachable whatever a configuration says: NATS, and what the settings name."""

import ipaddress
import json
import socket
import subprocess
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from sixfold.agent.gateway.plan import Network
from sixfold.agent.gateway.validate import Protected


def protected_networks(servers: Iterable[str], prefixes: Iterable[str]) -> list[Protected]:
    """servers: URLs of NATS. A name that does not resolve now protects nothing. Raises ValueError for a prefix."""
    found: list[tuple[Network, str]] = []
    for server in servers:
        host = urlsplit(server if "//" in server else f"nats://{server}").hostname or ""
        found += [(ipaddress.ip_network(address), f"the NATS server {host}") for address in _addresses(host)]
    found += [(ipaddress.ip_network(prefix), "a protected prefix") for prefix in prefixes]
    return [Protected(network, route_interface(network), what) for network, what in found]


def _addresses(host: str) -> Sequence[str]:
    try:
        return sorted({str(one[4][0]).partition("%")[0] for one in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError):
        return []


def route_interface(network: Network) -> str:
    """The interface that packets to the network leave by; empty where there is no route, or no `ip`."""
    command = ["ip", "-json", f"-{network.version}", "route", "get", str(network.network_address)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=5, check=True)
        routes = json.loads(done.stdout or b"[]")
        return str(routes[0].get("dev", "")) if routes else ""
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
