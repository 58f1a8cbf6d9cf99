"""The whole platform as an operator starts it, once per session, for every test that wants it."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

READY_WITHIN = 120.0
STOP_WITHIN = 90.0
_HEALTH = {"centres": "health.centres", "agent": "health.agent", "nats": "health.nats"}


def wait_until(check: Callable[[], Any], *, within: float = 30.0, what: str = "") -> Any:
    """The first true answer of `check`; AssertionError with the last one after `within` seconds."""
    deadline = time.monotonic() + within
    while not (answer := check()):
        assert time.monotonic() < deadline, (
            f"not within {within:.0f} s: {what or check}, last answer {answer!r}"
        )
        time.sleep(0.05)
    return answer


def is_alive(pid: int) -> bool:
    """True while the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


@dataclass
class Platform:
    """A running `sixfold up`."""

    home: Path
    port_base: int
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    endpoints: dict[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        base = ["up", "--home", str(self.home), "--port-base", str(self.port_base)]
        return [sys.executable, "-m", "sixfold.local", *base, *self.arguments]

    def start(self) -> float:
        """Start and wait until endpoints.json is there; gives the seconds that took."""
        self.home.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        with (self.home / "terminal.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
        file = self.home / "endpoints.json"

        def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, "the platform ended:\n" + self.terminal()[-4000:]
            # a killed supervisor leaves its file behind
            return file.exists() and self.pids()["supervisor"] == self.process.pid

        wait_until(ready, within=READY_WITHIN, what="endpoints.json")
        self.endpoints = json.loads(file.read_text())
        return time.monotonic() - begun

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to stop as Ctrl-C does; gives its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def terminal(self) -> str:
        return (self.home / "terminal.log").read_text(errors="replace")

    def pids(self) -> dict[str, int]:
        return json.loads((self.home / "endpoints.json").read_text())["pids"]

    def ready(self, name: str) -> bool:
        path = "/healthz" if name == "nats" else "/readyz"
        return _answers(self.endpoints[_HEALTH[name]] + path)

    def kill(self, name: str, *, wait: bool = True) -> int:
        """kill -9 the child `name` (nats, centres, agent, sample); with `wait`, until a new one is ready."""
        pid = self.pids()[name]
        descriptor = os.pidfd_open(pid)
        try:
            os.kill(pid, signal.SIGKILL)
            readable, _, _ = select.select([descriptor], [], [], 10)
            assert readable
        finally:
            os.close(descriptor)
        if wait:
            self.wait_ready(name, other_than=pid)
        return pid

    def wait_ready(self, name: str, *, other_than: int = 0) -> None:
        """Until the supervisor has started `name` anew and it answers."""
        wait_until(
            lambda: (
                self.pids().get(name, other_than) != other_than and (name not in _HEALTH or self.ready(name))
            ),
            within=60,
            what=f"{name} is ready again",
        )

    def run(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """One `sixfold` command against this home."""
        command = [sys.executable, "-m", "sixfold.local", *arguments, "--home", str(self.home)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, over the ClickHouse HTTP port as an analyst has it."""
        answer = self.run("sql", statement, "--format", "JSONCompactEachRow")
        assert answer.returncode == 0, answer.stderr
        return [tuple(json.loads(line)) for line in answer.stdout.splitlines()]


def free_port_base(width: int = 20) -> int:
    """A base in the lower range, away from the ports that the kernel gives out."""
    from sixfold.local.ports import free_base

    return free_base(random.randrange(20_000, 31_000, 100) + width)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """All of it without sample traffic; ended with the session."""
    running = Platform(tmp_path_factory.mktemp("platform") / "home", free_port_base(), ("--no-sample",))
    try:
        running.start()
        yield running
    finally:
        if running.process is not None:
            running.stop()


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[Platform]:
    """One that the test starts, breaks and stops itself; nothing of it is left afterwards."""
    running = Platform(tmp_path / "home", free_port_base(), ("--no-sample",))
    yield running
    if running.process is not None:
        running.stop()


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """`eventually(check, within=…, what=…)` waits for the first true answer."""
    return wait_until


@pytest.fixture
def alive() -> Callable[[int], bool]:
    return is_alive
