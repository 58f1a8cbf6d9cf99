"""Prefix lookup against brute force; networks and classes of flows."""

import ipaddress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.convergence.domain.cells import FAMILIES, NETWORKS, SERVICE_CLASSES
from sixfold.convergence.domain.classify import Classifier, NetworkRule, ServiceRule
from sixfold.convergence.domain.events import Network, PortRange
from sixfold.convergence.domain.prefixes import PrefixTable, interval_of

NETWORK_RULES = (
    NetworkRule(
        Network.BROADCAST, ("224.0.0.0/4", "ff00::/8", "203.0.113.0/24"), interfaces=(("192.0.2.1", 7),)
    ),
    NetworkRule(Network.TELECOM, ("2001:db8:ff::/48",), (PortRange("udp", 5060, 5061),)),
    NetworkRule(Network.INTERNET, ("224.0.0.0/24",)),
)
CLASS_RULES = (
    ("web", PortRange("tcp", 80, 80)),
    ("web", PortRange("tcp", 443, 443)),
    ("quic", PortRange("udp", 443, 443)),
    ("dns", PortRange("udp", 53, 53)),
    ("voip", PortRange("udp", 5060, 5061)),
    ("p2p", PortRange("tcp", 51413, 51413)),
)


def packed(*texts: str) -> np.ndarray:
    rows = [interval_of(text)[0].to_bytes(16, "big") for text in texts]
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, 16)


def flow(
    src: str, dst: str, protocol: int = 17, src_port: int = 40_000, dst_port: int = 40_001, interface: int = 0
) -> dict:
    return {
        "exporter": packed("192.0.2.1"),
        "src_address": packed(src),
        "dst_address": packed(dst),
        "protocol": np.array([protocol], np.uint8),
        "src_port": np.array([src_port], np.uint16),
        "dst_port": np.array([dst_port], np.uint16),
        "input_interface": np.array([interface], np.uint32),
    }


def judged(columns: dict, services: tuple[ServiceRule, ...] = ()) -> tuple[Network, str, int]:
    [code] = Classifier(NETWORK_RULES, CLASS_RULES, services).codes(columns).tolist()
    code, family = divmod(code, len(FAMILIES))
    network, service_class = divmod(code, len(SERVICE_CLASSES))
    return NETWORKS[network], SERVICE_CLASSES[service_class], FAMILIES[family]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (flow("198.51.100.1", "198.51.100.2"), (Network.INTERNET, "other", 4)),
        (flow("198.51.100.1", "198.51.100.2", 6, 50_000, 443), (Network.INTERNET, "web", 4)),
        (flow("198.51.100.1", "198.51.100.2", 6, 443, 51_413), (Network.INTERNET, "web", 4)),
        (flow("2001:db8::1", "2001:db8::2", 17, 50_000, 443), (Network.INTERNET, "quic", 6)),
        (flow("2001:db8::1", "2001:db8:ff::2"), (Network.TELECOM, "other", 6)),
        (flow("198.51.100.1", "198.51.100.2", 17, 5060, 5060), (Network.TELECOM, "voip", 4)),
        (flow("203.0.113.9", "239.1.1.1", 17, 5000, 5000), (Network.BROADCAST, "iptv", 4)),
        (flow("2001:db8::1", "ff3e::1", 17, 5000, 5000), (Network.BROADCAST, "iptv", 6)),
        (flow("198.51.100.1", "224.0.0.5", 89, 0, 0), (Network.INTERNET, "other", 4)),
        (flow("203.0.113.9", "198.51.100.2", 6, 80, 50_000), (Network.BROADCAST, "web", 4)),
        (flow("198.51.100.1", "198.51.100.2", interface=7), (Network.BROADCAST, "other", 4)),
        (flow("198.51.100.1", "198.51.100.2", 50, 0, 0), (Network.INTERNET, "vpn", 4)),
        (flow("198.51.100.1", "198.51.100.2", 1, 0, 0), (Network.INTERNET, "other", 4)),
    ],
)
def test_networks_and_classes(columns: dict, expected: tuple) -> None:
    assert judged(columns) == expected


def test_registered_services_come_first_and_honour_their_ports() -> None:
    services = (
        ServiceRule(Network.BROADCAST, "iptv", ("198.51.100.0/24",), (PortRange("tcp", 8000, 8100),)),
        ServiceRule(Network.TELECOM, "voip", ("198.51.0.0/16",), ()),
        ServiceRule(Network.TELECOM, "iot", (), (PortRange("udp", 9999, 9999),)),
    )
    one, other = "192.0.2.9", "198.51.100.4"
    assert judged(flow(one, other, 6, 40_000, 8_050), services) == (Network.BROADCAST, "iptv", 4)
    assert judged(flow(other, one, 6, 8_050, 40_000), services) == (Network.BROADCAST, "iptv", 4)
    assert judged(flow(one, other, 6, 40_000, 443), services) == (Network.TELECOM, "voip", 4)
    assert judged(flow(one, "192.0.2.10", 17, 40_000, 9_999), services) == (Network.TELECOM, "iot", 4)
    assert judged(flow(one, "192.0.2.10", 6, 40_000, 443), services) == (Network.INTERNET, "web", 4)


@st.composite
def prefix(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        value, length = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 32))
        return str(ipaddress.ip_network((value & 0xF000000F, length), strict=False))
    value, length = draw(st.integers(0, 2**128 - 1)), draw(st.integers(0, 128))
    return str(ipaddress.ip_network((value & (0xF << 124 | 0xF), length), strict=False))


@settings(max_examples=200, deadline=None)
@given(st.lists(prefix(), max_size=12), st.lists(prefix(), min_size=1, max_size=20))
def test_lookup_equals_brute_force(prefixes: list[str], probes: list[str]) -> None:
    table = PrefixTable((text, index) for index, text in enumerate(prefixes))
    spans = [interval_of(text) for text in prefixes]
    addresses = [edge for text in [*probes, *prefixes] for edge in interval_of(text)]
    column = np.frombuffer(b"".join(a.to_bytes(16, "big") for a in addresses), dtype=np.uint8).reshape(-1, 16)
    for address, code in zip(addresses, table.codes(column).tolist(), strict=True):
        around = [index for index, (first, last) in enumerate(spans) if first <= address <= last]
        expected = sorted(around, key=lambda index: (spans[index][1] - spans[index][0], index))
        assert list(table.rules[code]) == expected
