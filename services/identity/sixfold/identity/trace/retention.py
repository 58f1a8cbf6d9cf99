"""Erasure, executed at intervals and proven: what was erased, and that nothing older is left, stands in the trail.

logs      bindings and NAT sessions in the warehouse, older than `log_days`
persons   vault entries of subscribers who were retired `person_days` ago
cases     records of cases that expired `case_days` ago
keys      of epochs of identity-bearing identifiers whose addresses are older than `log_days`
ledger    the events of the register that are older than `log_days`; what they made of it stays
held      bindings that still last are logged anew, so that the erasure of old logs does not forget them
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol

import numpy as np

from sixfold.chassis.ledger import LedgerError
from sixfold.chassis.messaging import MessagingError
from sixfold.identity.domain.binding_log import LogColumns, logged
from sixfold.identity.domain.events import BindingsLogged
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import Binding, Lifecycle
from sixfold.identity.ports import ErasableLedger, Vault, VaultError
from sixfold.identity.trace.cases import CaseStore
from sixfold.identity.trace.ports import Logs, SourceUnavailableError
from sixfold.identity.trace.trail import Trail, commitment

log = logging.getLogger(__name__)
DAY: Final = 86_400_000
ROWS: Final = 50_000
AGAIN: Final = 30
"""Days after which a binding that lasts is logged anew."""
RETRY: Final = 60.0
DRAIN: Final = 5.0


class Identifiers(Protocol):
    async def erase_before(self, time: int) -> list[int]: ...


class Retention:
    """A component whose task runs every `hours`; `run` does it once."""

    name = "retention"

    def __init__(
        self,
        *,
        ledger: ErasableLedger,
        logs: Logs,
        vault: Vault,
        cases: CaseStore,
        identifiers: Identifiers,
        trail: Trail,
        clock: Callable[[], int],
        log_days: int,
        person_days: int,
        case_days: int,
        hours: float,
    ) -> None:
        self.task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._running = asyncio.Lock()
        self._ledger = ledger
        self._logs = logs
        self._vault = vault
        self._cases = cases
        self._identifiers = identifiers
        self._trail = trail
        self._clock = clock
        self._log_days = log_days
        self._person_days = person_days
        self._case_days = case_days
        self._hours = hours

    async def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        self._stopping.set()
        if self.task is not None:
            await asyncio.wait([self.task], timeout=DRAIN)
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            pause = self._hours * 3_600
            try:
                await self.run()
            except (LedgerError, MessagingError, SourceUnavailableError, VaultError) as error:
                # Until it is done it is tried again; what is erased already is not there the second time.
                log.warning("retention: not finished: %s", error)
                pause = min(pause, RETRY)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def run(self) -> None:
        """All of it once, one run at a time.

        Raises SourceUnavailableError, VaultError, LedgerError, MessagingError.
        """
        async with self._running:
            await self._run_once()

    async def _run_once(self) -> None:
        now = self._clock()
        await self._log_held(now)
        await self._erase_persons(now - self._person_days * DAY)
        await self._erase_cases(now - self._case_days * DAY)
        before = now - self._log_days * DAY
        for epoch in await self._identifiers.erase_before(before):
            await self._trail.record("identifier-key-erased", epoch=epoch)
        found, left = await self._logs.erase(before)
        if any(found.values()) or any(left.values()):
            await self._trail.record(
                "logs-erased",
                before=before,
                **{f"{table}_found": rows for table, rows in sorted(found.items())},
                **{f"{table}_left": rows for table, rows in sorted(left.items())},
            )

        # The last: until then the warehouse could be filled again from it.
        events = await self._ledger.cut(datetime.fromtimestamp(before / 1000, UTC))
        if events:
            await self._trail.record("ledger-cut", before=before, events=events)

    async def _erase_persons(self, before: int) -> None:
        for subscriber in [
            one.subscriber
            for one in self._ledger.state.subscribers.values()
            if one.state is Lifecycle.RETIRED and 0 < one.changed < before
        ]:
            if await self._vault.erase(subscriber):
                await self._trail.record(
                    "person-erased",
                    officer="retention",
                    subscriber_hash=commitment(b"", [subscriber]),
                    entries=1,
                )

    async def _erase_cases(self, before: int) -> None:
        for case in [case async for case in self._cases.cases() if case.expires < before]:
            records = await self._cases.erase(case.case_number)
            await self._trail.record("case-erased", case=case.case_number, records=records)

    async def _log_held(self, now: int) -> None:
        """One batch of every binding that lasts, at most every AGAIN days; the same batch again writes nothing."""
        period = now // (AGAIN * DAY)
        held = [one for one in self._ledger.state.bindings.values() if one.since < period * AGAIN * DAY]
        for first in range(0, len(held), ROWS):
            event = _logged(held[first : first + ROWS], now)

            def decide(_: Registry, event: BindingsLogged = event) -> tuple[Sequence[BindingsLogged], int]:
                return [event], event.rows

            await self._ledger.transact(decide, key=f"held:{period}:{first}")


def _logged(held: Sequence[Binding], now: int) -> BindingsLogged:
    holders = {name: index for index, name in enumerate(dict.fromkeys(one.terminal for one in held))}
    gateways = {name: index for index, name in enumerate(dict.fromkeys(one.gateway for one in held))}
    columns = LogColumns(
        np.array([holders[one.terminal] for one in held], "<u4"),
        np.frombuffer(b"".join(one.prefix.packed for one in held), "V16"),
        np.array([one.prefix.length for one in held], "u1"),
        np.array([one.port_first for one in held], "<u2"),
        np.array([one.port_last for one in held], "<u2"),
        np.array([one.binding_id for one in held], "<u8"),
        np.array([one.since for one in held], "<i8"),
        np.zeros(len(held), "<i8"),
        np.array([gateways[one.gateway] for one in held], "<u2"),
    )
    return logged("", columns, tuple(holders), tuple(gateways), now)
