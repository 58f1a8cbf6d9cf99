"""Softwire rules as DHCPv6 carries them to a subscriber's edge (RFC 7598). Every function gives an option with its
header of code and length."""

import struct
from ipaddress import IPv6Address, IPv6Network
from typing import Final

from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.lw4o6 import Binding
from sixfold.api.addressing.map_rule import MapRule, Mode
from sixfold.api.addressing.port_set import PortSet

RULE: Final = 89
BORDER: Final = 90
DEFAULT_MAPPING: Final = 91
BINDING: Final = 92
MAP_E: Final = 94
MAP_T: Final = 95
LIGHTWEIGHT: Final = 96


def rule_option(rule: MapRule, *, forwarding: bool = False) -> bytes:
    """OPTION_S46_RULE (section 4.1), with the port parameters where addresses are shared."""
    body = struct.pack("!BBB", forwarding, rule.ea_length, rule.ipv4_prefix.prefixlen)
    body += rule.ipv4_prefix.network_address.packed + _prefix(rule.ipv6_prefix)
    if rule.ea_length == 0 and rule.psid_length:
        body += PortSet(rule.psid_offset, rule.psid_length, rule.psid).option()
    elif rule.is_shared:
        # The PSID is in the subscriber's prefix; a length of zero tells the edge so, and the offset stands.
        body += struct.pack("!HHBBH", 93, 4, rule.psid_offset, 0, 0)
    return _option(RULE, body)


def border_option(address: IPv6Address) -> bytes:
    """OPTION_S46_BR (section 4.2)."""
    return _option(BORDER, address.packed)


def default_mapping_option(prefix: IPv6Network) -> bytes:
    """OPTION_S46_DMR (section 4.3)."""
    return _option(DEFAULT_MAPPING, _prefix(prefix))


def binding_option(binding: Binding) -> bytes:
    """OPTION_S46_V4V6BIND (section 4.4)."""
    body = binding.ipv4_address.packed + _prefix(binding.ipv6_prefix)
    return _option(BINDING, body + (binding.ports.option() if binding.ports is not None else b""))


def map_container(rule: MapRule, *, forwarding: bool = False) -> bytes:
    """All that an edge of this rule is told: OPTION_S46_CONT_MAPE or MAPT (section 5). Raises AddressingError for a
    rule without a border."""
    if rule.border is None:
        raise AddressingError("border", "an edge cannot work without")
    body = rule_option(rule, forwarding=forwarding)
    if rule.mode is Mode.ENCAPSULATION:
        return _option(MAP_E, body + border_option(rule.border.network_address))
    return _option(MAP_T, body + default_mapping_option(rule.border))


def lightweight_container(binding: Binding) -> bytes:
    """OPTION_S46_CONT_LW (section 5.3)."""
    return _option(LIGHTWEIGHT, binding_option(binding) + border_option(binding.border))


def _option(code: int, body: bytes) -> bytes:
    return struct.pack("!HH", code, len(body)) + body


def _prefix(prefix: IPv6Network) -> bytes:
    """Length, then as many bytes as hold its bits."""
    return bytes([prefix.prefixlen]) + prefix.network_address.packed[: (prefix.prefixlen + 7) // 8]
