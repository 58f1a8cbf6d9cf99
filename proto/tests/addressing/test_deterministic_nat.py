"""Deterministic carrier-grade NAT: the example of RFC 7422, and partitions of random configurations."""

from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.api.addressing.deterministic_nat import (
    Assignment,
    DeterministicNat,
    OnDemand,
    config_record,
    parse_config_record,
)
from sixfold.api.addressing.errors import AddressingError

PUBLIC = IPv4Address("192.0.2.1")
EXAMPLE = DeterministicNat(
    IPv4Network("198.51.100.0/28"), IPv4Network("192.0.2.1/32"), dynamic_factor=2, maximum_ports=5040
)


def test_the_example_of_the_rfc():
    assert (EXAMPLE.subscribers, EXAMPLE.compression, EXAMPLE.ports_each, EXAMPLE.on_demand_each) == (
        14,
        14,
        4032,
        1008,
    )
    for number in range(1, 15):
        first = 1024 + (number - 1) * 4032
        fixed = EXAMPLE.fixed_of(IPv4Address(f"198.51.100.{number}"))
        assert (fixed.address, fixed.ranges) == (PUBLIC, ((first, first + 4031),))
    assert EXAMPLE.fixed_of(IPv4Address("198.51.100.14")).ranges == ((53440, 57471),)
    assert EXAMPLE.on_demand_ranges() == ((57472, 65535),)


def test_the_two_questions_of_the_rfc():
    assert EXAMPLE.subscriber_of(PUBLIC, 2001) == IPv4Network("198.51.100.1/32")
    assert EXAMPLE.subscriber_of(PUBLIC, 58204) == OnDemand()


@pytest.mark.parametrize(("address", "port"), [("192.0.2.1", 1023), ("192.0.2.1", 0), ("192.0.2.2", 2001)])
def test_what_nobody_has(address, port):
    assert EXAMPLE.subscriber_of(IPv4Address(address), port) is None


@pytest.mark.parametrize("inside", ["198.51.100.0", "198.51.100.15", "198.51.100.16", "2001:db8::1"])
def test_who_is_no_subscriber(inside):
    address = IPv6Address(inside) if ":" in inside else IPv4Address(inside)
    assert EXAMPLE.fixed_of(address) is None


def test_the_record_of_the_rfc_is_read_and_written():
    line = "[Wed Oct 11 14:32:52 2000]:198.51.100.0:28:192.0.2.0:32:2:5040:0:1-1023,5004,5060"
    time, nat = parse_config_record(line)
    assert time == datetime(2000, 10, 11, 14, 32, 52)
    assert nat.outside == IPv4Network("192.0.2.0/32")
    assert nat.subscriber_of(IPv4Address("192.0.2.0"), 5004) is None
    assert config_record(nat, time) == line


def test_the_record_of_ipv6_is_read_as_written():
    nat = DeterministicNat(IPv6Network("2001:db8::/40"), IPv4Network("192.0.2.0/24"), subscriber_length=50)
    line = config_record(nat, datetime(2026, 1, 2, 3, 4, 5))
    assert line == "[Fri Jan  2 03:04:05 2026]:[2001:db8::]:40-50:192.0.2.0:24:0:0:0:0-1023"
    assert parse_config_record(line)[1] == nat


@pytest.mark.parametrize(
    "line", ["", "[x]:1:2", "[Wed Oct 11 14:32:52 2000]:198.51.100.0:28:192.0.2.0:33:2:1:0:1"]
)
def test_what_is_no_record_is_refused(line):
    with pytest.raises(AddressingError):
        parse_config_record(line)


@st.composite
def configurations(draw):
    outside = IPv4Network((0xCB007100, draw(st.integers(28, 32))))
    if draw(st.booleans()):
        inside, unit = IPv4Network((0x64400000, draw(st.integers(21, 32)))), 0
    else:
        unit = draw(st.integers(48, 64))
        inside = IPv6Network((0x20010DB8 << 96, unit - draw(st.integers(0, 9))))
    ports = draw(st.lists(st.tuples(st.integers(0, 65_000), st.integers(0, 400)), max_size=4))
    return DeterministicNat(
        inside,
        outside,
        dynamic_factor=draw(st.integers(0, 5)),
        assignment=draw(st.sampled_from(Assignment)),
        reserved_ports=",".join(["0-1023", *(f"{first}-{first + more}" for first, more in ports)]),
        subscriber_length=unit,
    )


@settings(max_examples=25, deadline=None)
@given(configurations())
def test_no_port_twice_and_none_lost(nat):
    taken = {address: np.zeros(65_536, np.int16) for address in nat.outside}
    step = 1 << (nat.inside.max_prefixlen - nat.unit_length)
    found = 0
    for number in range(int(nat.inside.network_address), int(nat.inside.broadcast_address) + 1, step):
        inside = type(nat.inside.network_address)(number)
        fixed = nat.fixed_of(inside)
        if fixed is None:
            continue
        found += 1
        assert sum(last - first + 1 for first, last in fixed.ranges) == nat.ports_each
        for first, last in fixed.ranges:
            taken[fixed.address][first : last + 1] += 1
        for port in (fixed.ranges[0][0], fixed.ranges[-1][1]):
            assert nat.subscriber_of(fixed.address, port) == fixed.inside
            assert inside in fixed.inside
    assert found == nat.subscribers
    on_demand = sum(last - first + 1 for first, last in nat.on_demand_ranges())
    for address, counts in taken.items():
        assert counts.max() <= 1
        for port in range(0, 65_536, 911):
            answer = nat.subscriber_of(address, port)
            assert (counts[port] == 1) == (answer is not None and answer != OnDemand())
    first = counts_of_a_full_address(nat, taken)
    assert first is None or first + on_demand == nat.ports_each * nat.compression + on_demand


def counts_of_a_full_address(nat, taken):
    if nat.subscribers < nat.compression:
        return None
    return int(taken[nat.outside.network_address].sum())


@pytest.mark.parametrize(
    ("inside", "more"),
    [
        ("100.64.0.0/10", {}),
        ("100.64.0.0/28", {"maximum_ports": 10}),
        ("100.64.0.0/28", {"reserved_ports": "5-1"}),
        ("100.64.0.0/28", {"reserved_ports": "0-65535"}),
        ("100.64.0.0/28", {"reserved_ports": "x"}),
        ("100.64.0.0/28", {"subscriber_length": 30}),
        ("100.64.0.0/28", {"dynamic_factor": -1}),
        ("2001:db8::/72", {}),
        ("2001:db8::/56", {"subscriber_length": 40}),
    ],
)
def test_configurations_that_cannot_be(inside, more):
    network = IPv6Network(inside) if ":" in inside else IPv4Network(inside)
    with pytest.raises(AddressingError):
        DeterministicNat(network, IPv4Network("192.0.2.1/32"), **more)
