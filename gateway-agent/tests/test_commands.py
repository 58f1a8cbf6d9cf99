"""Commands: only what is signed by a known issuer, for this gateway, in time, and once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import nkeys
import pytest

from sixfold.agent.commands import Commands, Refusal, Remembered, verify
from sixfold.agent.config import CommandSettings
from sixfold.agent.counters import Counters
from sixfold.api.agent.v1 import agent_pb2 as pb

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAIR = nkeys.from_seed(nkeys.encode_seed(b"s" * 32, nkeys.PREFIX_BYTE_USER))
OTHER = nkeys.from_seed(nkeys.encode_seed(b"o" * 32, nkeys.PREFIX_BYTE_USER))
ISSUER = PAIR.public_key.decode()


def signed(change: Callable[[pb.Command], None] = lambda _: None, pair=PAIR, **options) -> bytes:
    command = pb.Command(id="c1", gateway="gw-1")
    command.expires.FromDatetime(options.get("expires", NOW + timedelta(minutes=5)))
    command.deliver_alert.alert_id = options.get("alert_id", "a/1")
    command.deliver_alert.cap = b"<alert/>"
    change(command)
    data = command.SerializeToString()
    issuer = options.get("issuer", pair.public_key.decode())
    return pb.SignedCommand(command=data, signature=pair.sign(data), issuer=issuer).SerializeToString()


def test_a_good_command_is_taken() -> None:
    assert verify(signed(), gateway="gw-1", issuers=[ISSUER], now=NOW).id == "c1"


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (b"\xff\xff\xff", "malformed"),
        (signed(pair=OTHER), "unknown-issuer"),
        (signed(pair=OTHER, issuer=ISSUER), "bad-signature"),
        (signed(lambda command: setattr(command, "gateway", "gw-2")), "other-gateway"),
        (signed(expires=NOW - timedelta(seconds=1)), "expired"),
        (signed(lambda command: setattr(command, "id", "")), "malformed"),
        (signed(lambda command: command.ClearField("expires")), "expired"),
    ],
)
def test_everything_else_is_refused_with_its_cause(message: bytes, cause: str) -> None:
    with pytest.raises(Refusal) as refused:
        verify(message, gateway="gw-1", issuers=[ISSUER], now=NOW)
    assert refused.value.cause == cause


def test_a_changed_command_is_forged() -> None:
    message = pb.SignedCommand.FromString(signed())
    message.command = message.command.replace(b"<alert/>", b"<alarm/>")
    with pytest.raises(Refusal, match="bad-signature"):
        verify(message.SerializeToString(), gateway="gw-1", issuers=[ISSUER], now=NOW)


def test_what_was_obeyed_is_known_after_a_restart(tmp_path: Path) -> None:
    known = Remembered(tmp_path / "ids")
    for number in range(20_000):
        known.add(f"c{number}")
    again = Remembered(tmp_path / "ids")
    assert "c19999" in again
    assert "c0" not in again
    assert (tmp_path / "ids").stat().st_size < 200_000


class Bus:
    """Takes receipts; the port of Commands that is tested against the real bus in tests/integration/test_agent.py."""

    def __init__(self) -> None:
        self.receipts: list[pb.Receipt] = []

    async def publish(self, _subject: str, data: bytes, **_options) -> None:
        self.receipts.append(pb.Receipt.FromString(data))


def commands(folder: Path, bus: Bus, **options) -> Commands:
    settings = CommandSettings(issuers=(ISSUER,), **options)
    return Commands(gateway="gw-1", settings=settings, folder=folder, messaging=bus, counters=Counters())


def inbound(data: bytes):
    return SimpleNamespace(data=data, subject="command.gw-1.alert", sequence=1)


async def test_an_alert_is_kept_told_and_not_delivered_twice(tmp_path: Path) -> None:
    bus, later = Bus(), datetime.now(UTC) + timedelta(minutes=5)
    message = signed(expires=later, alert_id="../../etc/passwd")
    await commands(tmp_path, bus).handle([inbound(message), inbound(message)])
    await commands(tmp_path, bus).handle([inbound(message), inbound(signed(pair=OTHER))])
    names = [pb.Receipt.Outcome.Name(receipt.outcome) for receipt in bus.receipts]
    assert names == ["OUTCOME_DELIVERED", "OUTCOME_DUPLICATE", "OUTCOME_DUPLICATE", "OUTCOME_REFUSED"]
    assert bus.receipts[3].cause.startswith("unknown-issuer")
    assert [path.read_bytes() for path in tmp_path.glob("*.xml")] == [b"<alert/>"]


@pytest.mark.parametrize(
    ("hook", "cause"),
    [
        (("/bin/sh", "-c", 'test "$(cat)" = "<alert/>"'), ""),
        (("/bin/sh", "-c", "echo no siren >&2; exit 3"), "hook-failed: exit 3: no siren\n"),
        (("/nonexistent",), "hook-failed: /nonexistent: No such file or directory"),
    ],
)
async def test_the_operators_program_gets_the_alert(
    tmp_path: Path, hook: tuple[str, ...], cause: str
) -> None:
    bus, later = Bus(), datetime.now(UTC) + timedelta(minutes=5)
    await commands(tmp_path, bus, alert_hook=hook).handle([inbound(signed(expires=later))])
    assert bus.receipts[0].cause == cause
