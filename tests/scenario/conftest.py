"""The exchange in namespaces, with the agent and a real NATS, for every scenario that wants it."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nkeys
import pytest
from nats.js.api import StreamConfig

from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.api.subjects import command_subject
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.testing import NatsServer, NatsServers

from .exchange import GATEWAY, Exchange, build
from .namespaces import network, require_root_and_programs


class Issuer:
    """A centre's key."""

    def __init__(self) -> None:
        seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
        self.seed = bytes(seed)
        self._pair = nkeys.from_seed(bytearray(seed))
        self.public = bytes(self._pair.public_key).decode()

    def sign(self, command: pb.Command) -> bytes:
        data = command.SerializeToString()
        signed = pb.SignedCommand(command=data, signature=self._pair.sign(data), issuer=self.public)
        return signed.SerializeToString()


@dataclass
class Centre:
    """What the test does in the centres' place."""

    messaging: Messaging
    address: Issuer
    identity: Issuer

    async def send(self, kind: str, issuer: Issuer, command: pb.Command) -> pb.Receipt:
        """The receipt of the command."""
        command.id = command.id or secrets.token_hex(8)
        command.gateway = GATEWAY
        command.issued.FromDatetime(datetime.now(UTC))
        command.expires.FromDatetime(datetime.now(UTC) + timedelta(minutes=5))
        receipts = await self.messaging.nc.subscribe(f"receipt.{GATEWAY}")
        try:
            await self.messaging.publish(command_subject(GATEWAY, kind), issuer.sign(command), timeout=10)
            while True:
                receipt = pb.Receipt.FromString((await receipts.next_msg(20)).data)
                if receipt.command_id == command.id:
                    return receipt
        finally:
            await receipts.unsubscribe()

    async def configure(self, generation: int, configuration: pb.GatewayConfiguration) -> pb.Receipt:
        told = pb.ConfigureGateway(generation=generation, configuration=configuration)
        return await self.send("configuration", self.address, pb.Command(configure_gateway=told))

    async def tell_sources(self, generation: int, sources: list[pb.ValidSource], base: int = 0) -> pb.Receipt:
        told = pb.SetValidSources(generation=generation, base_generation=base, sources=sources)
        return await self.send("sources", self.identity, pb.Command(set_valid_sources=told))


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    """The hosts and links; removed with everything that runs in them."""
    require_root_and_programs()
    with network() as made:
        one = build(made, tmp_path)
        try:
            yield one
        finally:
            one.end()


@pytest.fixture
def nats(exchange: Exchange, nats_server: NatsServers) -> NatsServer:
    return nats_server()


@pytest.fixture
async def centre(nats: NatsServer, exchange: Exchange) -> AsyncIterator[Centre]:
    """A bus with its streams, and an agent on the gateway that obeys."""
    messaging = Messaging(NatsSettings(servers=(nats.url,), name="centre"))
    await messaging.start()
    try:
        for name, subject in (
            ("COMMANDS", "command.>"), ("RECEIPTS", "receipt.>"), ("FLOWS", "flow.>"), ("NAT", "nat.>"),
            ("EXPORTERS", "counter.>"), ("REPORTS", "report.>"), ("HEARTBEATS", "heartbeat.>"),
        ):  # fmt: skip
            await messaging.ensure_stream(StreamConfig(name=name, subjects=[subject]))
        made = Centre(messaging, Issuer(), Issuer())
        exchange.start_agent(nats.port, agent_rights(made))
        yield made
    finally:
        await messaging.stop()


def agent_rights(centre: Centre) -> dict[str, str]:
    return {
        "translation.configured_by": f'["{centre.address.public}"]',
        "translation.sources_from": f'["{centre.identity.public}"]',
    }
