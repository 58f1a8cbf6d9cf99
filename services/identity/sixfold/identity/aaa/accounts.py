"""Accounting-Requests: recorded on the ledger, many together, and answered only then (RFC 2866, section 2)."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyrad import packet as radius
from pyrad.dictionary import Dictionary

from sixfold.identity.aaa.metering import AaaMeter
from sixfold.identity.aaa.packets import PacketRefusedError, Restart, behind, read_accounting, record
from sixfold.identity.aaa.servers import AccessServer
from sixfold.identity.domain.accounting import Outcome, Record, account, apart, restart
from sixfold.identity.ports import Clock, RegistryLedger

TOGETHER: Final = 512
WAITING: Final = 10_000
RESTART_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Waiting:
    record: Record
    done: asyncio.Future[Outcome]


class AccountingDoor:
    def __init__(
        self, ledger: RegistryLedger, known: Dictionary, meter: AaaMeter, clock: Clock, gather_seconds: float
    ) -> None:
        self._ledger = ledger
        self._known = known
        self._meter = meter
        self._clock = clock
        self._gather_seconds = gather_seconds
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()

    async def answer(self, data: bytes, server: AccessServer) -> tuple[bytes, str]:
        """A reply and the outcome that it is counted under. Raises PacketRefusedError: nothing is recorded."""
        request = read_accounting(data, server.secret, self._known)
        if request.code == radius.StatusServer:
            return request.CreateReply().ReplyPacket(), "alive"
        nas = f"{server.name}/{behind(request)}" if server.is_proxy else server.name
        told = record(request, nas=nas, gateway=server.gateway, now=self._clock())
        word = await self._restart(nas, told) if isinstance(told, Restart) else await self._record(told)
        return request.CreateReply().ReplyPacket(), word

    async def _record(self, told: Record) -> str:
        if len(self._queue) >= WAITING:
            raise PacketRefusedError("too-many-waiting")
        waiting = _Waiting(told, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        outcome = await waiting.done
        if outcome.taken:
            self._meter.refused(told.nas.partition("/")[0], len(outcome.taken))
        if not outcome.recorded:
            raise PacketRefusedError(outcome.word)
        return outcome.word

    async def _restart(self, nas: str, told: Restart) -> str:
        left = 1
        while left:
            now = self._clock()
            left = await self._ledger.transact(
                lambda registry, now=now: restart(registry, nas, told.time, now, most=RESTART_AT_ONCE)
            )
        return "restarted"

    async def run(self) -> None:
        """Decides what waits, until it is cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    if len(self._queue) > 1:
                        await asyncio.sleep(self._gather_seconds)
                    await self._together()
        finally:
            for waiting in self._queue:
                waiting.done.cancel()
            self._queue.clear()

    async def _together(self) -> None:
        first = [self._queue[at] for at in range(min(TOGETHER, len(self._queue)))]
        chosen = first[: apart([one.record for one in first])]
        for _ in chosen:
            self._queue.popleft()
        records, now = [one.record for one in chosen], self._clock()
        try:
            outcomes = await self._ledger.transact(lambda registry: account(registry, records, now))
        except Exception as error:
            for one in chosen:
                _settle(one.done, lambda future, error=error: future.set_exception(error))
            return
        for one, outcome in zip(chosen, outcomes, strict=True):
            _settle(one.done, lambda future, outcome=outcome: future.set_result(outcome))


def _settle(future: asyncio.Future[Outcome], how: Callable[[asyncio.Future[Outcome]], None]) -> None:
    if not future.done():
        how(future)
