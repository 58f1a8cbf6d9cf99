"""Reports of forged sources to incidents, with the holder of the forged address where it is known."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sixfold.security.domain.events import Evidence
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.spoofing import Finding, Report, SpoofingSettings, findings, with_holders
from sixfold.security.spoofing_ports import Holders

Observe = Callable[[Sequence[tuple[Signal, Evidence]]], Awaitable[None]]
LOOKED_UP: int = 16
"""Addresses of one report whose holders are asked for."""


class SpoofedSources:
    """observe: takes signals that come of no flows."""

    def __init__(self, settings: SpoofingSettings, *, observe: Observe, holders: Holders | None) -> None:
        self._settings = settings
        self._observe = observe
        self._holders = holders

    async def take(self, report: Report) -> None:
        found = findings(report, self._settings)
        if found:
            holders = await self._held_by(found)
            await self._observe([with_holders(one, holders) for one in found])

    async def _held_by(self, found: Sequence[Finding]) -> dict[str, str]:
        if self._holders is None:
            return {}
        asked = [one.address for one in found if one.address and one.signal.opens][:LOOKED_UP]
        answers = await asyncio.gather(*(self._holders.terminal(address) for address in asked))
        return {
            address: terminal
            for address, terminal in zip(asked, answers, strict=True)
            if terminal is not None
        }
