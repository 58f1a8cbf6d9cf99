"""Free space under random taking and giving back, against a model that marks every smallest unit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.address.domain.prefix import BITS, Prefix, parse_prefix
from sixfold.address.domain.space import FreeSpace, SpaceError

WHOLE = parse_prefix("2001:db8::/116")
UNIT = 124
steps = st.lists(st.tuples(st.booleans(), st.integers(116, UNIT), st.integers(0, 1 << 20)), max_size=200)


def units(prefix: Prefix) -> range:
    first = (prefix.network - WHOLE.network) >> (BITS - UNIT)
    return range(first, first + (1 << (UNIT - prefix.length)))


@given(steps=steps, strategy=st.sampled_from(["dense", "sparse"]))
@settings(max_examples=200, deadline=None)
def test_never_gives_the_same_space_twice_and_loses_none(steps, strategy):
    space, held, used = FreeSpace(WHOLE), [], set()
    for give_back, length, pick in steps:
        if give_back and held:
            prefix = held.pop(pick % len(held))
            space.give_back(prefix)
            used.difference_update(units(prefix))
            continue
        chosen = space.choose(length, strategy)
        room = any(
            not used.intersection(units(Prefix(network, length)))
            for network in range(WHOLE.network, WHOLE.last + 1, 1 << (BITS - length))
        )
        assert (chosen is not None) == room == space.fits(length)
        if chosen is not None:
            assert not used.intersection(units(chosen))
            space.take(chosen)
            held.append(chosen)
            used.update(units(chosen))
        assert space.free_addresses == WHOLE.size - sum(prefix.size for prefix in held)
    free = {unit for block in space.blocks() for unit in units(block)}
    assert free == set(units(WHOLE)) - used
    for prefix in held:
        space.give_back(prefix)
    assert space.blocks() == [WHOLE]


@given(steps=steps)
@settings(max_examples=100, deadline=None)
def test_what_is_chosen_depends_on_the_content_alone(steps):
    space, held = FreeSpace(WHOLE), []
    for give_back, length, pick in steps:
        if give_back and held:
            space.give_back(held.pop(pick % len(held)))
        elif (chosen := space.choose(length, "dense")) is not None:
            space.take(chosen)
            held.append(chosen)
    rebuilt = FreeSpace(WHOLE)
    for prefix in sorted(held, reverse=True):
        rebuilt.take(prefix)
    assert rebuilt.blocks() == space.blocks()
    for length in range(WHOLE.length, UNIT + 1):
        assert rebuilt.choose(length, "dense") == space.choose(length, "dense")
        assert rebuilt.choose(length, "sparse") == space.choose(length, "sparse")


def test_sparse_choice_is_the_leftmost_order_of_rfc_3531():
    space, order = FreeSpace(parse_prefix("2001:db8::/32")), []
    for _ in range(9):
        prefix = space.choose(40, "sparse")
        space.take(prefix)
        order.append(f"{(prefix.network >> (BITS - 40)) & 0xFF:08b}")
    assert order == [
        "00000000",
        "10000000",
        "01000000",
        "11000000",
        "00100000",
        "01100000",
        "10100000",
        "11100000",
        "00010000",
    ]


def test_dense_choice_is_the_best_fit():
    space = FreeSpace(parse_prefix("2001:db8::/48"))
    space.take(parse_prefix("2001:db8:0:4000::/50"))
    space.take(parse_prefix("2001:db8:0:8100::/56"))
    assert str(space.choose(56, "dense")) == "2001:db8:0:8000::/56"
    assert str(space.choose(50, "dense")) == "2001:db8::/50"


def test_what_is_not_free_cannot_be_taken_nor_what_is_free_given_back():
    space = FreeSpace(WHOLE)
    prefix = space.choose(120, "dense")
    space.take(prefix)
    with pytest.raises(SpaceError, match="not free"):
        space.take(Prefix(prefix.network, 124))
    with pytest.raises(SpaceError, match="not free"):
        space.take(WHOLE)
    space.give_back(prefix)
    with pytest.raises(SpaceError, match="free already"):
        space.give_back(prefix)
    with pytest.raises(SpaceError, match="outside"):
        space.give_back(parse_prefix("2001:db9::/120"))


def test_a_full_space_refuses_without_a_search():
    space = FreeSpace(parse_prefix("2001:db8::/48"))
    while (prefix := space.choose(60, "dense")) is not None:
        space.take(prefix)
    assert space.free_addresses == 0
    assert space.largest is None
    assert not space.fits(60)
    assert space.blocks() == []
