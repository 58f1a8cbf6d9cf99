"""Who was behind a port and who held an address, by intervals; nobody is named where two are possible."""

from hypothesis import given
from hypothesis import strategies as st

from sixfold.identity.domain.case import Asked, is_local
from sixfold.identity.domain.evidence import Held, NatEvent, holders_of, inside_of
from sixfold.identity.domain.prefix import parse_address

T = 1_000_000
HOUR = 3_600_000


def asked(time=T, tolerance=0, **more):
    return Asked(parse_address("203.0.113.5"), 1111, 6, time, tolerance, **more)


def event(time, kind, inside, *, destination=9, port=443, protocol=6, gateway="g", first=0, last=0):
    return NatEvent(time, kind, protocol, inside, 4000, destination, port, first, last, gateway)


def inside(question, *events, lookback=HOUR):
    return {one.address for one in inside_of(question, events, lookback)}


def test_a_session_holds_from_its_creation_to_its_deletion():
    events = (event(T - 10, 4, 1), event(T + 10, 5, 1))
    assert inside(asked(), *events) == {1}
    assert inside(asked(T - 11), *events) == set()
    assert inside(asked(T + 11), *events) == set()
    assert inside(asked(T + 15, 5), *events) == {1}
    assert inside(asked(), *reversed(events)) == {1}


def test_starts_and_ends_that_come_twice_or_not_at_all():
    twice = (event(T - 10, 4, 1), event(T - 5, 4, 1), event(T + 5, 5, 1), event(T + 6, 5, 1))
    assert inside(asked(), *twice) == {1}
    assert inside(asked(T - 8), *twice) == {1}
    assert inside(asked(), event(T - 10, 4, 1)) == {1}
    assert inside(asked(), event(T - HOUR - 1, 4, 1)) == set()
    assert inside(asked(), event(T + 10, 5, 1)) == {1}
    assert inside(asked(T + 20), event(T + 10, 5, 1)) == set()


def test_who_comes_to_the_same_place_ends_who_was_there():
    events = (event(T - 20, 4, 1), event(T - 10, 4, 2))
    assert inside(asked(), *events) == {2}
    assert inside(asked(T - 15), *events) == {1}
    assert inside(asked(T - 10, 5), *events) == {1, 2}
    # An end that was told without its beginning reaches back to the end before it, no further.
    events = (event(T - 20, 4, 1), event(T - 10, 5, 1), event(T + 10, 5, 2))
    assert inside(asked(), *events) == {2}
    assert inside(asked(T - 15), *events) == {1}


def test_one_port_for_several_destinations_is_told_apart_by_the_destination_alone():
    events = (event(T - 10, 4, 1, destination=7), event(T - 10, 4, 2, destination=8))
    assert inside(asked(), *events) == {1, 2}
    assert inside(asked(destination=7), *events) == {1}
    assert inside(asked(destination=8, destination_port=443), *events) == {2}
    assert inside(asked(destination=8, destination_port=80), *events) == set()


def test_blocks_and_other_protocols():
    block = event(T - 10, 16, 3, protocol=0, destination=0, port=0, first=1000, last=1999)
    assert inside(asked(), block) == {3}
    (one,) = inside_of(asked(), [block], HOUR)
    assert one.path == "port-block"
    assert inside(asked(), event(T - 10, 4, 1, protocol=17)) == set()
    assert inside(asked(), event(T - 10, 12, 1)) == set()


def held(holder, length, since, until=0, gateway="g"):
    return Held(holder, length, since, until, gateway)


def test_the_most_specific_holder_at_each_instant():
    rows = [held("wide", 48, 1), held("narrow", 64, 50, 90)]
    assert holders_of(1 << 100, "", 10, 20, rows) == {"wide"}
    assert holders_of(1 << 100, "", 60, 70, rows) == {"narrow"}
    assert holders_of(1 << 100, "", 40, 60, rows) == {"wide", "narrow"}
    assert holders_of(1 << 100, "", 90, 95, rows) == {"wide"}
    assert holders_of(1 << 100, "", 0, 0, rows) == set()


def test_an_address_behind_a_gateway_is_held_there():
    inside_address = parse_address("100.64.1.3")
    rows = [held("here", 128, 1, gateway="g-1"), held("there", 128, 1, gateway="g-2")]
    assert holders_of(inside_address, "g-2", 5, 5, rows) == {"there"}
    assert holders_of(inside_address, "", 5, 5, rows) == {"here", "there"}
    assert holders_of(parse_address("198.51.100.1"), "g-2", 5, 5, rows) == {"here", "there"}
    for address in ("10.1.2.3", "172.31.0.1", "192.168.9.9", "100.127.0.1", "fd00::1"):
        assert is_local(parse_address(address))
    for address in ("172.32.0.1", "100.128.0.1", "2001:db8::1", "8.8.8.8"):
        assert not is_local(parse_address(address))


intervals = st.tuples(
    st.integers(0, 40), st.integers(1, 20), st.sampled_from("abc"), st.sampled_from([48, 64])
)


@given(st.lists(intervals, max_size=8), st.integers(0, 60), st.integers(0, 10))
def test_a_window_names_whoever_some_instant_names(rows, start, width):
    bindings = [held(name, length, since, since + lasts) for since, lasts, name, length in rows]
    window = holders_of(1 << 100, "", start, start + width, bindings)
    instants = [holders_of(1 << 100, "", at, at, bindings) for at in range(start, start + width + 1)]
    assert window == frozenset().union(*instants)
