"""What the identity centre needs from outside."""

from collections.abc import Callable, Sequence
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


class VaultError(RuntimeError):
    """The vault did not take an entry; it may be tried again."""


class Vault(Protocol):
    """Where a pseudonym leads to a person. Apart from the ledger, under a key of its own; nothing here reads it."""

    async def put(self, pseudonym: str, person_reference: str) -> None:
        """Seal and keep; done when it is stored. The same again is no error. Raises VaultError."""
        ...


class Pseudonyms(Protocol):
    def subscriber(self, person_reference: str) -> str: ...

    def terminal(self, subscriber: str, hardware_reference: str) -> str:
        """Drawn by lot where `hardware_reference` is empty."""
        ...


class Meter(Protocol):
    def answered(self, wish: str, outcome: str, number: int) -> None: ...

    def sessions(self, gateway: str, bound: int, unbound: int) -> None: ...
