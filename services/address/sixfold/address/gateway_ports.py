"""What the duty over translating gateways needs from outside."""

from typing import Protocol

from sixfold.api.agent.v1 import agent_pb2 as agent


class SendError(RuntimeError):
    """The bus did not take a command; it is sent again later."""


class ConfigurationCommands(Protocol):
    """The way to the gateways."""

    async def send(self, gateway: str, told: agent.ConfigureGateway) -> None:
        """Sign and publish; done when the bus has it. Raises SendError."""
        ...


class GatewayMeter(Protocol):
    def commanded(self, outcome: str) -> None: ...

    def answered(self, outcome: str) -> None: ...
