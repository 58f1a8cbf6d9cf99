"""Accounting on the register: begun once, ended once, never begun anew, whatever is repeated, late or replayed."""

from hypothesis import given
from hypothesis import strategies as st

from sixfold.identity.domain.accounting import LATE, Record, account, apart, held, restart
from sixfold.identity.domain.events import SubscriberEnrolled, TerminalEnrolled
from sixfold.identity.domain.prefix import parse_address, parse_prefix
from sixfold.identity.domain.registry import Registry, evolve

NOW = 1_800_000_000_000
PREFIX = parse_prefix("2001:db8:7::/56")


def registry(*terminals):
    made = Registry()
    evolve(made, SubscriberEnrolled("s-1", "person", NOW - 1))
    for terminal in terminals or ("t-1", "t-2"):
        evolve(made, TerminalEnrolled(terminal, "s-1", "home-gateway", NOW - 1))
    return made


def told(kind="start", session="a", terminal="t-1", time=NOW, prefixes=(PREFIX,), gateway="gw-1", **more):
    return Record(kind, "bng-1", gateway, session, terminal, time, more.pop("began", time), prefixes, **more)


def decide(at, *records, now=NOW):
    events, outcomes = account(at, records, now)
    for event in events:
        evolve(at, event)
    return [one.word for one in outcomes]


def holder(at, address="2001:db8:7::1"):
    return [one.terminal for one in at.bindings_around(parse_address(address))]


def test_a_session_binds_its_addresses_and_its_end_releases_them():
    at = registry()
    assert decide(at, told()) == ["started"]
    assert holder(at) == ["t-1"]
    (session,) = at.sessions.of("t-1")
    assert [str(one.prefix) for one in held(at, session)] == ["2001:db8:7::/56"]
    assert decide(at, told("stop", time=NOW + 5_000, cause="user-request"), now=NOW + 9_000) == ["stopped"]
    assert holder(at) == []
    assert at.sessions.of("t-1") == []


def test_what_is_repeated_changes_nothing_and_what_is_replayed_begins_nothing():
    at = registry()
    decide(at, told())
    revision = at.revision
    assert decide(at, told()) == ["repeated"]
    assert decide(at, told("interim")) == ["alive"]
    assert decide(at, told("stop")) == ["stopped"]
    assert decide(at, told("stop")) == ["repeated"]
    assert decide(at, told()) == ["replayed"]
    assert decide(at, told("interim")) == ["replayed"]
    assert holder(at) == []
    assert at.revision == revision + 1


def test_a_stop_that_comes_first_keeps_its_start_from_beginning():
    at = registry()
    assert decide(at, told("stop")) == ["stopped-unknown"]
    assert decide(at, told()) == ["replayed"]
    assert not at.bindings


def test_an_interim_begins_what_was_lost_and_adds_what_came_later():
    at = registry()
    assert decide(at, told("interim", began=NOW - 60_000)) == ["started-late"]
    assert at.sessions.of("t-1")[0].since == NOW - 60_000
    more = parse_prefix("192.0.2.9")
    assert decide(at, told("interim", prefixes=(PREFIX, more), time=NOW + 1), now=NOW + 1) == ["extended"]
    assert holder(at, "192.0.2.9") == ["t-1"]
    assert decide(at, told("stop"), now=NOW + 2) == ["stopped"]
    assert not at.bindings


def test_the_access_server_may_give_an_address_on_but_nobody_else():
    at = registry()
    decide(at, told())
    (outcome,) = account(at, [told(session="b", terminal="t-2", gateway="gw-2")], NOW)[1]
    assert (outcome.taken, outcome.recorded) == ((PREFIX,), True)
    assert decide(at, told(session="c", terminal="t-2"), now=NOW + 10) == ["started"]
    assert holder(at) == ["t-2"]
    assert decide(at, told("stop"), now=NOW + 20) == ["stopped"]
    assert holder(at) == ["t-2"], "the end of the first session releases nothing of the second"


def test_a_terminal_that_comes_again_keeps_its_address_when_its_first_session_ends():
    at = registry()
    decide(at, told())
    assert decide(at, told(session="b")) == ["started"]
    assert decide(at, told("stop"), now=NOW + 5) == ["stopped"]
    assert holder(at) == ["t-1"]


def test_who_is_unknown_retired_or_not_the_one_who_began_is_refused():
    at = registry()
    assert not account(at, [told(terminal="t-9")], NOW)[1][0].recorded
    decide(at, told())
    (outcome,) = account(at, [told("stop", terminal="t-2")], NOW)[1]
    assert (outcome.word, outcome.recorded) == ("session-of-another", False)


def test_times_are_the_access_servers_within_an_hour_and_never_ahead():
    at = registry()
    decide(at, told(time=NOW - 10 * LATE))
    assert at.sessions.of("t-1")[0].since == NOW - LATE
    decide(at, told(session="b", terminal="t-2", prefixes=(), time=NOW + 99_000))
    assert at.sessions.of("t-2")[0].since == NOW


def test_a_restart_ends_the_sessions_of_one_access_server_few_by_few():
    at = registry()
    prefixes = [parse_prefix(f"2001:db8:{number}::/56") for number in range(10)]
    decide(at, *(told(session=str(number), prefixes=(prefix,)) for number, prefix in enumerate(prefixes)))
    left = 1
    rounds = 0
    while left:
        events, left = restart(at, "bng-1", NOW, NOW, most=4)
        for event in events:
            evolve(at, event)
        rounds += 1
    assert rounds == 3
    assert not at.bindings
    assert not at.sessions.live
    assert restart(at, "bng-2", NOW, NOW, most=4) == ([], 0)


def test_records_that_meet_are_decided_one_after_another():
    other = parse_prefix("2001:db8:8::/56")
    assert apart([told(), told("stop")]) == 1
    assert apart([told(), told(session="b")]) == 1
    assert apart([told(), told(session="b", prefixes=(other,)), told(session="c", prefixes=())]) == 3


RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["start", "interim", "stop"]), st.integers(0, 4), st.integers(0, 3), st.integers(0, 9)
    ),
    max_size=60,
)


@given(RECORDS)
def test_whatever_comes_an_address_has_one_holder_and_ended_sessions_hold_nothing(records):
    at = registry(*(f"t-{number}" for number in range(5)))
    waiting = [
        told(kind, f"s{session}", f"t-{session}", NOW + time, (parse_prefix(f"2001:db8:{place}::/56"),))
        for kind, session, place, time in records
    ]
    while waiting:
        number = apart(waiting)
        decide(at, *waiting[:number], now=NOW + 10)
        waiting = waiting[number:]
    assert all(len(numbers) == 1 for numbers in at.holders.values())
    for binding in at.bindings.values():
        assert any(binding in held(at, session) for session in at.sessions.of(binding.terminal))
    assert not set(at.sessions.live) & set(at.sessions.ended)
