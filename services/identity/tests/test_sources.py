"""Which sources are genuine where, and what a gateway is told to get from what it has to what is wanted."""

from hypothesis import given
from hypothesis import strategies as st

from sixfold.identity.domain.prefix import parse_prefix
from sixfold.identity.domain.sources import Held, Links, genuine, steps
from sixfold.identity.domain.values import Binding

LINKS = Links({
    parse_prefix("2001:db8:a::/48"): "a0", parse_prefix("2001:db8:a:b::/64"): "b0", parse_prefix("10.0.0.0/8"): "c0",
})  # fmt: skip


def told(texts, links=LINKS):
    found = genuine([parse_prefix(text) for text in texts], links)
    return {f"{prefix} {interface}" for prefix, interface in found.sources}, found.unlinked


def test_each_prefix_goes_over_the_longest_link_that_holds_it():
    assert told(
        ["2001:db8:a:1::/64", "2001:db8:a:b::/80", "10.1.0.0/24", "192.0.2.1", "2001:db8:c::/56"]
    ) == (
        {"2001:db8:a:1::/64 a0", "2001:db8:a:b::/80 b0", "10.1.0.0/24 c0"},
        2,
    )
    assert told(["2001:db8:c::/56", "192.0.2.1"], Links(only="x0")) == (
        {"2001:db8:c::/56 x0", "192.0.2.1/32 x0"},
        0,
    )
    assert told(["192.0.2.1"], Links()) == (set(), 1)


def test_what_lies_in_another_says_nothing_more_but_over_another_interface():
    inner = [
        "2001:db8:a::/56",
        "2001:db8:a:1::/64",
        "2001:db8:a:1::9",
        "2001:db8:a:b::/64",
        "2001:db8:a:100::/64",
    ]
    assert told(inner)[0] == {"2001:db8:a::/56 a0", "2001:db8:a:b::/64 b0", "2001:db8:a:100::/64 a0"}


def test_a_shared_address_is_the_public_side():
    prefix = parse_prefix("203.0.113.1")
    whole = Binding(1, "t-1", prefix, 0, 65_535, "gw-1", 1, "k1")
    part = Binding(2, "t-2", parse_prefix("203.0.113.2"), 1024, 2047, "gw-1", 1, "k2")
    held = Held.of([whole, part, Binding(3, "t-1", prefix, 0, 65_535, "gw-1", 1, "k3")])
    assert dict(held.by_gateway["gw-1"]) == {prefix: 2}
    held.remove("gw-1", prefix)
    held.remove("gw-1", prefix)
    held.remove("gw-9", prefix)
    assert dict(held.by_gateway["gw-1"]) == {}


sources = st.frozensets(
    st.tuples(
        st.integers(0, 30).map(lambda number: parse_prefix(f"2001:db8:{number:x}::/48")),
        st.sampled_from(["a0", "b0"]),
    )
)


@given(sources, st.none() | sources, st.integers(1, 5), st.integers(1, 7))
def test_the_steps_lead_from_what_it_has_to_what_is_wanted(wanted, known, generation, at_once):
    has, number = set(known or ()) or {(parse_prefix("2001:db8:dead::/48"), "x0")}, generation
    if known is not None:
        has = set(known)
    for step in steps(wanted, known, generation, at_once=at_once):
        assert step.generation == number + 1
        assert step.base in (0, number)
        assert len(step.sources) + len(step.removed) <= at_once
        has = (has if step.base else set()) - set(step.removed) | set(step.sources)
        number = step.generation
        if known is not None:
            assert has >= known & wanted, "a genuine one was cut off in between"
            assert step.base
    assert has == wanted
    assert known != wanted or number == generation
