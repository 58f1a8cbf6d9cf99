"""What a pod runs, as a process: flags, exit codes, probes, and a graceful end on SIGTERM."""

import json
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sixfold.chassis.testing import NatsServers, free_port

SERVICE = textwrap.dedent("""
    import asyncio
    from sixfold.chassis.config import Settings
    from sixfold.chassis.http import HttpSettings
    from sixfold.chassis.lifecycle import Background, Lifecycle
    from sixfold.chassis.main import run_service
    from sixfold.chassis.messaging import NatsSettings
    from sixfold.chassis.telemetry import TelemetrySettings
    from pydantic import SecretStr

    class ToySettings(Settings):
        nats: NatsSettings = NatsSettings()
        health: HttpSettings = HttpSettings()
        telemetry: TelemetrySettings = TelemetrySettings()
        password: SecretStr = SecretStr("hunter2")
        dies: bool = False

    class Last:
        name = "last"
        async def start(self): ...
        async def stop(self): print("stopped in order", flush=True)

    def build(settings, messaging, telemetry):
        async def work():
            if settings.dies:
                raise OSError("the disk is gone")
            await asyncio.Event().wait()
        return Lifecycle([Last(), Background("work", work)], name="toy")

    run_service("toy", ToySettings, build)
""")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "toy.py"
    file.write_text(SERVICE)
    return file


@pytest.fixture
def nats_flag(nats_server: NatsServers) -> Iterator[str]:
    return f'nats.servers=["{nats_server().url}"]'


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=60
    )


def test_check_and_dump_say_what_would_be_used(script: Path, tmp_path: Path) -> None:
    config = tmp_path / "toy.toml"
    config.write_text("[health]\nport = 1234\n")
    assert "settings are valid" in run(script, "--config", str(config), "--check").stdout
    dumped = run(script, "--config", str(config), "--set", "dies=true", "--dump").stdout
    lines = {line.split()[0]: line for line in dumped.splitlines()}
    assert "1234" in lines["health.port"]
    assert f"file {config}" in lines["health.port"]
    assert lines["dies"].endswith("flag")
    assert "hunter2" not in dumped


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "health.prot=1"], "did you mean 'health.port'"),
        (["--set", "health.port=x"], "health.port (flag)"),
        (["--set", "nonsense"], "expected NAME=VALUE"),
        (["--config", "/nowhere.toml"], "cannot read settings file"),
    ],
)
def test_unusable_settings_end_with_2_and_a_reason(script: Path, arguments: list[str], message: str) -> None:
    done = run(script, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def status(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(script: Path, nats_flag: str, number: signal.Signals) -> None:
    port = free_port()
    flags = ["--set", f"health.port={port}", "--set", nats_flag]
    process = subprocess.Popen(
        [sys.executable, str(script), *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while status(port, "/readyz")[0] != 200:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert json.loads(status(port, "/readyz")[1])["components"] == {
        "nats": "ready",
        "toy/last": "ready",
        "toy/work": "ready",
    }
    assert "nats_connected" in status(port, "/metrics")[1]
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "stopped in order" in output


def test_a_dead_task_ends_the_process_with_its_cause(script: Path, nats_flag: str) -> None:
    done = run(script, "--set", nats_flag, "--set", "dies=true")
    assert done.returncode == 1
    assert "work ended: the disk is gone" in done.stderr
    assert "stopped in order" in done.stdout


def test_no_bus_is_a_clear_end(script: Path) -> None:
    done = run(script, "--set", 'nats.servers=["nats://127.0.0.1:1"]', "--set", "nats.connect_timeout=0.3")
    assert done.returncode == 1
    assert "nats did not start: no NATS server answers at nats://127.0.0.1:1" in done.stderr
