"""What the convergence centre needs from outside."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from sixfold.convergence.domain.events import ConvergenceEvent
from sixfold.convergence.domain.state import State

Result = TypeVar("Result")
Now = Callable[[], datetime]


class TrafficLedger(Protocol):
    """The system of record of traffic and services."""

    @property
    def state(self) -> State: ...

    async def transact(
        self, decide: Callable[[State], tuple[Sequence[ConvergenceEvent], Result]], *, key: str | None = None
    ) -> Result:
        """Append what `decide` says, deciding again after a conflict; answers after the append is
        acknowledged.
        """
        ...


class Meter(Protocol):
    """Where the centre counts what moves."""

    def batches(self, outcome: str, number: int) -> None: ...

    def flows(self, counted: int, implausible: int) -> None: ...

    def minutes(self, told: str, number: int) -> None: ...
