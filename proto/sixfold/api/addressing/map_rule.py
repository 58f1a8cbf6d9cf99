"""Mapping rules of MAP-E and MAP-T (RFC 7597 section 5 and 6, RFC 7599): both ways without any state."""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from sixfold.api.addressing.embedded import check_prefix, embed
from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.port_set import DEFAULT_OFFSET, PortSet, check_parameters, psid_of

LONGEST_EA: Final = 48


class Mode(Enum):
    ENCAPSULATION = "MAP-E"
    TRANSLATION = "MAP-T"


@dataclass(frozen=True, slots=True)
class Share:
    """What one subscriber has: its IPv6 prefix, its IPv4 prefix (a /32 where it is one address), and of a shared
    address the port set."""

    ipv6_prefix: IPv6Network
    ipv4_prefix: IPv4Network
    ports: PortSet | None


@dataclass(frozen=True, slots=True)
class MapRule:
    """One rule. With `ea_length` 0, `psid_length` and `psid` say the port set of the one subscriber; otherwise the
    PSID is what the EA bits have beyond the IPv4 address, and both are 0.

    `border` is the BR's address (encapsulation, a /128) or the default mapping rule's prefix (translation).
    """

    ipv6_prefix: IPv6Network
    ipv4_prefix: IPv4Network
    ea_length: int
    psid_offset: int = DEFAULT_OFFSET
    psid_length: int = 0
    psid: int = 0
    mode: Mode = Mode.ENCAPSULATION
    border: IPv6Network | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.ea_length <= LONGEST_EA:
            raise AddressingError("ea_length", f"{self.ea_length} is not in 0 to {LONGEST_EA} (RFC 7597, 5)")
        if self.subscriber_length > 128:
            detail = f"{self.ea_length} bits after {self.ipv6_prefix} are more than an address has"
            raise AddressingError("ea_length", detail)
        if self.ea_length and (self.psid_length or self.psid):
            raise AddressingError(
                "psid_length", "the EA bits say the port set already; only with ea_length 0"
            )
        if self.psid_length and self.ipv4_prefix.prefixlen != 32:
            raise AddressingError("psid_length", f"a port set is of one address, not of {self.ipv4_prefix}")
        check_parameters(self.psid_offset, self.sharing_bits)
        if self.sharing_bits:
            PortSet(self.psid_offset, self.sharing_bits, self.psid)
        elif self.psid:
            raise AddressingError("psid", "without psid_length")
        if self.mode is Mode.TRANSLATION and self.border is not None:
            check_prefix(self.border)
        if self.mode is Mode.ENCAPSULATION and self.border is not None and self.border.prefixlen != 128:
            raise AddressingError("border", f"of MAP-E is one address, not {self.border}")

    @property
    def subscriber_length(self) -> int:
        """Length of a subscriber's IPv6 prefix."""
        return self.ipv6_prefix.prefixlen + self.ea_length

    @property
    def sharing_bits(self) -> int:
        """Length of the PSID: 0 where no address is shared."""
        if self.ea_length == 0:
            return self.psid_length
        return max(0, self.ea_length - (32 - self.ipv4_prefix.prefixlen))

    @property
    def is_shared(self) -> bool:
        return self.sharing_bits > 0

    def subscriber_of(self, address: IPv4Address, port: int) -> IPv6Network | None:
        """The IPv6 prefix of the one who has that address and port; None where nobody has. The port says nothing
        where the address is not shared."""
        if address not in self.ipv4_prefix:
            return None
        if not self.ea_length:
            if self.psid_length and psid_of(port, self.psid_offset, self.psid_length) != self.psid:
                return None
            return self.ipv6_prefix
        host_bits = 32 - self.ipv4_prefix.prefixlen
        host = int(address) & ((1 << host_bits) - 1)
        if not self.is_shared:
            ea = host >> (host_bits - self.ea_length)
        else:
            psid = psid_of(port, self.psid_offset, self.sharing_bits)
            if psid is None:
                return None
            ea = host << self.sharing_bits | psid
        number = int(self.ipv6_prefix.network_address) | ea << (128 - self.subscriber_length)
        return IPv6Network((number, self.subscriber_length))

    def share_of(self, address: IPv6Address | IPv6Network) -> Share | None:
        """What the subscriber has in whose prefix the address (or a prefix in it) lies; None outside of the rule."""
        if isinstance(address, IPv6Network):
            if address.prefixlen < self.subscriber_length:
                return None
            address = address.network_address
        if address not in self.ipv6_prefix:
            return None
        prefix = IPv6Network((address, self.subscriber_length), strict=False)
        if not self.ea_length:
            ports = PortSet(self.psid_offset, self.psid_length, self.psid) if self.psid_length else None
            return Share(prefix, self.ipv4_prefix, ports)
        ea = int(prefix.network_address) >> (128 - self.subscriber_length) & ((1 << self.ea_length) - 1)
        host_bits = 32 - self.ipv4_prefix.prefixlen
        base = int(self.ipv4_prefix.network_address)
        if not self.is_shared:
            length = self.ipv4_prefix.prefixlen + self.ea_length
            return Share(prefix, IPv4Network((base | ea << (host_bits - self.ea_length), length)), None)
        psid = ea & ((1 << self.sharing_bits) - 1)
        ports = PortSet(self.psid_offset, self.sharing_bits, psid)
        return Share(prefix, IPv4Network((base | ea >> self.sharing_bits, 32)), ports)

    def ce_address(self, share: Share) -> IPv6Address:
        """The MAP address of the subscriber's edge (section 6): subnet zero, then 16 zero bits, the IPv4 address and
        the PSID right-justified; a prefix longer than /64 stands over their first bits."""
        psid = share.ports.psid if share.ports is not None else 0
        return edge_address(share.ipv6_prefix, share.ipv4_prefix.network_address, psid)

    def embed_outside(self, address: IPv4Address) -> IPv6Address:
        """How an IPv4 address of the internet appears to subscribers of MAP-T (default mapping rule, RFC 7599, 5.2).
        Raises AddressingError without a border prefix."""
        if self.mode is not Mode.TRANSLATION or self.border is None:
            raise AddressingError("border", "no default mapping rule")
        return embed(self.border, address)


def edge_address(prefix: IPv6Network, address: IPv4Address, psid: int) -> IPv6Address:
    """The interface identifier of RFC 7597 section 6 under a prefix; lw4o6 has the same (RFC 7596, 5.1)."""
    identifier = int(address) << 16 | psid
    kept = (1 << (128 - max(prefix.prefixlen, 64))) - 1
    return IPv6Address(int(prefix.network_address) | identifier & kept)
