"""The ledger where things go wrong: lost answers, two writers, killed servers, bad events, damaged streams."""

import asyncio
import itertools
import json
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixfold.chassis.ledger import (
    CodecError,
    Ledger,
    LedgerConflictError,
    LedgerDamagedError,
    LedgerError,
    LedgerRepeatedError,
    LedgerUnavailableError,
    NotActiveError,
)
from sixfold.chassis.messaging import BusUnavailableError, Messaging, NatsSettings, Outgoing
from sixfold.chassis.telemetry import Telemetry
from sixfold.chassis.testing import NatsServer, NatsServers, counters

pytestmark = pytest.mark.nats


@dataclass(frozen=True)
class Put:
    name: str
    value: int


class Json:
    """A codec of the test: what matters here is what stands around it."""

    def encode(self, event: Any) -> tuple[str, bytes]:
        if event.value < 0:
            raise CodecError("negative")
        return "put", json.dumps([event.name, event.value]).encode()

    def decode(self, event_type: str, data: bytes) -> Any:
        return Put(*json.loads(data))


State = dict[str, int]


class JsonSnapshots:
    version = "1"

    def dump(self, state: State) -> bytes:
        return json.dumps(state).encode()

    def load(self, data: bytes) -> State:
        return json.loads(data)


def pure(state: State, event: Put) -> State:
    if event.name == "bad":
        raise KeyError("bad")
    return state | {event.name: event.value}


def in_place(state: State, event: Put) -> State:
    state[event.name] = event.value
    if event.name == "bad":
        raise KeyError("bad")
    return state


def book(messaging: Messaging, evolve: Callable[[State, Put], State] = pure, **options: Any) -> Ledger[State]:
    return Ledger(messaging, centre="address", initial=dict, evolve=evolve, codec=Json(), **options)


def put(name: str, value: int) -> Callable[[State], tuple[Sequence[Put], int]]:
    return lambda _: ([Put(name, value)], value)


def add(name: str, amount: int = 1) -> Callable[[State], tuple[Sequence[Put], int]]:
    """Reads and writes: a lost or doubled append shows in the sum."""

    def decide(state: State) -> tuple[Sequence[Put], int]:
        value = state.get(name, 0) + amount
        return [Put(name, value)], value

    return decide


async def connected(*servers: NatsServer) -> Messaging:
    urls = tuple(server.url for server in servers)
    made = Messaging(NatsSettings(servers=urls, replicas=len(servers)))
    await made.start()
    return made


async def replayed(messaging: Messaging) -> Ledger[State]:
    again = book(messaging)
    await again.start()
    await again.stop()
    return again


# -- replay ---------------------------------------------------------------------------------------------------------

transactions = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=4), min_size=1, max_size=12
)


@pytest.mark.parametrize("evolve", [pure, in_place])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=transactions, snapshot_every=st.integers(1, 10))
def test_a_replay_equals_the_live_state(
    nats_url: str,
    evolve: Callable[[State, Put], State],
    groups: list[list[tuple[str, int]]],
    snapshot_every: int,
) -> None:
    centre = f"replay-{uuid.uuid4().hex}"

    async def scenario() -> None:
        bus = Messaging(NatsSettings(servers=(nats_url,)))
        await bus.start()
        options: dict[str, Any] = {"centre": centre, "initial": dict, "evolve": evolve, "codec": Json()}
        live: Ledger[State] = Ledger(bus, **options, snapshots=JsonSnapshots(), snapshot_every=snapshot_every)
        await live.start()
        heard: list[tuple[Put, int]] = []
        live.follow(lambda event, sequence, _: heard.append((event, sequence)))

        def decide(items: list[tuple[str, int]]) -> Callable[[State], tuple[list[Put], int]]:
            return lambda state: ([Put(*item) for item in items], len(state))

        await asyncio.gather(*(live.transact(decide(items)) for items in groups))
        expected: State = {}
        for event, _ in heard:
            expected = pure(expected, event)
        assert live.state == expected
        assert [sequence for _, sequence in heard] == list(range(1, sum(map(len, groups)) + 1))
        await live.stop()
        for snapshots in (None, JsonSnapshots()):
            again: Ledger[State] = Ledger(bus, **options, snapshots=snapshots)
            await again.start()
            assert (again.state, again.sequence) == (live.state, live.sequence)
            await again.stop()
        await bus.js.delete_stream(f"LEDGER_{centre.upper()}")
        await bus.stop()

    asyncio.run(scenario())


async def test_a_long_replay_reads_all(messaging: Messaging) -> None:
    ledger = book(messaging)
    await ledger.start()
    await asyncio.gather(*(ledger.transact(add("a")) for _ in range(3000)))
    await ledger.stop()
    assert (await replayed(messaging)).state == {"a": 3000}


# -- unknown outcomes -----------------------------------------------------------------------------------------------


class Lossy:
    """The real wire, on which answers (or whole requests) get lost."""

    def __init__(self, messaging: Messaging, *, seed: int) -> None:
        self._publish = messaging.publish_batch
        self._random = random.Random(seed)
        self.lost = 0
        messaging.publish_batch = self  # type: ignore[method-assign]

    async def __call__(self, messages: Sequence[Outgoing], **options: Any) -> int:
        fate = self._random.random()
        if fate < 0.2:
            self.lost += 1
            raise BusUnavailableError("lost on the way there")
        answer = await self._publish(messages, **options)
        if fate < 0.5:
            self.lost += 1
            raise BusUnavailableError("lost on the way back")
        return answer


@pytest.mark.parametrize("nodes", [1, 3])
async def test_lost_answers_lose_and_double_nothing(nats_server: NatsServers, nodes: int) -> None:
    servers = [nats_server()] if nodes == 1 else nats_server.cluster()
    buses = [await connected(*servers) for _ in range(2)]
    wires = [Lossy(bus, seed=number) for number, bus in enumerate(buses)]
    writers = [book(bus) for bus in buses]
    for writer in writers:
        await writer.start()

    async def work(writer: Ledger[State]) -> list[int]:
        return [await writer.transact(add("a")) for _ in range(15)]

    answers = await asyncio.gather(*(work(writer) for writer in writers for _ in range(2)))
    assert sorted(itertools.chain(*answers)) == list(range(1, 61))
    assert all(wire.lost for wire in wires)
    for writer in writers:
        await writer.stop()
    assert (await replayed(buses[0])).state == {"a": 60}
    for bus in buses:
        await bus.stop()


@pytest.mark.parametrize("evolve", [pure, in_place])
async def test_an_append_that_never_arrives_is_refused_and_leaves_no_trace(
    messaging: Messaging, evolve: Callable[[State, Put], State]
) -> None:
    ledger = book(messaging, evolve, append_timeout=0.2)
    await ledger.start()
    await ledger.transact(put("a", 1))
    publish = messaging.publish_batch

    async def away(*_: Any, **__: Any) -> int:
        raise BusUnavailableError("away")

    messaging.publish_batch = away  # type: ignore[method-assign]
    with pytest.raises(LedgerUnavailableError, match="away"):
        await ledger.transact(put("b", 2))
    messaging.publish_batch = publish  # type: ignore[method-assign]
    assert await ledger.transact(lambda state: ([Put("c", len(state))], dict(state))) == {"a": 1}
    assert ledger.state == {"a": 1, "c": 1}
    assert (await replayed(messaging)).state == ledger.state
    await ledger.stop()


# -- two writers, killed servers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("nodes", "evolve"), [(1, pure), (3, pure), (1, in_place)])
async def test_two_writers_and_a_killed_server(
    nats_server: NatsServers, nodes: int, evolve: Callable[[State, Put], State]
) -> None:
    servers = [nats_server()] if nodes == 1 else nats_server.cluster()
    buses = [await connected(*servers) for _ in range(2)]
    writers = [book(bus, evolve) for bus in buses]
    for writer in writers:
        await writer.start()
    answers: list[int] = []
    some = asyncio.Event()

    async def work(writer: Ledger[State], name: str) -> None:
        for number in range(25):
            answers.append(await _patient(writer, add("a"), f"{name}-{number}"))
            if len(answers) > 30:
                some.set()

    workers = [
        asyncio.create_task(work(writer, f"{number}-{worker}"))
        for number, writer in enumerate(writers)
        for worker in range(2)
    ]
    await some.wait()
    info = await buses[0].js.stream_info("LEDGER_ADDRESS")
    leader = info.cluster.leader if nodes > 1 and info.cluster else None
    victim = next((server for server in servers if server.name == leader), servers[0])
    await asyncio.to_thread(victim.restart)
    await asyncio.gather(*workers)
    assert sorted(answers) == list(range(1, 101))
    for writer in writers:
        await writer.stop()
    assert (await replayed(buses[0])).state == {"a": 100}
    for bus in buses:
        await bus.stop()


async def _patient(writer: Ledger[State], decide: Any, key: str) -> int:
    """As a caller does: the same key again until there is an answer."""
    while True:
        try:
            return await writer.transact(decide, key=key)
        except (LedgerConflictError, LedgerUnavailableError):
            continue


async def test_a_standby_takes_over_in_the_middle(messaging: Messaging) -> None:
    active, standby = book(messaging), book(messaging, role="standby")
    await active.start()
    await standby.start()
    with pytest.raises(NotActiveError):
        await standby.transact(add("a"))
    before = [asyncio.create_task(active.transact(add("a"))) for _ in range(200)]
    await standby.promote()
    after = [asyncio.create_task(standby.transact(add("a"))) for _ in range(200)]
    answers = await asyncio.gather(*before, *after)
    assert sorted(answers) == list(range(1, 401))
    await active.stop()
    await standby.stop()
    assert (await replayed(messaging)).state == {"a": 400}


# -- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result_of", ["none", "number", "event", "some events", "list"])
@pytest.mark.parametrize("snapshot_every", [1, 1000])
async def test_a_key_gives_its_first_result_after_a_restart(
    messaging: Messaging, result_of: str, snapshot_every: int, assert_eventually
) -> None:
    events = [Put("a", 1), Put("b", 2), Put("c", 3)]
    first = {
        "none": None,
        "number": 7,
        "event": events[1],
        "some events": (events[2], events[0]),
        "list": ["x", 1.5],
    }
    options = {"snapshots": JsonSnapshots(), "snapshot_every": snapshot_every}
    ledger = book(messaging, **options)
    await ledger.start()
    key = "Müller/1: ä\n"
    assert await ledger.transact(lambda _: (events, first[result_of]), key=key) == first[result_of]
    await ledger.stop()
    again = book(messaging, **options)
    await again.start()
    assert await again.transact(lambda _: ([Put("d", 4)], "other"), key=key) == first[result_of]
    assert again.sequence == 3
    await again.stop()


async def test_a_result_that_cannot_be_told_again_is_no_second_append(messaging: Messaging) -> None:
    ledger = book(messaging)
    await ledger.start()
    result = object()
    assert await ledger.transact(lambda _: ([Put("a", 1)], result), key="k") is result
    assert await ledger.transact(lambda _: ([Put("a", 2)], None), key="k") is result
    await ledger.stop()
    again = book(messaging)
    await again.start()
    with pytest.raises(LedgerRepeatedError) as refused:
        await again.transact(lambda _: ([Put("a", 2)], None), key="k")
    assert refused.value.events == (Put("a", 1),)
    assert await again.transact(lambda _: ([], "seen"), key="k") == "seen"
    repeat = again.transact(lambda _: ([], "x"), key="k", repeat=lambda _, events: events[0].value)
    assert await repeat in ("seen", 1)
    assert again.sequence == 1
    await again.stop()


async def test_a_key_in_use_is_answered_once_for_all(messaging: Messaging) -> None:
    ledger = book(messaging)
    await ledger.start()
    assert await asyncio.gather(*(ledger.transact(add("a"), key="k") for _ in range(50))) == [1] * 50
    for wrong in ("", "x" * 513):
        with pytest.raises(ValueError, match="1 to 512 characters"):
            await ledger.transact(add("a"), key=wrong)
    await ledger.stop()


async def test_two_writers_with_one_key_write_once(messaging: Messaging) -> None:
    writers = [book(messaging), book(messaging)]
    for writer in writers:
        await writer.start()
    calls = [writer.transact(add("a"), key=f"k{number}") for number in range(30) for writer in writers]
    answers = await asyncio.gather(*calls)
    assert answers[::2] == answers[1::2]
    assert sorted(answers[::2]) == list(range(1, 31))
    for writer in writers:
        await writer.stop()


# -- bad callers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evolve", [pure, in_place])
async def test_only_the_culprit_is_refused(
    messaging: Messaging, evolve: Callable[[State, Put], State], telemetry: Telemetry
) -> None:
    ledger = book(messaging, evolve, telemetry=telemetry)
    await ledger.start()
    results = await asyncio.gather(
        ledger.transact(put("a", 1)),
        ledger.transact(lambda _: ([Put("x", 5), Put("y", -1)], None)),
        ledger.transact(lambda _: ([Put("z", 6), Put("bad", 1)], None)),
        ledger.transact(lambda _: ([Put("n", n) for n in range(1001)], None)),
        ledger.transact(put("b", 2)),
        return_exceptions=True,
    )
    assert (results[0], results[4]) == (1, 2)
    assert [type(result) for result in results[1:4]] == [CodecError, KeyError, LedgerError]
    await ledger.transact(put("c", 3))
    assert ledger.state == {"a": 1, "b": 2, "c": 3}
    assert (await replayed(messaging)).state == ledger.state
    outcomes = {key: value for key, value in counters(telemetry.registry).items() if "transactions" in key}
    assert outcomes == {
        'ledger_transactions_total{ledger="ledger-address",outcome="committed"}': 3,
        'ledger_transactions_total{ledger="ledger-address",outcome="refused"}': 3,
    }
    await ledger.stop()


async def test_a_caller_who_has_gone_is_not_decided_for(messaging: Messaging) -> None:
    ledger = book(messaging)
    await ledger.start()
    calls = [asyncio.create_task(ledger.transact(add("a"))) for _ in range(3)]
    await asyncio.sleep(0)
    calls[1].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert answers[0] == 1
    assert answers[2] == 2
    await ledger.stop()


async def test_a_follower_that_fails_ends_the_ledger_after_the_answers(messaging: Messaging) -> None:
    ledger = book(messaging)
    await ledger.start()

    def fail(*_: Any) -> None:
        raise ValueError("no room")

    ledger.follow(fail)
    assert await ledger.transact(put("a", 1)) == 1
    assert ledger.task is not None
    with pytest.raises(ValueError, match="no room"):
        await ledger.task
    assert not ledger.ready
    with pytest.raises(LedgerUnavailableError, match="is not running"):
        await ledger.transact(put("b", 1))
    await ledger.stop()


async def test_stop_finishes_what_waits_and_refuses_what_comes(messaging: Messaging) -> None:
    ledger = book(messaging)
    with pytest.raises(LedgerUnavailableError, match="is not running"):
        await ledger.transact(put("a", 1))
    await ledger.start()
    calls = [asyncio.create_task(ledger.transact(add("a"))) for _ in range(1500)]
    await asyncio.sleep(0)
    await ledger.stop()
    assert sorted(await asyncio.gather(*calls)) == list(range(1, 1501))
    with pytest.raises(LedgerUnavailableError):
        await ledger.transact(put("a", 1))


# -- damaged streams and snapshots ----------------------------------------------------------------------------------


async def test_events_cannot_be_removed_from_the_stream(messaging: Messaging) -> None:
    ledger = book(messaging)
    await ledger.start()
    await ledger.transact(put("a", 1))
    for attempt in (
        messaging.js.purge_stream("LEDGER_ADDRESS"),
        messaging.js.delete_msg("LEDGER_ADDRESS", 1),
    ):
        with pytest.raises(Exception, match=r"not permitted|denied"):
            await attempt
    await ledger.stop()


async def test_a_stream_that_was_replaced_is_noticed(
    messaging: Messaging, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = book(messaging, snapshots=JsonSnapshots(), snapshot_every=1, append_timeout=0.3)
    await ledger.start()
    await ledger.transact(put("a", 1))
    await ledger.transact(put("b", 1))
    await messaging.js.delete_stream("LEDGER_ADDRESS")
    with pytest.raises(LedgerUnavailableError):
        await ledger.transact(put("c", 1))
    await ledger.stop()
    again = book(messaging, snapshots=JsonSnapshots())
    await again.start()
    assert (again.state, again.sequence) == ({}, 0)
    assert "is of another stream and not used" in caplog.text
    for number in range(3):
        await again.transact(put("new", number))
    await again.stop()
    third = book(messaging, snapshots=JsonSnapshots())
    await third.start()
    assert third.state == {"new": 2}
    await third.stop()


async def test_a_foreign_message_in_the_stream_stops_the_start(messaging: Messaging) -> None:
    ledger = book(messaging)
    await ledger.start()
    await ledger.stop()
    await messaging.publish("event.address.alien.v1", b"?")
    with pytest.raises(LedgerDamagedError, match="message 1 is no event"):
        await book(messaging).start()


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_snapshot_that_cannot_be_read_costs_only_time(messaging: Messaging, version: str) -> None:
    ledger = book(messaging, snapshots=JsonSnapshots(), snapshot_every=1)
    await ledger.start()
    await ledger.transact(put("a", 1))
    await ledger.stop()

    class Broken(JsonSnapshots):
        def load(self, data: bytes) -> State:
            raise ValueError("cannot")

    codec = Broken()
    codec.version = version
    again = book(messaging, snapshots=codec)
    await again.start()
    assert again.state == {"a": 1}
    await again.stop()


async def test_the_events_carry_the_trace_of_their_caller(messaging: Messaging, telemetry: Telemetry) -> None:
    ledger = book(messaging)
    await ledger.start()
    with telemetry.tracer.start_as_current_span("call") as span:
        await ledger.transact(put("a", 1))
    stored = await messaging.js.get_msg("LEDGER_ADDRESS", 1)
    assert f"{span.get_span_context().trace_id:032x}" in (stored.headers or {})["traceparent"]
    await ledger.stop()
