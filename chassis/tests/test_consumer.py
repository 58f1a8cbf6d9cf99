"""Consumers against the real server: handled once, returned, buried, driven again, and back after a restart."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from sixfold.api.subjects import DEAD_LETTER_STREAM
from sixfold.chassis.messaging import (
    Consumer,
    Inbound,
    Messaging,
    NatsSettings,
    Poison,
    StreamRefusedError,
    redrive,
)
from sixfold.chassis.testing import NatsServers

pytestmark = pytest.mark.nats


class Seen:
    """Handles messages; what it should choke on is told by the message."""

    def __init__(self) -> None:
        self.counts: Counter[bytes] = Counter()
        self.healed = False

    async def __call__(self, messages: Sequence[Inbound]) -> None:
        for message in messages:
            if message.data == b"poison" and not self.healed:
                raise Poison("bad-data", "cannot be read", message)
            if message.data == b"once" and message.delivered == 1:
                raise OSError("not now")
            if message.data == b"never":
                raise OSError("never")
        for message in messages:
            self.counts[message.data] += 1


def consumer(messaging: Messaging, seen: Seen, **options) -> Consumer:
    fast = {"backoff": (0.01,), "max_wait": 0.05, "max_deliver": 3, "batch": 1} | options
    return Consumer(messaging, stream="WORK", durable="worker", subjects=["work.>"], handle=seen, **fast)


async def stream(messaging: Messaging) -> None:
    await messaging.ensure_stream(StreamConfig(name="WORK", subjects=["work.>"]))


async def dead_letters(messaging: Messaging) -> int:
    try:
        return (await messaging.js.stream_info(DEAD_LETTER_STREAM)).state.messages
    except NotFoundError:
        return 0


async def test_messages_are_handled_returned_and_buried(messaging: Messaging, assert_eventually) -> None:
    await stream(messaging)
    seen = Seen()
    worker = consumer(messaging, seen, batch=10)
    await worker.start()
    for text in (b"a", b"poison", b"b", b"c"):
        await messaging.publish("work.x", text)
    await assert_eventually(lambda: seen.counts == {b"a": 1, b"b": 1, b"c": 1})
    await assert_eventually(lambda: dead_letters(messaging))
    letter = await messaging.js.get_last_msg(DEAD_LETTER_STREAM, "dead.worker")
    assert letter.headers["Sixfold-Cause"] == "bad-data"
    assert letter.headers["Sixfold-Subject"] == "work.x"
    seen.healed = True
    assert await redrive(messaging, "worker") == 1
    await assert_eventually(lambda: seen.counts[b"poison"] == 1)
    assert await dead_letters(messaging) == 0
    await worker.stop()


async def test_a_failed_handler_is_tried_again_and_at_last_buried(
    messaging: Messaging, assert_eventually
) -> None:
    await stream(messaging)
    seen = Seen()
    worker = consumer(messaging, seen)
    await worker.start()
    for text in (b"once", b"never", b"d"):
        await messaging.publish("work.x", text)
    await assert_eventually(lambda: seen.counts == {b"once": 1, b"d": 1})
    await assert_eventually(lambda: dead_letters(messaging))
    letter = await messaging.js.get_last_msg(DEAD_LETTER_STREAM, "dead.worker")
    assert (letter.data, letter.headers["Sixfold-Cause"]) == (b"never", "handler-failed")
    await worker.stop()


async def test_a_consumer_waits_for_its_stream_and_survives_a_restart(
    nats_server: NatsServers, assert_eventually
) -> None:
    server = nats_server()
    messaging = Messaging(NatsSettings(servers=(server.url,)))
    await messaging.start()
    seen = Seen()
    worker = consumer(messaging, seen)
    await worker.start()
    await stream(messaging)
    await messaging.publish("work.x", b"a")
    await assert_eventually(lambda: seen.counts[b"a"] == 1)
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    await messaging.publish("work.x", b"b", timeout=20)
    await assert_eventually(lambda: seen.counts[b"b"] == 1)
    assert worker.task is not None
    assert not worker.task.done()
    await worker.stop()
    await messaging.stop()


async def test_a_retry_with_the_same_id_is_stored_once(messaging: Messaging) -> None:
    await stream(messaging)
    first = await messaging.publish("work.x", b"a", message_id="1")
    second = await messaging.publish("work.x", b"a", message_id="1")
    assert (first.seq, second.seq, second.duplicate) == (1, 1, True)


async def test_a_message_over_the_limit_is_refused_with_its_cause(messaging: Messaging) -> None:
    await stream(messaging)
    with pytest.raises(StreamRefusedError, match="over the server's limit"):
        await messaging.publish("work.x", bytes(messaging.max_payload + 1))


async def test_no_server_is_a_clear_error() -> None:
    messaging = Messaging(NatsSettings(servers=("nats://127.0.0.1:1",), connect_timeout=0.1))
    with pytest.raises(Exception, match=r"no NATS server answers at nats://127.0.0.1:1; is it started\?"):
        await messaging.start()
