"""Translation rules: overlaps refused, validity in time, both directions, sizing; pure."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.address.adapters.translation_snapshots import dump_rules, freeze_rules, load_rules
from sixfold.address.domain.translation.book import TranslationBook, evolve_translation
from sixfold.address.domain.translation.decisions import RuleWish, end_rule, forget_rules, put_rule
from sixfold.address.domain.translation.describing import describe
from sixfold.address.domain.translation.events import DeterministicNatSpec, Lw4o6Spec, MapSpec, Nat64Spec
from sixfold.address.domain.translation.gateways import runs_of, translation_of
from sixfold.address.domain.translation.resolving import Resolution, resolve_public, resolve_subscriber
from sixfold.address.domain.translation.sizing import MapAsk, Nat64Ask, NatAsk, SharedWish, room_of, size_of
from sixfold.address.domain.values import RefusedError
from sixfold.api.addressing.deterministic_nat import Assignment
from sixfold.api.addressing.map_rule import Mode

MAP = MapSpec(Mode.ENCAPSULATION, "2001:db8::/40", "192.0.2.0/24", 16, border="2001:db8:ffff::1")
CGN = DeterministicNatSpec(
    "198.51.100.0/28",
    "203.0.113.1/32",
    dynamic_factor=2,
    maximum_ports=5040,
    assignment=Assignment.SEQUENTIAL,
)
NAT64 = Nat64Spec("64:ff9b::/96", ("203.0.113.128/25",))


def lightweight(psid, address="203.0.113.9", *, offset=6, length=8):
    return Lw4o6Spec(f"2001:db9:1:{psid:x}::/64", address, "2001:db8:ffff::1", offset, length, psid)


def apply(book, *wishes, now=1_000):
    for wish in wishes:
        for event in put_rule(book, wish, now)[0]:
            evolve_translation(book, event)
    return book


def end(book, rule_id, until=0, now=2_000):
    for event in end_rule(book, rule_id, until, now):
        evolve_translation(book, event)


def wish(name, spec, **more):
    return RuleWish(name, more.pop("gateway", "gw-1"), spec, **more)


def who(book, address, port, time=1_500, **more):
    answer = resolve_subscriber(book, address, port, time, **more)
    return answer.resolution, str(answer.subscriber) if answer.subscriber else None


def refused(call, *arguments, **more):
    with pytest.raises(RefusedError) as caught:
        call(*arguments, **more)
    return caught.value.reason


@pytest.fixture
def book():
    return apply(
        TranslationBook(),
        wish("map", MAP),
        wish("cgn", CGN),
        wish("nat64", NAT64),
        wish("lw", lightweight(0x34)),
    )


@pytest.mark.parametrize(
    ("address", "port", "answer"),
    [
        ("192.0.2.18", 1232, (Resolution.SUBSCRIBER, "2001:db8:12:3400::/56")),
        ("192.0.2.18", 80, (Resolution.PORT_UNASSIGNED, None)),
        ("203.0.113.1", 2001, (Resolution.SUBSCRIBER, "198.51.100.1/32")),
        ("203.0.113.1", 58204, (Resolution.NEEDS_SESSIONS, None)),
        ("203.0.113.1", 80, (Resolution.PORT_UNASSIGNED, None)),
        ("203.0.113.200", 4000, (Resolution.NEEDS_SESSIONS, None)),
        ("203.0.113.9", 1232, (Resolution.SUBSCRIBER, "2001:db9:1:34::/64")),
        ("203.0.113.9", 1236, (Resolution.PORT_UNASSIGNED, None)),
        ("198.18.0.1", 1236, (Resolution.NO_RULE, None)),
    ],
)
def test_who_has_a_port(book, address, port, answer):
    assert who(book, address, port) == answer
    assert who(book, address, port, time=999) == (Resolution.NO_RULE, None)


@pytest.mark.parametrize(
    ("address", "gateway", "public", "first"),
    [
        ("2001:db8:12:34ff::7", "", "192.0.2.18/32", (1232, 1235)),
        ("198.51.100.1", "gw-1", "203.0.113.1/32", (1024, 5055)),
        ("2001:db9:1:34::1", "", "203.0.113.9/32", (1232, 1235)),
    ],
)
def test_what_a_subscriber_has(book, address, gateway, public, first):
    answer = resolve_public(book, address, gateway, 1_500)
    assert answer.resolution is Resolution.SUBSCRIBER
    assert (str(answer.side.public), answer.side.ranges[0]) == (public, first)
    assert resolve_public(book, address, gateway, 500).resolution is Resolution.NO_RULE
    assert resolve_public(book, address, "gw-2", 1_500).resolution is Resolution.NO_RULE


def test_incomplete_questions_are_refused(book):
    assert refused(resolve_subscriber, book, "192.0.2.18", None, 1_500) == "PORT_MISSING"
    assert refused(resolve_subscriber, book, "192.0.2.18", 1232, None) == "TIME_MISSING"
    assert refused(resolve_subscriber, book, "192.0.2.18", 65_536, 1_500) == "PORT_MALFORMED"
    assert refused(resolve_subscriber, book, "192.0.2.999", 1, 1_500) == "ADDRESS_MALFORMED"
    assert refused(resolve_subscriber, book, "2001:db8::1", 1, 1_500) == "ADDRESS_MALFORMED"
    assert refused(resolve_subscriber, book, "192.0.2.18", 1, 1_500, 3_600_001) == "TOLERANCE_OUT_OF_RANGE"
    assert refused(resolve_public, book, "198.51.100.1", "", 1_500) == "GATEWAY_MISSING"
    assert refused(resolve_public, book, "198.51.100.1", "gw-1", None) == "TIME_MISSING"


def test_an_address_that_nobody_shares_needs_no_port():
    own = MapSpec(Mode.ENCAPSULATION, "2001:db8:12:3400::/56", "192.0.2.18/32", 0)
    book = apply(TranslationBook(), wish("own", own))
    assert who(book, "192.0.2.18", None) == (Resolution.SUBSCRIBER, "2001:db8:12:3400::/56")


def test_a_past_time_is_answered_by_the_past_rule(book):
    end(book, "map", until=3_000)
    other = replace(MAP, ipv6_prefix="2001:db8:4400::/40")
    apply(book, wish("map-2", other, valid_from=3_000), now=2_500)
    assert who(book, "192.0.2.18", 1232, 2_999)[1] == "2001:db8:12:3400::/56"
    assert who(book, "192.0.2.18", 1232, 3_000)[1] == "2001:db8:4412:3400::/56"
    assert who(book, "192.0.2.18", 1232, 3_004, tolerance=5) == (Resolution.AMBIGUOUS, None)
    assert who(book, "192.0.2.18", 1232, 3_004, tolerance=4)[1] == "2001:db8:4412:3400::/56"


def test_a_rule_replaces_another_in_one_step(book):
    other = replace(MAP, ipv6_prefix="2001:db8:4400::/40")
    assert refused(apply, book, wish("map-2", other)) == "PUBLIC_OVERLAPS"
    apply(book, wish("map-2", other, valid_from=5_000, replaces=("map",)))
    assert book.rules["map"].put.valid_until == 5_000
    assert who(book, "192.0.2.18", 1232, 4_999)[1] == "2001:db8:12:3400::/56"
    assert who(book, "192.0.2.18", 1232, 5_000)[1] == "2001:db8:4412:3400::/56"
    assert refused(apply, book, wish("map-3", other, valid_from=6_000, replaces=("map",))) == "RULE_ENDED"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (replace(MAP, ipv6_prefix="2001:dbc::/40"), "PUBLIC_OVERLAPS"),
        (replace(MAP, ipv6_prefix="2001:dbc::/40", ipv4_prefix="192.0.2.128/25"), "PUBLIC_OVERLAPS"),
        (Nat64Spec("64:ff9b::/96", ("192.0.0.0/16",)), "PUBLIC_OVERLAPS"),
        (lightweight(0x35, "192.0.2.7"), "PUBLIC_OVERLAPS"),
        (replace(lightweight(0x34), ipv6_prefix="2001:dba:2::/64"), "PUBLIC_OVERLAPS"),
        (lightweight(0x15, length=6), "PORT_SETS_MIXED"),
        (replace(CGN, outside_prefix="198.18.0.1"), "SUBSCRIBERS_OVERLAP"),
        (replace(MAP, ipv6_prefix="2001:db8:10::/44", ipv4_prefix="198.18.0.0/24"), "SUBSCRIBERS_OVERLAP"),
        (replace(MAP, ea_length=30), "RULE_MALFORMED"),
        (replace(MAP, ipv6_prefix="2001:db8::/129"), "RULE_MALFORMED"),
        (replace(MAP, ipv4_prefix="192.0.2.1/24"), "RULE_MALFORMED"),
        (replace(CGN, reserved_ports="0-65535"), "RULE_MALFORMED"),
        (replace(CGN, outside_prefix="2001:db8::/64"), "RULE_MALFORMED"),
        (Nat64Spec("64:ff9b::/95", ("198.18.0.0/24",)), "RULE_MALFORMED"),
        (Nat64Spec("64:ff9b::/96", ()), "RULE_MALFORMED"),
        (lightweight(0x34, "203.0.113.10", length=12), "RULE_MALFORMED"),
    ],
)
def test_rules_that_are_refused(book, spec, reason):
    assert refused(put_rule, book, wish("new", spec), 1_500) == reason


def test_the_same_inside_behind_another_gateway_and_the_next_port_set_are_no_overlap(book):
    apply(
        book,
        wish("cgn-2", replace(CGN, outside_prefix="198.18.0.1/32"), gateway="gw-2"),
        wish("lw-2", lightweight(0x35)),
    )
    assert who(book, "198.18.0.1", 2001)[1] == who(book, "203.0.113.1", 2001)[1]
    assert who(book, "203.0.113.9", 1236)[1] == "2001:db9:1:35::/64"


def test_the_same_again_is_no_error_and_another_one_is(book):
    assert put_rule(book, wish("map", MAP), 9_000) == ([], True)
    assert refused(put_rule, book, wish("map", replace(MAP, forwarding=True)), 9_000) == "RULE_EXISTS"
    assert refused(put_rule, book, wish("map", MAP, gateway="gw-2"), 9_000) == "RULE_EXISTS"


def test_validity_that_cannot_be(book):
    free = replace(CGN, inside_prefix="10.0.0.0/28", outside_prefix="198.18.0.1/32")
    assert refused(put_rule, book, wish("n", free, valid_from=999), 1_000) == "VALID_FROM_PAST"
    assert (
        refused(put_rule, book, wish("n", free, valid_from=3_000, valid_until=3_000), 1_000)
        == "VALIDITY_EMPTY"
    )
    assert refused(put_rule, book, wish("n n", free), 1_000) == "RULE_ID_MALFORMED"
    assert refused(put_rule, book, wish("n", free, replaces=("none",)), 1_000) == "RULE_UNKNOWN"
    events, _ = put_rule(book, wish("n", free, valid_from=500, take_over=True), 1_000)
    assert events[0].valid_from == 500
    assert events[0].time == 1_000


def test_a_clock_that_goes_back_writes_no_past(book):
    events, _ = put_rule(
        book, wish("n", replace(CGN, inside_prefix="10.0.0.0/28", outside_prefix="198.18.0.1/32")), 3
    )
    assert events[0].valid_from == events[0].time == 1_000


def test_a_rule_ends_once_and_not_in_the_past(book):
    assert refused(end_rule, book, "map", 1_500, 2_000) == "VALID_UNTIL_PAST"
    assert refused(end_rule, book, "none", 0, 2_000) == "RULE_UNKNOWN"
    end(book, "map")
    assert who(book, "192.0.2.18", 1232, 1_999)[0] is Resolution.SUBSCRIBER
    assert who(book, "192.0.2.18", 1232, 2_000)[0] is Resolution.NO_RULE
    assert refused(end_rule, book, "map", 0, 2_001) == "RULE_ENDED"
    assert end_rule(book, "map", 2_000, 5_000) == []


def test_a_rule_that_ends_before_it_begins_never_was(book):
    spec = replace(CGN, inside_prefix="10.0.0.0/28", outside_prefix="198.18.0.1/32")
    apply(book, wish("n", spec, valid_from=9_000))
    end(book, "n")
    assert who(book, "198.18.0.1", 2001, 9_000)[0] is Resolution.NO_RULE
    apply(book, wish("n-2", spec, valid_from=9_000), now=2_500)
    assert who(book, "198.18.0.1", 2001, 9_000)[0] is Resolution.SUBSCRIBER


def test_the_steps_of_an_answer(book):
    answer, steps = describe(book, "192.0.2.18", 1232, 1_500)
    said = {step.name: step.value for step in steps}
    assert answer.resolution is Resolution.SUBSCRIBER
    assert said["PSID"] == "0x34"
    assert said["edge address"] == "2001:db8:12:3400:0:c000:212:34"
    assert said["subscriber side"] == "2001:db8:12:3400::/56"
    for address, port in (
        ("203.0.113.1", 2001),
        ("203.0.113.9", 1232),
        ("203.0.113.200", 1),
        ("198.18.0.1", 1),
    ):
        assert describe(book, address, port, 1_500)[1][-1].how


def shared(ask, subscribers=60_000, each=256):
    return SharedWish("r", "gw-1", "public", subscribers, each, ask)


def test_the_size_of_a_map_domain():
    size = size_of(shared(MapAsk(Mode.TRANSLATION, ipv6_pool_id="six")))
    assert (size.ipv4_length, size.ipv6_length) == (24, 40)
    spec = size.spec("192.0.2.0/24", "2001:db8::/40")
    assert (spec.ea_length, room_of(spec)) == (16, (252, 65_536))
    with_prefix = size_of(shared(MapAsk(Mode.ENCAPSULATION, ipv6_prefix="2001:db8::/40")))
    assert with_prefix.ipv6_length == 0
    assert with_prefix.spec("192.0.2.0/24", "").ipv6_prefix == "2001:db8::/40"


def test_the_size_of_deterministic_nat_and_nat64():
    spec = DeterministicNatSpec("100.64.0.0/18", "", dynamic_factor=4)
    size = size_of(shared(NatAsk(spec), subscribers=16_000, each=64))
    assert size.ipv4_length == 24
    assert room_of(size.spec("192.0.2.0/24", "")) == (948, 16_382)
    assert size_of(shared(Nat64Ask("64:ff9b::/96"), subscribers=10_000, each=1_000)).ipv4_length == 28


@pytest.mark.parametrize(
    "bad",
    [
        shared(MapAsk(Mode.ENCAPSULATION, ipv6_pool_id="six"), each=0),
        shared(MapAsk(Mode.ENCAPSULATION, ipv6_pool_id="six"), each=2_048),
        shared(MapAsk(Mode.ENCAPSULATION, ipv6_pool_id="six"), subscribers=0),
        shared(MapAsk(Mode.ENCAPSULATION)),
        shared(MapAsk(Mode.ENCAPSULATION, ipv6_prefix="2001:db8::/41")),
        shared(MapAsk(Mode.ENCAPSULATION, ipv6_pool_id="six", subscriber_length=16)),
        shared(NatAsk(DeterministicNatSpec("100.64.0.0/28", "")), subscribers=100),
    ],
)
def test_sizes_that_cannot_be(bad):
    assert refused(size_of, bad) == "SIZE_OUT_OF_RANGE"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_rules_are_accepted_no_port_has_two_subscribers(data):
    """Random wishes over a small space; what is accepted is compared with a plain search through all rules."""
    book = TranslationBook()
    clock = 1_000
    for number in range(data.draw(st.integers(1, 14))):
        clock += data.draw(st.integers(0, 40))
        length = data.draw(st.integers(28, 32))
        network = 0xC6120000 + (data.draw(st.integers(0, 15)) >> (32 - length) << (32 - length))
        public = f"{IPv4Address(network)}/{length}"
        kind = data.draw(st.sampled_from(["map", "cgn", "lw", "nat64"]))
        spec = {
            "map": lambda n=number, p=public, q=length: replace(
                MAP,
                ipv6_prefix=str(IPv6Network((0x20010DB8 << 96 | n << 80, 48))),
                ipv4_prefix=p,
                ea_length=36 - q,
            ),
            "cgn": lambda n=number, p=public: replace(
                CGN, inside_prefix=f"10.0.{n}.0/28", outside_prefix=p, maximum_ports=0
            ),
            "lw": lambda n=number, p=public: replace(
                lightweight(n % 4, p.split("/")[0], offset=6, length=2), ipv6_prefix=f"2001:db9:{n}::/64"
            ),
            "nat64": lambda p=public: Nat64Spec("64:ff9b::/96", (p,)),
        }[kind]()
        start = clock + data.draw(st.integers(0, 50))
        until = data.draw(st.sampled_from([0, start + 30]))
        try:
            apply(book, wish(f"r{number}", spec, valid_from=start, valid_until=until), now=clock)
        except RefusedError as refusal:
            assert refusal.reason in ("PUBLIC_OVERLAPS", "PORT_SETS_MIXED")  # noqa: PT017
        if data.draw(st.booleans()) and book.rules:
            try:
                end(book, data.draw(st.sampled_from(sorted(book.rules))), now=clock)
            except RefusedError as refusal:
                assert refusal.reason == "RULE_ENDED"  # noqa: PT017
    for _ in range(30):
        address = IPv4Address(0xC6120000 + data.draw(st.integers(0, 15)))
        port, time = data.draw(st.integers(0, 65_535)), data.draw(st.integers(990, clock + 100))
        fitting = []
        for rule in book.rules.values():
            if rule.in_force(time):
                single = TranslationBook()
                evolve_translation(single, rule.put)
                said = resolve_subscriber(single, str(address), port, time)
                if said.resolution in (Resolution.SUBSCRIBER, Resolution.NEEDS_SESSIONS):
                    fitting.append((said.resolution, said.subscriber))
        assert len(fitting) <= 1
        found = resolve_subscriber(book, str(address), port, time)
        assert found.resolution is not Resolution.AMBIGUOUS
        if fitting:
            assert (found.resolution, found.subscriber) == fitting[0]


def gateway_nat(number, public, **more):
    return replace(CGN, inside_prefix=f"10.0.{number}.0/28", outside_prefix=public, **more)


def test_what_a_gateway_is_told(book):
    apply(
        book,
        wish("six", replace(gateway_nat(0, "198.18.0.9/32", maximum_ports=0), inside_prefix="2001:dbd::/60")),
        wish("odd", gateway_nat(1, "198.18.0.1/32", assignment=Assignment.STAGGERED)),
        wish("big", DeterministicNatSpec("10.64.0.0/19", "198.18.8.0/24")),
        wish("else", gateway_nat(2, "198.18.0.2/32"), gateway="gw-2"),
    )
    told = translation_of(book, "gw-1", 1_500)
    assert str(told.prefix) == "64:ff9b::/96"
    assert list(map(str, told.pools)) == ["203.0.113.1/32", "203.0.113.128/25", "198.18.0.9/32"]
    assert [held.slot for held in told.held] == [*range(1, 15), *range(15, 31)]
    assert str(told.held[0].fixed.inside) == "198.51.100.1/32"
    assert told.held[0].fixed.ranges == ((1024, 5055),)
    assert str(told.held[-1].fixed.inside) == "2001:dbd:0:f::/64"
    assert [rule_id for rule_id, _ in told.omitted] == ["map", "lw", "odd", "big"]
    assert translation_of(book, "gw-1", 500).held == ()
    assert len(translation_of(book, "gw-2", 1_500).held) == 14


def test_slots_stay_while_a_rule_is_in_force_and_are_used_again():
    book = apply(
        TranslationBook(),
        wish("a", gateway_nat(0, "198.18.0.0/32")),
        wish("b", gateway_nat(1, "198.18.0.1/32")),
    )
    assert runs_of(book.rules.values()) == {"a": 1, "b": 15}
    end(book, "a", now=2_000)
    apply(book, wish("c", gateway_nat(2, "198.18.0.2/32")), now=3_000)
    assert runs_of(book.rules.values()) == {"a": 1, "b": 15, "c": 1}
    end(book, "b", now=4_000)
    apply(book, wish("d", replace(gateway_nat(3, "198.18.0.3/32"), inside_prefix="10.1.0.0/27")), now=5_000)
    assert runs_of(book.rules.values()) == {"a": 1, "b": 15, "c": 1, "d": 15}


def test_rules_come_back_as_they_were(book):
    spec = replace(gateway_nat(0, "198.18.0.1/32", maximum_ports=0), assignment=Assignment.STAGGERED)
    apply(
        book,
        wish("later", spec, valid_from=9_000),
        wish("never", gateway_nat(1, "198.18.0.2/32"), valid_from=9_000),
    )
    end(book, "map", until=3_000)
    end(book, "never")
    again = load_rules(dump_rules(freeze_rules(book)))
    assert again.clock == book.clock == 2_000
    assert {name: rule.put for name, rule in again.rules.items()} == {
        name: rule.put for name, rule in book.rules.items()
    }
    for address, port in (
        ("192.0.2.18", 1232),
        ("203.0.113.9", 1232),
        ("198.18.0.1", 2001),
        ("198.18.0.2", 2001),
    ):
        for time in (1_500, 2_999, 3_000, 9_000):
            assert who(again, address, port, time) == who(book, address, port, time)
    assert refused(
        put_rule, again, wish("never", gateway_nat(1, "198.18.0.2/32"), valid_from=9_000), 9_000
    ) == ("RULE_EXISTS")


def forget(book, before, now=10_000, most=100):
    events = forget_rules(book, before, now, most=most)
    for event in events:
        evolve_translation(book, event)
    return [rule_id for event in events for rule_id in event.rule_ids]


def test_rules_that_ended_long_ago_are_forgotten_and_their_place_is_free(book):
    end(book, "map", now=2_000)
    assert forget(book, 1_999) == []
    assert who(book, "192.0.2.18", 1232, 1_999)[0] is Resolution.SUBSCRIBER
    assert forget(book, 2_000) == ["map"]
    assert who(book, "192.0.2.18", 1232, 1_999)[0] is Resolution.NO_RULE
    assert refused(end_rule, book, "map", 0, 11_000) == "RULE_UNKNOWN"
    kept = [rule.number for rule in book.rules.values()]
    apply(book, wish("map", MAP), now=11_000)
    assert book.rules["map"].number > max(kept)
    again = load_rules(dump_rules(freeze_rules(book)))
    assert list(again.rules) == list(book.rules)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), min_size=1, max_size=9), st.integers(0, 100)
)
def test_what_is_forgotten_moves_no_slot_of_what_is_kept(spans, before):
    book = TranslationBook()
    for number, (start, lasts) in enumerate(spans):
        spec = replace(CGN, inside_prefix=f"10.0.{number}.0/28", outside_prefix=f"198.18.{number}.1/32")
        apply(book, wish(f"r{number}", spec, valid_from=1 + start, valid_until=1 + start + lasts), now=0)
    slots = runs_of(book.rules.values())
    gone = set(forget(book, before, now=1_000))
    assert runs_of(book.rules.values()) == {name: slot for name, slot in slots.items() if name not in gone}
    last = {f"r{number}": 1 + start + lasts for number, (start, lasts) in enumerate(spans)}
    assert all(last[name] <= before for name in gone)
    if all(end <= before for end in last.values()):
        assert gone == set(last), "nothing is kept for the sake of what goes, too"
