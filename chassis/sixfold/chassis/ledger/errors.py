"""What a ledger can refuse or fail with."""

from collections.abc import Sequence
from typing import Any


class LedgerError(RuntimeError):
    pass


class LedgerConflictError(LedgerError):
    pass


class LedgerUnavailableError(LedgerError):
    pass


class LedgerDamagedError(LedgerError):
    pass


class NotActiveError(LedgerError):
    pass


class LedgerRepeatedError(LedgerError):
    """`events` are what the key wrote the first time."""

    def __init__(self, key: str, events: Sequence[Any]) -> None:
        super().__init__(f"key {key!r} was used before, with another result than can be told now")
        self.key = key
        self.events = tuple(events)
