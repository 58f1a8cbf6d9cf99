"""Who is in the region: gateways, subscribers and their terminals, sites, channels; and everybody's addresses.

Only addresses set aside for documentation, benchmarking and private use appear (RFC 3849, 5737, 2544, 6598, 1918),
the NAT64 well-known prefix (RFC 6052) in front of them, and multicast groups below the documentation prefix
(RFC 3306). The plan, all numbers big-endian:

    2001:db8:GGss:sssL:…   terminal: gateway GG, subscriber sssss, network L in the home, interface id from a hash
    2001:db8:ff00:n::1     site n with IPv6          192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24: sites with IPv4
    2001:db8:ff53:GG::53   resolver of a gateway     2001:db8:ff7b::7b time server     2001:db8:ff1e::1 IoT platform
    100.64.0.0/10          dual-stack subscribers    198.18.0.0/16 public side of NAT64, 198.19.0.0/16 of NAT44
    ff3e:20:2001:db8::n    group of channel n        10.0.0.0/8 the rest of the IPv4 internet
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Addresses = npt.NDArray[np.uint8]

MAX_GATEWAYS: Final = 64
MAX_SUBSCRIBERS: Final = 4_000_000
SUBSCRIBERS_PER_ADDRESS: Final = 64
PORTS_PER_SUBSCRIBER: Final = 1_008
FIRST_PORT: Final = 1_024
_SITE_PREFIXES: Final = (0xC0000200, 0xC6336400, 0xCB007100)
_V4_SITES: Final = 3 * 254
_HASH: Final = np.uint64(0x9E3779B97F4A7C15)


def scatter(values: npt.NDArray[Any], salt: int) -> npt.NDArray[np.uint64]:
    """A fixed pseudo-random number of each value: properties of a subscriber that never change."""
    mixed = (values.astype(np.uint64) + np.uint64(salt)) * _HASH
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(29))


@dataclass(frozen=True, slots=True)
class Region:
    """Subscribers are numbered 0 to n-1; subscriber s is at gateway s % gateways."""

    gateways: int = 3
    subscribers: int = 10_000
    iot_devices: int = 2_000
    channels: int = 60
    sites: int = 500
    ipv6_sites: float = 0.55
    """Share of the sites that can be reached over IPv6."""
    dual_stack: float = 0.3
    """Share of the subscribers with an IPv4 address (behind NAT44); the others reach IPv4 through NAT64."""

    def __post_init__(self) -> None:
        bounds = {
            "gateways": (self.gateways, 1, MAX_GATEWAYS),
            "subscribers": (self.subscribers, self.gateways, MAX_SUBSCRIBERS),
            "iot_devices": (self.iot_devices, 1, MAX_SUBSCRIBERS),
            "channels": (self.channels, 1, 10_000),
            "sites": (self.sites, 1, 60_000),
        }
        for name, (value, low, high) in bounds.items():
            if not low <= value <= high:
                raise ValueError(f"{name} must be {low} to {high}, not {value}")

    def gateway_of(self, subscriber: Numbers) -> Numbers:
        return subscriber % self.gateways

    def is_dual_stack(self, subscriber: Numbers) -> npt.NDArray[np.bool_]:
        return scatter(subscriber, 1) % np.uint64(1000) < np.uint64(round(self.dual_stack * 1000))

    def has_ipv6(self, site: Numbers) -> npt.NDArray[np.bool_]:
        return scatter(site, 2) % np.uint64(1000) < np.uint64(round(self.ipv6_sites * 1000))

    def terminal(self, subscriber: Numbers, device: Numbers) -> Addresses:
        """IPv6 address of device `device` in the home of each subscriber; devices of 8 and more are IoT."""
        address = _documentation(len(subscriber))
        within = subscriber // self.gateways
        network = self.gateway_of(subscriber) << 24 | within << 4 | (device >= 8)
        address[:, 4:8] = _bytes(network, 4)
        address[:, 8:] = _bytes(scatter(subscriber << 4 | device, 3), 8)
        address[:, 8] &= 0xFD  # not an EUI-64: the identifier is random (RFC 8981)
        return address

    def private(self, subscriber: Numbers) -> Addresses:
        """IPv4 address of a dual-stack subscriber, mapped."""
        return mapped(0x64400000 + subscriber % (1 << 22))

    def port_block(self, subscriber: Numbers, *, nat44: npt.NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
        """(public IPv4 address, first port) of each subscriber: fixed blocks, as deterministic NAT (RFC 7422)."""
        within = subscriber // self.gateways
        pool = -(-(self.subscribers // self.gateways + 1) // SUBSCRIBERS_PER_ADDRESS)
        public = self.gateway_of(subscriber) * pool + within // SUBSCRIBERS_PER_ADDRESS
        address = np.where(nat44, 0xC6130000, 0xC6120000) + public % 65_536
        return address, FIRST_PORT + within % SUBSCRIBERS_PER_ADDRESS * PORTS_PER_SUBSCRIBER

    def site_ipv4(self, site: Numbers) -> Numbers:
        place = site % _V4_SITES
        return np.array(_SITE_PREFIXES, dtype=np.int64)[place // 254] + 1 + place % 254

    def site_ipv6(self, site: Numbers) -> Addresses:
        address = _documentation(len(site))
        address[:, 4:8] = _bytes(0xFF000000 | site, 4)
        address[:, 15] = 1
        return address

    def resolver(self, gateway: Numbers) -> Addresses:
        address = _documentation(len(gateway))
        address[:, 4:8] = _bytes(0xFF530000 | gateway, 4)
        address[:, 15] = 0x53
        return address

    def service(self, network: int, host: int, rows: int) -> Addresses:
        """A fixed server of the region: 2001:db8:<network>::<host>."""
        address = _documentation(rows)
        address[:, 4:6] = (network >> 8, network & 0xFF)
        address[:, 15] = host
        return address

    def channel_source(self, channel: Numbers) -> Addresses:
        address = self.service(0xFF1F, 0, len(channel))
        address[:, 12:16] = _bytes(channel + 1, 4)
        return address

    def channel_group(self, channel: Numbers) -> Addresses:
        group = np.zeros((len(channel), 16), dtype=np.uint8)
        group[:, :8] = (0xFF, 0x3E, 0x00, 0x20, 0x20, 0x01, 0x0D, 0xB8)
        group[:, 12:16] = _bytes(0x80000000 | (channel + 1), 4)
        return group


def _documentation(rows: int) -> Addresses:
    address = np.zeros((rows, 16), dtype=np.uint8)
    address[:, :4] = (0x20, 0x01, 0x0D, 0xB8)
    return address


def _bytes(values: npt.NDArray[Any], width: int) -> Addresses:
    """The low `width` bytes of each number, big-endian."""
    return values.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - width :]


def ipv4_bytes(values: Numbers) -> Addresses:
    return _bytes(values, 4)


def mapped(values: Numbers) -> Addresses:
    """IPv4 numbers as IPv4-mapped addresses."""
    address = np.zeros((len(values), 16), dtype=np.uint8)
    address[:, 10:12] = 0xFF
    address[:, 12:] = _bytes(values, 4)
    return address


def nat64(values: Numbers) -> Addresses:
    """IPv4 numbers under the well-known prefix 64:ff9b::/96 (RFC 6052)."""
    address = np.zeros((len(values), 16), dtype=np.uint8)
    address[:, :4] = (0x00, 0x64, 0xFF, 0x9B)
    address[:, 12:] = _bytes(values, 4)
    return address
