"""Mitigation on the bus: signed policies to the gateways, and what gateways say: heartbeats, receipts, reports.

Every replica hears every word (plain subscriptions, and the newest kept report of each gateway at the start), so that
each can lead. A word that is missed is said again: a report comes every few seconds.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import APIError

from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.api.subjects import HEARTBEAT_STREAM, REPORT_STREAM, gateway_token
from sixfold.chassis.codec import to_message
from sixfold.chassis.commands import CommandSender, SigningError, new_command
from sixfold.chassis.messaging import BusUnavailableError, Messaging, MessagingError
from sixfold.security.domain.mitigation.effect import Count
from sixfold.security.domain.mitigation.values import Mitigation
from sixfold.security.enforcement_handlers import Enforcement
from sixfold.security.mitigation_ports import Answer, Report, SendError

log = logging.getLogger(__name__)
KIND: Final = "policy"
_OUTCOMES: Final = {
    agent.Receipt.OUTCOME_APPLIED: "applied",
    agent.Receipt.OUTCOME_REFUSED: "refused",
    agent.Receipt.OUTCOME_FAILED: "failed",
    agent.Receipt.OUTCOME_EXPIRED: "expired",
}
_TROUBLE: Final = (nats.errors.Error, APIError, BusUnavailableError, TimeoutError)


class SignedPolicies:
    """mitigation_ports.Commands over JetStream. lifetime: after it a gateway refuses a command that it was not there
    for; it is sent anew then."""

    def __init__(self, sender: CommandSender, lifetime: timedelta) -> None:
        self._sender = sender
        self._lifetime = lifetime

    async def send(
        self, gateway: str, generation: int, mitigations: Sequence[Mitigation], now: datetime
    ) -> None:
        identifier = f"{KIND}:{gateway}:{generation}:{int(now.timestamp() * 1000)}"
        command = new_command(identifier, gateway, now=now, lifetime=self._lifetime)
        command.set_policies.CopyFrom(set_policies(generation, mitigations))
        try:
            await self._sender.send(KIND, command)
        except (MessagingError, SigningError) as error:
            raise SendError(str(error)) from error


def set_policies(generation: int, mitigations: Sequence[Mitigation]) -> agent.SetPolicies:
    message = agent.SetPolicies(generation=generation)
    for one in mitigations:
        assert one.expires is not None, f"{one.mitigation_id} is active"
        policy = message.policies.add(
            policy_id=one.mitigation_id,
            match=cast("agent.PolicyMatch", to_message(one.policy.match, agent.PolicyMatch)),
            action=cast("agent.PolicyAction", to_message(one.policy.action, agent.PolicyAction)),
        )
        policy.expires.FromDatetime(one.expires)
    return message


def read_report(gateway: str, data: bytes) -> Report:
    """Raises ValueError for what is malformed, or of another gateway."""
    try:
        message = agent.PolicyReport.FromString(data)
    except DecodeError as error:
        raise ValueError(f"no report: {error}") from error
    if message.gateway != gateway:
        raise ValueError(f"it speaks for {message.gateway[:64]!r}")
    return Report(
        gateway=gateway,
        time=message.time.ToDatetime(UTC),
        generation=message.generation,
        counts={
            one.policy_id: Count(one.matched_packets, one.matched_bytes, one.acted_packets, one.acted_bytes)
            for one in message.policies
        },
        ended=frozenset(one.policy_id for one in message.policies if one.ended),
        troubles=tuple(one[:500] for one in message.troubles[:20]),
    )


def read_answer(gateway: str, data: bytes, now: datetime) -> Answer | None:
    """None: it answers something else. Raises ValueError like read_report."""
    try:
        receipt = agent.Receipt.FromString(data)
    except DecodeError as error:
        raise ValueError(f"no receipt: {error}") from error
    if not receipt.command_id.startswith(f"{KIND}:"):
        return None
    if receipt.gateway != gateway:
        raise ValueError(f"it speaks for {receipt.gateway[:64]!r}")
    outcome = _OUTCOMES.get(receipt.outcome)
    if outcome is None:
        return None
    return Answer(gateway, receipt.generation, outcome, receipt.cause[:500], now)


class Voices:
    """A component that hears the gateways and tells `enforcement`."""

    name = "security-voices"

    def __init__(
        self, messaging: Messaging, enforcement: Enforcement, *, refused: Callable[[str], None]
    ) -> None:
        """refused: told the cause of each word that is not taken."""
        self._messaging = messaging
        self._enforcement = enforcement
        self._refused = refused
        self._subscriptions: list[Subscription] = []

    async def start(self) -> None:
        heard: Sequence[tuple[str, Callable[[Msg], Awaitable[None]]]] = (
            ("heartbeat.*", self._on_heartbeat),
            ("receipt.*", self._on_receipt),
            (f"report.*.{KIND}", self._on_report),
        )
        for subject, callback in heard:
            self._subscriptions.append(await self._messaging.nc.subscribe(subject, cb=callback))
        for stream, chosen in ((HEARTBEAT_STREAM, "heartbeat.>"), (REPORT_STREAM, f"report.*.{KIND}")):
            try:
                await self._read_kept(stream, chosen)
            except _TROUBLE as error:
                log.info("%s: nothing kept is read (%s): gateways speak again soon", stream, error)

    async def stop(self) -> None:
        for one in self._subscriptions:
            try:
                await one.unsubscribe()
            except nats.errors.Error as error:
                log.debug("voices: %s", error)
        self._subscriptions.clear()

    async def _read_kept(self, stream: str, chosen: str) -> None:
        info = await self._messaging.js.stream_info(stream, subjects_filter=chosen)
        for subject in info.state.subjects or {}:
            gateway = subject.split(".")[1]
            if stream == HEARTBEAT_STREAM:
                self._take(gateway, lambda name: self._enforcement.hear(name))
                continue
            message = await self._messaging.js.get_last_msg(stream, subject)
            data = message.data or b""
            self._take(gateway, lambda name, data=data: self._enforcement.report(read_report(name, data)))

    async def _on_heartbeat(self, message: Msg) -> None:
        self._take(message.subject.split(".")[1], self._enforcement.hear)

    async def _on_report(self, message: Msg) -> None:
        gateway = message.subject.split(".")[1]
        self._take(gateway, lambda name: self._enforcement.report(read_report(name, message.data)))

    async def _on_receipt(self, message: Msg) -> None:
        def take(name: str) -> None:
            answer = read_answer(name, message.data, datetime.now(UTC))
            if answer is not None:
                self._enforcement.answer(answer)

        self._take(message.subject.split(".")[1], take)

    def _take(self, gateway: str, tell: Callable[[str], None]) -> None:
        """Nothing that a gateway says ends the hearing of the others."""
        try:
            tell(gateway_token(gateway))
        except ValueError as error:
            self._refused("malformed")
            log.warning("%s: not taken: %s", gateway[:64], error)
