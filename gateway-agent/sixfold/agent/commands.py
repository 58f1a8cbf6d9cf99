"""Commands from the centres: signed, addressed, fresh, each obeyed once.

A refusal is an answer too: it is counted by cause and told in a receipt.
"""

import asyncio
import base64
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import nkeys
from google.protobuf.message import DecodeError
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from sixfold.agent.config import CommandSettings
from sixfold.agent.counters import Counters
from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.api.subjects import COMMAND_STREAM, receipt_subject
from sixfold.chassis.messaging import Inbound, Messaging

log = logging.getLogger(__name__)
REMEMBERED: Final = 10_000
"""Command ids that are known again; a command lives a day at most."""
MAX_ALERT_BYTES: Final = 1 << 20
STREAM: Final = COMMAND_STREAM


class Refusal(Exception):  # noqa: N818 - it is an answer
    """cause: a short stable word."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail


def verify_key(public: str) -> VerifyKey:
    """The Ed25519 key in a public NKey (prefix byte, 32 bytes, CRC-16). ValueError for what is none."""
    raw = base64.b32decode(public + "=" * (-len(public) % 8))
    if len(raw) != 35 or nkeys.crc16(bytearray(raw[:-2])) != int.from_bytes(raw[-2:], "little"):
        raise ValueError(f"{public!r} is no public NKey")
    return VerifyKey(raw[1:33])


def verify(message: bytes, *, gateway: str, issuers: Sequence[str], now: datetime) -> pb.Command:
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
    if not command.id:
        raise Refusal("malformed", "no id")
    if not command.HasField("expires") or command.expires.ToDatetime(UTC) <= now:
        raise Refusal("expired", command.expires.ToDatetime(UTC).isoformat())
    return command


class Remembered:
    """Ids of commands that were obeyed, kept over restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: OrderedDict[str, None] = OrderedDict()
        try:
            self._ids.update(dict.fromkeys(path.read_text().split()))
        except OSError:
            self._ids.clear()
        self._trim()

    def __contains__(self, command_id: str) -> bool:
        return command_id in self._ids

    def add(self, command_id: str) -> None:
        """Written before it is obeyed: a killed agent rather obeys a command not at all than twice."""
        with self._path.open("a") as file:
            file.write(command_id + "\n")
        self._ids[command_id] = None
        if len(self._ids) > REMEMBERED:
            self._trim()
            fresh = self._path.with_suffix(".new")
            fresh.write_text("".join(f"{known}\n" for known in self._ids))
            fresh.replace(self._path)

    def _trim(self) -> None:
        while len(self._ids) > REMEMBERED * 3 // 4:
            self._ids.popitem(last=False)


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
    ) -> None:
        self._gateway = gateway
        self._settings = settings
        self._folder = folder
        self._messaging = messaging
        self._counters = counters
        folder.mkdir(parents=True, exist_ok=True)
        self._known = Remembered(folder / "obeyed.txt")

    async def handle(self, messages: Sequence[Inbound]) -> None:
        for message in messages:
            receipt = await self._obey(message.data)
            receipt.gateway = self._gateway
            receipt.time.FromDatetime(datetime.now(UTC))
            outcome = pb.Receipt.Outcome.Name(receipt.outcome).removeprefix("OUTCOME_").lower()
            self._counters.add("commands", 1, kind=message.subject.rpartition(".")[2], outcome=outcome)
            await self._messaging.publish(
                receipt_subject(self._gateway),
                receipt.SerializeToString(),
                message_id=f"{self._gateway}:{message.sequence}:{outcome}",
                timeout=20,
            )

    async def _obey(self, data: bytes) -> pb.Receipt:
        try:
            command = verify(
                data, gateway=self._gateway, issuers=self._settings.issuers, now=datetime.now(UTC)
            )
        except Refusal as refusal:
            log.warning("refused a command: %s: %s", refusal.cause, refusal.detail)
            expired = refusal.cause == "expired"
            outcome = pb.Receipt.OUTCOME_EXPIRED if expired else pb.Receipt.OUTCOME_REFUSED
            command_id, alert_id = _ids_of(data)
            return pb.Receipt(
                outcome=outcome,
                cause=f"{refusal.cause}: {refusal.detail}"[:500],
                command_id=command_id,
                alert_id=alert_id,
            )
        kind = command.WhichOneof("body")
        alert_id = getattr(command, kind).alert_id if kind else ""
        receipt = pb.Receipt(command_id=command.id, alert_id=alert_id)
        if command.id in self._known:
            receipt.outcome = pb.Receipt.OUTCOME_DUPLICATE
            return receipt
        if kind == "deliver_alert" and len(command.deliver_alert.cap) > MAX_ALERT_BYTES:
            receipt.outcome, receipt.cause = pb.Receipt.OUTCOME_REFUSED, "too-large"
            return receipt
        self._known.add(command.id)
        if kind == "deliver_alert":
            await self._deliver(command.deliver_alert, receipt)
        elif kind == "cancel_alert":
            self._cancel(command.cancel_alert, receipt)
        else:
            receipt.outcome, receipt.cause = pb.Receipt.OUTCOME_REFUSED, "unknown-command"
        return receipt

    async def _deliver(self, alert: pb.DeliverAlert, receipt: pb.Receipt) -> None:
        """Keep the alert for the terminals behind this gateway, and hand it to the operator's program."""
        path = self._folder / f"{_safe(alert.alert_id)}.xml"
        path.write_bytes(alert.cap)
        expires = alert.expires.ToDatetime(UTC).isoformat()
        about = {
            "alert_id": alert.alert_id,
            "headline": alert.headline,
            "expires": expires,
            "at": time.time(),
        }
        path.with_suffix(".json").write_text(json.dumps(about, ensure_ascii=False))
        log.warning("ALERT %s (%s), until %s: %s", alert.alert_id, alert.severity, expires, alert.headline)
        receipt.outcome = pb.Receipt.OUTCOME_DELIVERED
        if self._settings.alert_hook:
            receipt.cause = await self._run_hook(alert)
            if receipt.cause:
                receipt.outcome = pb.Receipt.OUTCOME_REFUSED

    async def _run_hook(self, alert: pb.DeliverAlert) -> str:
        """Why the operator's program did not take the alert; empty where it did."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._settings.alert_hook, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
        except OSError as error:
            return f"hook-failed: {self._settings.alert_hook[0]}: {error.strerror}"
        try:
            _, errors = await asyncio.wait_for(process.communicate(alert.cap), self._settings.hook_timeout)
        except TimeoutError:
            process.kill()
            await process.wait()
            return f"hook-failed: no end within {self._settings.hook_timeout:g} s"
        if process.returncode:
            return f"hook-failed: exit {process.returncode}: {errors.decode(errors='replace')[:200]}"
        return ""

    def _cancel(self, alert: pb.CancelAlert, receipt: pb.Receipt) -> None:
        for suffix in (".xml", ".json"):
            (self._folder / f"{_safe(alert.alert_id)}{suffix}").unlink(missing_ok=True)
        log.warning("alert %s is cancelled", alert.alert_id)
        receipt.outcome = pb.Receipt.OUTCOME_DELIVERED


def _ids_of(data: bytes) -> tuple[str, str]:
    """(command id, alert id) of a refused command, as far as they can be read: for the trail only."""
    signed, command = pb.SignedCommand(), pb.Command()
    try:
        signed.ParseFromString(data)
        command.ParseFromString(signed.command)
    except DecodeError:
        return "", ""
    kind = command.WhichOneof("body")
    return command.id[:200], getattr(command, kind).alert_id[:200] if kind else ""


def _safe(alert_id: str) -> str:
    """A file name for an alert id, whatever it holds."""
    return (
        "".join(one if one.isalnum() or one in "-_" else f"%{ord(one):x}" for one in alert_id)[:150]
        or "alert"
    )
