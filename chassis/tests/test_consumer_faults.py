"""Consumers where things go wrong: deleted on the server, slow handlers, endless poison, letters that are too large."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError
from opentelemetry import trace

from sixfold.api.subjects import DEAD_LETTER_STREAM
from sixfold.chassis.lifecycle import Lifecycle
from sixfold.chassis.messaging import Consumer, Inbound, Messaging, Poison, redrive
from sixfold.chassis.telemetry import Telemetry
from sixfold.chassis.testing import counters

pytestmark = pytest.mark.nats


@pytest.fixture
async def bus(messaging: Messaging) -> Messaging:
    await messaging.ensure_stream(StreamConfig(name="WORK", subjects=["work.>"]))
    return messaging


def consumer(bus: Messaging, handle: Any, **options: Any) -> Consumer:
    chosen = {"max_wait": 0.02, "backoff": (0.01,)} | options
    return Consumer(bus, stream="WORK", durable="worker", subjects=["work.>"], handle=handle, **chosen)


def collect(into: list[bytes]) -> Callable[[Sequence[Inbound]], Any]:
    async def handle(messages: Sequence[Inbound]) -> None:
        into.extend(message.data for message in messages)

    return handle


async def unacknowledged_none(bus: Messaging) -> bool:
    try:
        info = await bus.js.consumer_info("WORK", "worker")
    except NotFoundError:
        return False
    return not info.num_ack_pending and not info.num_pending


async def test_a_consumer_deleted_on_the_server_is_made_again(
    bus: Messaging, telemetry: Telemetry, assert_eventually
) -> None:
    seen: list[bytes] = []
    worker = consumer(bus, collect(seen), telemetry=telemetry)
    await worker.start()
    await bus.publish("work.a", b"1")
    await assert_eventually(lambda: seen == [b"1"])
    await bus.js.delete_consumer("WORK", "worker")
    await bus.publish("work.a", b"2")
    await assert_eventually(lambda: b"2" in seen)
    assert worker.ready
    assert counters(telemetry.registry)['consumer_restarts_total{consumer="worker"}'] >= 1
    await worker.stop()


async def test_readiness_waits_for_the_stream_and_that_is_told_once(
    messaging: Messaging, telemetry: Telemetry, assert_eventually, caplog: pytest.LogCaptureFixture
) -> None:
    worker = consumer(messaging, collect([]), telemetry=telemetry)
    life = Lifecycle([worker])
    await life.start()
    assert life.states() == {"worker": "waiting"}
    restarts = 'consumer_restarts_total{consumer="worker"}'
    await assert_eventually(lambda: counters(telemetry.registry).get(restarts, 0) > 2)
    told = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert told == ["consumer worker: there is no stream WORK yet"]
    await messaging.ensure_stream(StreamConfig(name="WORK", subjects=["work.>"]))
    await assert_eventually(lambda: life.ready)
    await life.stop()


async def test_a_handler_that_takes_longer_than_the_ack_wait_is_not_disturbed(
    bus: Messaging, telemetry: Telemetry, assert_eventually
) -> None:
    calls: list[int] = []
    may_end = asyncio.Event()

    async def handle(messages: Sequence[Inbound]) -> None:
        calls.append(messages[0].delivered)
        await may_end.wait()

    worker = consumer(bus, handle, ack_wait=0.6, telemetry=telemetry)
    await worker.start()
    await bus.publish("work.a", b"1")
    await assert_eventually(lambda: calls)
    await asyncio.sleep(1.5)  # what must not happen in that time is a second delivery
    may_end.set()
    await assert_eventually(lambda: unacknowledged_none(bus))
    assert calls == [1]
    await worker.stop()


async def test_stop_lets_the_handler_end_and_gives_back_what_it_does_not_finish(
    bus: Messaging, telemetry: Telemetry, assert_eventually
) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    async def handle(_: Sequence[Inbound]) -> None:
        began.set()
        await may_end.wait()

    worker = consumer(bus, handle, telemetry=telemetry)
    await worker.start()
    await bus.publish("work.a", b"1")
    await began.wait()
    stopping = asyncio.create_task(worker.stop())
    await asyncio.sleep(0)
    may_end.set()
    await stopping
    await assert_eventually(lambda: unacknowledged_none(bus))

    may_end.clear()
    began.clear()
    stubborn = consumer(bus, handle, telemetry=telemetry, drain_timeout=0.05)
    await stubborn.start()
    await bus.publish("work.a", b"2")
    await began.wait()
    await stubborn.stop()
    seen: list[bytes] = []
    heir = consumer(bus, collect(seen))
    await heir.start()
    await assert_eventually(lambda: seen == [b"2"], timeout=5)  # far below the 30 s of the ack wait
    await heir.stop()
    assert counters(telemetry.registry, "consumer_messages") == {
        'consumer_messages_total{consumer="worker",outcome="acknowledged"}': 1,
        'consumer_messages_total{consumer="worker",outcome="abandoned"}': 1,
    }


async def test_everything_is_counted_by_outcome(
    bus: Messaging, telemetry: Telemetry, assert_eventually
) -> None:
    async def handle(messages: Sequence[Inbound]) -> None:
        for message in messages:
            if message.data == b"never":
                raise OSError("disk")
            if message.data == b"bad":
                raise Poison("bad-data")

    worker = consumer(bus, handle, telemetry=telemetry, batch=1, max_deliver=3)
    await worker.start()
    for data in (b"good", b"bad", b"never", b"good"):
        await bus.publish("work.a", data)
    expected = {
        'consumer_messages_total{consumer="worker",outcome="acknowledged"}': 2,
        'consumer_messages_total{consumer="worker",outcome="returned"}': 2,
        'consumer_messages_total{cause="bad-data",consumer="worker",outcome="dead-letter"}': 1,
        'consumer_messages_total{cause="handler-failed",consumer="worker",outcome="dead-letter"}': 1,
    }
    await assert_eventually(lambda: counters(telemetry.registry, "consumer_messages") == expected)
    await worker.stop()


async def test_poison_in_a_batch_without_a_name_is_found(bus: Messaging, assert_eventually) -> None:
    done: set[bytes] = set()

    async def handle(messages: Sequence[Inbound]) -> None:
        if any(message.data == b"bad" for message in messages):
            raise Poison("bad-data")
        done.update(message.data for message in messages)

    for data in (b"1", b"bad", b"2", b"bad", b"3"):
        await bus.publish("work.a", data)
    worker = consumer(bus, handle, batch=10)
    await worker.start()
    await assert_eventually(lambda: done == {b"1", b"2", b"3"})
    await assert_eventually(lambda: unacknowledged_none(bus))
    assert (await bus.js.stream_info(DEAD_LETTER_STREAM)).state.messages == 2
    await worker.stop()


async def test_redrive_goes_once_round_oldest_first(bus: Messaging, assert_eventually) -> None:
    healed = False
    seen: list[bytes] = []

    async def handle(messages: Sequence[Inbound]) -> None:
        if not healed:
            raise Poison("bad-data")
        seen.append(messages[0].data)

    worker = consumer(bus, handle, batch=1)
    await worker.start()
    for data in (b"1", b"2", b"3"):
        await bus.publish("work.a", data, headers={"Sixfold-Gateway": "gw-1"}, message_id=data.decode())

    async def letters() -> int:
        return (await bus.js.stream_info(DEAD_LETTER_STREAM)).state.messages

    await assert_eventually(lambda: unacknowledged_none(bus))
    assert await letters() == 3
    assert await redrive(bus, "worker") == 3  # still poison: they come back, and redrive does not chase them
    await assert_eventually(lambda: unacknowledged_none(bus))
    assert await letters() == 3
    healed = True
    assert await redrive(bus, "worker", limit=2) == 2
    await assert_eventually(lambda: seen == [b"1", b"2"])
    assert await redrive(bus, "worker") == 1
    assert await redrive(bus, "worker") == 0
    assert await redrive(bus, "nobody") == 0
    await assert_eventually(lambda: seen == [b"1", b"2", b"3"])
    await worker.stop()


async def test_a_letter_too_large_for_its_cause_is_kept_without_its_data(
    bus: Messaging, assert_eventually
) -> None:
    async def handle(_: Sequence[Inbound]) -> None:
        raise Poison("bad-data", "x" * 400)

    worker = consumer(bus, handle)
    await worker.start()
    data = bytes(bus.max_payload - 300)
    await bus.publish("work.a", data)
    await assert_eventually(lambda: unacknowledged_none(bus))
    await assert_eventually(lambda: bus.js.get_last_msg(DEAD_LETTER_STREAM, "dead.worker"))
    letter = await bus.js.get_last_msg(DEAD_LETTER_STREAM, "dead.worker")
    assert not letter.data
    assert (letter.headers or {})["Sixfold-Data-Bytes"] == str(len(data))
    assert await redrive(bus, "worker") == 0
    await worker.stop()


async def test_the_handler_works_inside_the_trace_of_the_publisher(
    bus: Messaging, telemetry: Telemetry, assert_eventually
) -> None:
    traces: list[int] = []

    async def handle(_: Sequence[Inbound]) -> None:
        traces.append(trace.get_current_span().get_span_context().trace_id)

    worker = consumer(bus, handle, telemetry=telemetry)
    await worker.start()
    with telemetry.tracer.start_as_current_span("send") as span:
        await bus.publish("work.a", b"")
    await assert_eventually(lambda: traces == [span.get_span_context().trace_id])
    await worker.stop()


async def test_workers_and_replicas_share_the_messages(bus: Messaging, assert_eventually) -> None:
    seen: list[bytes] = []
    replicas = [consumer(bus, collect(seen), concurrency=3, batch=7, max_in_flight=50) for _ in range(2)]
    for replica in replicas:
        await replica.start()
    await asyncio.gather(*(bus.publish("work.a", str(number).encode()) for number in range(500)))
    await assert_eventually(lambda: len(seen) >= 500)
    await assert_eventually(lambda: unacknowledged_none(bus))
    assert sorted(map(int, seen)) == list(range(500))
    for replica in replicas:
        await replica.stop()


async def test_new_means_from_now_on(bus: Messaging, assert_eventually) -> None:
    await bus.publish("work.a", b"old")
    seen: list[bytes] = []
    worker = consumer(bus, collect(seen), deliver="new")
    await worker.start()
    await assert_eventually(lambda: worker.ready)
    await bus.publish("work.a", b"new")
    await assert_eventually(lambda: seen == [b"new"])
    await worker.stop()
