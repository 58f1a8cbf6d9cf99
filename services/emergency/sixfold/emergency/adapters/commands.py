"""Commands to the gateways: signed, on the stream COMMANDS; and the streams that this centre owns."""

from datetime import datetime

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.api.subjects import COMMAND_STREAM, RECEIPT_STREAM, REPORT_STREAM
from sixfold.chassis.commands import CommandSender, SigningError, new_command
from sixfold.chassis.messaging import Messaging, MessagingError
from sixfold.emergency.domain.decisions import Command
from sixfold.emergency.domain.events import AlertAccepted
from sixfold.emergency.ports import SendError

DAY = 86_400


class SignedCommands:
    """ports.Commands over JetStream."""

    def __init__(self, sender: CommandSender) -> None:
        self._sender = sender

    async def send(self, command: Command, alert: AlertAccepted, now: datetime) -> None:
        try:
            await self._sender.send("alert", build_command(command, alert, now))
        except (MessagingError, SigningError) as error:
            raise SendError(str(error)) from error


def build_command(command: Command, alert: AlertAccepted, now: datetime) -> agent.Command:
    message = new_command(command.command_id, command.gateway, now=now, lifetime=alert.expires - now)
    if command.withdrawal:
        message.cancel_alert.alert_id = alert.alert_id
        return message
    body = message.deliver_alert
    body.alert_id, body.cap = alert.alert_id, alert.cap
    body.headline, body.severity, body.language = alert.headline, alert.severity, alert.language
    body.expires.FromDatetime(alert.expires)
    return message


REPORTS_BYTES = 256 << 20


class Streams:
    """Makes COMMANDS and RECEIPTS, and REPORTS, where agents tell the other centres what they see; a component."""

    name = "emergency-streams"

    def __init__(self, messaging: Messaging, *, commands_bytes: int, receipts_bytes: int) -> None:
        self._messaging = messaging
        self._commands_bytes = commands_bytes
        self._receipts_bytes = receipts_bytes

    async def start(self) -> None:
        await self._messaging.ensure_stream(
            StreamConfig(
                name=COMMAND_STREAM,
                subjects=["command.>"],
                description="signed commands to the gateways",
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                discard=DiscardPolicy.OLD,
                max_age=DAY,
                max_bytes=self._commands_bytes,
                max_msgs_per_subject=10_000,
                duplicate_window=7_200,
            )
        )
        await self._messaging.ensure_stream(
            StreamConfig(
                name=RECEIPT_STREAM,
                subjects=["receipt.>"],
                description="what became of commands at the gateways",
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                discard=DiscardPolicy.OLD,
                max_age=7 * DAY,
                max_bytes=self._receipts_bytes,
                duplicate_window=7_200,
            )
        )
        await self._messaging.ensure_stream(
            StreamConfig(
                name=REPORT_STREAM,
                subjects=["report.>"],
                description="what agents have seen on their gateways, such as forged sources",
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                discard=DiscardPolicy.OLD,
                max_age=7 * DAY,
                max_bytes=REPORTS_BYTES,
                duplicate_window=7_200,
            )
        )

    async def stop(self) -> None:
        return None
