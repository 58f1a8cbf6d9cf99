"""Information elements that become columns, by number (IANA "IPFIX Information Elements"; v9 field types below 128
are the same numbers, RFC 7011, 10). An element is (enterprise number, element number); the reverse half of a biflow
has the enterprise number 29305 (RFC 5103, 6.1). v9 has no enterprise numbers: all its types are of enterprise 0.
"""

from collections.abc import Mapping
from typing import Final

Element = tuple[int, int]
REVERSE: Final = 29305
SCOPE: Final = -1
"""Stands as the enterprise number of the scope types of NetFlow v9 options (RFC 3954, 6.1)."""
VARIABLE: Final = 65_535


def standard(*numbers: int) -> tuple[Element, ...]:
    return tuple((0, number) for number in numbers)


# One column is taken from the first of these that the template has.
BYTES: Final = standard(1, 85, 352, 353, 231, 23, 171)
PACKETS: Final = standard(2, 86, 298, 24, 172)
REVERSE_BYTES: Final = ((REVERSE, 1), (REVERSE, 85), (REVERSE, 352), (REVERSE, 353), (0, 232))
REVERSE_PACKETS: Final = ((REVERSE, 2), (REVERSE, 86), (0, 299))

SRC_V4: Final = standard(8, 44)
DST_V4: Final = standard(12, 45)
SRC_V6: Final = standard(27, 170)
DST_V6: Final = standard(28, 169)
NEXT_HOP_V4: Final = standard(15, 18)
NEXT_HOP_V6: Final = standard(62, 63)
POST_SRC_V4: Final = standard(225, 40001)
POST_DST_V4: Final = standard(226, 40002)
POST_SRC_V6: Final = standard(281)
POST_DST_V6: Final = standard(282)
POST_SRC_PORT: Final = standard(227, 40003)
POST_DST_PORT: Final = standard(228, 40004)
TRANSLATED: Final = (*POST_SRC_V4, *POST_DST_V4, *POST_SRC_V6, *POST_DST_V6, *POST_SRC_PORT, *POST_DST_PORT)

FLOW_NUMBERS: Final[Mapping[str, tuple[Element, ...]]] = {
    "src_port": standard(7, 180, 182),
    "dst_port": standard(11, 181, 183),
    "protocol": standard(4, 193),
    "tcp_flags": standard(6),
    "ip_tos": standard(5),
    "icmp_type_code": standard(32, 139),
    "input_interface": standard(10, 252),
    "output_interface": standard(14, 253),
    "direction": standard(61),
    "src_as": standard(16),
    "dst_as": standard(17),
    "src_prefix_length": standard(9, 29),
    "dst_prefix_length": standard(13, 30),
    "vlan": standard(58, 243),
    "flow_end_reason": standard(136),
    "forwarding_status": standard(89),
    "flow_label": standard(31),
    "post_nat_src_port": POST_SRC_PORT,
    "post_nat_dst_port": POST_DST_PORT,
}
NAT_NUMBERS: Final[Mapping[str, tuple[Element, ...]]] = {
    "protocol": standard(4),
    "src_port": standard(7, 180, 182),
    "dst_port": standard(11, 181, 183),
    "post_nat_src_port": POST_SRC_PORT,
    "post_nat_dst_port": POST_DST_PORT,
    "port_block_start": standard(361),
    "port_block_end": standard(362),
    "ingress_vrf": standard(234),
    "egress_vrf": standard(235),
    "nat_instance": standard(463, 283),
}
# Address columns: IPv4 candidates, IPv6 candidates.
FLOW_ADDRESSES: Final[Mapping[str, tuple[tuple[Element, ...], tuple[Element, ...]]]] = {
    "src_address": (SRC_V4, SRC_V6),
    "dst_address": (DST_V4, DST_V6),
    "next_hop": (NEXT_HOP_V4, NEXT_HOP_V6),
    "post_nat_src_address": (POST_SRC_V4, POST_SRC_V6),
    "post_nat_dst_address": (POST_DST_V4, POST_DST_V6),
}
NAT_ADDRESSES: Final = {name: pair for name, pair in FLOW_ADDRESSES.items() if name != "next_hop"}

IP_VERSION: Final = (0, 60)
ICMP_TYPE: Final = standard(176, 178)
ICMP_CODE: Final = standard(177, 179)
NAT_EVENT: Final = (0, 230)
FIREWALL_EVENT: Final = standard(233, 40005)
PORT_COUNT: Final = (0, 364)

# How an element tells a time: the kinds are explained in times.py.
START: Final[Mapping[int, str]] = {
    152: "ms", 150: "s", 154: "ntp", 156: "ntp", 158: "delta-us", 22: "uptime",
}  # fmt: skip
END: Final[Mapping[int, str]] = {
    153: "ms", 151: "s", 155: "ntp", 157: "ntp", 159: "delta-us", 21: "uptime",
}  # fmt: skip
DURATION: Final[Mapping[int, str]] = {161: "duration-ms", 162: "duration-us"}
OBSERVED: Final[Mapping[int, str]] = {
    323: "ms", 324: "ntp", 325: "ntp", 322: "s", 258: "ms",
}  # fmt: skip
SYSTEM_INIT: Final = (0, 160)

SELECTOR: Final = standard(302, 48)
INTERVAL: Final = standard(34, 50)
"""1 in N directly: samplingInterval, samplerRandomInterval."""
PACKET_INTERVAL: Final = (0, 305)
PACKET_SPACE: Final = (0, 306)
SAMPLE_SIZE: Final = (0, 309)
SAMPLE_POPULATION: Final = (0, 310)
PROBABILITY: Final = (0, 311)
SAMPLING: Final = (*INTERVAL, PACKET_INTERVAL, PACKET_SPACE, SAMPLE_SIZE, SAMPLE_POPULATION, PROBABILITY)
INTERFACES: Final = (*standard(10, 14, 252, 253), (SCOPE, 2))

HEADERS: Final = frozenset(standard(4, 5, 6, 7, 8, 11, 12, 27, 28, 31, 32, 60, 139, 176, 177, 178, 179))
"""What is read off the headers of the observed packets."""

ADDRESS_LENGTHS: Final[Mapping[Element, int]] = {
    **dict.fromkeys((*SRC_V4, *DST_V4, *NEXT_HOP_V4, *POST_SRC_V4, *POST_DST_V4), 4),
    **dict.fromkeys((*SRC_V6, *DST_V6, *NEXT_HOP_V6, *POST_SRC_V6, *POST_DST_V6), 16),
}
"""Addresses have no reduced-size encoding (RFC 7011, 6.2): another length makes the field unusable."""

USED: Final = frozenset(
    (
        *BYTES, *PACKETS, *REVERSE_BYTES, *REVERSE_PACKETS, *ADDRESS_LENGTHS,
        *(element for some in (*FLOW_NUMBERS.values(), *NAT_NUMBERS.values()) for element in some),
        IP_VERSION, *ICMP_TYPE, *ICMP_CODE, NAT_EVENT, *FIREWALL_EVENT, PORT_COUNT, (REVERSE, 6),
        *((enterprise, number) for some in (START, END) for number in some for enterprise in (0, REVERSE)),
        *((0, number) for some in (DURATION, OBSERVED) for number in some),
        SYSTEM_INIT, *SELECTOR, *SAMPLING, *INTERFACES,
    )
)  # fmt: skip
"""All elements that anything here reads; the others are passed over."""
