"""The ledger against the real server: one winner, nothing lost, nothing twice."""

import asyncio
from dataclasses import dataclass

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from sixfold.chassis.codec import ProtobufCodec
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.testing import NatsServer, NatsServers

pytestmark = pytest.mark.nats


@dataclass(frozen=True)
class NumberTaken:
    value: str


class Refused(Exception):
    pass


State = tuple[int, ...]


def evolve(state: State, event: NumberTaken) -> State:
    return (*state, int(event.value))


def take(state: State) -> tuple[list[NumberTaken], int]:
    """The next number; every number once."""
    number = len(state)
    return [NumberTaken(str(number))], number


class Text:
    version = "1"

    def dump(self, state: State) -> bytes:
        return ",".join(map(str, state)).encode()

    def load(self, data: bytes) -> State:
        return tuple(int(part) for part in data.decode().split(",") if part)


def ledger(messaging: Messaging, **options) -> Ledger[State]:
    codec = ProtobufCodec({NumberTaken: StringValue})
    return Ledger(messaging, centre="address", initial=tuple, evolve=evolve, codec=codec, **options)


async def connected(*servers: NatsServer, replicas: int = 1) -> Messaging:
    made = Messaging(NatsSettings(servers=tuple(server.url for server in servers), replicas=replicas))
    await made.start()
    return made


async def test_concurrent_callers_share_appends_and_each_has_its_own_answer(messaging: Messaging) -> None:
    book = ledger(messaging)
    await book.start()
    numbers = await asyncio.gather(*(book.transact(take) for _ in range(2500)))
    assert sorted(numbers) == list(range(2500))
    assert book.sequence == 2500
    await book.stop()
    again = ledger(messaging)
    await again.start()
    assert again.state == book.state
    await again.stop()


async def test_what_decide_raises_is_raised_and_nothing_is_appended(messaging: Messaging) -> None:
    book = ledger(messaging)
    await book.start()

    def refuse(_: State):
        raise Refused("no")

    results = await asyncio.gather(
        book.transact(take), book.transact(refuse), book.transact(take), return_exceptions=True
    )
    assert results[0] == 0
    assert isinstance(results[1], Refused)
    assert results[2] == 1
    assert book.sequence == 2
    await book.stop()


async def test_a_key_gives_the_first_result_also_after_a_restart(messaging: Messaging) -> None:
    book = ledger(messaging)
    await book.start()
    assert await asyncio.gather(*(book.transact(take, key="k") for _ in range(5))) == [0] * 5
    assert await book.transact(take) == 1
    await book.stop()
    again = ledger(messaging)
    await again.start()
    assert await again.transact(take, key="k", repeat=lambda _, events: int(events[0].value)) == 0
    assert again.sequence == 2
    await again.stop()


async def test_of_two_active_writers_none_loses_or_doubles_an_append(nats_server: NatsServers) -> None:
    server = nats_server()
    buses = [await connected(server) for _ in range(2)]
    books = [ledger(bus) for bus in buses]
    for book in books:
        await book.start()

    async def work(book: Ledger[State]) -> list[int]:
        return [await book.transact(take) for _ in range(20)]

    taken = [number for numbers in await asyncio.gather(*map(work, books)) for number in numbers]
    assert sorted(taken) == list(range(40))
    for book, bus in zip(books, buses, strict=True):
        await book.stop()
        await bus.stop()


@pytest.mark.parametrize("nodes", [1, 3])
async def test_a_killed_server_in_the_middle_loses_and_doubles_nothing(
    nats_server: NatsServers, nodes: int
) -> None:
    servers = [nats_server()] if nodes == 1 else nats_server.cluster()
    bus = await connected(*servers, replicas=nodes)
    book = ledger(bus)
    for _ in range(100):
        try:
            await book.start()
            break
        except Exception:  # the cluster is still electing
            await asyncio.sleep(0.1)
    answered: list[int] = []
    halfway = asyncio.Event()

    async def work() -> None:
        for _ in range(25):
            answered.append(await book.transact(take))
            if len(answered) > 40:
                halfway.set()

    workers = [asyncio.create_task(work()) for _ in range(4)]
    await halfway.wait()
    victim = servers[0]
    await asyncio.to_thread(victim.kill)
    await asyncio.to_thread(victim.start)
    await asyncio.gather(*workers)
    assert sorted(answered) == list(range(100))
    await book.stop()
    again = ledger(bus)
    await again.start()
    assert sorted(again.state) == list(range(100))
    await again.stop()
    await bus.stop()


async def test_a_start_reads_the_newest_snapshot_and_the_tail(messaging: Messaging) -> None:
    book = ledger(messaging, snapshots=Text(), snapshot_every=100)
    await book.start()
    for _ in range(3):
        await asyncio.gather(*(book.transact(take) for _ in range(75)))
    await book.stop()
    seen: list[int] = []
    again = ledger(messaging, snapshots=Text())
    again.follow(lambda _event, sequence, _replayed: seen.append(sequence))
    await again.start()
    assert again.state == book.state
    assert 0 < len(seen) < 225
    await again.stop()


async def test_a_standby_follows_and_takes_over(messaging: Messaging, assert_eventually) -> None:
    book = ledger(messaging)
    await book.start()
    standby = ledger(messaging, role="standby")
    await standby.start()
    await book.transact(take)
    await assert_eventually(lambda: standby.state == (0,))
    await standby.promote()
    assert await standby.transact(take) == 1
    # The former writer has not seen it: it loses its append, reads, and decides again.
    assert await book.transact(take) == 2
    await book.stop()
    await standby.stop()


async def test_writers_that_share_a_ledger_read_each_other(messaging: Messaging, assert_eventually) -> None:
    one, other = ledger(messaging, shared=True), ledger(messaging, shared=True)
    heard: list[tuple[int, bool]] = []
    other.follow(lambda _, sequence, replayed: heard.append((sequence, replayed)))
    await one.start()
    await other.start()
    assert await one.transact(take) == 0
    await assert_eventually(lambda: other.state == (0,))
    assert sorted(await asyncio.gather(*(book.transact(take) for book in (one, other) * 5))) == list(
        range(1, 11)
    )
    await assert_eventually(lambda: one.state == other.state == tuple(range(11)))
    assert [sequence for sequence, _ in heard] == list(range(1, 12))
    assert {replayed for _, replayed in heard} == {True, False}
    await one.stop()
    await other.stop()


class Frozen(Text):
    """Of a state that changes in place."""

    def freeze(self, state: list[int]) -> State:
        return tuple(state)

    def load(self, data: bytes) -> list[int]:
        return list(super().load(data))


def grow(state: list[int], event: NumberTaken) -> list[int]:
    state.append(len(event.value))
    return state


async def test_a_state_that_changes_in_place_is_frozen_and_written_after_so_many_bytes(
    messaging: Messaging,
) -> None:
    def made() -> Ledger[list[int]]:
        return Ledger(
            messaging,
            centre="frozen",
            initial=list,
            evolve=grow,
            codec=ProtobufCodec({NumberTaken: StringValue}),
            snapshots=Frozen(),
            snapshot_bytes=1_000_000,
        )

    ledger = made()
    await ledger.start()
    for size in range(100_000, 100_030):
        await ledger.transact(lambda _, size=size: ([NumberTaken("x" * size)], None))
    await ledger.stop()
    store = await messaging.js.object_store("SNAPSHOTS")
    packed = (await store.get("frozen")).data
    assert packed is not None
    told: list[int] = []
    again = made()
    again.follow(lambda event, sequence, replayed: told.append(sequence))
    await again.start()
    try:
        assert again.state == list(range(100_000, 100_030))
        assert 1 not in told  # what the snapshot covers is not read
    finally:
        await again.stop()
