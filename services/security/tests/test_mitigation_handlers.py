"""Decisions with their ports: estimates, incidents, what is sent when, answers, effects, and what nobody is asked."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.security.adapters.mitigation_bus import read_answer, read_report, set_policies
from sixfold.security.domain.events import IncidentMarkedFalsePositive, Severity
from sixfold.security.domain.incidents import Status as IncidentStatus
from sixfold.security.domain.mitigation.decisions import NeverTouchError, Rules
from sixfold.security.domain.mitigation.effect import Count
from sixfold.security.domain.mitigation.values import Kind, Per, PolicyAction, Status
from sixfold.security.enforcement_handlers import EffectRules, Enforcement
from sixfold.security.mitigation_handlers import Automatic, AutomaticRules, MitigationDesk
from sixfold.security.mitigation_ports import Answer, Report

from .mitigations import (
    BLOCK,
    NOW,
    RULES,
    Commands,
    Ledger,
    Meter,
    Times,
    Warehouse,
    opened,
    request,
    running,
)


class Bench:
    def __init__(self, *, effect: EffectRules | None = None, rules: Rules = RULES, **sums: int) -> None:
        self.ledger = Ledger(opened())
        self.warehouse, self.commands, self.meter, self.times = (
            Warehouse(**sums),
            Commands(),
            Meter(),
            Times(),
        )
        self.leads = True
        self.desk = MitigationDesk(
            ledger=self.ledger, warehouse=self.warehouse, rules=rules, meter=self.meter, clock=self.times
        )
        self.enforcement = Enforcement(
            ledger=self.ledger,
            commands=self.commands,
            warehouse=self.warehouse,
            rules=rules,
            effect=effect or EffectRules(),
            meter=self.meter,
            leads=lambda: self.leads,
            clock=self.times,
        )

    async def active(self, **more: Any) -> str:
        made = await self.desk.propose(
            request(incident_id=self.ledger.incident.incident_id, **more), dry_run=False
        )
        return (await self.desk.approve(made.mitigation_id, "bob", "")).mitigation_id

    async def turn(self, seconds: float = 1.0) -> None:
        self.times.pass_(seconds)
        await self.enforcement.turn()

    def report(
        self, generation: int, gateway: str = "gw-1", ended: tuple[str, ...] = (), **counts: int
    ) -> None:
        told = {name.replace("_", "-"): Count(n, n * 100, n, n * 100) for name, n in counts.items()}
        ended_ = frozenset(ended)
        self.enforcement.report(Report(gateway, self.times.now, generation, told, ended_, ()))


async def test_a_dry_run_says_all_and_decides_nothing() -> None:
    bench = Bench(flows=10, good_sources=60)
    made = await bench.desk.propose(request(incident_id=bench.ledger.incident.incident_id), dry_run=True)
    assert made.estimate is not None
    assert (made.estimate.flows, made.two_person_reasons[0].split(":")[0]) == (10, "good-sources")
    assert bench.ledger.mitigations.by_id == {}
    assert bench.warehouse.asked[0][:2] == (NOW - timedelta(hours=1), NOW)
    bench.warehouse.away = True
    made = await bench.desk.propose(request(), dry_run=True)
    assert made.two_person_reasons == ("blast-radius-unknown: it is away",)


async def test_the_incident_is_mitigated_while_it_is() -> None:
    bench = Bench()
    one = await bench.active()
    assert bench.ledger.incident.status is IncidentStatus.MITIGATED
    assert bench.ledger.incident.mitigations == (one,)
    assert (await bench.desk.withdraw(one, "ann", "enough")).end_cause == "withdrawn"
    assert bench.ledger.incident.status is IncidentStatus.OPEN
    waiting = (await bench.desk.propose(request(), dry_run=False)).mitigation_id
    assert (await bench.desk.reject(waiting, "bob", "")).status is Status.REJECTED
    assert [item.status for item in bench.desk.list(frozenset(), "")] == [Status.REJECTED, Status.ENDED]
    assert bench.meter.decisions == ["proposed", "approved", "withdrawn", "proposed", "rejected"]


async def test_a_gateway_is_sent_what_it_does_not_enforce_and_again_until_it_does() -> None:
    bench = Bench()
    bench.enforcement.hear("gw-1")
    await bench.turn()
    assert bench.commands.sent == []
    one = await bench.active()
    bench.commands.away = True
    await bench.turn()
    bench.commands.away = False
    await bench.turn()
    await bench.turn()
    assert bench.commands.sent == [("gw-1", 1, [one])]
    bench.enforcement.hear("gw-1")
    await bench.turn(6)
    assert bench.commands.sent == [("gw-1", 1, [one])] * 2
    # What it refuses is not sent every few seconds.
    bench.enforcement.answer(Answer("gw-1", 1, "refused", "cuts-management: 10.0.0.1", bench.times.now))
    await bench.turn(6)
    assert len(bench.commands.sent) == 2
    assert bench.ledger.mitigations.answers["gw-1"].cause == "cuts-management: 10.0.0.1"
    bench.times.pass_(60)
    bench.enforcement.hear("gw-1")
    await bench.turn()
    assert len(bench.commands.sent) == 3
    bench.report(1)
    bench.enforcement.answer(Answer("gw-1", 1, "applied", "", bench.times.now))
    await bench.turn(100)
    assert len(bench.commands.sent) == 3
    # Cleared by hand at the gateway, and one that was heard of later.
    bench.report(0)
    bench.enforcement.hear("gw-2")
    await bench.turn()
    assert bench.commands.sent[3:] == [("gw-1", 1, [one]), ("gw-2", 1, [one])]


async def test_one_that_is_ahead_of_the_ledger_is_overtaken_once() -> None:
    bench = Bench()
    one = await bench.active()
    bench.report(70)
    await bench.turn()
    await bench.turn()
    assert bench.commands.sent == [("gw-1", 71, [one])]
    bench.report(1 << 63)
    await bench.turn(10)
    assert bench.ledger.mitigations.generation("gw-1") == 71


async def test_expiry_empties_the_gateway_and_the_last_numbers_stay() -> None:
    bench = Bench()
    one = await bench.active(seconds=30)
    name = one.replace("-", "_")
    bench.report(1, **{name: 10})
    await bench.turn()
    bench.report(1, **{name: 30})
    await bench.turn(31)
    assert bench.desk.get(one).end_cause == "expired"
    assert bench.commands.sent[-1] == ("gw-1", 2, [])
    bench.report(2, ended=(one,), **{name: 40})
    await bench.turn()
    effect = bench.desk.get(one).effect
    assert effect is not None
    assert effect.acted_packets == 40
    assert bench.ledger.incident.status is IncidentStatus.OPEN


async def test_it_is_withdrawn_when_it_is_over_harmful_or_the_incident_was_none() -> None:
    bench = Bench(effect=EffectRules(measure=1, over=10, little=1))
    one = await bench.active()
    for number in range(3):
        bench.report(1, **{one.replace("-", "_"): number * 1_000})
        await bench.turn()
    for _ in range(13):
        bench.report(1, **{one.replace("-", "_"): 2_000})
        await bench.turn()
    assert bench.desk.get(one).end_cause == "over"

    harmful = Bench(effect=EffectRules(measure=1, collateral=1, most_collateral=0.5))
    two = await harmful.active()
    harmful.warehouse.sums = {"known_bytes": 900, "known_flows": 9, "good_sources": 3}
    for number in range(1, 6):
        harmful.report(1, **{two.replace("-", "_"): 2 * number})
        await harmful.turn(1.5)
    effect = harmful.desk.get(two).effect
    assert effect is not None
    assert (effect.collateral_bytes, effect.collateral_sources) == (900, 3)
    assert harmful.desk.get(two).end_cause == "collateral"

    false = Bench()
    three = await false.active()
    identifier = false.ledger.incident.incident_id
    event = IncidentMarkedFalsePositive(identifier, "ann", "", NOW, NOW)
    await false.ledger.transact(lambda _: ([event], None))
    await false.turn()
    assert (false.desk.get(three).end_cause, false.desk.get(three).ended_by) == ("withdrawn", "ann")


async def test_a_replica_that_does_not_lead_hears_and_sends_nothing() -> None:
    bench = Bench()
    await bench.active()
    bench.leads = False
    bench.report(0)
    assert bench.enforcement.places["gw-1"].generation == 0
    assert bench.commands.sent == []
    bench.leads = True
    await bench.turn()
    assert len(bench.commands.sent) == 1


def automatic(bench: Bench, **changes: Any) -> Automatic:
    return Automatic(
        bench.ledger,
        bench.warehouse,
        RULES,
        replace(AutomaticRules(enabled=True), **changes),
        bench.meter,
        bench.times,
        lambda: True,
    )


async def mitigate(one: Automatic) -> None:
    for incident in one.chosen(one.ledger.state):
        await one._mitigate(incident)


async def test_nobody_is_asked_only_where_it_is_certain_severe_and_small() -> None:
    for rules in ({"confidence": 1.0}, {"severity": Severity.CRITICAL}, {"most_active": 0}):
        bench = Bench()
        await mitigate(automatic(bench, **rules))
        assert bench.ledger.mitigations.by_id == {}
    assert not AutomaticRules().enabled

    bench = Bench()
    one = automatic(bench)
    await mitigate(one)
    await mitigate(one)
    made = bench.desk.list(frozenset({Status.ACTIVE}), "")
    assert [(item.approver, item.policy.match.sources, item.seconds) for item in made] == [
        ("automatic", ("192.0.2.1/32",), 300)
    ]
    assert bench.ledger.incident.mitigations == (made[0].mitigation_id,)

    # Where it would meet many who were there before, it waits for people.
    large = Bench(good_sources=1_000)
    await mitigate(automatic(large))
    assert [item.status for item in large.desk.list(frozenset(), "")] == [Status.PROPOSED]
    uncovered = Bench()
    watching = automatic(uncovered, coverage=0.99, kinds=frozenset({Kind.BLOCK}))
    await mitigate(watching)
    assert list(watching.failed) == [uncovered.ledger.incident.incident_id]


async def test_never_touched_also_by_what_is_suggested() -> None:
    bench = Bench(rules=replace(RULES, never_touch=(ip_network("203.0.113.0/28"),)))
    assert bench.desk.suggest(bench.ledger.incident.incident_id) == []
    with pytest.raises(NeverTouchError, match=r"203\.0\.113\.7/32 of 203\.0\.113\.0/28"):
        await bench.desk.propose(request(), dry_run=True)


def test_policies_travel_and_words_of_others_are_refused() -> None:
    bench_policy = replace(BLOCK, action=PolicyAction(Kind.RATE_LIMIT, packets_per_second=7, per=Per.SOURCE))
    state, one = running(policy=bench_policy)
    message = set_policies(4, state.wanted("gw-1", NOW))
    assert (message.generation, message.policies[0].policy_id) == (4, one)
    assert message.policies[0].action.kind == agent.PolicyAction.KIND_RATE_LIMIT
    assert message.policies[0].action.per == agent.PolicyAction.PER_SOURCE
    assert list(message.policies[0].match.destinations) == ["203.0.113.7/32"]

    report = agent.PolicyReport(gateway="gw-1", generation=4)
    report.policies.add(policy_id=one, acted_packets=5, ended=True)
    read = read_report("gw-1", report.SerializeToString())
    assert (read.generation, read.counts[one].acted_packets, read.ended) == (4, 5, frozenset({one}))
    receipt = agent.Receipt(
        gateway="gw-1",
        command_id="policy:gw-1:4:1",
        generation=4,
        outcome=agent.Receipt.OUTCOME_FAILED,
        cause="x",
    )
    answer = read_answer("gw-1", receipt.SerializeToString(), NOW)
    assert answer is not None
    assert (answer.outcome, answer.cause) == ("failed", "x")
    for data in (b"\xff\xff", report.SerializeToString()):
        with pytest.raises(ValueError, match=r"no report|speaks for"):
            read_report("gw-2", data)
    with pytest.raises(ValueError, match="speaks for"):
        read_answer("gw-2", receipt.SerializeToString(), NOW)
    receipt.command_id = "alert"
    assert read_answer("gw-1", receipt.SerializeToString(), NOW) is None
