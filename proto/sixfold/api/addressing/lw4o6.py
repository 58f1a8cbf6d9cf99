"""Lightweight 4over6 (RFC 7596): one line of the border's binding table."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from sixfold.api.addressing.map_rule import edge_address
from sixfold.api.addressing.port_set import PortSet


@dataclass(frozen=True, slots=True)
class Binding:
    """A subscriber's IPv6 prefix and its share of IPv4; without `ports` the whole address."""

    ipv6_prefix: IPv6Network
    ipv4_address: IPv4Address
    ports: PortSet | None
    border: IPv6Address

    @property
    def edge_address(self) -> IPv6Address:
        """Source of the softwire, which the border compares (section 5.1)."""
        return edge_address(
            self.ipv6_prefix, self.ipv4_address, self.ports.psid if self.ports is not None else 0
        )

    def holds(self, address: IPv4Address, port: int) -> bool:
        return address == self.ipv4_address and (self.ports is None or port in self.ports)
