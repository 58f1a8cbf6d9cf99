"""Commands to gateway-agents: signed with a centre's own NKey, put on the stream COMMANDS, answered on RECEIPTS.

An agent obeys a kind of command only from the keys that its settings name for it. Who sends gives each command an id of
its own and an expiry; the id is the message's, too, so that the same command twice within the stream's window is one.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import nkeys
from google.protobuf.message import DecodeError
from nats.js.api import PubAck

from sixfold.api.agent.v1.agent_pb2 import Command, Receipt, SignedCommand
from sixfold.api.subjects import command_subject
from sixfold.chassis.messaging import Inbound, Messaging, Poison

MAX_COMMAND_ID: Final = 200
"""Characters; an agent refuses longer ones."""


class SigningError(ValueError):
    """The seed cannot be used; says which file and why."""


class Signer:
    """Ed25519 signatures by an NKey. issuer: its public key, which agents have in their settings."""

    def __init__(self, seed: bytes) -> None:
        self._pair = nkeys.from_seed(bytearray(seed))
        self.issuer: str = bytes(self._pair.public_key).decode()

    def sign(self, command: Command) -> SignedCommand:
        data = command.SerializeToString(deterministic=True)
        return SignedCommand(command=data, signature=self._pair.sign(data), issuer=self.issuer)


def load_signer(path: Path) -> Signer:
    """Raises SigningError."""
    try:
        return Signer(path.read_bytes().strip())
    except (OSError, nkeys.NkeysError, ValueError) as error:
        raise SigningError(
            f"signing_seed_file {path} cannot be used ({error or type(error).__name__}); "
            "make one with `nk -gen user` and give its public key to the agents"
        ) from error


def new_command(command_id: str, gateway: str, *, now: datetime, lifetime: timedelta) -> Command:
    """A command without its body. An agent refuses it once `lifetime` is over. ValueError for an unusable id."""
    if not 0 < len(command_id) <= MAX_COMMAND_ID:
        raise ValueError(f"a command's id has 1 to {MAX_COMMAND_ID} characters, not {len(command_id)}")
    command = Command(id=command_id, gateway=gateway)
    command.issued.FromDatetime(now)
    command.expires.FromDatetime(now + lifetime)
    return command


class CommandSender:
    """Signs and publishes commands; a component that reads its seed when it starts."""

    name = "command-signer"

    def __init__(self, messaging: Messaging, seed_file: Path) -> None:
        self._messaging = messaging
        self._seed_file = seed_file
        self._signer: Signer | None = None

    async def start(self) -> None:
        """Raises SigningError."""
        self._signer = load_signer(self._seed_file)

    async def stop(self) -> None:
        return None

    async def send(self, kind: str, command: Command, *, timeout: float = 5.0) -> PubAck:
        """Publish on `command.<gateway>.<kind>`; done when the stream has it. The same command again is stored once.

        Raises MessagingError: it may be stored then, and may be sent again as it is. SigningError before the start.
        """
        if self._signer is None:
            raise SigningError("the seed is not loaded yet")
        return await self._messaging.publish(
            command_subject(command.gateway, kind),
            self._signer.sign(command).SerializeToString(),
            message_id=command.id,
            timeout=timeout,
        )


def read_receipt(message: Inbound) -> Receipt:
    """What a gateway answered. Raises Poison: `malformed`, or `gateway-mismatch` where it speaks for another."""
    try:
        receipt = Receipt.FromString(message.data)
    except DecodeError as error:
        raise Poison("malformed", str(error), message) from error
    gateway = message.subject.partition(".")[2]
    if receipt.gateway != gateway:
        raise Poison("gateway-mismatch", f"{gateway!r} sent a receipt of {receipt.gateway[:64]!r}", message)
    return receipt
