"""Trace: one question, ten thousand at once, the deterministic paths, and binding logs taken in.

The warehouse is filled by ClickHouse itself (public address, port and time of every session follow from its number, so
the right answer to every question is known); the questions go the whole way that two officers go.
"""

import asyncio
import secrets
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import nacl.signing
import numpy as np

from benchmarks.platform import Platform, free_port_base, up
from benchmarks.report import report
from benchmarks.warehouse import writer
from sixfold.address import service as address_service
from sixfold.address.config import AddressSettings
from sixfold.api.address.v1 import translation_pb2
from sixfold.api.address.v1.translation_pb2_grpc import TranslationServiceStub
from sixfold.api.identity.v1 import bindings_pb2, identity_pb2
from sixfold.api.identity.v1 import trace_pb2 as pb
from sixfold.api.identity.v1.bindings_pb2_grpc import BindingLogServiceStub
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.api.identity.v1.trace_pb2_grpc import TraceServiceStub
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import ClientSettings, connect
from sixfold.chassis.telemetry import TelemetrySettings, setup
from sixfold.identity import service as identity_service
from sixfold.identity.config import IdentitySettings, TraceSettings
from sixfold.identity.domain.case import read_question
from sixfold.identity.trace.admission import signed_bytes
from sixfold.local.nats_server import binary

DAYS: Final = 30
DAY: Final = 86_400_000
LASTS: Final = 300_000
HOLDERS: Final = 1_000
INSIDE: Final = 65_536
CHUNK: Final = 5_000_000
GOALS: Final = (
    "one question: p99 under 20 ms; 10,000 at once under 1 s; deterministic paths under 1 ms; 200,000 bindings/s",
)
CLIENT: Final = ClientSettings(default_deadline=120.0, max_message_bytes=64 << 20)

# Session k: who, when, behind which public place. Every second row is its end.
_SESSION: Final = """
    cityHash64(k, 1) % {inside} AS i, {start} + cityHash64(k, 2) % {span} AS begun,
    toIPv6(concat('::ffff:203.0.', toString(cityHash64(k, 3) % 16), '.', toString(cityHash64(k, 4) % 256))) AS public,
    toUInt16(1024 + cityHash64(k, 5) % 64512) AS port
"""
_PREFIX: Final = "toIPv6(concat('2001:db8:', lower(hex(toUInt16(i))), '::{host}'))"


def _fill(client: Any, sessions: int, bindings: int, start: int, holders: Sequence[str]) -> int:
    """Rows of `nat_sessions` (two a session) and `bindings`; the time that a binding lasts."""
    session = _SESSION.format(inside=INSIDE, start=start, span=DAYS * DAY - LASTS)
    for first in range(0, 2 * sessions, CHUNK):
        client.command(f"""
            INSERT INTO sixfold.nat_sessions (time_received, time, gateway, exporter, event, protocol, src_address,
                src_port, post_nat_src_address, post_nat_src_port, post_nat_dst_address, post_nat_dst_port)
            SELECT at, at, 'gw-1', toIPv6('::ffff:192.0.2.1'), if(number % 2 = 0, 6, 7), 6, {_PREFIX.format(host=5)},
                40000, public, port, toIPv6('::ffff:198.51.100.80'), 443
            FROM (SELECT number, intDiv(number, 2) AS k, {session},
                  fromUnixTimestamp64Milli(toInt64(begun + if(number % 2 = 0, 0, {LASTS})), 'UTC') AS at
                  FROM numbers({first}, {min(CHUNK, 2 * sessions - first)}))
            SETTINGS max_partitions_per_insert_block = 1000""")
    slots = max(1, bindings // INSIDE)
    slot = DAYS * DAY // slots
    names = ", ".join(f"'{name}'" for name in holders)
    for first in range(0, slots * INSIDE, CHUNK):
        client.command(f"""
            INSERT INTO sixfold.bindings (network, length, port_first, port_last, since, until, holder, gateway, source,
                number, logged)
            SELECT {_PREFIX.format(host="")}, 48, 0, 65535,
                fromUnixTimestamp64Milli(toInt64({start} + j * {slot}), 'UTC'),
                fromUnixTimestamp64Milli(toInt64({start} + (j + 1) * {slot}), 'UTC'),
                [{names}][1 + (i + j) % {len(holders)}], 'gw-1', 'bench', number, now64(3)
            FROM (SELECT number, number % {INSIDE} AS i, intDiv(number, {INSIDE}) AS j
                  FROM numbers({first}, {min(CHUNK, slots * INSIDE - first)}))""")
    return slot


def _merged(client: Any) -> None:
    for table in ("nat_sessions", "bindings"):
        client.command(f"OPTIMIZE TABLE sixfold.{table} FINAL SETTINGS mutations_sync = 2")


def _questions(
    client: Any, number: int, sessions: int, start: int, slot: int, holders: Sequence[str]
) -> list[tuple[pb.Question, str]]:
    """Questions about the middle of sessions drawn by lot, with the right answers."""
    chosen = np.random.default_rng(7).integers(0, sessions, number)
    session = _SESSION.format(inside=INSIDE, start=start, span=DAYS * DAY - LASTS)
    listed = ", ".join(map(str, chosen))
    rows = client.query(
        f"SELECT i, begun, replaceOne(toString(public), '::ffff:', ''), port "
        f"FROM (SELECT arrayJoin([{listed}]::Array(UInt64)) AS k, {session})",
        settings={"max_query_size": 16 << 20},
    ).result_rows
    made = []
    for inside, begun, public, port in rows:
        at = int(begun) + LASTS // 2
        holder = holders[(int(inside) + (at - start) // slot) % len(holders)]
        question = pb.Question(address=public, port=int(port), protocol=6, time=at, clock_tolerance=1000)
        made.append((question, holder))
    return made


class Officer:
    def __init__(self, platform: Platform, name: str) -> None:
        self.name = name
        self._key = nacl.signing.SigningKey(
            bytes.fromhex((platform.home / "secrets" / f"{name}.key").read_text().strip())
        )

    def signed(self, rpc: str, statement: Any) -> pb.Signed:
        statement.made, statement.nonce = time.time_ns() // 1_000_000, secrets.token_bytes(16)
        data = statement.SerializeToString()
        return pb.Signed(
            officer=self.name,
            statement=data,
            signature=self._key.sign(signed_bytes(rpc, data)).signature,
        )


class Officers:
    def __init__(self, platform: Platform, stub: Any) -> None:
        self._stub = stub
        self._asks, self._approves = Officer(platform, "officer-a"), Officer(platform, "officer-b")

    async def open_case(self, start: int) -> None:
        now = time.time_ns() // 1_000_000
        scope = pb.CaseScope(prefixes=["0.0.0.0/0"], not_before=start, not_after=now, max_questions=1_000_000)
        statement = pb.CaseStatement(case_number="bench", purpose="bench", scope=scope, expires=now + DAY)
        await self._stub.OpenCase(pb.OpenCaseRequest(signed=self._asks.signed("OpenCase", statement)))

    async def answered(self, questions: Sequence[pb.Question]) -> tuple[float, Sequence[pb.Answer]]:
        """Seconds that GetAnswer takes, and the answers."""
        statement = pb.TraceStatement(case_number="bench", questions=questions)
        made = await self._stub.RequestTrace(
            pb.RequestTraceRequest(signed=self._asks.signed("RequestTrace", statement))
        )
        approval = pb.ApprovalStatement(
            trace_id=made.trace_id,
            question_hash=made.question_hash,
            approved=True,
            expires=time.time_ns() // 1_000_000 + DAY,
        )
        await self._stub.ApproveTrace(
            pb.ApproveTraceRequest(signed=self._approves.signed("ApproveTrace", approval))
        )
        signed = self._asks.signed("GetAnswer", pb.ReadStatement(trace_id=made.trace_id))
        began = time.perf_counter()
        answer = await self._stub.GetAnswer(pb.GetAnswerRequest(signed=signed))
        return time.perf_counter() - began, answer.answers


async def _enrolled(channel: Any) -> list[str]:
    wishes = [
        identity_pb2.EnrolSubscriberRequest(person_reference=f"customer {number}")
        for number in range(HOLDERS)
    ]
    answer = await IdentityServiceStub(channel).BatchEnrolSubscribers(
        identity_pb2.BatchEnrolSubscribersRequest(requests=wishes)
    )
    return [one.enrolled.subscriber.subscriber for one in answer.results]


def _right(answers: Sequence[pb.Answer], asked: Sequence[tuple[pb.Question, str]]) -> tuple[int, int]:
    """Answers that name the right subscriber, and those that name a wrong one (there must be none)."""
    named = [(answer.subscriber, holder) for answer, (_, holder) in zip(answers, asked, strict=True)]
    right = sum(subscriber == holder for subscriber, holder in named)
    wrong = sum(bool(subscriber) and subscriber != holder for subscriber, holder in named)
    return right, wrong


def _milliseconds(times: Sequence[float], quantile: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * quantile))] * 1000


async def _over_logs(platform: Platform, millions: int, *, quick: bool) -> list[dict[str, Any]]:
    client = writer(platform)
    async with connect(platform.endpoints["grpc.identity"], CLIENT) as channel:
        holders = await _enrolled(channel)
        sessions, bindings = millions * 400_000, millions * 200_000
        start = time.time_ns() // 1_000_000 - (DAYS + 1) * DAY
        slot = await asyncio.to_thread(_fill, client, sessions, bindings, start, holders)
        await asyncio.to_thread(_merged, client)
        single = 100 if quick else 1_000
        asked = await asyncio.to_thread(_questions, client, single + 20_000, sessions, start, slot, holders)
        officers = Officers(platform, TraceServiceStub(channel))
        await officers.open_case(start)
        await officers.answered([asked[0][0]])
        times: list[float] = []
        right = wrong = 0
        for question, holder in asked[:single]:
            took, answers = await officers.answered([question])
            times.append(took)
            one, other = _right(answers, [(question, holder)])
            right, wrong = right + one, wrong + other
        rows = [
            {
                "what": f"one question over {millions} M rows, GetAnswer with its audit record",
                "p50 ms": _milliseconds(times, 0.5),
                "p99 ms": _milliseconds(times, 0.99),
                "per second": 1 / statistics.mean(times),
                "named rightly": right / single,
                "wrongly": wrong,
            }
        ]
        batches = []
        for first in (single, single + 10_000):
            batch = asked[first : first + 10_000]
            took, answers = await officers.answered([question for question, _ in batch])
            batches.append((took, *_right(answers, batch)))
        took, right, wrong = min(batches)
        rows.append(
            {
                "what": f"10,000 questions at once over {millions} M rows",
                "p50 ms": took * 1000,
                "p99 ms": max(batches)[0] * 1000,
                "per second": 10_000 / took,
                "named rightly": right / 10_000,
                "wrongly": wrong,
            }
        )
        rows.append(await _ingested(platform, channel, holders, 400_000 if quick else 4_000_000))
    return rows


def _log_batches(holders: Sequence[str], rows: int) -> Iterator[bindings_pb2.LogBindingsRequest]:
    size = 50_000
    now = time.time_ns() // 1_000_000
    for number in range(rows // size):
        ids = np.arange(number * size, (number + 1) * size, dtype="<u8")
        networks = np.zeros((size, 16), np.uint8)
        networks[:, :4] = (0x20, 0x01, 0x0D, 0xB9)
        networks[:, 4:8] = ids.astype(">u4").view(np.uint8).reshape(-1, 4)
        yield bindings_pb2.LogBindingsRequest(
            source="bench-log",
            batch=str(number),
            holders=holders,
            gateways=["gw-1"],
            columns=bindings_pb2.BindingColumns(
                holder=(ids % len(holders)).astype("<u4").tobytes(),
                network=networks.tobytes(),
                length=np.full(size, 64, "u1").tobytes(),
                port_first=np.zeros(size, "<u2").tobytes(),
                port_last=np.full(size, 65_535, "<u2").tobytes(),
                number=ids.tobytes(),
                since=np.full(size, now - 1000, "<i8").tobytes(),
                until=np.zeros(size, "<i8").tobytes(),
                gateway=np.zeros(size, "<u2").tobytes(),
            ),
        )


async def _ingested(platform: Platform, channel: Any, holders: Sequence[str], rows: int) -> dict[str, Any]:
    """Acknowledged by the ledger, and stored in the warehouse, from the first call on."""
    stub = BindingLogServiceStub(channel)
    requests = list(_log_batches(holders, rows))
    client = writer(platform)

    def stored() -> int:
        count = "SELECT count() FROM sixfold.bindings WHERE source = 'bench-log'"
        return int(client.query(count).result_rows[0][0])

    began = time.perf_counter()
    for four in _fours(requests):
        await asyncio.gather(*(stub.LogBindings(request) for request in four))
    acknowledged = time.perf_counter() - began
    while await asyncio.to_thread(stored) < rows:
        if time.perf_counter() - began > 300:
            raise SystemExit("the bindings did not come into the warehouse")
        await asyncio.sleep(0.05)
    took = time.perf_counter() - began
    return {
        "what": f"{rows:,} bindings logged and stored (acknowledged at {rows / acknowledged:,.0f}/s)",
        "per second": rows / took,
    }


def _fours(requests: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(requests), 4):
        yield requests[first : first + 4]


@contextmanager
def _bus() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="sixfold-bench-") as folder:
        port = free_port_base(1)
        process = subprocess.Popen(
            [str(binary()), "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(port)],
            stderr=subprocess.DEVNULL,
        )
        try:
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


async def _deterministic(url: str, folder: Path, *, quick: bool) -> list[dict[str, Any]]:
    """The resolver in this process, with the real address centre beside it and no warehouse at all."""
    keys = {}
    for name in ("pseudonym", "vault", "audit", "case"):
        keys[name] = folder / name
        keys[name].write_text(secrets.token_hex(32))
    telemetry = setup(TelemetrySettings(), service="bench")
    async with AsyncExitStack() as stack:
        messaging = Messaging(NatsSettings(servers=(url,)))
        await messaging.start()
        stack.push_async_callback(messaging.stop)
        addresses = address_service.build(
            AddressSettings(), address_service.Dependencies(messaging, telemetry)
        )
        await addresses.start()
        stack.push_async_callback(addresses.stop)
        settings = IdentitySettings(
            pseudonym_key_file=keys["pseudonym"],
            vault_key_file=keys["vault"],
            nat_sessions=False,
            trace=TraceSettings(
                audit_key_file=keys["audit"],
                case_key_file=keys["case"],
                address=addresses.rpc.address,
                identifier_networks=("2001:db8:aa::/48",),
            ),
        )
        identity = identity_service.build(settings, identity_service.Dependencies(messaging, telemetry))
        await identity.start()
        stack.push_async_callback(identity.stop)
        channel = await stack.enter_async_context(connect(identity.rpc.address))
        places = await _prepare(channel, addresses.rpc.address)
        assert identity.desk is not None
        rows = []
        for path, address, port in places:
            now = time.time_ns() // 1_000_000
            asked = read_question(address, port, 6 if port else 0, now, ("", 0), 0, now)
            times = []
            for _ in range(500 if quick else 5_000):
                began = time.perf_counter()
                (verdict,) = await identity.desk.resolver.answer([asked])
                times.append(time.perf_counter() - began)
            assert (verdict.outcome, verdict.path) == ("subscriber", path), verdict
            rows.append(
                {
                    "what": f"deterministic path: {path}",
                    "p50 ms": _milliseconds(times, 0.5),
                    "p99 ms": _milliseconds(times, 0.99),
                    "per second": 1 / statistics.mean(times),
                }
            )
    telemetry.shutdown()
    return rows


async def _prepare(channel: Any, address_centre: str) -> list[tuple[str, str, int]]:
    """A holder of everything, three rules and an identity-bearing address; what to ask for (path, address, port)."""
    stub = IdentityServiceStub(channel)
    enrolled = await stub.EnrolSubscriber(identity_pb2.EnrolSubscriberRequest(person_reference="one"))
    subscriber = enrolled.subscriber.subscriber
    wish = identity_pb2.EnrolTerminalRequest(
        subscriber=subscriber, terminal_class=identity_pb2.TERMINAL_CLASS_HOME_GATEWAY
    )
    terminal = (await stub.EnrolTerminal(wish)).terminal.terminal
    for prefix in ("2001:db8:12:3400::/56", "100.64.1.3/32", "2001:db9:77::/64"):
        bound = identity_pb2.BindAddressRequest(
            terminal=terminal, prefix=prefix, gateway="gw-1", idempotency_key=prefix
        )
        await stub.BindAddress(bound)
    rules = (
        {
            "map": translation_pb2.MapRule(
                mode=translation_pb2.MAP_MODE_TRANSLATION,
                ipv6_prefix="2001:db8::/40",
                ipv4_prefix="192.0.2.0/24",
                ea_length=16,
                border="64:ff9b::/96",
            )
        },
        {
            "deterministic_nat": translation_pb2.DeterministicNat(
                inside_prefix="100.64.1.0/28", outside_prefix="203.0.113.1/32", dynamic_factor=2
            )
        },
        {
            "lw4o6": translation_pb2.Lw4o6Binding(
                ipv6_prefix="2001:db9:77::/64",
                public_address="203.0.113.2",
                psid_length=8,
                psid=0x34,
                border="2001:db8:ffff::1",
            )
        },
    )
    async with connect(address_centre) as centre:
        for number, kind in enumerate(rules):
            rule: Any = translation_pb2.TranslationRule(rule_id=f"r-{number}", gateway="gw-1", **kind)
            await TranslationServiceStub(centre).PutTranslationRule(
                translation_pb2.PutTranslationRuleRequest(rule=rule)
            )
    issued = await TraceServiceStub(channel).IssueInterfaceIdentifier(
        pb.IssueInterfaceIdentifierRequest(network="2001:db8:aa:1::/64", pseudonym=subscriber)
    )
    bound = identity_pb2.BindAddressRequest(
        terminal=terminal, prefix="2001:db8:aa:1::/64", gateway="gw-1", idempotency_key="identifier"
    )
    await stub.BindAddress(bound)
    return [
        ("map", "192.0.2.18", 1232),
        ("deterministic-nat", "203.0.113.1", 9088),
        ("lw4o6", "203.0.113.2", 1232),
        ("binding", "2001:db8:12:3412::9", 0),
        ("interface-identifier", issued.address, 0),
    ]


def main(*, quick: bool = False) -> None:
    with _bus() as url, tempfile.TemporaryDirectory(prefix="sixfold-bench-") as folder:
        rows = asyncio.run(_deterministic(url, Path(folder), quick=quick))
    with up() as platform:
        rows += asyncio.run(_over_logs(platform, 5 if quick else 100, quick=quick))
    report("trace", "Trace", rows, GOALS)
