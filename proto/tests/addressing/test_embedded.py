"""IPv4 in IPv6: RFC 6052 tables 1 and 2."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.api.addressing import columns
from sixfold.api.addressing.embedded import LENGTHS, embed, extract
from sixfold.api.addressing.errors import AddressingError

VECTORS = [
    ("2001:db8::/32", "2001:db8:c000:221::"),
    ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
    ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
    ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
    ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
    ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
    ("64:ff9b::/96", "64:ff9b::192.0.2.33"),
]


@pytest.mark.parametrize(("prefix", "result"), VECTORS)
def test_the_tables(prefix, result):
    four, six = IPv4Address("192.0.2.33"), IPv6Address(result)
    assert embed(IPv6Network(prefix), four) == six
    assert extract(IPv6Network(prefix), six) == four


@given(
    st.sampled_from(LENGTHS),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**128 - 1),
    st.integers(0, 2**128 - 1),
)
def test_there_and_back(length, number, base, suffix):
    network = base & ~(0xFF << 56) & ~((1 << (128 - length)) - 1)
    prefix = IPv6Network((network, length))
    six = embed(prefix, IPv4Address(number))
    assert six in prefix
    assert int(six) >> 56 & 0xFF == 0
    tail = 128 - length - 32 - (8 if length < 96 else 0)
    noisy = IPv6Address(int(six) | suffix & ((1 << tail) - 1))  # the suffix is not looked at
    assert extract(prefix, noisy) == IPv4Address(number)
    packed = np.frombuffer(noisy.packed, np.uint8).reshape(1, 16)
    numbers, inside = columns.extract(prefix, packed)
    assert (int(numbers[0]), bool(inside[0])) == (number, True)
    assert columns.embed(prefix, np.array([number], np.uint32))[0].tobytes() == six.packed


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "127.0.0.1", "100.64.0.1", "169.254.0.1", "224.0.0.1", "192.168.1.1"]
)
def test_the_well_known_prefix_holds_global_addresses_only(address):
    prefix = IPv6Network("64:ff9b::/96")
    with pytest.raises(AddressingError, match="not global"):
        embed(prefix, IPv4Address(address))
    assert extract(prefix, IPv6Address(int(prefix.network_address) | int(IPv4Address(address)))) is None
    own = IPv6Network("2001:db8::/96")
    assert extract(own, embed(own, IPv4Address(address))) == IPv4Address(address)


@pytest.mark.parametrize("prefix", ["2001:db8::/33", "2001:db8::/128", "::/0", "2001:db8:0:0:ff00::/96"])
def test_prefixes_that_are_not_allowed(prefix):
    with pytest.raises(AddressingError):
        embed(IPv6Network(prefix), IPv4Address("192.0.2.1"))


def test_an_address_outside_says_nothing():
    assert extract(IPv6Network("2001:db8::/32"), IPv6Address("2001:db9::1")) is None
