"""What a partner may see of an incident's victim: the network around it, never the address."""

from ipaddress import ip_network
from typing import Final

_LONGEST: Final = {4: 24, 6: 48}


def victim_network(victim: str) -> str:
    """`203.0.113.7/32` as `203.0.113.0/24`; shorter prefixes stay; what is no address becomes empty."""
    try:
        network = ip_network(victim, strict=False)
    except ValueError:
        return ""
    longest = _LONGEST[network.version]
    return str(network if network.prefixlen <= longest else network.supernet(new_prefix=longest))
