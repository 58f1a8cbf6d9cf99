"""What is over is given up after a time: rules that ended, and the ledger's events of what a snapshot holds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from sixfold.address.translation_handlers import Translations
from sixfold.chassis.ledger import LedgerError

log = logging.getLogger(__name__)
AGAIN: Final = 60.0
Cut = Callable[[datetime], Awaitable[int]]
"""Gives up events from before that moment; how many. Raises LedgerError."""


class Retention:
    """`days`: how long an ended rule can be asked about, and an event stays on the ledger; looked at every `hours`."""

    def __init__(self, translations: Translations, cut: Cut, *, days: float, hours: float) -> None:
        self._translations = translations
        self._cut = cut
        self._days = days
        self._pause = hours * 3_600

    async def run(self) -> None:
        while True:
            pause = self._pause
            try:
                await self.run_once()
            except LedgerError as error:
                log.warning("retention: not finished: %s", error)
                pause = min(pause, AGAIN)
            await asyncio.sleep(pause)

    async def run_once(self) -> tuple[int, int]:
        """(rules, events) that were given up."""
        rules = 0
        while forgotten := await self._translations.forget():
            rules += forgotten
        events = await self._cut(datetime.now(UTC) - timedelta(days=self._days))
        if rules or events:
            log.info("retention: %d ended rules and %d events given up", rules, events)
        return rules, events
