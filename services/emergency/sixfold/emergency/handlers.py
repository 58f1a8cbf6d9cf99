"""Submissions, cancellations, fan-out and receipts."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from sixfold.chassis.ledger import LedgerError
from sixfold.emergency.adapters.cap_xml import XmlLimits, parse
from sixfold.emergency.domain import decisions
from sixfold.emergency.domain.decisions import Command, Policy
from sixfold.emergency.domain.document import RefusedError
from sixfold.emergency.domain.events import ReceiptRecorded
from sixfold.emergency.domain.rules import judge
from sixfold.emergency.domain.state import Alert, Delivery, State
from sixfold.emergency.ports import AlertLedger, Clock, Commands, Gateways, Meter, SendError

log = logging.getLogger(__name__)

SENT_AT_ONCE = 64
"""Commands that wait for their acknowledgement together."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Alerts:
    """What the centre does with alerts. `changed` is set whenever there may be something to send or to tell."""

    def __init__(
        self,
        *,
        ledger: AlertLedger,
        commands: Commands,
        gateways: Gateways,
        policy: Policy,
        limits: XmlLimits,
        meter: Meter,
        clock: Clock = utc_now,
    ) -> None:
        self._ledger = ledger
        self._commands = commands
        self._gateways = gateways
        self._policy = policy
        self._limits = limits
        self._meter = meter
        self._clock = clock
        self._wake = asyncio.Event()
        self._watchers: set[asyncio.Event] = set()
        self._watching_ends = False
        # State and number of gateways for which nothing was due: as long as both stay, nothing is.
        self._settled: tuple[State, int] | None = None

    @property
    def state(self) -> State:
        return self._ledger.state

    def wake(self) -> None:
        """Something has changed: look what there is to send, and tell those who watch."""
        self._wake.set()
        for watcher in self._watchers:
            watcher.set()

    def end_watches(self) -> None:
        """Let every watcher go, for the centre is stopping."""
        self._watching_ends = True
        self.wake()

    async def submit(self, cap: bytes, *, lenient: bool) -> tuple[Alert, bool]:
        """The stored alert, and whether it was known. Raises RefusedError."""
        try:
            alert, known = await self._submit(cap, lenient)
        except RefusedError as refusal:
            self._meter.submitted(refusal.reason)
            raise
        self._meter.submitted("repeated" if known else "accepted")
        return alert, known

    async def _submit(self, cap: bytes, lenient: bool) -> tuple[Alert, bool]:
        now = self._clock()
        # Parsing and geometry of a large document take tens of milliseconds: not on the loop.
        message, findings = await asyncio.to_thread(
            lambda: judge(
                parse(cap, self._limits),
                lenient=lenient,
                now=now,
                clock_tolerance=self._policy.clock_tolerance,
            )
        )
        known = await self._ledger.transact(
            lambda state: decisions.accept(state, message, findings, cap, policy=self._policy, now=now)
        )
        return self.alert(message.alert_id), known

    async def cancel(self, alert_id: str, reason: str) -> Alert:
        now = self._clock()
        await self._ledger.transact(lambda state: (decisions.cancel(state, alert_id, reason, now), None))
        return self.alert(alert_id)

    def alert(self, alert_id: str) -> Alert:
        """RefusedError ALERT_UNKNOWN where it is not held."""
        found = self.state.alerts.get(alert_id)
        if found is None:
            raise RefusedError("ALERT_UNKNOWN", f"no alert {alert_id[:80]!r} is held here")
        return found

    async def run(self) -> None:
        """Send what is due, whenever something changed and once a second, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.pass_once()
            except LedgerError as error:
                # What was sent and could not be noted is sent again, under the same id.
                log.warning("the ledger is away, the pass is made again: %s", error)
            try:
                await asyncio.wait_for(self._wake.wait(), 1.0)
            except TimeoutError:
                continue

    async def pass_once(self) -> None:
        """End what is over and send what is due. What could not be sent stays due."""
        now = self._clock()
        if decisions.expire(self.state, now):
            await self._ledger.transact(lambda state: (decisions.expire(state, now), None))
        areas = self._gateways.areas()
        if self._settled is not None and self._settled[0] is self.state and self._settled[1] == len(areas):
            return
        state = self.state
        due = decisions.due_commands(state, areas, now)
        if not due:
            self._settled = (state, len(areas))
        for start in range(0, len(due), SENT_AT_ONCE):
            sent = await self._send(due[start : start + SENT_AT_ONCE], now)
            if sent:
                await self._note(sent, now)

    async def _send(self, due: Sequence[Command], now: datetime) -> list[Command]:
        outcomes = await asyncio.gather(*(self._send_one(command, now) for command in due))
        return [command for command, is_sent in zip(due, outcomes, strict=True) if is_sent]

    async def _send_one(self, command: Command, now: datetime) -> bool:
        kind = "withdraw" if command.withdrawal else "deliver"
        try:
            await self._commands.send(command, self.alert(command.alert_id).accepted, now)
        except SendError as error:
            log.warning("command %s is not sent yet: %s", command.command_id, error)
            self._meter.commanded(kind, "failed", 1)
            return False
        self._meter.commanded(kind, "sent", 1)
        return True

    async def _note(self, sent: Sequence[Command], now: datetime) -> None:
        await self._ledger.transact(lambda state: (decisions.fanned_out(state, sent, now), None))

    async def record(self, receipts: Sequence[ReceiptRecorded]) -> list[ReceiptRecorded]:
        """Record receipts; those of no alert that is held are handed back."""
        strange = await self._ledger.transact(lambda state: decisions.record_receipts(state, receipts))
        for receipt in receipts:
            self._meter.received("unknown-alert" if receipt in strange else receipt.outcome, 1)
        return strange

    async def watch(self, alert_id: str) -> AsyncIterator[tuple[str, Delivery]]:
        """Deliveries as they are, then as they change; of every alert where `alert_id` is empty.

        Nothing queues up for a slow reader: it is told the newest state of what has changed since it last asked.
        """
        changed = asyncio.Event()
        changed.set()
        told: dict[tuple[str, str], Delivery] = {}
        self._watchers.add(changed)
        try:
            while True:
                await changed.wait()
                changed.clear()
                if self._watching_ends:
                    return
                for name, delivery in self._deliveries(alert_id):
                    if told.get((name, delivery.gateway)) != delivery:
                        told[name, delivery.gateway] = delivery
                        yield name, delivery
                told = {key: delivery for key, delivery in told.items() if key[0] in self.state.alerts}
        finally:
            self._watchers.discard(changed)

    def _deliveries(self, alert_id: str) -> list[tuple[str, Delivery]]:
        alerts = self.state.alerts
        chosen = [alerts[alert_id]] if alert_id in alerts else [] if alert_id else list(alerts.values())
        return [
            (alert.accepted.alert_id, delivery) for alert in chosen for delivery in alert.deliveries.values()
        ]
