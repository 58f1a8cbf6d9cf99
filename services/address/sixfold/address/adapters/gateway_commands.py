"""Configurations to gateways as signed commands; what is counted of them; receipts."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sixfold.address.gateway_ports import SendError
from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.chassis.commands import CommandSender, SigningError, new_command, read_receipt
from sixfold.chassis.messaging import Inbound, MessagingError
from sixfold.chassis.telemetry import Telemetry

KIND = "configuration"


class SignedConfigurations:
    """gateway_ports.ConfigurationCommands over JetStream."""

    def __init__(self, sender: CommandSender, *, lifetime: timedelta) -> None:
        self._sender = sender
        self._lifetime = lifetime

    async def send(self, gateway: str, told: agent.ConfigureGateway) -> None:
        # An id of its own for each try: an agent does not obey the same one twice.
        command_id = f"{KIND}:{gateway}:{told.generation}:{secrets.token_hex(4)}"
        command = new_command(command_id, gateway, now=datetime.now(UTC), lifetime=self._lifetime)
        command.configure_gateway.CopyFrom(told)
        try:
            await self._sender.send(KIND, command)
        except (MessagingError, SigningError) as error:
            raise SendError(str(error)) from error


class Receipts:
    """The handler of the consumer on RECEIPTS: those of configurations."""

    def __init__(self, answered: Callable[[agent.Receipt], None]) -> None:
        self._answered = answered

    async def handle(self, messages: Sequence[Inbound]) -> None:
        for message in messages:
            receipt = read_receipt(message)
            if receipt.command_id.startswith(f"{KIND}:"):
                self._answered(receipt)


class TelemetryGatewayMeter:
    """gateway_ports.GatewayMeter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._commanded = telemetry.counter(
            "address_configurations_total", "sent to gateways, by outcome: sent, failed"
        )
        self._answered = telemetry.counter(
            "address_configuration_receipts_total", "applied, refused, failed, expired, duplicate"
        )

    def commanded(self, outcome: str) -> None:
        self._commanded.add(1, {"outcome": outcome})

    def answered(self, outcome: str) -> None:
        self._answered.add(1, {"outcome": outcome})
