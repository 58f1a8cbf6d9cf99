"""Profiles, slots of static mappings, configurations composed of rules and profiles, their numbers and snapshots."""

import pytest
from google.protobuf import json_format

from sixfold.address.adapters.gateway_snapshots import dump_gateways, freeze_gateways, load_gateways
from sixfold.address.adapters.ledger import codec
from sixfold.address.domain.gateway_register import (
    Gateways,
    evolve_gateways,
    number_configuration,
    put_gateway,
    remove_gateway,
    require_gateway,
)
from sixfold.address.domain.translation.book import TranslationBook, evolve_translation
from sixfold.address.domain.translation.decisions import RuleWish, put_rule
from sixfold.address.domain.translation.events import DeterministicNatSpec, Nat64Spec
from sixfold.address.domain.translation.gateways import translation_of
from sixfold.address.domain.values import RefusedError
from sixfold.address.gateway_messages import checked_profile, compose
from sixfold.agent.gateway.plan import read_plan
from sixfold.agent.gateway.validate import require_valid
from sixfold.api.address.v1 import gateways_pb2 as pb

NOW = 1_700_000_000_000
OWN = {
    "accessInterfaces": ["a0", "b0"],
    "ipv4Interfaces": ["w0"],
    "staticMappings": [
        {
            "publicAddress": "203.0.113.5",
            "protocol": 6,
            "publicPort": 80,
            "serverAddress": "2001:db8:5:0::80",
        },
        {"publicAddress": "203.0.113.6", "serverAddress": "2001:db8:5::81"},
        {"publicAddress": "203.0.113.5", "protocol": 6, "publicPort": 443, "serverAddress": "2001:db8:5::80"},
    ],
    "dns64": {"listen": ["2001:db8:53::53"]},
    "sourceValidation": {"action": "ACTION_DROP"},
}
NAT64 = Nat64Spec("2001:db8:64::/96", ("203.0.113.4/30",))
SUBSCRIBERS = DeterministicNatSpec("2001:db8:a::/55", "203.0.113.1/32", 56)


def profile(**changes) -> pb.GatewayProfile:
    document = {
        "gateway": "gw-1",
        "own": OWN,
        "links": [{"interface": "a0", "prefixes": ["2001:db8:a::/56"]}],
    }
    return json_format.ParseDict(document | changes, pb.GatewayProfile())


def book(**specs) -> TranslationBook:
    made = TranslationBook()
    for name, spec in specs.items():
        for event in put_rule(made, RuleWish(name, "gw-1", spec), NOW)[0]:
            evolve_translation(made, event)
    return made


def composed(rules: TranslationBook, wished: pb.GatewayProfile | None = None):
    return compose(checked_profile(wished or profile(), None), translation_of(rules, "gw-1", NOW))


def test_rules_and_profile_make_what_an_agent_takes():
    made = composed(book(pool=NAT64, subscribers=SUBSCRIBERS))
    assert made.omitted == ()
    plan = require_valid(read_plan(made.configuration))
    assert [(one.slot, str(one.subscriber), one.ranges) for one in plan.port_sets] == [
        (1, "2001:db8:a::/56", ((1024, 33279),)),
        (2, "2001:db8:a:100::/56", ((33280, 65535),)),
    ]
    assert [(one.slot, str(one.public), one.port) for one in plan.static] == [
        (8191, "203.0.113.5", 80), (8190, "203.0.113.6", 0), (8191, "203.0.113.5", 443),
    ]  # fmt: skip
    assert plan.nat64 is not None
    assert str(plan.nat64.prefix) == "2001:db8:64::/96"


def test_what_a_gateway_would_refuse_is_left_out_and_told():
    alone = composed(book(subscribers=SUBSCRIBERS))
    assert {part for part, _ in alone.omitted} == {
        "dns64", "2 port sets of IPv6", "static 203.0.113.5", "static 203.0.113.6",
    }  # fmt: skip
    require_valid(read_plan(alone.configuration))
    taken = dict(OWN, staticMappings=[
        {"publicAddress": "203.0.113.1", "protocol": 6, "publicPort": 1500, "serverAddress": "2001:db8:5::80"},
        {"publicAddress": "203.0.113.9", "serverAddress": "2001:db8:5::81"},
        {"publicAddress": "203.0.113.5", "serverAddress": "2001:db8:5::82", "slot": 2},
    ])  # fmt: skip
    made = composed(book(pool=NAT64, subscribers=SUBSCRIBERS), profile(own=taken))
    assert [why for _, why in made.omitted] == [
        "ports 1024 to 33279 are a subscriber's",
        "no rule in force holds that address",
        "its slot 2 is a subscriber's",
    ]
    require_valid(read_plan(made.configuration))


def test_a_server_keeps_its_slot():
    known = checked_profile(profile(), None)
    shorter = dict(OWN, staticMappings=[
        OWN["staticMappings"][1], {"publicAddress": "203.0.113.7", "serverAddress": "2001:db8:5::90"},
    ])  # fmt: skip
    again = checked_profile(profile(own=shorter), known)
    assert [one.slot for one in again.own.static_mappings] == [8190, 8191]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"own": OWN | {"portSets": [{"slot": 1}]}}, "profile.own.port_sets"),
        ({"own": OWN | {"nat64": {"prefix": "64:ff9b::/96"}}}, "profile.own.nat64.prefix"),
        ({"own": OWN | {"nat64": {"ipv4Pool": ["192.0.2.0/24"]}}}, "profile.own.nat64.ipv4_pool"),
        ({"own": OWN | {"accessInterfaces": ["a0", "b0", "a/b"]}}, "profile.own.access_interfaces[2]"),
        ({"links": [{"interface": "w0"}]}, "profile.links[0].interface"),
        ({"links": [{"interface": "a0", "prefixes": ["2001:db8::1/32"]}]}, "profile.links[0].prefixes[0]"),
        ({"links": [{"interface": one, "prefixes": ["10.0.0.0/8"]} for one in ("a0", "b0")]},
         "profile.links[1].prefixes[0]"),
        ({"own": OWN | {"staticMappings": [{"publicAddress": "2001:db8::1"}]}}, "profile.own.static_mappings[0]"),
        ({"own": OWN | {"staticMappings": [
            {"publicAddress": "192.0.2.1", "serverAddress": "2001:db8::1", "slot": 8192}]}},
         "profile.own.static_mappings[0].slot"),
    ],
)  # fmt: skip
def test_a_profile_that_says_what_it_may_not_is_refused_with_its_place(changes, field):
    with pytest.raises(RefusedError) as refused:
        checked_profile(profile(**changes), None)
    assert (refused.value.reason, refused.value.field) == ("PROFILE_MALFORMED", field)


def test_numbers_grow_also_past_what_the_gateway_has_and_over_a_removal():
    gateways: Gateways = {}
    events = codec()

    def apply(wanted):
        for event in wanted:
            evolve_gateways(gateways, events.decode(*events.encode(event)))
        return len(wanted)

    assert apply(put_gateway(gateways, "gw-1", b"p", NOW)) == 1
    assert apply(put_gateway(gateways, "gw-1", b"p", NOW)) == 0
    assert apply(number_configuration(gateways, "gw-1", b"one", 0, NOW)) == 1
    assert apply(number_configuration(gateways, "gw-1", b"one", 1, NOW)) == 0
    assert apply(number_configuration(gateways, "gw-1", b"two", 1, NOW)) == 1
    assert gateways["gw-1"].generation == 2
    # Somebody configured it by hand, or this centre's ledger is another one.
    assert apply(number_configuration(gateways, "gw-1", b"two", 40, NOW)) == 1
    assert gateways["gw-1"].generation == 41
    assert load_gateways(dump_gateways(freeze_gateways(gateways))) == gateways
    apply(remove_gateway(gateways, "gw-1", NOW))
    with pytest.raises(RefusedError):
        require_gateway(gateways, "gw-1")
    assert number_configuration(gateways, "gw-1", b"three", 0, NOW) == []
    apply(put_gateway(gateways, "gw-1", b"p", NOW))
    apply(number_configuration(gateways, "gw-1", b"two", 41, NOW))
    assert gateways["gw-1"].generation == 42
    assert load_gateways(dump_gateways(freeze_gateways(gateways))) == gateways


@pytest.mark.parametrize("name", ["", "a.b", "x" * 65, "a b"])
def test_a_gateway_is_one_token(name):
    with pytest.raises(RefusedError, match="letters"):
        put_gateway({}, name, b"", NOW)
