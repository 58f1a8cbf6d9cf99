"""What telling gateways their valid sources needs from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sixfold.identity.domain.sources import Links, Step


class LinksUnavailableError(RuntimeError):
    """The address centre does not say now how gateways reach terminals."""


class SendError(RuntimeError):
    """The bus did not take it; it is told again later."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """The newest generation that a gateway was told, and the digest of all its sources then."""

    generation: int = 0
    digest: str = ""


class GatewayLinks(Protocol):
    async def read(self) -> Mapping[str, Links]:
        """Of every gateway that validates sources. Raises LinksUnavailableError."""
        ...


class SourceCommands(Protocol):
    async def send(self, gateway: str, step: Step) -> None:
        """Sign and publish; done when the bus has it. Raises SendError."""
        ...


class SourceNumbers(Protocol):
    """Kept over restarts. Both raise SendError."""

    async def read(self, gateway: str) -> Numbered: ...

    async def write(self, gateway: str, numbered: Numbered) -> None: ...


class SourceMeter(Protocol):
    def commanded(self, kind: str, outcome: str) -> None: ...

    def answered(self, outcome: str) -> None: ...

    def counted(self, gateway: str, sources: int, unlinked: int, over: int) -> None: ...
