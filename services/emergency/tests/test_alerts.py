"""The life of alerts and their deliveries, decided and evolved without a bus."""

from datetime import timedelta

import pytest
from cap_alerts import SENT, cap, geocode, reference

from sixfold.emergency.adapters.cap_xml import XmlLimits, parse
from sixfold.emergency.domain import decisions, state
from sixfold.emergency.domain.decisions import Policy
from sixfold.emergency.domain.document import RefusedError
from sixfold.emergency.domain.events import AlertCancelled, ReceiptRecorded
from sixfold.emergency.domain.rules import judge
from sixfold.emergency.domain.state import AlertState, DeliveryState, State

NOW = SENT + timedelta(minutes=5)
GATEWAYS = {"gw-a": ("110000",), "gw-b": ("310000",), "gw-c": ()}


def apply(before, events):
    for event in events:
        before = state.evolve(before, event)
    return before


def accepted(before, data, *, policy=Policy(), now=NOW):  # noqa: B008 - a frozen value
    message, findings = judge(
        parse(data, XmlLimits()), lenient=True, now=now, clock_tolerance=timedelta(minutes=1)
    )
    events, known = decisions.accept(before, message, findings, data, policy=policy, now=now)
    return apply(before, events), message.alert_id, known


def sent(before, now=NOW, gateways=GATEWAYS):
    commands = decisions.due_commands(before, gateways, now)
    return apply(before, decisions.fanned_out(before, commands, now)), commands


def receipt(alert_id, gateway, outcome="delivered", *, withdrawal=False, cause="", time=NOW):
    return ReceiptRecorded(
        alert_id, gateway, state.command_id(alert_id, gateway, withdrawal=withdrawal), outcome, cause, time
    )


def reason(call, *args, **kwargs):
    with pytest.raises(RefusedError) as caught:
        call(*args, **kwargs)
    return caught.value.reason


def test_an_alert_reaches_every_gateway_once():
    book, alert, _ = accepted(State(), cap())
    book, commands = sent(book)
    assert sorted(command.gateway for command in commands) == ["gw-a", "gw-b", "gw-c"]
    assert {delivery.state for delivery in book.alerts[alert].deliveries.values()} == {DeliveryState.SENT}
    assert decisions.due_commands(book, GATEWAYS, NOW) == []
    late = {**GATEWAYS, "gw-late": ()}
    assert [command.gateway for command in decisions.due_commands(book, late, NOW)] == ["gw-late"]


@pytest.mark.parametrize(
    ("code", "reached"),
    [
        ("110105", ["gw-a", "gw-c"]),
        ("110000", ["gw-a", "gw-c"]),
        ("100000", ["gw-a", "gw-c"]),
        ("310101", ["gw-b", "gw-c"]),
        ("440000", ["gw-c"]),
    ],
)
def test_an_area_code_chooses_gateways_and_one_without_areas_is_never_left_out(code, reached):
    book, _, _ = accepted(State(), cap(inside=geocode(code)))
    assert sorted(command.gateway for command in decisions.due_commands(book, GATEWAYS, NOW)) == reached


def test_the_same_message_again_is_the_same_alert_and_other_content_is_refused():
    book, alert, _ = accepted(State(), cap())
    again, same, known = accepted(book, cap())
    assert (again, same, known) == (book, alert, True)
    assert reason(accepted, book, cap(headline="Other")) == "CONTENT_DIFFERS"


def test_an_update_takes_the_place_of_what_it_names():
    book, old, _ = accepted(State(), cap("one"))
    book, _ = sent(book)
    book, new, _ = accepted(book, cap("two", kind="Update", references=reference("one")))
    assert book.alerts[old].state is AlertState.SUPERSEDED
    assert book.alerts[new].accepted.referenced == (old,)
    book, commands = sent(book)
    assert [command.withdrawal for command in commands] == [False] * 3 + [True] * 3
    assert book.alerts[old].deliveries["gw-a"].state is DeliveryState.WITHDRAWAL_SENT


def test_a_cancel_ends_what_it_names_and_nothing_of_another_sender():
    book, old, _ = accepted(State(), cap("one"))
    foreign = cap("x", kind="Cancel", sender="evil@other.example", references=reference("one"), info=False)
    assert reason(accepted, book, foreign) == "REFERENCE_UNKNOWN"
    claimed = cap("x", kind="Cancel", references=reference("nothing"), info=False)
    assert reason(accepted, book, claimed) == "REFERENCE_UNKNOWN"
    book, cancel, _ = accepted(book, cap("two", kind="Cancel", references=reference("one"), info=False))
    assert book.alerts[old].state is AlertState.CANCELLED
    assert book.alerts[cancel].state is AlertState.DONE
    assert decisions.due_commands(book, GATEWAYS, NOW) == []


def test_an_operator_cancels_once():
    book, alert, _ = accepted(State(), cap())
    book, _ = sent(book)
    book = apply(book, decisions.cancel(book, alert, "false alarm", NOW))
    assert reason(decisions.cancel, book, alert, "", NOW) == "ALERT_ENDED"
    assert reason(decisions.cancel, book, "a-none", "", NOW) == "ALERT_UNKNOWN"
    book, commands = sent(book)
    assert all(command.withdrawal for command in commands)
    events, _ = decisions.record_receipts(book, [receipt(alert, "gw-a", withdrawal=True)])
    assert apply(book, events).alerts[alert].deliveries["gw-a"].state is DeliveryState.WITHDRAWN


def test_an_alert_expires_at_its_end_or_after_the_default_life():
    book, timed, _ = accepted(State(), cap("one", expires=NOW + timedelta(hours=1)))
    book, plain, _ = accepted(book, cap("two"))
    book = apply(book, decisions.expire(book, NOW + timedelta(hours=2)))
    assert book.alerts[timed].state is AlertState.EXPIRED
    assert book.alerts[plain].state is AlertState.ACTIVE
    assert decisions.expire(book, NOW + timedelta(hours=2)) == []
    book = apply(book, decisions.expire(book, NOW + timedelta(hours=25)))
    assert book.active == []


def test_an_alert_that_is_over_when_it_comes_is_stored_and_not_sent():
    book, alert, _ = accepted(State(), cap(expires=SENT + timedelta(minutes=1)))
    assert book.alerts[alert].state is AlertState.EXPIRED
    assert decisions.due_commands(book, GATEWAYS, NOW) == []


def test_receipts_are_recorded_once_and_strange_ones_handed_back():
    book, alert, _ = accepted(State(), cap())
    book, _ = sent(book)
    received = [
        receipt(alert, "gw-a"),
        receipt(alert, "gw-a"),
        receipt(alert, "gw-b", "refused", cause="unknown-issuer"),
        receipt("a-other", "gw-a"),
    ]
    events, strange = decisions.record_receipts(book, received)
    assert [r.alert_id for r in strange] == ["a-other"]
    assert len(events[0].receipts) == 2
    book = apply(book, events)
    assert book.alerts[alert].deliveries["gw-a"].state is DeliveryState.DELIVERED
    assert book.alerts[alert].deliveries["gw-b"].cause == "unknown-issuer"
    assert decisions.record_receipts(book, received[:3])[0] == []


def test_a_receipt_may_overtake_the_note_that_its_command_was_sent():
    book, alert, _ = accepted(State(), cap())
    commands = decisions.due_commands(book, GATEWAYS, NOW)
    book = apply(book, decisions.record_receipts(book, [receipt(alert, "gw-a")])[0])
    events = decisions.fanned_out(book, commands, NOW)
    assert events[0].gateways == ("gw-b", "gw-c")
    assert apply(book, events).alerts[alert].deliveries["gw-a"].state is DeliveryState.DELIVERED


def test_what_is_active_is_bounded_and_what_has_ended_is_forgotten_in_order(monkeypatch):
    monkeypatch.setattr(state, "MOST_FINISHED", 2)
    book, policy = State(), Policy(most_active=2)
    names = []
    for number in range(4):
        book, name, _ = accepted(book, cap(f"n{number}"), policy=policy)
        names.append(name)
        book = state.evolve(book, AlertCancelled(name, "", False, "", NOW))
    assert list(book.alerts) == names[2:]
    for number in (8, 9):
        book, _, _ = accepted(book, cap(f"n{number}"), policy=policy)
    assert reason(accepted, book, cap("one too many"), policy=policy) in ("TOO_MANY_ACTIVE", "RULE_VIOLATED")
    assert reason(accepted, book, cap("more"), policy=policy) == "TOO_MANY_ACTIVE"
