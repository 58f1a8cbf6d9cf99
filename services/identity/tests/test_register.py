"""Subscribers, terminals and bindings, decided and evolved without a bus."""

import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.identity.domain import decisions, pseudonym
from sixfold.identity.domain.attribution import attributed, compile_networks
from sixfold.identity.domain.events import BindingsReleased
from sixfold.identity.domain.prefix import parse_prefix
from sixfold.identity.domain.registry import Registry, evolve
from sixfold.identity.domain.values import BindingWish, Lifecycle, RefusedError

NOW = 1_700_000_000_000
KEY = bytes(range(32))


def apply(registry, events):
    for event in events:
        evolve(registry, event)


@pytest.fixture
def registry():
    registry = Registry()
    apply(
        registry, decisions.enrol_subscribers(registry, [("s-1", "person"), ("s-2", "organisation")], NOW)[0]
    )
    wishes = [("t-1", "s-1", "home-gateway"), ("t-2", "s-1", "lte"), ("t-3", "s-2", "iot")]
    apply(registry, decisions.enrol_terminals(registry, wishes, NOW)[0])
    return registry


def wish(terminal="t-1", prefix="2001:db8:1::/56", ports=(0, 0), key="k", gateway="gw-1"):
    return BindingWish(terminal, prefix, *ports, gateway, key)


def bound(registry, *wishes, now=NOW):
    events, answers = decisions.bind(registry, wishes, now)
    apply(registry, events)
    return [answer.reason if isinstance(answer, RefusedError) else answer.value for answer in answers]


def refusal(call, *args):
    with pytest.raises(RefusedError) as caught:
        call(*args)
    return caught.value.reason


def test_pseudonyms_are_stable_under_one_key_and_unlinkable_without_it():
    one = pseudonym.subscriber_pseudonym(KEY, "customer 4711")
    assert one == pseudonym.subscriber_pseudonym(KEY, "customer 4711")
    assert one != pseudonym.subscriber_pseudonym(KEY[::-1], "customer 4711")
    assert one.startswith("s-")
    assert len(one) == 28
    assert "4711" not in one
    hardware = {pseudonym.terminal_pseudonym(KEY, owner, "356938035643809") for owner in ("s-1", "s-2")}
    assert len(hardware) == 2
    with pytest.raises(ValueError, match="32 bytes"):
        pseudonym.subscriber_pseudonym(b"short", "x")


def test_enrolling_again_answers_what_is_there(registry):
    events, answers = decisions.enrol_subscribers(
        registry, [("s-1", "person"), ("s-9", "person"), ("s-9", "person")], NOW
    )
    assert [answer.known for answer in answers] == [True, False, True]
    assert len(events) == 1
    events, answers = decisions.enrol_terminals(
        registry, [("t-1", "s-1", "lte"), ("t-9", "nobody", "iot")], NOW
    )
    assert answers[0].known
    assert answers[0].value.terminal_class == "home-gateway"
    assert answers[1].reason == "SUBSCRIBER_UNKNOWN"
    assert events == []


def test_the_most_specific_binding_answers(registry):
    bound(registry, wish(key="a"), wish("t-3", "2001:db8:1:1::/64", key="b"))
    assert decisions.lookup(registry, "2001:db8:1::5", 0)[0].terminal == "t-1"
    assert decisions.lookup(registry, "2001:db8:1:1::5", 0)[0].terminal == "t-3"
    assert refusal(decisions.lookup, registry, "2001:db8:2::", 0) == "ADDRESS_UNBOUND"
    assert refusal(decisions.lookup, registry, "2001:db8::/64", 0) == "ADDRESS_MALFORMED"
    assert refusal(decisions.lookup, registry, "nonsense", 0) == "ADDRESS_MALFORMED"


def test_a_shared_address_needs_the_port(registry):
    bound(
        registry,
        wish("t-1", "192.0.2.1", (1024, 2047), "a"),
        wish("t-3", "192.0.2.1/32", (2048, 4095), "b"),
    )
    assert decisions.lookup(registry, "192.0.2.1", 2047)[0].terminal == "t-1"
    assert decisions.lookup(registry, "192.0.2.1", 2048)[0].terminal == "t-3"
    assert refusal(decisions.lookup, registry, "192.0.2.1", 0) == "PORT_REQUIRED"
    assert refusal(decisions.lookup, registry, "192.0.2.1", 5000) == "ADDRESS_UNBOUND"
    assert refusal(decisions.lookup, registry, "192.0.2.1", 70_000) == "PORTS_MALFORMED"


def test_what_cannot_be_bound_says_why(registry):
    bound(registry, wish("t-1", "192.0.2.1", (1024, 2047), "a"))
    answers = bound(
        registry,
        wish("t-3", "192.0.2.1", (2000, 3000), "b"),
        wish("t-3", "192.0.2.1", key="c"),
        wish("t-3", "192.0.2.9", key="a"),
        wish("nobody", key="d"),
        wish(prefix="192.0.2.1/33", key="e"),
        wish(prefix="192.0.2.0/24", ports=(1, 2), key="f"),
        wish(prefix="192.0.2.7", ports=(5, 2), key="g"),
        wish(prefix="192.0.2.7", ports=(0, 2), key="h"),
        wish(prefix="192.0.2.7", ports=(1, 99_999), key="i"),
        wish(gateway="a.b", key="j"),
        wish(key=""),
        wish("t-1", "192.0.2.2", key="k"),
        wish("t-3", "192.0.2.2", key="l"),
    )
    assert [answer if isinstance(answer, str) else "bound" for answer in answers] == [
        "ADDRESS_TAKEN",
        "ADDRESS_TAKEN",
        "KEY_REUSED",
        "TERMINAL_UNKNOWN",
        "ADDRESS_MALFORMED",
        "PORTS_MALFORMED",
        "PORTS_MALFORMED",
        "PORTS_MALFORMED",
        "PORTS_MALFORMED",
        "GATEWAY_MALFORMED",
        "KEY_MALFORMED",
        "bound",
        "ADDRESS_TAKEN",
    ]


def test_binding_again_answers_the_binding_that_is_there(registry):
    first = bound(registry, wish(key="a"))
    assert bound(registry, wish(key="a")) == first
    assert bound(registry, wish(key="another")) == first
    assert len(registry.bindings) == 1


def test_a_released_address_can_be_bound_to_another(registry):
    (first,) = bound(registry, wish(key="a"))
    events, until = decisions.release(registry, first.binding_id, NOW - 5)
    assert until == NOW
    apply(registry, events)
    assert refusal(decisions.release, registry, first.binding_id, NOW) == "BINDING_ENDED"
    assert refusal(decisions.release, registry, 99, NOW) == "BINDING_UNKNOWN"
    (second,) = bound(registry, wish("t-3", key="b"))
    assert second.terminal == "t-3"
    assert (registry.bindings_of, registry.lengths) == ({"t-3": {second.binding_id}}, {56: 1})


def test_the_life_of_a_subscriber_is_its_terminals_too(registry):
    bound(registry, wish("t-1", key="a"), wish("t-2", "2001:db8:2::/64", key="b"))
    apply(registry, decisions.change_lifecycle(registry, "s-1", Lifecycle.SUSPENDED, "unpaid", NOW)[0])
    assert registry.state_of(registry.terminals["t-1"]) is Lifecycle.SUSPENDED
    assert bound(registry, wish(prefix="2001:db8:3::/64", key="c")) == ["TERMINAL_NOT_ACTIVE"]
    assert (
        refusal(decisions.change_lifecycle, registry, "s-1", Lifecycle.SUSPENDED, "", NOW)
        == "STATE_UNCHANGED"
    )
    apply(registry, decisions.change_lifecycle(registry, "s-1", Lifecycle.ACTIVE, "", NOW)[0])
    events, released = decisions.change_lifecycle(registry, "s-1", Lifecycle.RETIRED, "moved away", NOW)
    assert released == 2
    assert isinstance(events[1], BindingsReleased)
    apply(registry, events)
    assert registry.bindings == {}
    assert (
        refusal(decisions.change_lifecycle, registry, "s-1", Lifecycle.ACTIVE, "", NOW) == "ALREADY_RETIRED"
    )
    assert (
        refusal(decisions.change_lifecycle, registry, "x", Lifecycle.ACTIVE, "", NOW) == "PSEUDONYM_UNKNOWN"
    )


addresses = st.integers(0, (1 << 12) - 1).map(lambda low: (0x20010DB8 << 96) | (low << 60) | low)
places = st.tuples(addresses, st.sampled_from([48, 56, 64, 68, 128])).map(
    lambda place: ((place[0] >> (128 - place[1])) << (128 - place[1]), place[1])
)


@given(st.lists(places, max_size=20), st.lists(addresses, max_size=50))
def test_columns_find_what_single_lookups_find(bindings, column):
    rows = np.array([list(address.to_bytes(16)) for address in column], dtype=np.uint8).reshape(-1, 16)
    networks = [ipaddress.ip_network((network, length)) for network, length in bindings]
    expected = [any(ipaddress.ip_address(address) in network for network in networks) for address in column]
    assert attributed(rows, compile_networks(bindings)).tolist() == expected


def test_prefixes_round_trip():
    for text in ("2001:db8::/56", "192.0.2.0/28", "192.0.2.1/32"):
        assert str(parse_prefix(text)) == text
