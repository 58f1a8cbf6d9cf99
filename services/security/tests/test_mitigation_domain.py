"""What may be mitigated, who has to agree, what adds up, and what is suggested."""

import re
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.security.adapters.ledger import CentreSnapshots, codec
from sixfold.security.domain.centre import Centre
from sixfold.security.domain.events import Rates
from sixfold.security.domain.incidents import Incident
from sixfold.security.domain.mitigation import decisions
from sixfold.security.domain.mitigation.decisions import (
    DuplicateMitigationError,
    MitigationError,
    MitigationStateError,
    MitigationUnknownError,
    NeverTouchError,
    PolicyInvalidError,
    PolicyTooBroadError,
    SecondPersonError,
    TooManyError,
)
from sixfold.security.domain.mitigation.effect import Count, Tally, is_over, measure
from sixfold.security.domain.mitigation.events import (
    MitigationApproved,
    MitigationEnded,
    MitigationMeasured,
    PoliciesAnswered,
)
from sixfold.security.domain.mitigation.state import Mitigations, evolve
from sixfold.security.domain.mitigation.suggest import suggest
from sixfold.security.domain.mitigation.values import (
    BlastRadius,
    Effect,
    Kind,
    Match,
    Per,
    Policy,
    PolicyAction,
    Range,
    Route,
    Status,
)

from .mitigations import BLOCK, GOOD, NOW, RULES, VICTIM, Ledger, opened, proposed, request, running, share


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        (Policy(Match(destinations=("0.0.0.0/0",)), PolicyAction(Kind.BLOCK)), PolicyInvalidError),
        (Policy(Match(), PolicyAction(Kind.BLOCK)), PolicyInvalidError),
        (Policy(Match(destinations=(VICTIM,)), PolicyAction(Kind.RATE_LIMIT)), PolicyInvalidError),
        (Policy(Match(destinations=("203.0.0.0/8",)), PolicyAction(Kind.BLOCK)), PolicyTooBroadError),
        (Policy(Match(sources=("2000::/3",)), PolicyAction(Kind.MARK)), PolicyTooBroadError),
        (Policy(Match(destinations=("10.1.0.0/24",)), PolicyAction(Kind.BLOCK)), NeverTouchError),
        (Policy(Match(sources=("64:ff9b::a01:1/128",)), PolicyAction(Kind.BLOCK)), NeverTouchError),
    ],
)
def test_what_no_policy_may_be(policy: Policy, error: type[MitigationError]) -> None:
    rules = replace(RULES, never_touch=(ip_network("10.1.0.0/16"),))
    with pytest.raises(error):
        decisions.check(policy, rules)
    with pytest.raises(error):
        decisions.propose(Mitigations(), request(policy), GOOD, NOW, rules)


def test_a_wide_source_is_fine_before_a_narrow_destination() -> None:
    wide = Policy(Match(sources=("0.0.0.0/1",), destinations=(VICTIM,)), PolicyAction(Kind.BLOCK))
    decisions.check(wide, RULES)


@pytest.mark.parametrize(
    ("policy", "estimate", "reason"),
    [
        (BLOCK, GOOD, ""),
        (BLOCK, None, "blast-radius-unknown"),
        (BLOCK, replace(GOOD, trouble="away"), "blast-radius-unknown"),
        (BLOCK, replace(GOOD, good_sources=51), "good-sources"),
        (BLOCK, replace(GOOD, known_bytes=5_000), "good-share"),
        (Policy(Match(destinations=("203.0.0.0/20",)), PolicyAction(Kind.BLOCK)), GOOD, "network-size"),
        (
            Policy(Match(destinations=(VICTIM,)), PolicyAction(Kind.DIVERT, route=Route.BLACKHOLE)),
            GOOD,
            "diversion",
        ),
        (Policy(Match(destinations=(VICTIM,)), PolicyAction(Kind.MARK, dscp=8)), None, ""),
    ],
)
def test_a_second_person_is_needed_above_a_size(
    policy: Policy, estimate: BlastRadius | None, reason: str
) -> None:
    event = decisions.propose(Mitigations(), request(policy, " Ann "), estimate, NOW, RULES)
    state = evolve(Mitigations(), event)
    if not reason:
        assert event.two_person_reasons == ()
        assert decisions.approve(state, event.mitigation_id, "ann", "", NOW, RULES).approver == "ann"
        return
    assert event.two_person_reasons[0].startswith(reason)
    with pytest.raises(SecondPersonError, match=reason):
        decisions.approve(state, event.mitigation_id, "ANN", "", NOW, RULES)
    assert decisions.approve(state, event.mitigation_id, "bob", "", NOW, RULES).approver == "bob"


def test_its_life_and_what_is_not_possible_in_it() -> None:
    with pytest.raises(MitigationUnknownError):
        decisions.approve(Mitigations(), "mit-x", "bob", "", NOW, RULES)
    state, one = running()
    assert (state.by_id[one].status, state.by_id[one].expires) == (Status.ACTIVE, NOW + timedelta(seconds=60))
    with pytest.raises(MitigationStateError):
        decisions.approve(state, one, "bob", "", NOW, RULES)
    with pytest.raises(DuplicateMitigationError, match=one):
        proposed(state)
    with pytest.raises(PolicyInvalidError, match="too-long"):
        proposed(seconds=86_401)
    full = evolve(state, proposed(state, gateways=("gw-1",)))
    waiting = full.of_status(Status.PROPOSED)[0].mitigation_id
    with pytest.raises(TooManyError):
        decisions.approve(full, waiting, "bob", "", NOW, replace(RULES, most_active=1))
    with pytest.raises(TooManyError):
        decisions.propose(
            evolve(Mitigations(), proposed()),
            request(gateways=("a",)),
            GOOD,
            NOW,
            replace(RULES, most_proposed=1),
        )


def test_time_ends_what_is_active_and_what_nobody_approves() -> None:
    state, one = running(seconds=60)
    incidents = Ledger(opened()).state.incidents
    assert decisions.due(state, incidents, NOW + timedelta(seconds=59), RULES) == []
    assert decisions.due(state, incidents, NOW + timedelta(seconds=60), RULES)[0].cause == "expired"
    waiting = evolve(Mitigations(), proposed())
    assert decisions.due(waiting, incidents, NOW + timedelta(hours=1), RULES)[0].cause == "lapsed"
    # A clock that goes back ends nothing and begins nothing again.
    over = evolve(state, MitigationEnded(one, "expired", "automatic", "", NOW + timedelta(seconds=60)))
    assert over.wanted("gw-1", NOW) == ()
    assert decisions.due(over, incidents, NOW - timedelta(days=1), RULES) == []


def test_generations_grow_where_something_changes_and_only_there() -> None:
    state, first = running("gw-1")
    assert [state.generation(name) for name in ("gw-1", "gw-2")] == [1, 0]
    event = proposed(policy=replace(BLOCK, action=PolicyAction(Kind.MARK)))
    state = evolve(state, event)
    assert state.generation("gw-1") == 1
    state = evolve(state, MitigationApproved(event.mitigation_id, "bob", "", NOW, NOW + timedelta(seconds=9)))
    assert [state.generation(name) for name in ("gw-1", "gw-2")] == [2, 2]
    assert [len(state.wanted(name, NOW)) for name in ("gw-1", "gw-2")] == [2, 1]
    state = evolve(state, MitigationEnded(first, "withdrawn", "ann", "", NOW))
    assert [state.generation(name) for name in ("gw-1", "gw-2")] == [3, 2]
    state = evolve(state, PoliciesAnswered("gw-2", 90, "ahead", "", NOW))
    assert [state.generation(name) for name in ("gw-1", "gw-2")] == [3, 91]
    state = evolve(state, MitigationEnded(event.mitigation_id, "withdrawn", "ann", "", NOW))
    assert [state.generation(name) for name in ("gw-1", "gw-2")] == [92, 92]


def test_events_and_snapshots_come_back_as_they_were() -> None:
    policy = Policy(
        Match(("192.0.2.0/24",), (VICTIM,), (6,), (Range(1, 2),), (Range(80, 80),), 18, 2, (Range(0, 99),)),
        PolicyAction(Kind.RATE_LIMIT, packets_per_second=9, per=Per.SOURCE),
    )
    state, one = running("gw-1", policy=policy)
    events = [
        proposed(policy=policy),
        MitigationApproved(one, "bob", "n", NOW, NOW),
        MitigationEnded(one, "over", "automatic", "n", NOW),
        MitigationMeasured(one, Effect(NOW, 1, 2, 3, 4, 5.0, 6.0, 7.0, 8, 9, 10, True)),
        PoliciesAnswered("gw-1", 3, "refused", "why", NOW),
    ]
    for event in events:
        assert codec().decode(*codec().encode(event)) == event
        state = evolve(state, event)
    centre = Centre(Ledger(opened()).state.incidents, state)
    assert CentreSnapshots().load(CentreSnapshots().dump(centre)) == centre
    # From before there were mitigations.
    data = CentreSnapshots().dump(centre)
    older = data[: 8 + int.from_bytes(data[:8], "big")]
    assert CentreSnapshots().load(older).mitigations == Mitigations()


def incident(**changes) -> Incident:
    return Ledger(opened(**changes)).incident


def kinds(one: Incident) -> list[tuple[str, str]]:
    return [(found.policy.action.kind.name.lower(), found.reason.partition(",")[0]) for found in suggest(one)]


def test_suggestions_are_narrow_first_and_leave_small_sources_alone() -> None:
    found = suggest(incident())
    assert found[0].policy.match == Match(("192.0.2.1/32",), (VICTIM,), (17,))
    assert found[0].coverage == pytest.approx(0.9 * 0.95)
    assert found[1].policy.match.source_ports == (Range(5353, 5353),)
    assert found[-1].policy.action == PolicyAction(Kind.DIVERT, route=Route.BLACKHOLE)
    many = tuple(share(f"192.0.2.{n}", 0.01) for n in range(10))
    spread = suggest(incident(top_sources=many, top_source_ports=()))
    assert spread[0].policy.action.kind is Kind.RATE_LIMIT
    assert spread[0].policy.match.destination_ports == (Range(9999, 9999),)
    syn = suggest(incident(vector="tcp-syn-flood", top_sources=many, protocols=(share("6", 1.0),)))
    assert (syn[0].policy.match.tcp_flags_mask, syn[0].policy.action.per) == (18, Per.SOURCE)
    scan = suggest(incident(victim="192.0.2.1/32", side="source", vector="scan"))
    assert [one.policy.match.sources for one in scan] == [("192.0.2.1/32",)] * 3


@given(
    st.lists(st.tuples(st.ip_addresses().map(str), st.floats(0, 1)), max_size=10),
    st.sampled_from(["1", "6", "17", "58", "132"]),
    st.sampled_from(["0", "53", "443", "50000"]),
    st.sampled_from([VICTIM, "2001:db8::7/128", "2001:db8::/48"]),
    st.sampled_from(["source", "destination"]),
)
def test_whatever_is_suggested_can_be_enforced(sources, protocol, port, victim, side) -> None:
    one = incident(
        victim=victim,
        side=side,
        top_sources=tuple(share(*source) for source in sources),
        protocols=(share(protocol, 1.0),),
        top_source_ports=(share(port, 1.0),),
        top_destination_ports=(share(port, 1.0),),
    )
    found = suggest(one)
    assert found
    for suggestion in found:
        decisions.check(suggestion.policy, RULES)
        assert re.fullmatch(r"[0-9a-f]{6}", suggestion.key)
        assert 0 <= suggestion.coverage <= 1


def test_a_suggestion_keeps_its_key_while_the_attack_grows_and_loses_it_with_other_packets() -> None:
    before, grown = incident(), replace(incident(), peak=Rates(9e9, 9e6, 1e4))
    assert [one.key for one in suggest(before)] == [one.key for one in suggest(grown)]
    assert suggest(before) != suggest(grown)
    keys = [one.key for one in suggest(before)]
    assert len(set(keys)) == len(keys)
    other = incident(protocols=(share("6", 1.0),))
    assert {one.key for one in suggest(other)} & set(keys) == {keys[-1]}  # the black hole takes all


def test_an_incident_without_evidence_has_the_widest_only() -> None:
    bare = incident(top_sources=(), protocols=(), top_source_ports=(), top_destination_ports=())
    assert [kind for kind, _ in kinds(bare)] == ["divert"]


def heard(tally: Tally, at: float, packets: int, gateway: str = "gw-1", acted: int | None = None) -> None:
    moment = NOW + timedelta(seconds=at)
    done = packets if acted is None else acted
    tally.hear(gateway, moment, moment, Count(packets, packets * 100, done, done * 100))


def test_totals_never_fall_and_rates_are_of_the_last_two_reports() -> None:
    state, one = running()
    tally = Tally()
    heard(tally, 0, 1_000)
    heard(tally, 2, 3_000, acted=2_500)
    heard(tally, 2, 3_000, acted=2_500)
    effect = measure(
        state.by_id[one], tally, NOW + timedelta(seconds=2), {"flows": 1, "bytes": 2, "sources": 3}
    )
    assert (effect.matched_packets, effect.acted_packets, effect.matched_bits_per_second) == (
        3_000,
        2_500,
        800_000,
    )
    assert effect.passed_bits_per_second == 800_000 - 600_000
    # A gateway's table is loaded anew: it counts from nothing, and what was counted stays.
    heard(tally, 4, 500)
    later = measure(replace(state.by_id[one], effect=effect), tally, NOW + timedelta(seconds=4), None)
    assert (later.matched_packets, later.collateral_sources, later.collateral_known) == (3_500, 3, True)
    # After a restart of the centre nothing is lost either.
    again = measure(replace(state.by_id[one], effect=later), Tally(), NOW, None)
    assert again.matched_packets == 3_500


def test_it_is_over_when_next_to_nothing_comes_at_every_gateway_that_speaks() -> None:
    state, one = running()
    mitigation, tally, total = state.by_id[one], Tally(), 0

    def over(at: float, gateways: list[str]) -> bool:
        return is_over(mitigation, tally, gateways, NOW + timedelta(seconds=at), little=5, seconds=30)

    for second in range(20):
        total += 10_000
        heard(tally, second, total)
        assert not over(second, ["gw-1"])
    for second in range(20, 48):
        total += 50
        heard(tally, second, total)
        assert not over(second, ["gw-1"])
    heard(tally, 55, total)
    assert over(55, ["gw-1"])
    # One that says nothing may still be flooded.
    assert not over(56, ["gw-1", "gw-2"])
    hole = Policy(Match(destinations=(VICTIM,)), PolicyAction(Kind.DIVERT, route=Route.BLACKHOLE))
    away, name = running(policy=hole)
    later = NOW + timedelta(hours=1)
    assert not is_over(away.by_id[name], Tally(), [], later, little=5, seconds=30)
