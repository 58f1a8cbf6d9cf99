"""Signed commands against the real server: what an agent finds on its subject, each command once; receipts read."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nkeys
import pytest
from nacl.signing import VerifyKey
from nats import NATS
from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy, StreamConfig

from sixfold.api.agent.v1.agent_pb2 import Command, Receipt, SignedCommand
from sixfold.api.subjects import COMMAND_STREAM
from sixfold.chassis.commands import CommandSender, SigningError, load_signer, new_command, read_receipt
from sixfold.chassis.messaging import Inbound, Messaging, Poison

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def seed_file(tmp_path: Path) -> Path:
    path = tmp_path / "issuer.nk"
    path.write_bytes(nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER) + b"\n")
    return path


def command(name: str = "configuration:gw-1:7") -> Command:
    made = new_command(name, "gw-1", now=NOW, lifetime=timedelta(hours=1))
    made.configure_gateway.generation = 7
    return made


@pytest.mark.nats
async def test_a_command_is_stored_once_under_its_gateway_and_kind(
    messaging: Messaging, seed_file: Path
) -> None:
    await messaging.ensure_stream(StreamConfig(name=COMMAND_STREAM, subjects=["command.>"]))
    sender = CommandSender(messaging, seed_file)
    with pytest.raises(SigningError):
        await sender.send("configuration", command())
    await sender.start()
    first = await sender.send("configuration", command())
    again = await sender.send("configuration", command())
    assert (again.seq, again.duplicate) == (first.seq, True)

    subscription = await messaging.js.subscribe("command.gw-1.>", deliver_policy=DeliverPolicy.ALL)
    message = await subscription.next_msg(20)
    assert message.subject == "command.gw-1.configuration"
    signed = SignedCommand.FromString(message.data)
    assert signed.issuer == load_signer(seed_file).issuer
    public = base64.b32decode(signed.issuer + "=" * (-len(signed.issuer) % 8))[1:-2]
    VerifyKey(public).verify(signed.command, signed.signature)
    found = Command.FromString(signed.command)
    assert found == command()
    assert found.expires.ToDatetime(UTC) == NOW + timedelta(hours=1)


@pytest.mark.parametrize("text", [None, b"", b"SUNOSEED", b"\x00\x01"])
def test_a_seed_that_cannot_be_used_is_named(tmp_path: Path, text: bytes | None) -> None:
    path = tmp_path / "bad.nk"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(SigningError, match=r"bad\.nk"):
        load_signer(path)


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_an_id_that_an_agent_would_refuse_is_refused_here(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 200"):
        command(name)


def inbound(data: bytes, subject: str = "receipt.gw-1") -> Inbound:
    return Inbound(subject, data, {}, "RECEIPTS", 1, 1, NOW, Msg(NATS(), subject, data=data))


def test_a_receipt_speaks_for_its_own_gateway_only() -> None:
    receipt = Receipt(command_id="configuration:gw-1:7", gateway="gw-1", generation=7)
    assert read_receipt(inbound(receipt.SerializeToString())) == receipt
    with pytest.raises(Poison) as other:
        read_receipt(inbound(receipt.SerializeToString(), "receipt.gw-2"))
    assert other.value.cause == "gateway-mismatch"
    with pytest.raises(Poison) as bad:
        read_receipt(inbound(b"\xff"))
    assert bad.value.cause == "malformed"
