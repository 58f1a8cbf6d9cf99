"""The generated configuration on the real server: who may publish what."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import StreamConfig

from sixfold.chassis.testing import eventually
from sixfold.local import nats_server
from sixfold.local.home import Home, prepare
from sixfold.local.keys import seed_file
from sixfold.local.ports import Ports, free_base
from sixfold.local.supervisor import http_status

pytestmark = pytest.mark.nats


@pytest.fixture
async def home_and_ports(tmp_path: Path) -> AsyncIterator[tuple[Home, Ports]]:
    home, ports = Home(tmp_path), Ports(free_base(31000))
    prepare(home)
    file = home.config / "nats.conf"
    identities = nats_server.users(home, ["gw-1", "gw-2"])
    file.write_text(nats_server.configuration(home, ports, identities))
    process = await asyncio.create_subprocess_exec(str(nats_server.binary()), "--config", str(file))
    try:

        async def healthy() -> bool:
            return await http_status(f"http://{ports.address('nats.monitor')}/healthz") == 200

        await eventually(healthy)
        yield home, ports
    finally:
        process.terminate()
        await process.wait()


class Peer:
    """A client of one identity that knows which of its publications the server refused."""

    def __init__(self) -> None:
        self.client: Client = None
        self._errors: asyncio.Queue[str] = asyncio.Queue()

    async def note(self, error: Exception) -> None:
        await self._errors.put(str(error).lower())

    async def may_not_read(self, subject: str) -> bool:
        await self.client.subscribe(subject)
        await self.client.publish("heartbeat.nobody", b"x")
        found = False
        while "heartbeat.nobody" not in (error := await asyncio.wait_for(self._errors.get(), 10)):
            found |= "subscription" in error and f'"{subject.lower()}"' in error
        return found

    async def refused(self, subject: str, *, reply: str = "") -> bool:
        """Publishes it, then something that nobody may: what has been refused before that is `subject`."""
        await self.client.publish(subject, b"x", reply=reply)
        await self.client.publish("heartbeat.nobody", b"x")
        found = False
        while "heartbeat.nobody" not in (error := await asyncio.wait_for(self._errors.get(), 10)):
            found |= f'"{subject.lower()}"' in error
        return found


@contextlib.asynccontextmanager
async def connected(home: Home, ports: Ports, name: str) -> AsyncIterator[Peer]:
    peer = Peer()
    peer.client = await nats.connect(
        f"nats://{ports.address('nats')}",
        nkeys_seed=str(seed_file(home, name)),
        inbox_prefix=nats_server.inbox_prefix(name.removeprefix("agent-")) if "agent" in name else "_INBOX",
        error_cb=peer.note,
        allow_reconnect=False,
    )
    try:
        yield peer
    finally:
        await peer.client.close()


async def test_anonymous_is_refused(home_and_ports: tuple[Home, Ports]) -> None:
    _, ports = home_and_ports
    with pytest.raises(Exception, match=r"(?i)authorization"):
        await nats.connect(f"nats://{ports.address('nats')}", allow_reconnect=False, max_reconnect_attempts=1)


async def test_agent_publishes_only_its_own_subjects(home_and_ports: tuple[Home, Ports]) -> None:
    home, ports = home_and_ports
    async with connected(home, ports, "agent-gw-1") as peer:
        own = ("flow.0.gw-1", "nat.3.gw-1", "heartbeat.gw-1", "receipt.gw-1", "counter.gw-1")
        for subject in (*own, "report.gw-1.spoofed-source"):
            assert not await peer.refused(subject), subject
        for subject in (
            "flow.0.gw-2",
            "heartbeat.gw-2",
            "command.gw-1.alert",
            "event.security.x.v1",
            "receipt.gw-2",
            "report.gw-2.spoofed-source",
        ):
            assert await peer.refused(subject), subject


async def test_centre_appends_only_to_its_own_ledger(home_and_ports: tuple[Home, Ports]) -> None:
    home, ports = home_and_ports
    async with connected(home, ports, "emergency") as peer:
        for subject in ("event.emergency.x.v1", "command.gw-1.alert", "dead.emergency-receipts"):
            assert not await peer.refused(subject), subject
        for subject in ("event.security.x.v1", "flow.0.gw-1", "receipt.gw-1"):
            assert await peer.refused(subject), subject
    async with connected(home, ports, "security") as peer:
        assert await peer.refused("command.gw-1.alert")
        assert await peer.refused("command.gw-1.configuration")
        assert await peer.refused("report.gw-1.spoofed-source")


async def test_each_centre_sends_its_own_commands_only(home_and_ports: tuple[Home, Ports]) -> None:
    home, ports = home_and_ports
    for centre, kind in (("emergency", "alert"), ("address", "configuration"), ("identity", "sources")):
        async with connected(home, ports, centre) as peer:
            for other in ("alert", "configuration", "sources"):
                assert await peer.refused(f"command.gw-1.{other}") == (other != kind), (centre, other)


async def test_agent_reads_only_its_own_commands(home_and_ports: tuple[Home, Ports]) -> None:
    home, ports = home_and_ports
    async with connected(home, ports, "operator") as operator:
        await operator.client.jetstream().add_stream(StreamConfig(name="COMMANDS", subjects=["command.>"]))
        await operator.client.jetstream().publish("command.gw-1.alert", b"one")
    async with connected(home, ports, "agent-gw-1") as peer:
        js = peer.client.jetstream(timeout=1)
        own = await js.pull_subscribe("command.gw-1.>", durable="agent-gw-1", stream="COMMANDS")
        (message,) = await own.fetch(1, timeout=5)
        assert message.data == b"one"
        await message.ack()
        assert await peer.refused(
            "$JS.API.CONSUMER.CREATE.COMMANDS.agent-spy.command.gw-2.>", reply="_INBOX.x"
        )
        assert await peer.refused("$JS.API.CONSUMER.DURABLE.CREATE.COMMANDS.agent-spy", reply="_INBOX.x")
    async with connected(home, ports, "agent-gw-2") as peer:
        assert await peer.refused("$JS.API.CONSUMER.MSG.NEXT.COMMANDS.agent-gw-1", reply="_INBOX.x")
        for subject in ("_INBOX.>", "_INBOX_gw-1.>", "command.gw-1.>", "flow.>", "event.>"):
            assert await peer.may_not_read(subject), subject


async def test_what_leads_to_a_person_is_the_identity_centres_alone(
    home_and_ports: tuple[Home, Ports],
) -> None:
    home, ports = home_and_ports
    async with connected(home, ports, "credit") as peer:
        for subject in ("audit.trace", "vault-key.x", "$KV.IDENTITY_VAULT.s-1", "$KV.TRACE_CASES.x"):
            assert await peer.refused(subject), subject
            assert await peer.may_not_read(subject), subject
        for call in (
            "STREAM.MSG.GET.KV_IDENTITY_VAULT",
            "DIRECT.GET.KV_TRACE_CASES.x",
            "CONSUMER.CREATE.IDENTITY_VAULT_KEYS.spy",
            "STREAM.DELETE.AUDIT_TRACE",
        ):
            assert await peer.refused(f"$JS.API.{call}", reply="_INBOX.x"), call
        assert not await peer.refused("$JS.API.STREAM.MSG.GET.LEDGER_IDENTITY", reply="_INBOX.x")
    async with connected(home, ports, "identity") as peer:
        assert not await peer.refused("audit.trace")
        for call in (
            "STREAM.DELETE.AUDIT_TRACE",
            "STREAM.PURGE.AUDIT_TRACE",
            "STREAM.MSG.DELETE.AUDIT_TRACE",
        ):
            assert await peer.refused(f"$JS.API.{call}", reply="_INBOX.x"), call
