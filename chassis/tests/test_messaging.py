"""The connection: keys, requests, retries, what is told when the server is away."""

import asyncio
from pathlib import Path

import nkeys
import pytest
from nats.js.api import StreamConfig

from sixfold.chassis.messaging import (
    BusUnavailableError,
    Messaging,
    MessagingError,
    NatsSettings,
    Outgoing,
    SequenceConflictError,
    StreamRefusedError,
    cloudevent_headers,
)
from sixfold.chassis.telemetry import Telemetry, extract
from sixfold.chassis.testing import NatsServers

pytestmark = pytest.mark.nats


def seed(number: int) -> tuple[bytes, str]:
    """(seed, public key) of a user."""
    made = nkeys.encode_seed(bytes([number]) * 32, nkeys.PREFIX_BYTE_USER)
    return made, nkeys.from_seed(made).public_key.decode()


def gauge(telemetry: Telemetry, name: str) -> float | None:
    values = [s.value for family in telemetry.registry.collect() for s in family.samples if s.name == name]
    return values[0] if values else None


async def test_a_key_opens_and_another_is_refused(nats_server: NatsServers, tmp_path: Path) -> None:
    right, public = seed(1)
    wrong, _ = seed(2)
    server = nats_server(extra=f"authorization {{ users: [ {{ nkey: {public} }} ] }}")
    file = tmp_path / "seed"
    file.write_bytes(right)
    bus = Messaging(NatsSettings(servers=(server.url,), nkey_seed_file=file))
    await bus.start()
    assert bus.ready
    await bus.stop()
    file.write_bytes(wrong)
    with pytest.raises(MessagingError, match="refused our key"):
        await Messaging(NatsSettings(servers=(server.url,), nkey_seed_file=file)).start()
    with pytest.raises(MessagingError, match="cannot read the NKey seed"):
        await Messaging(NatsSettings(nkey_seed_file=tmp_path / "none")).start()


async def test_the_connection_is_shown_and_won_again(
    nats_server: NatsServers, telemetry: Telemetry, assert_eventually
) -> None:
    server = nats_server()
    bus = Messaging(NatsSettings(servers=(server.url,)), telemetry=telemetry)
    await bus.start()
    assert gauge(telemetry, "nats_connected") == 1
    await asyncio.to_thread(server.kill)
    await assert_eventually(lambda: gauge(telemetry, "nats_connected") == 0)
    assert not bus.ready
    await asyncio.to_thread(server.start)
    await assert_eventually(lambda: gauge(telemetry, "nats_connected") == 1)
    assert gauge(telemetry, "nats_reconnects_total") == 1
    await bus.stop()


async def test_a_key_that_is_revoked_and_granted_again_needs_no_restart(
    nats_server: NatsServers, tmp_path: Path, assert_eventually, caplog: pytest.LogCaptureFixture
) -> None:
    right, public = seed(1)
    _, other = seed(2)
    server = nats_server(extra=f"authorization {{ users: [ {{ nkey: {public} }} ] }}")
    file = tmp_path / "seed"
    file.write_bytes(right)
    bus = Messaging(NatsSettings(servers=(server.url,), nkey_seed_file=file))
    await bus.start()
    server.change(public, other)
    await assert_eventually(lambda: "Authorization Violation" in caplog.text, timeout=20)
    assert not bus.ready
    server.change(other, public)
    await assert_eventually(lambda: bus.ready, timeout=20)
    await bus.stop()


async def test_it_may_start_without_a_server(nats_server: NatsServers, assert_eventually) -> None:
    server = nats_server()
    server.kill()
    bus = Messaging(NatsSettings(servers=(server.url,)), require=False)
    await bus.start()
    assert not bus.ready
    with pytest.raises(BusUnavailableError):
        await bus.publish("s", b"", timeout=0.2)
    await asyncio.to_thread(server.start)
    await asyncio.wait_for(bus.connected.wait(), 20)
    assert bus.ready
    await bus.stop()


async def test_publishing_waits_for_a_server_that_comes_back(nats_server: NatsServers) -> None:
    server = nats_server()
    bus = Messaging(NatsSettings(servers=(server.url,)))
    await bus.start()
    await bus.ensure_stream(StreamConfig(name="S", subjects=["s"]))
    await asyncio.to_thread(server.kill)
    publishing = asyncio.create_task(bus.publish("s", b"kept", timeout=30))
    await asyncio.to_thread(server.start)
    assert (await publishing).seq == 1
    await bus.stop()


async def test_a_full_stream_is_a_clear_refusal(messaging: Messaging) -> None:
    await messaging.ensure_stream(StreamConfig(name="S", subjects=["s"], max_msgs=1, discard="new"))
    await messaging.publish("s", b"1")
    with pytest.raises(StreamRefusedError, match="maximum messages exceeded") as refused:
        await messaging.publish("s", b"2")
    assert refused.value.code == 10077


async def test_a_subject_that_is_not_permitted_is_named(nats_server: NatsServers, tmp_path: Path) -> None:
    private, public = seed(1)
    allowed = 'publish: ["$JS.>", "s"], subscribe: ["_INBOX.>"]'
    server = nats_server(
        extra=f"authorization {{ users: [ {{ nkey: {public}, permissions: {{ {allowed} }} }} ] }}"
    )
    file = tmp_path / "seed"
    file.write_bytes(private)
    bus = Messaging(NatsSettings(servers=(server.url,), nkey_seed_file=file))
    await bus.start()
    await bus.ensure_stream(StreamConfig(name="S", subjects=["s", "t"]))
    assert (await bus.publish("s", b"")).seq == 1
    with pytest.raises(StreamRefusedError, match="t: NATS does not permit us to publish there"):
        await bus.publish("t", b"")
    await bus.stop()


async def test_no_stream_is_unavailable(messaging: Messaging) -> None:
    with pytest.raises(BusUnavailableError, match="nowhere"):
        await messaging.publish("nowhere", b"", timeout=0.2)


async def test_a_request_is_answered_with_the_trace_or_refused(
    messaging: Messaging, telemetry: Telemetry
) -> None:
    traces: list[str] = []

    async def answer(message) -> None:
        traces.append((message.headers or {}).get("traceparent", ""))
        await message.respond(b"pong")

    await messaging.nc.subscribe("ping", cb=answer)
    with telemetry.tracer.start_as_current_span("ask") as span:
        assert (await messaging.request("ping", b"ping")).data == b"pong"
    assert f"{span.get_span_context().trace_id:032x}" in traces[0]
    with pytest.raises(BusUnavailableError, match="nobody"):
        await messaging.request("nobody", b"", timeout=0.5)


async def test_what_is_published_carries_the_trace(messaging: Messaging, telemetry: Telemetry) -> None:
    await messaging.ensure_stream(StreamConfig(name="S", subjects=["s"]))
    with telemetry.tracer.start_as_current_span("send") as span:
        await messaging.publish("s", b"")
    stored = await messaging.js.get_last_msg("S", "s")
    with telemetry.tracer.start_as_current_span("receive", context=extract(stored.headers)) as there:
        assert there.get_span_context().trace_id == span.get_span_context().trace_id


@pytest.mark.parametrize("nodes", [1, 3])
async def test_a_retry_of_a_fenced_message_succeeds(nats_server: NatsServers, nodes: int) -> None:
    """The first try was stored, its answer was lost: on one node and on three the retry finds its own message."""
    servers = [nats_server()] if nodes == 1 else nats_server.cluster()
    bus = Messaging(NatsSettings(servers=tuple(server.url for server in servers), replicas=nodes))
    await bus.start()
    await bus.ensure_stream(StreamConfig(name="S", subjects=["s.*"]))
    fence = {"Nats-Expected-Last-Subject-Sequence": "0"}
    publish = bus.js.publish
    answers: list[int] = []

    async def forgetful(*arguments, **options):
        ack = await publish(*arguments, **options)
        answers.append(ack.seq)
        if len(answers) == 1:
            raise TimeoutError("the answer was lost")
        return ack

    bus.js.publish = forgetful  # the wire is the real one; only the first answer is dropped
    ack = await bus.publish("s.a", b"1", headers=fence, message_id="m1")
    assert (ack.seq, ack.duplicate) == (1, True)
    with pytest.raises(SequenceConflictError):
        await bus.publish("s.a", b"2", headers=fence, message_id="m2")
    await bus.stop()


async def test_a_batch_is_stored_whole_or_not_at_all(messaging: Messaging) -> None:
    await messaging.ensure_stream(StreamConfig(name="S", subjects=["s.*"], allow_atomic=True))
    many = [Outgoing(f"s.{number % 7}", str(number).encode()) for number in range(1000)]
    assert await messaging.publish_batch(many, expected_last_sequence=0) == 1000
    with pytest.raises(SequenceConflictError):
        await messaging.publish_batch(many[:3], expected_last_sequence=0)
    assert await messaging.publish_batch(many[:1], expected_last_sequence=1000) == 1001
    with pytest.raises(SequenceConflictError):
        await messaging.publish_batch(many[:1], expected_last_sequence=1000)
    assert (await messaging.js.stream_info("S")).state.messages == 1001
    for wrong in ([], [*many, many[0]]):
        with pytest.raises(ValueError, match="a batch holds 1 to 1000"):
            await messaging.publish_batch(wrong)
    await messaging.ensure_stream(StreamConfig(name="PLAIN", subjects=["plain"]))
    with pytest.raises(StreamRefusedError, match="atomic publish is disabled"):
        await messaging.publish_batch([Outgoing("plain", b"")] * 2)


async def test_a_stream_that_cannot_be_is_refused_with_its_reason(messaging: Messaging) -> None:
    await messaging.ensure_stream(StreamConfig(name="S", subjects=["s"]))
    with pytest.raises(StreamRefusedError, match="stream T: subjects overlap"):
        await messaging.ensure_stream(StreamConfig(name="T", subjects=["s"]))


def test_event_headers_are_cloudevents() -> None:
    headers = cloudevent_headers("prefix-delegated", "sixfold/address", "id-1")
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-time"].endswith("Z")
    assert {"ce-id", "ce-source", "ce-type", "content-type"} <= set(headers)
