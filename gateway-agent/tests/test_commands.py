"""Commands: only what is signed by a known issuer, for this gateway, in time, and once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import nkeys
import pytest

from sixfold.agent.alerts import DeliveryError
from sixfold.agent.commands import TRIES, Commands, Obeyed, Refusal, Remembered, verify
from sixfold.agent.config import CommandSettings, ExecHook, FileHook
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
        (signed(lambda command: command.ClearField("expires")), "malformed"),
        (signed(lambda command: setattr(command, "id", "x" * 201)), "malformed"),
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


def test_what_was_obeyed_is_known_after_a_restart_and_bounded(tmp_path: Path) -> None:
    known = Remembered(tmp_path / "ids")
    for number in range(20_000):
        known.add(Obeyed(f"c{number}\n", number, 1, "", "a"))
    with (tmp_path / "ids").open("a") as file:
        file.write('\n{"id": "torn')
    again = Remembered(tmp_path / "ids")
    assert again.get("c19999\n") == Obeyed("c19999\n", 19_999, 1, "", "a")
    assert again.get("c0\n") is None
    assert (tmp_path / "ids").stat().st_size < 1_000_000


class Bus:
    """Takes receipts; the port of Commands that is tested against the real bus in tests/integration/test_agent_*.py."""

    def __init__(self) -> None:
        self.receipts: list[pb.Receipt] = []

    async def publish(self, _subject: str, data: bytes, **_options) -> None:
        self.receipts.append(pb.Receipt.FromString(data))

    @property
    def outcomes(self) -> list[str]:
        return [
            pb.Receipt.Outcome.Name(receipt.outcome).removeprefix("OUTCOME_") for receipt in self.receipts
        ]


def commands(folder: Path, bus: Bus, *hooks: FileHook | ExecHook) -> Commands:
    settings = CommandSettings(issuers=(ISSUER,), hooks=hooks)
    return Commands(
        gateway="gw-1", settings=settings, folder=folder / "alerts", messaging=bus, counters=Counters()
    )


def inbound(data: bytes, sequence: int = 1, delivered: int = 1):
    return SimpleNamespace(data=data, subject="command.gw-1.alert", sequence=sequence, delivered=delivered)


def alert_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.xml"))


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


async def test_an_alert_is_kept_told_and_not_delivered_twice(tmp_path: Path) -> None:
    bus, message = Bus(), signed(expires=soon(), alert_id="../../etc/passwd")
    await commands(tmp_path, bus).handle([inbound(message), inbound(message, 2)])
    await commands(tmp_path, bus).handle([inbound(message, 3), inbound(signed(pair=OTHER), 4)])
    assert bus.outcomes == ["DELIVERED", "DUPLICATE", "DUPLICATE", "REFUSED"]
    assert bus.receipts[3].cause.startswith("unknown-issuer")
    assert [path.read_bytes() for path in alert_files(tmp_path)] == [b"<alert/>"]
    assert [path.parent for path in alert_files(tmp_path)] == [tmp_path / "alerts"]


async def test_a_message_that_comes_again_gets_its_first_answer(tmp_path: Path) -> None:
    bus, message = Bus(), signed(expires=soon())
    hook = ExecHook(kind="exec", command=("/bin/sh", "-c", f"echo once >> {tmp_path}/ran"))
    await commands(tmp_path, bus, hook).handle([inbound(message, 7)])
    await commands(tmp_path, bus, hook).handle([inbound(message, 7, delivered=2)])
    assert bus.outcomes == ["DELIVERED", "DELIVERED"]
    assert (tmp_path / "ran").read_text() == "once\n"


async def test_hooks_get_the_alert_and_its_cancellation(tmp_path: Path) -> None:
    bus = Bus()
    told = tmp_path / "told"
    program = f'echo "$SIXFOLD_ALERT_ACTION $SIXFOLD_ALERT_ID $(cat)" >> {told}'
    hooks = (
        FileHook(kind="file", folder=tmp_path),
        ExecHook(kind="exec", command=("/bin/sh", "-c", program)),
    )
    obedient = commands(tmp_path, bus, *hooks)
    await obedient.handle([inbound(signed(expires=soon()))])
    assert (tmp_path / "a%2f1.xml").read_bytes() == b"<alert/>"

    def cancel(command: pb.Command) -> None:
        command.id = "c2"
        command.cancel_alert.alert_id = "a/1"

    await obedient.handle([inbound(signed(cancel, expires=soon()), 2)])
    assert bus.outcomes == ["DELIVERED", "DELIVERED"]
    assert alert_files(tmp_path) == []
    assert told.read_text() == "deliver a/1 <alert/>\ncancel a/1 <alert/>\n"


@pytest.mark.parametrize(
    ("hook", "cause"),
    [
        (("/bin/sh", "-c", "echo no siren >&2; exit 3"), "hook-failed: /bin/sh: exit 3: no siren"),
        (("/nonexistent",), "hook-failed: /nonexistent: No such file or directory"),
        (("/bin/sleep", "60"), "hook-failed: /bin/sleep: no end within 0.1 s"),
    ],
)
async def test_a_hook_that_fails_is_tried_again_and_then_told(
    tmp_path: Path, hook: tuple[str, ...], cause: str
) -> None:
    bus, message = Bus(), signed(expires=soon())
    obedient = commands(
        tmp_path, bus, ExecHook(kind="exec", command=hook, timeout=0.1 if "60" in hook else 10)
    )
    with pytest.raises(DeliveryError):
        await obedient.handle([inbound(message, delivered=TRIES - 1)])
    await obedient.handle([inbound(message, delivered=TRIES)])
    assert bus.outcomes == ["REFUSED"]
    assert bus.receipts[0].cause == cause


async def test_an_alert_too_large_is_refused_at_once(tmp_path: Path) -> None:
    bus = Bus()
    message = signed(lambda command: setattr(command.deliver_alert, "cap", b"x" * (2 << 20)), expires=soon())
    await commands(tmp_path, bus).handle([inbound(message)])
    assert bus.receipts[0].cause == "too-large: 2097152 bytes"


async def test_expired_alerts_are_forgotten_when_the_next_comes(tmp_path: Path) -> None:
    def already(command: pb.Command) -> None:
        command.deliver_alert.expires.FromDatetime(NOW)

    obedient = commands(tmp_path, Bus())
    await obedient.handle([inbound(signed(already, expires=soon(), alert_id="old"))])

    def fresh(command: pb.Command) -> None:
        command.id = "c2"
        command.deliver_alert.expires.FromDatetime(soon())

    await obedient.handle([inbound(signed(fresh, expires=soon(), alert_id="new"), 2)])
    assert [path.name for path in alert_files(tmp_path)] == ["new.xml"]
