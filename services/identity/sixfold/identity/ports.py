"""What the identity centre needs from outside."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from sixfold.identity.domain.events import Event
from sixfold.identity.domain.registry import Registry

Result = TypeVar("Result")
Clock = Callable[[], int]
"""UTC milliseconds since 1970."""


class RegistryLedger(Protocol):
    """The system of record of subscribers, terminals and bindings."""

    @property
    def state(self) -> Registry: ...

    async def transact(
        self, decide: Callable[[Registry], tuple[Sequence[Event], Result]], *, key: str | None = None
    ) -> Result:
        """Append what `decide` says; answers after the append is acknowledged."""
        ...


class ErasableLedger(RegistryLedger, Protocol):
    async def cut(self, before: datetime) -> int:
        """Give up the events from before that moment; what they made stays. How many."""
        ...


class VaultError(RuntimeError):
    """The vault did not do it; it may be tried again."""


class PersonErasedError(LookupError):
    """The pseudonym leads to nobody: its entry was erased, or never was."""


class Vault(Protocol):
    """Where a pseudonym leads to a person. Apart from the ledger, under keys of its own; only the trace desk reads."""

    async def put(self, pseudonym: str, person_reference: str) -> None:
        """Seal and keep; done when it is stored. The same again is no error. Raises VaultError."""
        ...

    async def open(self, pseudonym: str) -> str:
        """The person reference. Raises PersonErasedError, VaultError."""
        ...

    async def erase(self, pseudonym: str) -> bool:
        """Make the entry unreadable for good, in every copy. False where there was none. Raises VaultError."""
        ...


class Pseudonyms(Protocol):
    def subscriber(self, person_reference: str) -> str: ...

    def terminal(self, subscriber: str, hardware_reference: str) -> str:
        """Drawn by lot where `hardware_reference` is empty."""
        ...


class Meter(Protocol):
    def answered(self, wish: str, outcome: str, number: int) -> None: ...

    def sessions(self, gateway: str, bound: int, unbound: int) -> None: ...
