"""Replay: the payloads arrive as they are, in order, at their port, from exporters kept apart."""

import socket
import struct
from contextlib import ExitStack
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sixfold.agent.capture import CaptureError
from sixfold.agent.export.target import Sender, Target, TargetError, parse_target
from sixfold.agent.replay import LINE_RATE, Targets, parse_speed, replay, replay_command

NETFLOW, IPFIX, SFLOW = b"\0\x09aaaa", b"\0\x0abbbb", b"\0\0\0\5cccc"
FRAMES = (
    ("192.0.2.1", NETFLOW),
    ("192.0.2.1", IPFIX),
    ("192.0.2.9", SFLOW),
    ("192.0.2.9", b"else"),
    ("192.0.2.1", NETFLOW),
)


def capture(directory: Path) -> Path:
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)
    for second, (source, payload) in enumerate(FRAMES):
        udp = struct.pack(">HHHH", 1000, 2000, 8 + len(payload), 0) + payload
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
        frame = head + socket.inet_aton(source) + bytes(4) + udp
        out += struct.pack("<IIII", 1_000 + second, 0, len(frame), len(frame)) + frame
    path = directory / "exports.pcap"
    path.write_bytes(out)
    return path


@pytest.fixture
def sockets():
    with ExitStack() as stack:
        made = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)]
        for channel in made:
            channel.bind(("127.0.0.1", 0))
            channel.settimeout(5)
        yield made


def targets(sockets: list[socket.socket]) -> Targets:
    return Targets(*(Target("127.0.0.1", channel.getsockname()[1]) for channel in sockets))


def test_each_protocol_goes_to_its_port_and_each_exporter_has_its_address(tmp_path: Path, sockets) -> None:
    result = replay([capture(tmp_path)], targets(sockets), speed=LINE_RATE, apart=True)
    assert result.sent == {"netflow": 2, "ipfix": 1, "sflow": 1}
    assert result.left_out == {"no-flow-export": 1}
    netflow, ipfix, sflow = sockets
    (first, from_first), (again, _) = netflow.recvfrom(100), netflow.recvfrom(100)
    (second, from_second), (third, from_third) = ipfix.recvfrom(100), sflow.recvfrom(100)
    assert (first, again, second, third) == (NETFLOW, NETFLOW, IPFIX, SFLOW)
    assert (from_first[0], from_second[0], from_third[0]) == ("127.77.1.1", "127.77.1.1", "127.77.1.2")


@pytest.mark.parametrize(("speed", "expected"), [(1.0, 4.0), (4.0, 1.0)])
def test_the_gaps_of_the_capture_are_kept_or_scaled(
    tmp_path: Path, sockets, speed: float, expected: float
) -> None:
    now = 100.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    result = replay([capture(tmp_path)], targets(sockets), speed=speed, clock=lambda: now, sleep=sleep)
    assert result.seconds == pytest.approx(expected)


def test_a_target_that_is_not_this_machine_is_refused_unless_allowed() -> None:
    with pytest.raises(TargetError, match="--allow-remote"):
        parse_target("192.0.2.1:2055", default_port=1)
    assert parse_target("192.0.2.1:2055", default_port=1, allow_remote=True) == Target("192.0.2.1", 2055)
    assert parse_target("::1", default_port=9) == Target("::1", 9)
    assert parse_target("[::1]:7", default_port=9) == Target("::1", 7)
    with pytest.raises(TargetError, match="1 to 65535"):
        parse_target("127.0.0.1:99999", default_port=1)


def test_nobody_listening_is_counted_and_nothing_else() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    sender = Sender()
    sender.send(Target("127.0.0.1", port), [b"x"] * 50)
    sender.close()
    assert sender.sent == 50
    assert 0 < sender.refused < 50


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("x10", 10.0), ("×0.5", 0.5), ("line", LINE_RATE)])
def test_speeds(text: str, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "inf", ""])
def test_no_speeds(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_speed(text)


def test_the_command_says_what_a_file_is_that_is_no_capture(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(replay_command)
    text = tmp_path / "notes.txt"
    text.write_text("hello\n")
    answer = CliRunner().invoke(app, [str(text), "--quiet"])
    assert answer.exit_code == 2
    assert "text that begins with" in answer.output
    assert isinstance(answer.exception, SystemExit)
    with pytest.raises(CaptureError):
        replay([text], Targets(*[Target("127.0.0.1", 9)] * 3))
