"""MAP-E and MAP-T: the worked examples of RFC 7597 and 7599, and every rule there and back."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.api.addressing import columns
from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.lw4o6 import Binding
from sixfold.api.addressing.map_rule import MapRule, Mode, Share
from sixfold.api.addressing.port_set import PortSet
from sixfold.api.addressing.provisioning import lightweight_container, map_container, rule_option

HOME = IPv6Network("2001:db8:12:3400::/56")
EDGE = IPv6Address("2001:db8:0012:3400:0000:c000:0212:0034")
BASIC = MapRule(IPv6Network("2001:db8::/40"), IPv4Network("192.0.2.0/24"), 16)
RELAY = IPv6Network("2001:db8:ffff::1/128")


def test_example_1_the_basic_mapping_rule():
    share = BASIC.share_of(HOME)
    assert share == Share(HOME, IPv4Network("192.0.2.18/32"), PortSet(6, 8, 0x34))
    assert BASIC.ce_address(share) == EDGE
    assert (BASIC.subscriber_length, BASIC.sharing_bits) == (56, 8)


def test_examples_2_and_3_the_border_forwards_and_checks_the_source():
    assert BASIC.subscriber_of(IPv4Address("192.0.2.18"), 1232) == HOME
    assert BASIC.ce_address(BASIC.share_of(EDGE)) == EDGE
    assert BASIC.subscriber_of(IPv4Address("192.0.2.18"), 80) is None
    assert BASIC.subscriber_of(IPv4Address("192.0.3.18"), 1232) is None
    assert BASIC.share_of(IPv6Address("2001:db9::1")) is None


def test_example_4_no_ea_bits_no_sharing():
    rule = MapRule(HOME, IPv4Network("192.0.2.18/32"), 0)
    share = rule.share_of(HOME)
    assert share == Share(HOME, IPv4Network("192.0.2.18/32"), None)
    assert rule.ce_address(share) == IPv6Address("2001:db8:12:3400:0:c000:212:0")
    assert rule.subscriber_of(IPv4Address("192.0.2.18"), 80) == HOME


def test_example_5_no_ea_bits_a_shared_address():
    rule = MapRule(HOME, IPv4Network("192.0.2.18/32"), 0, psid_length=8, psid=0x34)
    share = rule.share_of(HOME)
    assert share == Share(HOME, IPv4Network("192.0.2.18/32"), PortSet(6, 8, 0x34))
    assert rule.ce_address(share) == EDGE
    assert rule.subscriber_of(IPv4Address("192.0.2.18"), 1232) == HOME
    assert rule.subscriber_of(IPv4Address("192.0.2.18"), 1236) is None


def test_map_t_example_2_the_outside_by_the_default_mapping_rule():
    rule = MapRule(
        BASIC.ipv6_prefix,
        BASIC.ipv4_prefix,
        16,
        mode=Mode.TRANSLATION,
        border=IPv6Network("2001:db8:ffff::/64"),
    )
    assert rule.embed_outside(IPv4Address("10.2.3.4")) == IPv6Address("2001:db8:ffff:0:a:203:400::")
    assert rule.ce_address(rule.share_of(HOME)) == EDGE


def test_a_subscriber_may_have_an_ipv4_prefix():
    rule = MapRule(IPv6Network("2001:db8::/48"), IPv4Network("198.51.100.0/24"), 4)
    share = rule.share_of(IPv6Network("2001:db8:0:3000::/52"))
    assert share.ipv4_prefix == IPv4Network("198.51.100.48/28")
    assert rule.ce_address(share) == IPv6Address("2001:db8:0:3000:0:c633:6430:0")
    assert rule.subscriber_of(IPv4Address("198.51.100.63"), 5) == IPv6Network("2001:db8:0:3000::/52")


def test_a_long_prefix_stands_over_the_identifier():
    rule = MapRule(IPv6Network("2001:db8:0:1::/64"), IPv4Network("192.0.2.0/24"), 16)
    share = rule.share_of(IPv6Network("2001:db8:0:1:1234::/80"))
    assert rule.ce_address(share) == IPv6Address("2001:db8:0:1:1234:c000:212:34")


@st.composite
def rules(draw):
    four = draw(st.integers(0, 32))
    offset = draw(st.integers(0, 12))
    ea = draw(st.integers(0, 32 - four + 16 - offset))
    six = draw(st.integers(16, 64 - ea)) if ea <= 48 else None
    if six is None:
        ea, six = 48, 16
    explicit = ea == 0 and four == 32
    length = draw(st.integers(0, 16 - offset)) if explicit else 0
    return MapRule(
        IPv6Network((draw(st.integers(0, 2**six - 1)) << (128 - six), six)),
        IPv4Network((draw(st.integers(0, 2**four - 1)) << (32 - four), four)),
        ea,
        psid_offset=offset,
        psid_length=length,
        psid=draw(st.integers(0, (1 << length) - 1)),
    )


@given(rules(), st.data())
def test_from_the_subscriber_and_back(rule, data):
    ea = data.draw(st.integers(0, (1 << rule.ea_length) - 1))
    home = IPv6Network(
        (int(rule.ipv6_prefix.network_address) | ea << (128 - rule.subscriber_length), rule.subscriber_length)
    )
    share = rule.share_of(home)
    assert share.ipv6_prefix == home
    assert rule.share_of(rule.ce_address(share)) == share
    address = share.ipv4_prefix[data.draw(st.integers(0, share.ipv4_prefix.num_addresses - 1))]
    ranges = [(0, 65_535)] if share.ports is None else list(share.ports.ranges())
    port = data.draw(st.sampled_from([port for pair in ranges for port in pair]))
    assert rule.subscriber_of(address, port) == home


@given(rules(), st.data())
def test_from_the_port_and_back_one_by_one_and_in_columns(rule, data):
    host = data.draw(st.integers(0, rule.ipv4_prefix.num_addresses - 1))
    address = rule.ipv4_prefix[host]
    port = data.draw(st.integers(0, 65_535))
    home = rule.subscriber_of(address, port)
    if home is not None:
        share = rule.share_of(home)
        assert address in share.ipv4_prefix
        assert share.ports is None or port in share.ports
    found, held = columns.subscribers_of(rule, np.array([int(address)], np.uint32), np.array([port]))
    assert bool(held[0]) == (home is not None)
    if home is not None:
        assert found[0].tobytes() == home.network_address.packed


def test_every_port_of_a_shared_prefix_is_one_subscribers():
    rule = MapRule(IPv6Network("2001:db8::/48"), IPv4Network("192.0.2.0/31"), 5, psid_offset=6)
    seen = {}
    for ea in range(32):
        share = rule.share_of(IPv6Network((int(rule.ipv6_prefix.network_address) | ea << 75, 53)))
        for first, last in share.ports.ranges():
            for port in range(first, last + 1):
                assert seen.setdefault((share.ipv4_prefix, port), ea) == ea
    assert len(seen) == 2 * (65_536 - 1024)


@pytest.mark.parametrize(
    ("six", "four", "ea", "more"),
    [
        ("2001:db8::/40", "192.0.2.0/24", 49, {}),
        ("2001:db8::/120", "192.0.2.0/24", 16, {}),
        ("2001:db8::/40", "192.0.2.0/24", 19, {}),
        ("2001:db8::/40", "192.0.2.0/24", 16, {"psid_length": 8}),
        ("2001:db8::/40", "192.0.2.0/24", 0, {"psid_length": 8}),
        ("2001:db8::/40", "192.0.2.1/32", 0, {"psid_length": 8, "psid": 256}),
        ("2001:db8::/40", "192.0.2.1/32", 0, {"psid": 1}),
        ("2001:db8::/40", "192.0.2.0/24", 16, {"border": IPv6Network("2001:db8::/64")}),
        (
            "2001:db8::/40",
            "192.0.2.0/24",
            16,
            {"mode": Mode.TRANSLATION, "border": IPv6Network("2001:db8::/65")},
        ),
    ],
)
def test_rules_that_cannot_be(six, four, ea, more):
    with pytest.raises(AddressingError):
        MapRule(IPv6Network(six), IPv4Network(four), ea, **more)


def test_what_an_edge_is_told_of_map_e():
    rule = MapRule(BASIC.ipv6_prefix, BASIC.ipv4_prefix, 16, border=RELAY)
    ported = "005d000406000000"
    body = "00 10 18 c0000200 28 20010db800".replace(" ", "") + ported
    told = "0059" + f"{len(body) // 2:04x}" + body
    border = "005a0010" + RELAY.network_address.packed.hex()
    assert rule_option(rule).hex() == told
    assert map_container(rule).hex() == "005e" + f"{len(told + border) // 2:04x}" + told + border
    assert rule_option(rule, forwarding=True)[4] == 1


def test_what_an_edge_is_told_of_map_t_and_of_one_port_set():
    rule = MapRule(
        HOME, IPv4Network("192.0.2.18/32"), 0, psid_length=8, psid=0x34, mode=Mode.TRANSLATION,
        border=IPv6Network("2001:db8:ffff::/64"),
    )  # fmt: skip
    told = map_container(rule).hex()
    assert told.startswith("005f")
    assert "005d000406083400" in told
    assert told.endswith("005b0009" + "40" + "20010db8ffff0000")


def test_what_an_edge_is_told_of_lightweight_4over6():
    binding = Binding(HOME, IPv4Address("192.0.2.18"), PortSet(6, 8, 0x34), IPv6Address("2001:db8:ffff::1"))
    assert binding.edge_address == EDGE
    assert binding.holds(IPv4Address("192.0.2.18"), 1232)
    assert not binding.holds(IPv4Address("192.0.2.18"), 1236)
    body = "c0000212" + "38" + "20010db8001234" + "005d000406083400"
    told = "005c" + f"{len(body) // 2:04x}" + body
    assert told in lightweight_container(binding).hex()


def test_no_edge_without_a_border():
    with pytest.raises(AddressingError, match="border"):
        map_container(BASIC)
