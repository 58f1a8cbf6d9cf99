"""What the emergency centre needs from outside."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from sixfold.emergency.domain.decisions import Command
from sixfold.emergency.domain.events import AlertAccepted, Event
from sixfold.emergency.domain.state import State

Result = TypeVar("Result")
Clock = Callable[[], datetime]


class AlertLedger(Protocol):
    """The system of record of alerts."""

    @property
    def state(self) -> State: ...

    async def transact(
        self, decide: Callable[[State], tuple[Sequence[Event], Result]], *, key: str | None = None
    ) -> Result:
        """Append what `decide` says; answers after the append is acknowledged."""
        ...


class Commands(Protocol):
    """The way to the gateways."""

    async def send(self, command: Command, alert: AlertAccepted, now: datetime) -> None:
        """Sign and publish; done when the bus has it. The same command twice is one. Raises SendError."""
        ...


class SendError(RuntimeError):
    """The bus did not take a command; it may be sent again."""


class Gateways(Protocol):
    """Gateways that have been heard of, with the areas that they serve."""

    def areas(self) -> Mapping[str, Sequence[str]]: ...


class Meter(Protocol):
    def submitted(self, outcome: str) -> None: ...

    def commanded(self, kind: str, outcome: str, number: int) -> None: ...

    def received(self, outcome: str, number: int) -> None: ...
