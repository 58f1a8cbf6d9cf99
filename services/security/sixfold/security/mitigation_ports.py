"""What mitigation needs from outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from sixfold.security.domain.centre import Centre, CentreEvent
from sixfold.security.domain.mitigation.effect import Count
from sixfold.security.domain.mitigation.values import BlastRadius, Match, Mitigation

Result = TypeVar("Result")


class CentreLedger(Protocol):
    """The system of record of the whole centre."""

    @property
    def state(self) -> Centre: ...

    async def transact(
        self, decide: Callable[[Centre], tuple[Sequence[CentreEvent], Result]], *, key: str | None = None
    ) -> Result: ...


class WarehouseAwayError(Exception):
    """The warehouse did not answer, and why."""


class Warehouse(Protocol):
    """The stored flows, asked of the credit centre."""

    async def sum(
        self, match: Match, gateways: Sequence[str], start: datetime, split: datetime, end: datetime
    ) -> BlastRadius:
        """good: before `split`; known: after it, of the good sources. Raises WarehouseAwayError."""
        ...


class SendError(Exception):
    """The bus did not take a command; it may be sent again."""


class Commands(Protocol):
    async def send(
        self, gateway: str, generation: int, mitigations: Sequence[Mitigation], now: datetime
    ) -> None:
        """All that the gateway should enforce. Raises SendError."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What a gateway said of its policies. counts: by mitigation; ended: those whose last numbers these are."""

    gateway: str
    time: datetime
    generation: int
    counts: Mapping[str, Count]
    ended: frozenset[str]
    troubles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of policies that a gateway was sent: `applied`, `refused`, `failed` or `expired`."""

    gateway: str
    generation: int
    outcome: str
    cause: str
    time: datetime


class MitigationMeter(Protocol):
    """Where mitigation counts what it does."""

    def sent(self, outcome: str) -> None: ...

    def answered(self, outcome: str) -> None: ...

    def decided(self, what: str) -> None: ...
