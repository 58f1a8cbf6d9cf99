"""What the desk writes into the audit trail. No address, no pseudonym, no name of a person: hashes of those."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Final

from sixfold.identity.audit.log import AuditLog, Value
from sixfold.identity.domain.values import RefusedError

PER_SECOND: Final = 10
BURST: Final = 100


class Trail:
    """Refusals are recorded up to a rate; those beyond it are counted in the next record, so that nobody can fill the
    disk by being refused."""

    def __init__(self, log: AuditLog, clock: Callable[[], int]) -> None:
        self._log = log
        self._clock = clock
        self._left = float(BURST)
        self._counted_at = 0
        self._unrecorded = 0

    async def record(self, event: str, **details: Value) -> int:
        """The index of the record. Raises BusUnavailableError: then what it tells must not be done."""
        return await self._log.append(event, details)

    async def refused(self, rpc: str, officer: str, error: RefusedError, *, case: str, trace: str) -> None:
        now = self._clock()
        if self._counted_at:
            self._left = min(BURST, self._left + (now - self._counted_at) / 1000 * PER_SECOND)
        self._counted_at = now
        if self._left < 1:
            self._unrecorded += 1
            return
        self._left -= 1
        more: dict[str, Value] = {"case": case[:64]} if case else {}
        more |= {"trace": trace[:64]} if trace else {}
        more |= {"unrecorded": self._unrecorded} if self._unrecorded else {}
        await self._log.append("refused", {"rpc": rpc, "officer": officer, "reason": error.reason, **more})
        self._unrecorded = 0


def commitment(salt: bytes, content: Sequence[object]) -> str:
    """What proves later that this was the content, and tells nothing of it until the salt is shown."""
    return hashlib.sha256(salt + json.dumps(content, separators=(",", ":")).encode()).hexdigest()
