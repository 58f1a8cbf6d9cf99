"""Keeping agents at their newest generation: what heartbeats and receipts say, and when to send (again)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from sixfold.api.agent.v1.agent_pb2 import Heartbeat, Receipt
from sixfold.chassis.messaging import Messaging

log = logging.getLogger(__name__)
FIRST_PAUSE: Final = 15.0
LONGEST_PAUSE: Final = 3_600.0
_OUTCOMES: Final = {
    Receipt.OUTCOME_APPLIED: "applied",
    Receipt.OUTCOME_REFUSED: "refused",
    Receipt.OUTCOME_FAILED: "failed",
    Receipt.OUTCOME_EXPIRED: "expired",
    Receipt.OUTCOME_DUPLICATE: "duplicate",
}


@dataclass(slots=True)
class Delivery:
    """The newest command of one kind to one gateway. Times in seconds of one clock that does not go back.

    `sent` is the generation that was sent last. outcome: `sent` until it is answered.
    """

    sent: int = 0
    sent_at: float = 0.0
    tries: int = 0
    outcome: str = ""
    cause: str = ""
    reported: int = 0
    heard_at: float = 0.0
    started: int = 0

    def is_due(self, wanted: int, now: float) -> bool:
        """At once what is new; again, ever more rarely, while the agent lives and does not have it.

        Nothing before its first heartbeat: that says what it has.
        """
        if not wanted or not self.started or self.reported >= wanted:
            return False
        if self.sent != wanted or not self.tries:
            return True
        if self.outcome == "applied":
            return False  # an agent that does not tell generations
        return self.heard_at > self.sent_at and now >= self.sent_at + self.pause

    @property
    def pause(self) -> float:
        return min(FIRST_PAUSE * 2.0 ** min(self.tries - 1, 16), LONGEST_PAUSE)

    def was_sent(self, generation: int, now: float) -> None:
        self.tries = self.tries + 1 if self.sent == generation else 1
        self.sent, self.sent_at, self.outcome, self.cause = generation, now, "sent", ""

    def was_heard(self, reported: int, started: int, now: float) -> bool:
        """Whether there may be something to send: the agent is new, started again, or is behind what was sent."""
        first, again = not self.started, self.started not in (0, started)
        self.heard_at, self.reported, self.started = now, reported, started
        if again:
            self.tries = 0
        return first or again or reported < self.sent

    def was_answered(self, receipt: Receipt) -> str:
        """The outcome as a word; of an older generation it is not noted."""
        word = _OUTCOMES.get(receipt.outcome, "unknown")
        if receipt.generation == self.sent and word != "duplicate":
            self.outcome, self.cause = word, receipt.cause[:500]
        return word


class HeartbeatListener:
    """Tells every heartbeat; a component. The server lets an agent publish on its own subject only."""

    name = "heartbeat-listener"

    def __init__(self, messaging: Messaging, heard: Callable[[Heartbeat], None]) -> None:
        self._messaging = messaging
        self._heard = heard
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        self._subscription = await self._messaging.nc.subscribe(
            "heartbeat.*", cb=self._take, pending_msgs_limit=65_536
        )

    async def stop(self) -> None:
        if self._subscription is not None:
            try:
                await self._subscription.unsubscribe()
            except nats.errors.Error as error:
                log.debug("heartbeats: %s", error)

    async def _take(self, message: Msg) -> None:
        try:
            beat = Heartbeat.FromString(message.data)
        except DecodeError:
            log.warning("%s: no heartbeat", message.subject[:100])
            return
        if beat.gateway == message.subject.partition(".")[2]:
            self._heard(beat)
