"""What the address centre needs from outside."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from sixfold.address.domain.book import Book
from sixfold.address.domain.events import Event

Result = TypeVar("Result")
Clock = Callable[[], int]
"""UTC milliseconds since 1970."""


class BookLedger(Protocol):
    """The system of record of pools and delegations."""

    @property
    def state(self) -> Book: ...

    async def transact(
        self, decide: Callable[[Book], tuple[Sequence[Event], Result]], *, key: str | None = None
    ) -> Result:
        """Append what `decide` says; answers after the append is acknowledged."""
        ...


class Meter(Protocol):
    def asked(self, outcome: str, number: int) -> None: ...

    def ended(self, cause: str, number: int) -> None: ...
