"""What the trace desk needs from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sixfold.identity.domain.case import Asked
from sixfold.identity.domain.evidence import Held, NatEvent


class SourceUnavailableError(RuntimeError):
    """A source of evidence does not answer: without it an answer would be a guess."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address (a number of 128 bits) and port, 0: any, from `start` to `end`, both included."""

    address: int
    port: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What the rules of shared IPv4 say of a public address and port that some rule covers.

    subscriber: `inside` is the address on the subscriber's side, behind `gateway`. nobody: the port is nobody's by the
    rule. sessions: the port was given on demand, the gateway's logs tell. ambiguous: more than one within the
    tolerance. port-required: the address is shared, and the question names no port.
    """

    kind: Literal["subscriber", "nobody", "sessions", "ambiguous", "port-required"]
    path: str = ""
    inside: int = 0
    gateway: str = ""


class Logs(Protocol):
    async def nat_events(self, questions: Sequence[Asked], lookback: int) -> list[list[NatEvent]]:
        """For each question, the events at its public place from `lookback` before it on. Raises
        SourceUnavailableError."""
        ...

    async def bindings(self, places: Sequence[Place]) -> list[list[Held]]:
        """Raises SourceUnavailableError."""
        ...

    async def erase(self, before: int) -> tuple[dict[str, int], dict[str, int]]:
        """Rows older than `before` by table, found and left. Raises SourceUnavailableError."""
        ...


class Rules(Protocol):
    async def answers(self, questions: Sequence[Asked]) -> list[RuleAnswer | None]:
        """None where no rule covers the address. Raises SourceUnavailableError."""
        ...


class Identifiers(Protocol):
    async def subscriber(self, address: int, start: int, end: int) -> str | None:
        """Whom an identity-bearing interface identifier names, where the address has one that was in use then."""
        ...
