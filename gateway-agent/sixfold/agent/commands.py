"""Commands from the centres: signed, addressed, fresh, each obeyed once.

A refusal is an answer too: it is counted by cause and told in a receipt. A command is remembered when it has been
obeyed; killed before that, the agent obeys it again, because an alert had better come twice than not at all.
"""

import json
import logging
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError
from nacl.exceptions import BadSignatureError

from sixfold.agent.alerts import Alerts, DeliveryError
from sixfold.agent.config import CommandSettings, PolicySettings, TranslationSettings
from sixfold.agent.counters import Counters
from sixfold.agent.gateway.apply import ApplyError
from sixfold.agent.gateway.control import ControlRefusal, GatewayControl
from sixfold.agent.gateway.policy.control import PolicyControl
from sixfold.agent.keys import verify_key
from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.api.subjects import COMMAND_STREAM, receipt_subject
from sixfold.chassis.messaging import Inbound, Messaging

log = logging.getLogger(__name__)
REMEMBERED: Final = 10_000
"""Commands that are known again; one lives a day at most."""
TRIES: Final = 3
"""Deliveries of a command whose alert cannot be handed on."""
STREAM: Final = COMMAND_STREAM
_MAX_ID: Final = 200


class Refusal(Exception):  # noqa: N818 - it is an answer
    """cause: a short stable word."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail


def verify(message: bytes, *, gateway: str, issuers: Collection[str], now: datetime) -> pb.Command:
    """The command in a SignedCommand. Raises Refusal for what is malformed, forged, for another gateway or expired."""
    signed = pb.SignedCommand()
    try:
        signed.ParseFromString(message)
    except DecodeError as error:
        raise Refusal("malformed", str(error)) from error
    if signed.issuer not in issuers:
        raise Refusal("unknown-issuer", f"{signed.issuer or 'nobody'} is not among the issuers of this agent")
    try:
        verify_key(signed.issuer).verify(signed.command, signed.signature)
    except (BadSignatureError, ValueError) as error:
        raise Refusal("bad-signature", str(error) or type(error).__name__) from error
    command = pb.Command()
    try:
        command.ParseFromString(signed.command)
    except DecodeError as error:
        raise Refusal("malformed", str(error)) from error
    if command.gateway != gateway:
        raise Refusal("other-gateway", f"addressed to {command.gateway!r}")
    if not 0 < len(command.id) <= _MAX_ID:
        raise Refusal("malformed", f"an id of {len(command.id)} characters")
    if not command.HasField("expires"):
        raise Refusal("malformed", "no expiry")
    if command.expires.ToDatetime(UTC) <= now:
        raise Refusal("expired", command.expires.ToDatetime(UTC).isoformat())
    return command


@dataclass(frozen=True, slots=True)
class Obeyed:
    """What became of a command. sequence: of its message in the stream."""

    id: str
    sequence: int
    outcome: int
    cause: str
    alert_id: str
    generation: int = 0


class Remembered:
    """Commands that were obeyed, kept over restarts; the oldest are forgotten."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: OrderedDict[str, Obeyed] = OrderedDict()
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                one = Obeyed(**json.loads(line))
            except (ValueError, TypeError):
                continue  # the line that a killed agent was writing
            self._known[one.id] = one
        self._trim()

    def get(self, command_id: str) -> Obeyed | None:
        return self._known.get(command_id)

    def add(self, one: Obeyed) -> None:
        with self._path.open("a") as file:
            file.write("\n" + json.dumps(asdict(one)))
        self._known[one.id] = one
        if len(self._known) > REMEMBERED:
            self._trim()
            fresh = self._path.with_suffix(".new")
            fresh.write_text("\n".join(json.dumps(asdict(known)) for known in self._known.values()))
            fresh.replace(self._path)

    def _trim(self) -> None:
        while len(self._known) > REMEMBERED * 3 // 4:
            self._known.popitem(last=False)


class Commands:
    """Handles what comes on `command.<gateway>.>`."""

    def __init__(
        self,
        *,
        gateway: str,
        settings: CommandSettings,
        folder: Path,
        messaging: Messaging,
        counters: Counters,
        control: GatewayControl | None = None,
        translation: TranslationSettings = TranslationSettings(),  # noqa: B008 - frozen
        policy_control: PolicyControl | None = None,
        policies: PolicySettings = PolicySettings(),  # noqa: B008 - frozen
    ) -> None:
        self._control = control
        self._translation = translation
        self._policy_control = policy_control
        self._policies = policies
        self._issuers = {
            *settings.issuers,
            *translation.configured_by,
            *translation.sources_from,
            *policies.issuers,
        }
        self._gateway = gateway
        self._settings = settings
        self._messaging = messaging
        self._counters = counters
        self._alerts = Alerts(folder, settings.hooks)
        self._obeyed = Remembered(folder / "obeyed.jsonl")

    async def handle(self, messages: Sequence[Inbound]) -> None:
        """Raises DeliveryError to have a command come again."""
        for message in messages:
            receipt = await self._answer(message)
            receipt.gateway = self._gateway
            receipt.time.FromDatetime(datetime.now(UTC))
            outcome = pb.Receipt.Outcome.Name(receipt.outcome).removeprefix("OUTCOME_").lower()
            self._counters.add("commands", 1, outcome=outcome, cause=receipt.cause.partition(":")[0])
            await self._messaging.publish(
                receipt_subject(self._gateway),
                receipt.SerializeToString(),
                message_id=f"receipt:{self._gateway}:{message.sequence}:{outcome}",
                timeout=20,
            )

    async def _answer(self, message: Inbound) -> pb.Receipt:
        now = datetime.now(UTC)
        try:
            command = verify(message.data, gateway=self._gateway, issuers=self._issuers, now=now)
            self._require_right(command, message.data)
        except Refusal as refusal:
            log.warning("refused a command: %s", refusal)
            expired = refusal.cause == "expired"
            outcome = pb.Receipt.OUTCOME_EXPIRED if expired else pb.Receipt.OUTCOME_REFUSED
            receipt = _about(message.data)
            receipt.outcome, receipt.cause = outcome, str(refusal)[:500]
            return receipt
        known = self._obeyed.get(command.id)
        if known is None:
            known = await self._obey(command, message)
            self._obeyed.add(known)
        elif known.sequence != message.sequence:
            return pb.Receipt(
                outcome=pb.Receipt.OUTCOME_DUPLICATE, command_id=known.id, alert_id=known.alert_id
            )
        # The same message again says that its receipt or its acknowledgement was lost: the answer is the same.
        outcome = pb.Receipt.Outcome.Name(known.outcome)  # type: ignore[arg-type]
        return pb.Receipt(
            outcome=outcome,
            cause=known.cause,
            command_id=known.id,
            alert_id=known.alert_id,
            generation=known.generation,
        )

    def _require_right(self, command: pb.Command, message: bytes) -> None:
        """Each centre's key is good for its own commands only. Raises Refusal."""
        rights = {
            "configure_gateway": self._translation.configured_by,
            "set_valid_sources": self._translation.sources_from,
            "set_policies": self._policies.issuers,
        }
        kind = command.WhichOneof("body") or ""
        issuer = pb.SignedCommand.FromString(message).issuer
        if issuer not in rights.get(kind, self._settings.issuers):
            raise Refusal("issuer-not-allowed", f"{issuer} may not send {kind or 'an unknown command'}")

    async def _obey(self, command: pb.Command, message: Inbound) -> Obeyed:
        kind = command.WhichOneof("body")
        if kind in ("configure_gateway", "set_valid_sources", "set_policies"):
            return await self._control_gateway(command, message)
        alert_id = getattr(command, kind).alert_id if kind else ""
        outcome, cause = pb.Receipt.OUTCOME_DELIVERED, ""
        try:
            if kind == "deliver_alert":
                await self._alerts.deliver(command.deliver_alert)
            elif kind == "cancel_alert":
                await self._alerts.cancel(alert_id)
            else:
                outcome, cause = pb.Receipt.OUTCOME_REFUSED, "unknown-command"
        except DeliveryError as error:
            if message.delivered < TRIES and not error.lasting:
                raise
            log.error("command %s: %s", command.id, error)
            outcome, cause = pb.Receipt.OUTCOME_REFUSED, str(error)[:500]
        return Obeyed(command.id, message.sequence, int(outcome), cause, alert_id)

    async def _control_gateway(self, command: pb.Command, message: Inbound) -> Obeyed:
        outcome, cause, generation = pb.Receipt.OUTCOME_APPLIED, "", 0
        try:
            if command.HasField("set_policies"):
                generation = command.set_policies.generation
                if self._policy_control is None:
                    raise ControlRefusal("not-enabled", "policies.enabled is false on this gateway")
                changed = await self._policy_control.enforce(command.set_policies)
            elif self._control is None:
                raise ControlRefusal("not-enabled", "translation.enabled is false on this gateway")
            elif command.HasField("configure_gateway"):
                generation = command.configure_gateway.generation
                changed = await self._control.configure(command.configure_gateway)
            else:
                generation = command.set_valid_sources.generation
                changed = await self._control.set_sources(command.set_valid_sources)
            log.info("command %s: generation %d, %d changes", command.id, generation, len(changed))
        except ControlRefusal as refusal:
            log.warning("command %s is refused: %s", command.id, refusal)
            outcome, cause = pb.Receipt.OUTCOME_REFUSED, str(refusal)[:500]
        except (ApplyError, OSError) as error:
            log.error("command %s failed: %s", command.id, error)
            outcome, cause = pb.Receipt.OUTCOME_FAILED, f"apply-failed: {error}"[:500]
        return Obeyed(command.id, message.sequence, int(outcome), cause, "", generation)


def _about(data: bytes) -> pb.Receipt:
    """What a refused command was about, as far as it can be read: for the trail only."""
    signed, command = pb.SignedCommand(), pb.Command()
    try:
        signed.ParseFromString(data)
        command.ParseFromString(signed.command)
    except DecodeError:
        return pb.Receipt()
    kind = command.WhichOneof("body")
    body = getattr(command, kind) if kind else None
    return pb.Receipt(
        command_id=command.id[:_MAX_ID],
        alert_id=getattr(body, "alert_id", "")[:_MAX_ID],
        generation=getattr(body, "generation", 0),
    )
