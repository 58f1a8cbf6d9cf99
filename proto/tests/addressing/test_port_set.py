"""Port sets: RFC 7597 5.1 and appendix B, RFC 7598 4.5."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.api.addressing import columns
from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.port_set import PortSet, from_option, psid_of


@pytest.mark.parametrize(
    ("offset", "length", "psid", "ranges", "first", "last", "ports"),
    [
        (6, 8, 0x34, 63, (1232, 1235), (64720, 64723), 252),
        (6, 8, 0, 63, (1024, 1027), (64512, 64515), 252),
        (0, 6, 0, 1, (0, 1023), (0, 1023), 1024),
        (6, 8, 0x20, 63, (1152, 1155), (64640, 64643), 252),
        (6, 6, 0x2A, 63, (1696, 1711), (65184, 65199), 1008),
        (4, 8, 0x34, 15, (4928, 4943), (62272, 62287), 240),
        (5, 7, 0, 31, (2048, 2063), (63488, 63503), 496),
        (0, 6, 1, 1, (1024, 2047), (1024, 2047), 1024),
        (0, 4, 15, 1, (61440, 65535), (61440, 65535), 4096),
        (6, 10, 0x3FF, 63, (2047, 2047), (65535, 65535), 63),
    ],
)
def test_the_vectors(offset, length, psid, ranges, first, last, ports):
    port_set = PortSet(offset, length, psid)
    found = list(port_set.ranges())
    assert (len(found), found[0], found[-1], len(port_set)) == (ranges, first, last, ports)
    # R = 2^k, M = 2^m; ports per user = 2^(16-k) - 2^m where ports are excluded.
    contiguous = 1 << (16 - offset - length)
    assert ports == (1 << (16 - length)) - (contiguous if offset else 0)


def test_the_second_and_last_but_one_range_of_the_example():
    found = list(PortSet(6, 8, 0x34).ranges())
    assert (found[1], found[-2]) == ((2256, 2259), (63696, 63699))


@pytest.mark.parametrize(("offset", "length"), [(6, 8), (4, 8), (0, 6), (6, 10), (15, 1), (0, 0), (6, 0)])
def test_the_port_sets_of_an_address_are_a_partition(offset, length):
    owner = np.full(65_536, -1)
    for psid in range(1 << length):
        for first, last in PortSet(offset, length, psid).ranges():
            assert (owner[first : last + 1] == -1).all()
            owner[first : last + 1] = psid
    lowest = 1 << (16 - offset) if offset else 0
    assert (owner[:lowest] == -1).all()
    assert (owner[lowest:] >= 0).all()
    assert (owner == columns.psid_of(np.arange(65_536), offset, length)).all()
    assert [psid_of(port, offset, length) for port in range(0, 65_536, 97)] == [
        None if psid < 0 else psid for psid in owner[::97]
    ]


@given(st.data())
def test_membership_agrees_with_the_ranges(data):
    offset = data.draw(st.integers(0, 15))
    length = data.draw(st.integers(0, min(12, 16 - offset)))
    port_set = PortSet(offset, length, data.draw(st.integers(0, (1 << length) - 1)))
    port = data.draw(st.integers(0, 65_535))
    assert (port in port_set) == any(first <= port <= last for first, last in port_set.ranges())


def test_sets_of_other_parameters_overlap_where_they_do():
    assert PortSet(0, 6, 1).overlaps(PortSet(6, 8, 0))
    assert not PortSet(0, 6, 0).overlaps(PortSet(6, 8, 0))
    assert not PortSet(6, 8, 1).overlaps(PortSet(6, 8, 0))


def test_the_option_has_the_psid_on_the_left():
    assert PortSet(6, 8, 0x34).option() == bytes.fromhex("005d000406083400")
    assert from_option(bytes.fromhex("005d000406083400")) == PortSet(6, 8, 0x34)
    assert from_option(bytes.fromhex("005d000406003400")) is None


@pytest.mark.parametrize(
    "option", ["", "005d0004060834", "005e000406083400", "005d0004100834ff", "005d00040f0834ff"]
)
def test_what_is_no_option_is_refused(option):
    with pytest.raises(AddressingError):
        from_option(bytes.fromhex(option))


@pytest.mark.parametrize(
    ("offset", "length", "psid"), [(16, 0, 0), (-1, 4, 0), (6, 11, 0), (6, 8, 256), (0, 17, 0)]
)
def test_what_is_no_port_set_is_refused(offset, length, psid):
    with pytest.raises(AddressingError):
        PortSet(offset, length, psid)


@pytest.mark.parametrize("port", [-1, 65_536, 80])
def test_ports_of_nobody(port):
    assert psid_of(port, 6, 8) is None
