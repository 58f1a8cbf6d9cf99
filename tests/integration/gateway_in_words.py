"""A gateway as centres meet it on the bus: heartbeats with generations, commands verified as agents do, receipts."""

from datetime import UTC, datetime

from nats.js.api import StreamConfig

from sixfold.agent.commands import verify
from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.api.subjects import heartbeat_subject, receipt_subject
from sixfold.chassis.messaging import Messaging


async def make_command_streams(messaging: Messaging) -> None:
    for name, subject in (("COMMANDS", "command.>"), ("RECEIPTS", "receipt.>")):
        await messaging.ensure_stream(StreamConfig(name=name, subjects=[subject]))


class SpokenGateway:
    """Applies what it is told, but for generations in `refuses`."""

    def __init__(self, messaging: Messaging, name: str, *issuers: str) -> None:
        self.messaging, self.name, self.issuers = messaging, name, issuers
        self.started = datetime.now(UTC)
        self.commands: list[agent.Command] = []
        self.configuration, self.sources = 0, 0
        self.valid: set[tuple[str, str]] = set()
        self.refuses: set[int] = set()

    async def listen(self) -> None:
        await self.messaging.js.subscribe(
            f"command.{self.name}.>", durable=f"agent-{self.name}", cb=self._obey, manual_ack=True
        )

    async def beat(self) -> None:
        beat = agent.Heartbeat(
            gateway=self.name, configuration_generation=self.configuration, sources_generation=self.sources
        )
        beat.started.FromDatetime(self.started)
        await self.messaging.nc.publish(heartbeat_subject(self.name), beat.SerializeToString())
        await self.messaging.nc.flush()

    async def _obey(self, message) -> None:
        command = verify(message.data, gateway=self.name, issuers=self.issuers, now=datetime.now(UTC))
        receipt = agent.Receipt(
            command_id=command.id, gateway=self.name, outcome=agent.Receipt.OUTCOME_APPLIED
        )
        if command.HasField("configure_gateway"):
            receipt.generation = command.configure_gateway.generation
            wanted, applied = "configuration", receipt.generation > self.configuration
        else:
            told = command.set_valid_sources
            receipt.generation = told.generation
            wanted = "sources"
            applied = told.generation > self.sources and told.base_generation in (0, self.sources)
        if not applied or receipt.generation in self.refuses:
            receipt.outcome, receipt.cause = agent.Receipt.OUTCOME_REFUSED, "generation-gap: for the test"
        else:
            setattr(self, wanted, receipt.generation)
            told = command.set_valid_sources
            if wanted == "sources":
                self.valid = set() if not told.base_generation else self.valid
                self.valid -= {(one.prefix, one.interface) for one in told.removed}
                self.valid |= {(one.prefix, one.interface) for one in told.sources}
        self.commands.append(command)
        await message.ack()
        await self.messaging.publish(receipt_subject(self.name), receipt.SerializeToString(), timeout=20)
