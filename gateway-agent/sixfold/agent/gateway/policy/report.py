"""What policies have done, told to the bus again and again.

What cannot be told now is told later, with newer numbers.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final

from sixfold.agent.counters import Counters
from sixfold.agent.gateway.policy.control import PolicyControl
from sixfold.api.subjects import report_subject
from sixfold.chassis.messaging import Messaging, MessagingError

log = logging.getLogger(__name__)
KIND: Final = "policy"
IDLE: Final = 30.0
"""How often a gateway without policies says that it has none."""


class PolicyReports:
    def __init__(
        self,
        gateway: str,
        *,
        control: PolicyControl,
        messaging: Messaging,
        counters: Counters,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gateway = gateway
        self._control = control
        self._messaging = messaging
        self._counters = counters
        self._seconds = seconds
        self._clock = clock
        self._told = float("-inf")

    async def run(self) -> None:
        while True:
            await self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._control.changed.wait(), self._seconds)

    async def look(self) -> None:
        fresh = self._control.changed.is_set()
        self._control.changed.clear()
        report = await self._control.look()
        if report is None or not (report.policies or fresh or self._clock() - self._told >= IDLE):
            return
        report.gateway = self._gateway
        if not self._messaging.ready:
            self._counters.add("reports", 1, outcome="no-bus")
            self._again(fresh)
            return
        try:
            await self._messaging.publish(
                report_subject(self._gateway, KIND),
                report.SerializeToString(),
                message_id=f"report:{self._gateway}:{KIND}:{report.time.ToNanoseconds()}",
                timeout=5,
            )
        except MessagingError as error:
            log.debug("policies are not told yet: %s", error)
            self._counters.add("reports", 1, outcome="failed")
            self._again(fresh)
            return
        self._told = self._clock()
        self._control.told(report)
        self._counters.add("reports", 1, outcome="told")

    def _again(self, fresh: bool) -> None:
        """Something new stays new until it is told; the next look comes at its time all the same."""
        if fresh:
            self._told = float("-inf")
