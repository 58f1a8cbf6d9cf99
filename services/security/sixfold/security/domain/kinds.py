"""What a flow is, as one small number: the shared first step of all flood detectors.

Two look-ups by table, no comparison by row. Flags of a flow are the union over its packets, so a kind says
what a flow consists of entirely: `tcp-syn` never got beyond its SYN.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
ICMPV6: Final = 58
EXTENSIONS: Final = (0, 43, 44, 60, 135, 139, 140, 253, 254)
"""Protocol numbers that are IPv6 extension headers (RFC 7045, 4; registry of IANA)."""
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


@dataclass(frozen=True, slots=True)
class Reflector:
    """A UDP service that answers more than it is asked, by its port."""

    name: str
    port: int
    factor: float
    """Bandwidth amplification factor (Rossow, NDSS 2014; US-CERT TA14-017A)."""
    source: str


REFLECTORS: Final = (
    Reflector("qotd", 17, 140.3, "RFC 865; TA14-017A"),
    Reflector("chargen", 19, 358.8, "RFC 864; TA14-017A"),
    Reflector("dns", 53, 54.0, "RFC 5358; TA14-017A"),
    Reflector("tftp", 69, 60.0, "RFC 1350; TA14-017A"),
    Reflector("portmap", 111, 28.0, "RFC 1833; TA14-017A"),
    Reflector("ntp", 123, 556.9, "CVE-2013-5211; TA14-017A"),
    Reflector("netbios", 137, 3.8, "RFC 1002; TA14-017A"),
    Reflector("snmp", 161, 6.3, "RFC 3411; TA14-017A"),
    Reflector("cldap", 389, 70.0, "RFC 1798; TA14-017A"),
    Reflector("quic", 443, 3.0, "RFC 9000, 8.1 and 21.1"),
    Reflector("ike", 500, 8.6, "RFC 7296; Akamai, IKE reflection, 2016"),
    Reflector("ike-nat", 4500, 8.6, "RFC 3947"),
    Reflector("rip", 520, 131.2, "RFC 1058; TA14-017A"),
    Reflector("ipmi", 623, 1.1, "TA14-017A"),
    Reflector("mssql", 1434, 25.0, "MC-SQLR; TA14-017A"),
    Reflector("l2tp", 1701, 10.0, "RFC 2661"),
    Reflector("ssdp", 1900, 30.8, "UPnP 1.1; TA14-017A"),
    Reflector("arms", 3283, 35.5, "Apple Remote Management, 2019"),
    Reflector("stun", 3478, 2.3, "RFC 8489"),
    Reflector("ws-discovery", 3702, 300.0, "WS-Discovery, 2019"),
    Reflector("sip", 5060, 4.0, "RFC 3261"),
    Reflector("mdns", 5353, 10.0, "RFC 6762; TA14-017A"),
    Reflector("coap", 5683, 34.0, "RFC 7252, 11.3"),
    Reflector("ubiquiti", 10001, 35.0, "Ubiquiti discovery, 2019"),
    Reflector("memcached", 11211, 51_000.0, "CVE-2018-1000115"),
    Reflector("steam", 27015, 5.5, "Source Engine query; TA14-017A"),
    Reflector("plex", 32414, 4.7, "PMSSDP, 2021"),
    Reflector("jenkins", 33848, 3.0, "CVE-2020-2100"),
    Reflector("dvr", 37810, 24.7, "DHCPDiscover, 2020"),
)

_PLAIN: Final = (
    "other",
    "tcp",  # beyond its handshake, or the exporter tells no flags
    "tcp-syn",
    "tcp-synack",
    "tcp-ack",  # ACK and nothing else
    "tcp-rst",
    "tcp-odd",  # flags of no real connection: FIN, PSH or URG without ACK
    "udp",
    "udp-fragment",  # no ports: a fragment that is not the first
    "icmp",
    "icmpv6",
    "ipv6-extension",  # an extension header where the protocol should stand
    "tunnel",  # GRE, IPsec, IP in IP
)
KINDS: Final = (*_PLAIN, *(f"from-{reflector.name}" for reflector in REFLECTORS))
"""Names of kinds; a flow's kind is an index into them. At most 64."""
_NUMBER: Final = {name: number for number, name in enumerate(KINDS)}
FIRST_REFLECTOR: Final = len(_PLAIN)


def number_of(name: str) -> int:
    """The number of a kind. KeyError where there is none."""
    return _NUMBER[name]


def _of_flags(flags: int) -> str:
    if flags == SYN:
        return "tcp-syn"
    if flags == SYN | ACK:
        return "tcp-synack"
    if flags == ACK:
        return "tcp-ack"
    if flags in (RST, RST | ACK):
        return "tcp-rst"
    if not flags & (ACK | RST) and flags & (FIN | PSH | URG):
        return "tcp-odd"
    return "tcp"


def _of_protocols() -> npt.NDArray[np.uint8]:
    kinds = np.full(256, _NUMBER["other"], np.uint8)
    kinds[[4, 41, 47, 50, 51]] = _NUMBER["tunnel"]
    kinds[list(EXTENSIONS)] = _NUMBER["ipv6-extension"]
    for protocol, name in ((ICMP, "icmp"), (TCP, "tcp"), (UDP, "udp"), (ICMPV6, "icmpv6")):
        kinds[protocol] = _NUMBER[name]
    return kinds


def _of_ports() -> npt.NDArray[np.uint8]:
    kinds = np.full(65_536, _NUMBER["udp"], np.uint8)
    for reflector in REFLECTORS:
        kinds[reflector.port] = _NUMBER[f"from-{reflector.name}"]
    return kinds


_PROTOCOLS: Final = _of_protocols()
_FLAGS: Final = np.array([_NUMBER[_of_flags(flags)] for flags in range(64)], np.uint8)
_PORTS: Final = _of_ports()


def kinds_of(
    protocol: npt.NDArray[Any],
    src_port: npt.NDArray[Any],
    dst_port: npt.NDArray[Any],
    tcp_flags: npt.NDArray[Any],
) -> npt.NDArray[np.uint8]:
    """The kind of every flow, `(n,) uint8`."""
    kinds = _PROTOCOLS[protocol]
    tcp = np.flatnonzero(protocol == TCP)
    kinds[tcp] = _FLAGS[tcp_flags[tcp] & 63]
    udp = np.flatnonzero(protocol == UDP)
    kinds[udp] = _PORTS[src_port[udp]]
    portless = udp[(src_port[udp] == 0) & (dst_port[udp] == 0)]
    kinds[portless] = _NUMBER["udp-fragment"]
    return kinds
