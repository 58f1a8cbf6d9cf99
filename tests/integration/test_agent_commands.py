"""Commands over the real bus: obeyed once, also over restarts; everything else refused with a receipt. Heartbeats."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats.errors
import nkeys
import pytest
from nats.js.api import DeliverPolicy, StreamConfig

from sixfold.agent.alerts import safe_name
from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.api.subjects import command_subject
from sixfold.chassis.commands import Signer
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.testing import NatsServers, assert_eventually

from .agent_process import GATEWAY, Agent, Exporter
from .test_agent_delivery import bus, start

__all__ = ["start"]
pytestmark = pytest.mark.nats


def signer() -> Signer:
    return Signer(nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER))


def alert(name: str, *, gateway: str = GATEWAY, seconds: float = 300.0) -> pb.Command:
    command = pb.Command(id=f"command-{name}", gateway=gateway)
    command.expires.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    command.deliver_alert.alert_id = f"urn:alert:{name}"
    command.deliver_alert.cap = f"<alert>{name}</alert>".encode()
    command.deliver_alert.headline = "Flood"
    command.deliver_alert.expires.CopyFrom(command.expires)
    return command


async def make_streams(messaging: Messaging) -> None:
    for name, subject in (("COMMANDS", "command.>"), ("RECEIPTS", "receipt.>")):
        await messaging.ensure_stream(StreamConfig(name=name, subjects=[subject]))
    await messaging.ensure_stream(
        StreamConfig(name="HEARTBEATS", subjects=["heartbeat.>"], max_msgs_per_subject=1)
    )


async def send(messaging: Messaging, message: pb.SignedCommand) -> None:
    await messaging.publish(command_subject(GATEWAY, "alert"), message.SerializeToString(), timeout=20)


async def receipts(messaging: Messaging, count: int) -> list[pb.Receipt]:
    """The receipts, once there are so many."""
    subscription = await messaging.js.subscribe("receipt.>", deliver_policy=DeliverPolicy.ALL)
    try:
        return [pb.Receipt.FromString((await subscription.next_msg(20)).data) for _ in range(count)]
    finally:
        await subscription.unsubscribe()


def outcomes(found: list[pb.Receipt]) -> list[tuple[str, str]]:
    return [
        (pb.Receipt.Outcome.Name(one.outcome).removeprefix("OUTCOME_"), one.cause.partition(":")[0])
        for one in found
    ]


def kept(agent: Agent, name: str) -> Path:
    return agent.folder / "state" / "alerts" / f"{safe_name(f'urn:alert:{name}')}.xml"


async def test_only_good_commands_are_obeyed_and_each_once(
    nats_server: NatsServers, start: Callable[..., Agent]
) -> None:
    server, issuer, stranger = nats_server(), signer(), signer()
    async with bus(server) as messaging:
        await make_streams(messaging)
        agent = start(server.url, {"commands.issuers": f'["{issuer.issuer}"]'})
        good = issuer.sign(alert("good"))
        forged = pb.SignedCommand(
            command=issuer.sign(alert("forged")).command, signature=good.signature, issuer=issuer.issuer
        )
        for message in (
            good,
            stranger.sign(alert("stranger")),
            forged,
            issuer.sign(alert("expired", seconds=-1)),
            issuer.sign(alert("elsewhere", gateway="gw-2")),
            good,
        ):
            await send(messaging, message)
        assert outcomes(await receipts(messaging, 6)) == [
            ("DELIVERED", ""),
            ("REFUSED", "unknown-issuer"),
            ("REFUSED", "bad-signature"),
            ("EXPIRED", "expired"),
            ("REFUSED", "other-gateway"),
            ("DUPLICATE", ""),
        ]
        assert [path.name for path in kept(agent, "good").parent.glob("*.xml")] == [kept(agent, "good").name]
        assert kept(agent, "good").read_bytes() == b"<alert>good</alert>"
        agent.kill()
        await asyncio.to_thread(agent.start)
        await send(messaging, good)
        assert outcomes(await receipts(messaging, 7))[-1] == ("DUPLICATE", "")


async def test_commands_come_through_after_the_bus_was_killed(
    nats_server: NatsServers, start: Callable[..., Agent]
) -> None:
    server, issuer = nats_server(), signer()
    async with bus(server) as messaging:
        await make_streams(messaging)
        agent = start(server.url, {"commands.issuers": f'["{issuer.issuer}"]'})
        await send(messaging, issuer.sign(alert("before")))
        await receipts(messaging, 1)
        await asyncio.to_thread(server.restart)
        await send(messaging, issuer.sign(alert("after")))
        found = await receipts(messaging, 2)
        assert outcomes(found) == [("DELIVERED", "")] * 2
        assert [one.alert_id for one in found] == ["urn:alert:before", "urn:alert:after"]
        assert kept(agent, "after").exists()


async def test_a_heartbeat_tells_listeners_counters_and_troubles(
    nats_server: NatsServers, start: Callable[..., Agent]
) -> None:
    server = nats_server()
    async with bus(server) as messaging:
        await make_streams(messaging)
        agent = start(server.url)

        async def newest() -> pb.Heartbeat | None:
            try:
                message = await messaging.js.get_last_msg("HEARTBEATS", f"heartbeat.{GATEWAY}")
            except nats.errors.Error:
                return None
            return pb.Heartbeat.FromString(message.data or b"")

        beat = await assert_eventually(newest)
        assert {(one.protocol, one.port) for one in beat.listeners} == {
            ("netflow", agent.netflow),
            ("ipfix", agent.ipfix),
            ("sflow", agent.sflow),
        }
        assert beat.epoch
        assert beat.flow_schema == "flow/1.0"
        assert beat.spool.limit_bytes == 4 << 30
        exporter = Exporter(agent.ipfix)
        exporter.templates()
        exporter.send_flows(100)
        exporter.close()

        async def told() -> bool:
            beat = await newest()
            return beat is not None and any("no stream takes flow batches" in one for one in beat.troubles)

        await assert_eventually(told)
        beat = await newest()
        assert beat.counters["flows"] == 100
        assert beat.counters['flows_unknown_sampling{exporter="127.0.0.1"}'] == 100
        assert (beat.spool.batches, beat.exporters > 0) == (1, True)
