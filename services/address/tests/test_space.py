"""Free space under random taking and giving back, against a model that marks every smallest unit."""

import numpy as np
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


@given(steps=steps, room=st.sampled_from([0, 118, 121, 128]))
@settings(max_examples=200, deadline=None)
def test_never_gives_the_same_space_twice_and_loses_none(steps, room):
    space, held, used = FreeSpace(WHOLE), [], set()
    for give_back, length, pick in steps:
        if give_back and held:
            prefix = held.pop(pick % len(held))
            space.give_back(prefix)
            used.difference_update(units(prefix))
            continue
        chosen = space.choose(length, room)
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
        elif (chosen := space.choose(length, 128)) is not None:
            space.take(chosen)
            held.append(chosen)
    rebuilt = FreeSpace(WHOLE)
    for prefix in sorted(held, reverse=True):
        rebuilt.take(prefix)
    assert rebuilt.blocks() == space.blocks()
    for length in range(WHOLE.length, UNIT + 1):
        assert rebuilt.choose(length, 128) == space.choose(length, 128)
        assert rebuilt.choose(length, 0) == space.choose(length, 0)


numbers = st.lists(
    st.tuples(st.sampled_from(["plan", "plan", "give back"]), st.integers(117, 127), st.integers(1, 300)),
    max_size=25,
)


@given(steps=numbers, room=st.sampled_from([0, 118, 121, 128]))
@settings(max_examples=200, deadline=None)
def test_many_at_once_are_as_one_after_the_other(steps, room):
    many, single, held = FreeSpace(WHOLE), FreeSpace(WHOLE), []
    for step, length, number in steps:
        if step == "give back" and held:
            length, chosen = held.pop(number % len(held))
            chosen = np.random.default_rng(number).permutation(chosen)
            kept, back = chosen[::3], np.setdiff1d(chosen, chosen[::3])
            many.give_back_many(length, back)
            for each in back:
                single.give_back(Prefix(WHOLE.network + (int(each) << (BITS - length)), length))
            if len(kept):
                held.append((length, kept))
            assert many.blocks() == single.blocks()
            continue
        before = many.blocks()
        planned = np.asarray(many.plan(length, number, room), np.uint64)
        assert many.blocks() == before
        assert len(planned) == number or not _after(many, length, planned).fits(length)
        if (prefix := many.choose(length, room)) is not None:
            assert planned[0] == many.number(prefix)
        many.take_many(length, planned)
        for each in planned:
            single.take(Prefix(WHOLE.network + (int(each) << (BITS - length)), length))
        held.append((length, planned))
        assert many.blocks() == single.blocks()
        assert many.free_addresses == single.free_addresses
        assert many.largest == single.largest
    with pytest.raises(SpaceError):
        many.take_many(120, np.array([3, 3], np.uint64))
    for length, chosen in held:
        many.give_back_many(length, chosen)
    assert many.blocks() == [WHOLE]
    with pytest.raises(SpaceError):
        many.give_back_many(120, np.array([3], np.uint64))


def _after(space, length, planned):
    copy = FreeSpace(space.whole)
    copy.restore(space.chunks())
    copy.take_many(length, planned)
    return copy


@pytest.mark.parametrize("room", [0, 40, 48, 56])
def test_a_plan_is_what_choosing_one_by_one_gives(room):
    space = FreeSpace(parse_prefix("2001:db8::/40"))
    planned = [int(number) for number in space.plan(56, 1000, room)]
    for number in planned:
        prefix = space.choose(56, room)
        assert space.number(prefix) == number
        space.take(prefix)


def test_room_to_grow_is_kept_as_long_as_there_is_any():
    space, order = FreeSpace(parse_prefix("2001:db8::/46")), []
    while (prefix := space.choose(56, 48)) is not None and len(order) < 8:
        space.take(prefix)
        order.append(str(prefix))
    assert order[:4] + sorted(order[4:]) == [
        "2001:db8::/56",
        "2001:db8:1::/56",
        "2001:db8:2::/56",
        "2001:db8:3::/56",
        "2001:db8:0:8000::/56",
        "2001:db8:1:8000::/56",
        "2001:db8:2:8000::/56",
        "2001:db8:3:8000::/56",
    ]


def test_wide_pools_give_single_addresses():
    space = FreeSpace(parse_prefix("2001:db8::/32"))
    numbers = space.plan(128, 3, 128)
    space.take_many(128, numbers)
    assert list(numbers) == [0, 1, 2]
    space.give_back_many(128, numbers)
    assert space.blocks() == [space.whole]


def test_sparse_choice_is_the_leftmost_order_of_rfc_3531():
    space, order = FreeSpace(parse_prefix("2001:db8::/32")), []
    for _ in range(9):
        prefix = space.choose(40, 0)
        space.take(prefix)
        order.append(f"{(prefix.network >> (BITS - 40)) & 0xFF:08b}")
    assert order == [
        "00000000",
        "10000000",
        "01000000",
        "11000000",
        "00100000",
        "10100000",
        "01100000",
        "11100000",
        "00010000",
    ]


def test_dense_choice_is_the_best_fit():
    space = FreeSpace(parse_prefix("2001:db8::/48"))
    space.take(parse_prefix("2001:db8:0:4000::/50"))
    space.take(parse_prefix("2001:db8:0:8100::/56"))
    assert str(space.choose(56, 128)) == "2001:db8:0:8000::/56"
    assert str(space.choose(50, 128)) == "2001:db8::/50"


def test_what_is_not_free_cannot_be_taken_nor_what_is_free_given_back():
    space = FreeSpace(WHOLE)
    prefix = space.choose(120, 128)
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
    while (prefix := space.choose(60, 128)) is not None:
        space.take(prefix)
    assert space.free_addresses == 0
    assert space.largest is None
    assert not space.fits(60)
    assert space.blocks() == []
