"""What the security centre needs from outside."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from sixfold.security.domain.events import IncidentEvent
from sixfold.security.domain.incidents import Incidents
from sixfold.security.domain.leases import Table

Result = TypeVar("Result")
Clock = Callable[[], datetime]


class IncidentLedger(Protocol):
    """The system of record of incidents."""

    @property
    def state(self) -> Incidents: ...

    @property
    def sequence(self) -> int: ...

    async def transact(
        self, decide: Callable[[Incidents], tuple[Sequence[IncidentEvent], Result]], *, key: str | None = None
    ) -> Result:
        """Append what `decide` says, deciding again after a conflict; answers after the append is
        acknowledged.
        """
        ...


class Replicas(Protocol):
    """Who watches which partition."""

    @property
    def replica(self) -> str:
        """This one's name."""
        ...

    @property
    def table(self) -> Table: ...


class Meter(Protocol):
    """Where the centre counts what moves."""

    def batches(self, outcome: str) -> None: ...

    def flows(self, counted: int, implausible: int, late: float) -> None: ...

    def signals(self, detector: str, number: int) -> None: ...

    def failed(self, detector: str, doing: str) -> None:
        """A detector (or rule) raised an error while doing add, look or restore."""
        ...

    def passed(self, seconds: float, flows: int) -> None: ...
