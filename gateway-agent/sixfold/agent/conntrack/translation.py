"""How this gateway translates, as far as conntrack has to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Network
from typing import Any

import numpy as np
import numpy.typing as npt

from sixfold.agent.gateway.plan import Plan
from sixfold.api.addressing.embedded import embed

Array = npt.NDArray[Any]


def octets_of_ipv4(length: int) -> tuple[int, ...]:
    """Where the octets of an IPv4 address stand in the addresses of a prefix so long (RFC 6052, 2.2)."""
    prefix = IPv6Network(("2001:db8::", length))
    ones = embed(prefix, IPv4Address("255.255.255.255")).packed
    zeros = embed(prefix, IPv4Address("0.0.0.0")).packed
    return tuple(at for at in range(16) if ones[at] != zeros[at])


@dataclass(frozen=True, slots=True)
class Translation:
    """prefix: of NAT64, without the octets of the IPv4 address. servers: 16 bytes each, by slot. Empty: no NAT64."""

    prefix: bytes = b""
    embedded: tuple[int, ...] = ()
    inner4: int = 0
    slots: int = 0
    inner6: bytes = b""
    servers: Mapping[int, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> "Translation":
        nat64 = plan.nat64
        if nat64 is None:
            return cls()
        return cls(
            prefix=nat64.prefix.network_address.packed[: nat64.prefix.prefixlen // 8],
            embedded=octets_of_ipv4(nat64.prefix.prefixlen),
            inner4=int(nat64.inner_ipv4.network_address),
            slots=nat64.capacity,
            inner6=nat64.inner_ipv6.network_address.packed[:14],
            servers={one.slot: one.server.packed for one in plan.static},
        )

    def embeds(self, addresses: Array) -> Array:
        """Which of the IPv6 addresses (n, 16) lie in the NAT64 prefix: a mask (n,)."""
        prefix = np.frombuffer(self.prefix, dtype=np.uint8)
        return (addresses[:, : len(prefix)] == prefix).all(axis=1) & bool(self.prefix)

    def slots_of_ipv6(self, addresses: Array) -> Array:
        """The slot of each inner IPv6 address (n, 16), 0 for what is none."""
        prefix = np.frombuffer(self.inner6, dtype=np.uint8)
        slots = addresses[:, 14].astype(np.int64) << 8 | addresses[:, 15]
        inner = (addresses[:, : len(prefix)] == prefix).all(axis=1) & bool(self.inner6)
        return np.where(inner & (slots <= self.slots), slots, 0)

    def slots_of_ipv4(self, addresses: Array) -> Array:
        """The slot of each inner IPv4 address (n, 4), 0 for what is none."""
        numbers = np.ascontiguousarray(addresses).view(">u4").reshape(-1).astype(np.int64)
        slots = numbers - self.inner4
        return np.where((slots > 0) & (slots <= self.slots), slots, 0)

    def inner_ipv4(self, slots: Array) -> Array:
        """The inner IPv4 address of each slot: (n, 4)."""
        numbers = (slots + self.inner4).astype(">u4")
        return numbers.view(np.uint8).reshape(-1, 4)

    def embed(self, addresses: Array) -> Array:
        """IPv4 addresses (n, 4) as the IPv6 side sees them: (n, 16)."""
        found = np.zeros((len(addresses), 16), dtype=np.uint8)
        found[:, : len(self.prefix)] = np.frombuffer(self.prefix, dtype=np.uint8)
        found[:, self.embedded] = addresses
        return found
