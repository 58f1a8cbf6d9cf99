"""Lawful trace on the real NATS and the real warehouse: every path, every refusal, and the trail of all of it."""

import hashlib
import json

import grpc
import pytest

from sixfold.api.address.v1 import translation_pb2 as rules_pb
from sixfold.api.identity.v1 import audit_pb2
from sixfold.api.identity.v1 import identity_pb2 as identity_pb
from sixfold.api.identity.v1 import trace_pb2 as pb
from sixfold.chassis.lifecycle import LifecycleError
from sixfold.chassis.rpc import reason_of
from sixfold.identity.audit.verify import TamperedError, is_signed, verify
from sixfold.identity.domain.checkpoint import open_note
from sixfold.identity.domain.merkle import is_consistent, is_included
from sixfold.identity.handlers import utc_milliseconds

from .test_bindings import log_rows
from .test_identity import PERSON, bind, enrolled
from .trace_desk import DAY, HOUR, desk, question, session

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse]
SUBSCRIBER, AMBIGUOUS, UNKNOWN = (
    pb.TRACE_OUTCOME_SUBSCRIBER,
    pb.TRACE_OUTCOME_AMBIGUOUS,
    pb.TRACE_OUTCOME_UNKNOWN,
)


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name, reason_of(caught.value)


def said(answers):
    return [(answer.outcome, answer.subscriber, answer.path or answer.reason) for answer in answers]


async def people(made):
    """Two subscribers with a terminal each."""
    one = await enrolled(made.identity)
    other = await enrolled(made.identity, hardware="490154203237518", person="customer Han Mei")
    return one, other


async def stored(made, assert_eventually, *, nat=0, bindings=0):
    async def all_there():
        rows = {loader.kind.prefix: loader.stored_flows for loader in made.credit.loaders}
        return rows["nat"] >= nat and made.credit.bindings.stored_flows >= bindings

    await assert_eventually(all_there)


async def test_a_nat_session_leads_to_one_subscriber_and_a_port_tells_two_apart(
    nats_url, telemetry, tmp_path, assert_eventually
):
    async with desk(nats_url, telemetry, tmp_path) as made:
        (first, terminal), (second, _) = await people(made)
        now = utc_milliseconds()
        rows = [
            (0, "2001:db8:1::", 56, 0, 65535, 1, now - 9 * HOUR, 0),
            (1, "2001:db8:2::", 56, 0, 65535, 2, now - 9 * HOUR, 0),
        ]
        rows = [(holder, network, 56, *rest) for holder, network, _, *rest in rows]
        await made.log.LogBindings(log_rows("dhcp", "1", [terminal, second], rows))
        seen = now - HOUR
        await made.nat(
            session(seen - 60_000, 6, "2001:db8:1::5", 1111),
            session(seen + 60_000, 7, "2001:db8:1::5", 1111),
            session(seen - 60_000, 6, "2001:db8:2::5", 2222),
            # The same public port leads to another server for somebody else at the same time.
            session(seen - 50_000, 6, "2001:db8:2::5", 1111, to="198.51.100.99"),
            session(seen + 50_000, 7, "2001:db8:2::5", 1111, to="198.51.100.99"),
            # The port changes hands 30 s before `seen`; the end of the first was never told.
            session(seen - 90_000, 4, "2001:db8:1::5", 3333),
            session(seen - 30_000, 4, "2001:db8:2::5", 3333),
            # A block of ports, and a session of nobody who is bound.
            {
                **session(seen - 60_000, 16, "2001:db8:2::7", 0),
                "protocol": 0,
                "port_block_start": 5000,
                "port_block_end": 5099,
                "post_nat_dst_address": "::",
                "post_nat_dst_port": 0,
            },
            session(seen - 60_000, 6, "2001:db8:ff::5", 7777),
        )
        await stored(made, assert_eventually, nat=9, bindings=2)
        public = "203.0.113.5"
        towards = {"destination_address": "198.51.100.80", "destination_port": 443}
        answers = await made.traced(
            question(public, 1111, seen, **towards),
            question(public, 1111, seen, destination_address="198.51.100.99"),
            question(public, 1111, seen),
            question(public, 2222, seen),
            question(public, 3333, seen),
            question(public, 3333, seen, tolerance=31_000),
            question(public, 3333, seen - 60_000),
            question(public, 5050, seen),
            question(public, 5100, seen),
            question(public, 7777, seen),
            question(public, 1111, seen - 2 * HOUR, **towards),
            question(public, 1111, seen, protocol=17, **towards),
        )
        assert said(answers) == [
            (SUBSCRIBER, first, "nat-session"),
            (SUBSCRIBER, second, "nat-session"),
            (AMBIGUOUS, "", "TWO_WITHIN_TOLERANCE"),
            (SUBSCRIBER, second, "nat-session"),
            (SUBSCRIBER, second, "nat-session"),
            (AMBIGUOUS, "", "TWO_WITHIN_TOLERANCE"),
            (SUBSCRIBER, first, "nat-session"),
            (SUBSCRIBER, second, "port-block"),
            (UNKNOWN, "", "NO_EVIDENCE"),
            (UNKNOWN, "", "INSIDE_UNBOUND"),
            (UNKNOWN, "", "NO_EVIDENCE"),
            (UNKNOWN, "", "NO_EVIDENCE"),
        ]


async def test_rules_bindings_and_interface_identifiers_lead_to_one_subscriber(
    nats_url, telemetry, tmp_path, assert_eventually
):
    async with desk(nats_url, telemetry, tmp_path, identifier_networks=("2001:db8:aa::/48",)) as made:
        await made.put_rule(
            map=rules_pb.MapRule(
                ipv6_prefix="2001:db8::/40",
                ipv4_prefix="192.0.2.0/24",
                ea_length=16,
                mode=rules_pb.MAP_MODE_TRANSLATION,
                border="64:ff9b::/96",
            )
        )
        await made.put_rule(
            deterministic_nat=rules_pb.DeterministicNat(
                inside_prefix="100.64.1.0/28", outside_prefix="203.0.113.1/32", dynamic_factor=2
            )
        )
        await made.put_rule(
            lw4o6=rules_pb.Lw4o6Binding(
                ipv6_prefix="2001:db9:77::/64",
                public_address="203.0.113.2",
                psid_length=8,
                psid=0x34,
                border="2001:db8:ffff::1",
            )
        )
        await made.put_rule(
            nat64=rules_pb.Nat64Pool(prefix="64:ff9b::/96", ipv4_prefixes=["203.0.113.128/25"])
        )
        (first, terminal), (second, other) = await people(made)
        await bind(made.identity, terminal, "2001:db8:12:3400::/56", "a")
        await bind(made.identity, other, "100.64.1.3/32", "b")
        await bind(made.identity, terminal, "2001:db9:77::/64", "c")
        await bind(made.identity, other, "198.51.100.7", "d", (1024, 2047))
        ended = (await bind(made.identity, other, "2001:db8:12:34ff::/64", "e")).binding
        inside = ended.since.ToMilliseconds()
        await assert_eventually(lambda: utc_milliseconds() > inside)
        await made.identity.ReleaseBinding(identity_pb.ReleaseBindingRequest(binding_id=ended.binding_id))
        await stored(made, assert_eventually, bindings=6)
        issued = await made.trace.IssueInterfaceIdentifier(
            pb.IssueInterfaceIdentifierRequest(network="2001:db8:aa:1::/64", pseudonym=other)
        )
        now = utc_milliseconds()
        answers = await made.traced(
            question("192.0.2.18", 1232, now),
            question("192.0.2.18", 1236, now),
            question("192.0.2.18", 80, now),
            # 198.51.100.3 of the RFC's example is 100.64.1.3 here: ports 9088 to 13119.
            question("203.0.113.1", 9088, now),
            question("203.0.113.2", 1232, now),
            question("203.0.113.200", 4000, now),
            question("198.51.100.7", 1500, now),
            question("198.51.100.7", 3000, now),
            question("2001:db8:12:3412::9", time=now),
            question("2001:db8:12:34ff::9", time=now),
            question("2001:db8:12:34ff::9", time=inside),
            question("2001:db8:12:34ff::9", time=now, tolerance=10_000),
            question(issued.address, time=now),
            question("2001:db8:aa:1:1234:5678:9abc:def0", time=now),
            question(issued.address, time=now + HOUR // 2),
        )
        assert said(answers) == [
            (SUBSCRIBER, first, "map"),
            (UNKNOWN, "", "INSIDE_UNBOUND"),
            (UNKNOWN, "", "PORT_UNASSIGNED"),
            (SUBSCRIBER, second, "deterministic-nat"),
            (SUBSCRIBER, first, "lw4o6"),
            (UNKNOWN, "", "NO_EVIDENCE"),
            (SUBSCRIBER, second, "binding"),
            (UNKNOWN, "", "NO_EVIDENCE"),
            (SUBSCRIBER, first, "binding"),
            (SUBSCRIBER, first, "binding"),
            (SUBSCRIBER, second, "binding"),
            (AMBIGUOUS, "", "TWO_WITHIN_TOLERANCE"),
            (SUBSCRIBER, second, "interface-identifier"),
            (UNKNOWN, "", "NO_EVIDENCE"),
            (SUBSCRIBER, second, "interface-identifier"),
        ]
        again = await made.trace.IssueInterfaceIdentifier(
            pb.IssueInterfaceIdentifierRequest(network="2001:db8:aa:1::/64", pseudonym=second)
        )
        assert again.interface_identifier == issued.interface_identifier
        elsewhere = pb.IssueInterfaceIdentifierRequest(network="2001:db8:bb::/64", pseudonym=other)
        assert await refused(made.trace.IssueInterfaceIdentifier(elsewhere)) == (
            "FAILED_PRECONDITION",
            "NETWORK_NOT_OPTED_IN",
        )


async def test_without_two_officers_there_is_no_answer_and_every_refusal_is_in_the_trail(
    nats_url, telemetry, tmp_path, assert_eventually
):
    async with desk(nats_url, telemetry, tmp_path) as made:
        subscriber, terminal = await enrolled(made.identity)
        await bind(made.identity, terminal, "2001:db8:1::/56", "a")
        case = await made.open_case()
        now = utc_milliseconds()
        asked = await made.request(case, question("2001:db8:1::5", time=now))
        forbidden = "PERMISSION_DENIED"
        assert await refused(made.answer(asked)) == (forbidden, "NOT_APPROVED")
        assert await refused(made.approve(asked, "alice")) == (forbidden, "SELF_APPROVAL")
        assert await refused(made.approve(asked, "carol")) == (forbidden, "ROLE_MISSING")
        other = await made.request(case, question("2001:db8:1::6", time=now))
        changed = made.approve(asked, question_hash=other.question_hash)
        assert await refused(changed) == ("FAILED_PRECONDITION", "QUESTION_CHANGED")
        expired = made.approve(asked, expires=-1)
        assert await refused(expired) == ("FAILED_PRECONDITION", "APPROVAL_EXPIRED")
        await made.approve(other, approved=False)
        assert await refused(made.answer(other)) == (forbidden, "TRACE_REFUSED")

        third = await made.request(case, question("2001:db8:1::7", time=now))
        await made.approve(third, expires=300)
        approved = utc_milliseconds()
        await assert_eventually(lambda: utc_milliseconds() > approved + 300)
        assert await refused(made.answer(third)) == (forbidden, "APPROVAL_EXPIRED")

        await made.approve(asked)
        assert await refused(made.approve(asked)) == ("FAILED_PRECONDITION", "ALREADY_DECIDED")
        assert await refused(made.answer(asked, "bob")) == (forbidden, "ROLE_MISSING")
        assert said((await made.answer(asked)).answers) == [(SUBSCRIBER, subscriber, "binding")]
        again = await made.answer(asked)
        assert again.answers[0].subscriber == subscriber

        records = [json.loads(json.loads(line)["record"]) for line in (await made.export())[1:]]
        refusals = [one["reason"] for one in records if one["event"] == "refused"]
        assert refusals[:4] == ["NOT_APPROVED", "SELF_APPROVAL", "ROLE_MISSING", "QUESTION_CHANGED"]
        assert {"TRACE_REFUSED", "APPROVAL_EXPIRED", "ALREADY_DECIDED"} <= set(refusals)
        told = json.dumps(records)
        assert subscriber not in told
        assert "2001:db8" not in told
        assert [one["event"] for one in records][-3:] == ["trace-answered", "answer-read", "audit-exported"]


async def test_who_asks_is_proven_and_what_is_asked_is_in_scope(nats_url, telemetry, tmp_path):
    async with desk(nats_url, telemetry, tmp_path) as made:
        alice = made.officers["alice"]
        now = utc_milliseconds()

        def opening(**changes):
            statement = pb.CaseStatement(
                case_number="K",
                purpose="fraud",
                scope=pb.CaseScope(prefixes=["2001:db8::/32"], not_before=1, not_after=2, max_questions=1),
                expires=now + DAY,
            )
            return statement, alice.sign("OpenCase", statement, **changes)

        async def opened(signed):
            return await refused(made.trace.OpenCase(pb.OpenCaseRequest(signed=signed)))

        forbidden = "PERMISSION_DENIED"
        assert await opened(opening(officer="mallory")[1]) == (forbidden, "OFFICER_UNKNOWN")
        assert await opened(opening(officer="bob")[1]) == (forbidden, "SIGNATURE_WRONG")
        assert await opened(opening(statement=b"\x01")[1]) == (forbidden, "SIGNATURE_WRONG")
        assert await opened(opening(signature=b"short")[1]) == (forbidden, "SIGNATURE_WRONG")
        other_call = alice.sign("RequestTrace", opening()[0])
        assert await opened(other_call) == (forbidden, "SIGNATURE_WRONG")
        stale = pb.CaseStatement(made=now - HOUR)
        assert await opened(alice.sign("OpenCase", stale)) == (forbidden, "STATEMENT_STALE")
        short = pb.CaseStatement(nonce=b"x")
        assert await opened(alice.sign("OpenCase", short)) == ("INVALID_ARGUMENT", "STATEMENT_MALFORMED")
        _, signed = opening()
        await made.trace.OpenCase(pb.OpenCaseRequest(signed=signed))
        assert await opened(signed) == (forbidden, "STATEMENT_REPEATED")
        assert await opened(opening()[1]) == ("ALREADY_EXISTS", "CASE_EXISTS")
        malformed = pb.CaseStatement(case_number="L", purpose=" ", expires=now + DAY)
        assert await opened(alice.sign("OpenCase", malformed)) == ("INVALID_ARGUMENT", "CASE_MALFORMED")

        case = await made.open_case(
            prefixes=["2001:db8:1::/48", "203.0.113.0/24"], not_before=now - HOUR, max_questions=2
        )
        precondition, invalid = "FAILED_PRECONDITION", "INVALID_ARGUMENT"
        inside = question("2001:db8:1::5", time=now)
        for reason, code, questions in (
            ("OUT_OF_SCOPE", precondition, [question("2001:db8:2::5", time=now)]),
            ("OUT_OF_SCOPE", precondition, [question("2001:db8:1::5", time=now - 2 * HOUR)]),
            ("OUT_OF_SCOPE", precondition, [inside] * 3),
            ("QUESTION_MALFORMED", invalid, []),
            ("QUESTION_MALFORMED", invalid, [question("nonsense", time=now)]),
            ("QUESTION_MALFORMED", invalid, [question("2001:db8:1::/64", time=now)]),
            ("QUESTION_MALFORMED", invalid, [question("2001:db8:1::5", 70_000, now)]),
            ("QUESTION_MALFORMED", invalid, [question("2001:db8:1::5", time=now, tolerance=2 * HOUR)]),
            ("QUESTION_MALFORMED", invalid, [question("2001:db8:1::5", time=now + DAY)]),
            ("TIME_REQUIRED", invalid, [question("203.0.113.5", 1111, 0)]),
            ("PORT_REQUIRED", invalid, [question("203.0.113.5", time=now)]),
            ("PROTOCOL_REQUIRED", invalid, [question("203.0.113.5", 1111, now, protocol=0)]),
        ):
            assert await refused(made.request(case, *questions)) == (code, reason), questions
        assert await refused(made.request("K-none", inside)) == ("NOT_FOUND", "CASE_UNKNOWN")
        assert await refused(made.request(case, inside, officer="bob")) == (forbidden, "ROLE_MISSING")
        foreign = pb.RequestTraceResponse(trace_id="0" * 16 + "-" + "0" * 32, question_hash=bytes(32))
        assert await refused(made.approve(foreign)) == ("NOT_FOUND", "TRACE_UNKNOWN")
        foreign.trace_id = "../../x"
        assert await refused(made.approve(foreign)) == ("NOT_FOUND", "TRACE_UNKNOWN")
        # An address that one terminal holds whole is shared by nobody.
        _, terminal = await enrolled(made.identity)
        await bind(made.identity, terminal, "203.0.113.9", "whole")
        await made.request(case, question("203.0.113.9"))


async def test_a_person_needs_two_officers_of_their_own_and_can_be_erased(nats_url, telemetry, tmp_path):
    async with desk(nats_url, telemetry, tmp_path) as made:
        subscriber, terminal = await enrolled(made.identity)
        await bind(made.identity, terminal, "2001:db8:1::/56", "a")
        case = await made.open_case()
        asked = await made.request(case, question("2001:db8:1::5"))

        async def person(name=subscriber, number=case):
            statement = pb.PersonStatement(
                case_number=number, trace_id=asked.trace_id, subscriber=name, purpose="charge"
            )
            signed = made.officers["alice"].sign("RequestPerson", statement)
            return await made.trace.RequestPerson(pb.RequestPersonRequest(signed=signed))

        def decided(wanted, officer):
            statement = pb.ApprovalStatement(
                trace_id=wanted.trace_id,
                question_hash=wanted.question_hash,
                approved=True,
                expires=utc_milliseconds() + HOUR,
            )
            signed = made.officers[officer].sign("ApprovePerson", statement)
            return made.trace.ApprovePerson(pb.ApprovePersonRequest(signed=signed))

        def resolved(wanted):
            signed = made.officers["alice"].sign("ResolvePerson", pb.ReadStatement(trace_id=wanted.trace_id))
            return made.trace.ResolvePerson(pb.ResolvePersonRequest(signed=signed))

        precondition, forbidden = "FAILED_PRECONDITION", "PERMISSION_DENIED"
        assert await refused(person()) == (precondition, "NOT_ANSWERED")
        await made.approve(asked)
        await made.answer(asked)
        assert await refused(person("s-other")) == (precondition, "NOT_ANSWERED")
        narrow = await made.open_case(persons=False)
        assert await refused(person(number=narrow)) == (precondition, "OUT_OF_SCOPE")
        wanted = await person()
        assert await refused(resolved(wanted)) == (forbidden, "NOT_APPROVED")
        assert await refused(decided(wanted, "alice")) == (forbidden, "SELF_APPROVAL")
        # The approval of a trace is none of a person.
        assert await refused(made.approve(wanted)) == ("NOT_FOUND", "TRACE_UNKNOWN")
        signed = made.officers["bob"].sign("GetWaiting", pb.ReadStatement(trace_id=wanted.trace_id))
        waiting = await made.trace.GetWaiting(pb.GetWaitingRequest(signed=signed))
        assert hashlib.sha256(waiting.signed.statement).digest() == wanted.question_hash
        assert (waiting.rpc, waiting.signed.officer) == ("RequestPerson", "alice")
        await decided(wanted, "bob")
        assert (await resolved(wanted)).person_reference == PERSON
        assert await refused(made.answer(wanted)) == ("NOT_FOUND", "TRACE_UNKNOWN")

        erasure = pb.ErasureStatement(subscriber=subscriber, reason="court order 7")
        signed = made.officers["carol"].sign("ErasePerson", erasure)
        assert (await made.trace.ErasePerson(pb.ErasePersonRequest(signed=signed))).erased
        assert await refused(resolved(wanted)) == ("NOT_FOUND", "PERSON_ERASED")
        bucket = await made.messaging.js.key_value("IDENTITY_VAULT")
        with pytest.raises(Exception, match=r"nats: key not found"):
            await bucket.get(subscriber)
        assert (await made.messaging.js.stream_info("IDENTITY_VAULT_KEYS")).state.messages == 0


async def test_the_trail_proves_itself_and_an_edited_record_is_named(nats_url, telemetry, tmp_path):
    async with desk(nats_url, telemetry, tmp_path) as made:
        for _ in range(5):
            await made.open_case()
        key = made.service.desk.audit.key
        kept = (await made.audit.GetCheckpoint(audit_pb2.GetCheckpointRequest())).checkpoint
        early = open_note(kept, key, is_signed)
        await made.open_case()
        lines = await made.export()
        assert verify(lines, key, early).size == 7
        edited = [line.replace("K-3", "K-9") for line in lines]
        with pytest.raises(TamperedError, match=r"record 2: it was edited.*case-opened"):
            verify(edited, key)
        newest = open_note(json.loads(lines[-1])["checkpoint"], key, is_signed)
        proof = await made.audit.GetConsistencyProof(audit_pb2.GetConsistencyProofRequest(first=5, second=7))
        assert is_consistent(5, 7, proof.proof, early.root, newest.root)
        included = await made.audit.GetInclusionProof(audit_pb2.GetInclusionProofRequest(index=2, size=7))
        assert is_included(included.leaf_hash, 2, 7, included.proof, newest.root)
        beyond = made.audit.GetInclusionProof(audit_pb2.GetInclusionProofRequest(index=70))
        assert await refused(beyond) == ("INVALID_ARGUMENT", "INDEX_BEYOND_TREE")
        # Nobody removes a record either: the stream itself refuses.
        js = made.messaging.js
        with pytest.raises(Exception, match="delete"):
            await js.delete_msg("AUDIT_TRACE", 3)
        with pytest.raises(Exception, match="purge"):
            await js.purge_stream("AUDIT_TRACE")
        # Who gets at the stream past the desk adds what the next start refuses to go on with, and names.
        await js.publish("audit.trace", b'{"event":"case-opened","index":8}')
    with pytest.raises(LifecycleError, match=r"record 7: this is no checkpoint"):
        async with desk(nats_url, telemetry, tmp_path):
            pass


async def test_old_logs_cases_and_persons_are_erased_and_the_trail_proves_it(nats_url, telemetry, tmp_path):
    async with desk(nats_url, telemetry, tmp_path, person_days=0) as made:
        _, (second, _) = await people(made)
        case = await made.open_case()
        asked = await made.request(case, question("2001:db8:1::5"))
        await made.identity.Retire(identity_pb.RetireRequest(pseudonym=second, reason="moved"))
        old = utc_milliseconds() - 200 * DAY
        warehouse = made.credit.warehouse
        # The engine itself drops what is too old, at a time of its own choosing: here the desk is to do it.
        await warehouse.write(lambda client: client.command("SYSTEM STOP TTL MERGES"))
        for table, column in (("bindings", "logged"), ("nat_sessions", "time_received")):
            await warehouse.write(
                lambda client, table=table, column=column: client.command(
                    f"INSERT INTO sixfold.{table} ({column}) VALUES "
                    f"(fromUnixTimestamp64Milli({old}, 'UTC')), (now64(3))"
                )
            )
        retention = made.service.desk.retention
        later = utc_milliseconds() + 1100 * DAY
        await retention.run()
        records = [json.loads(json.loads(line)["record"]) for line in (await made.export())[1:]]
        erased = [one for one in records if one["event"].endswith("-erased")]
        # The run of the start may have been before this one.
        assert {one["event"] for one in erased} == {"person-erased", "logs-erased"}
        for table in ("bindings", "nat_sessions"):
            assert sum(one.get(f"{table}_found", 0) for one in erased) == 1
            assert sum(one.get(f"{table}_left", 0) for one in erased) == 0
        assert (await made.messaging.js.stream_info("IDENTITY_VAULT_KEYS")).state.messages == 1
        retention._clock = lambda: later
        with pytest.raises(Exception, match="logs are kept for 190 days"):
            await retention.run()
        records = [json.loads(json.loads(line)["record"]) for line in (await made.export())[1:]]
        assert {"event": "case-erased", "case": case, "records": 2}.items() <= records[-2].items()
        assert await refused(made.answer(asked)) == ("NOT_FOUND", "TRACE_UNKNOWN")
        assert (await made.messaging.js.stream_info("TRACE_CASE_KEYS")).state.messages == 0
