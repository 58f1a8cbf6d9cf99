"""The collectors that are compared, each started the same way on one core."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nats.js.api import DiscardPolicy, StreamConfig

from benchmarks.process import running
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.testing import free_port, nats_binary

BUFFER = 32 << 20


@dataclass(frozen=True, slots=True)
class Running:
    """A collector at work: the process whose CPU counts, and how many flows it says it has taken."""

    pid: int
    taken: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Collector:
    name: str
    work: str
    start: Callable[[int, int], AbstractContextManager[Running]]
    """`start(port, core)`"""


def _simple(
    name: str, work: str, binary: str, command: Callable[[int, Path], Sequence[str]]
) -> Collector | None:
    if not shutil.which(binary):
        return None

    @contextmanager
    def start(port: int, core: int) -> Iterator[Running]:
        with tempfile.TemporaryDirectory(prefix="sixfold-bench-") as folder:
            path = Path(folder)
            with running(command(port, path), path / "log", core) as process:
                yield Running(process.pid)

    return Collector(name, work, start)


def nfcapd(*, compressed: bool) -> Collector | None:
    """nfdump's collector, which stores every record."""

    def command(port: int, folder: Path) -> Sequence[str]:
        target = folder / "flows"
        target.mkdir()
        extra = ["-y"] if compressed else []
        return ["nfcapd", "-w", str(target), "-p", str(port), "-b", "127.0.0.1", "-B", str(BUFFER), *extra]

    work = "decodes, LZ4, stores every flow" if compressed else "decodes, stores every flow"
    return _simple("nfcapd -y" if compressed else "nfcapd", work, "nfcapd", command)


def nfacctd() -> Collector | None:
    """pmacct's collector, aggregating into memory by protocol and port."""

    def command(port: int, folder: Path) -> Sequence[str]:
        settings = folder / "nfacctd.conf"
        settings.write_text(
            f"daemonize: false\nnfacctd_ip: 127.0.0.1\nnfacctd_port: {port}\n"
            f"plugin_pipe_size: 268435456\nplugin_buffer_size: 262144\nnfacctd_pipe_size: {BUFFER}\n"
            f"plugins: memory[m]\naggregate[m]: proto, dst_port\nimt_path[m]: {folder}/pipe\n"
        )
        return ["nfacctd", "-f", str(settings)]

    return _simple("nfacctd", "decodes, aggregates by protocol and port in memory", "nfacctd", command)


def decoding() -> Collector:
    """Ours, receiving and decoding only."""

    def command(port: int, _: Path) -> Sequence[str]:
        return [sys.executable, "-m", "benchmarks.decode_only", str(port)]

    found = _simple("sixfold: receive + decode", "decodes, batches, discards", sys.executable, command)
    assert found is not None
    return found


def agent() -> Collector:
    """Ours, whole: Arrow, LZ4, write-ahead log, published to a NATS server on the other core."""

    @contextmanager
    def start(port: int, core: int) -> Iterator[Running]:
        with (
            tempfile.TemporaryDirectory(prefix="sixfold-bench-") as folder,
            bus(Path(folder), 1 - core) as url,
        ):
            settings = Path(folder) / "agent.toml"
            settings.write_text(
                f'state_dir = "{folder}/state"\n[nats]\nservers = ["{url}"]\n[health]\nport = 0\n'
                f"[listeners]\nipfix = {port}\n[spool]\nmax_bytes = {8 << 30}\n"
            )
            command = [sys.executable, "-m", "sixfold.agent", "run", "--config", str(settings)]
            environment = {"SIXFOLD_AGENT_LISTENERS__NETFLOW": "0", "SIXFOLD_AGENT_LISTENERS__SFLOW": "0"}
            with running(command, Path(folder) / "log", core, environment) as process:
                yield Running(process.pid)

    return Collector("sixfold: whole agent", "decodes, Arrow + LZ4, log on disk, publishes to NATS", start)


@contextmanager
def bus(folder: Path, core: int) -> Iterator[str]:
    """A NATS server whose streams take every batch and keep the newest."""
    port = free_port()
    settings = folder / "nats.conf"
    settings.write_text(
        f'host: "127.0.0.1"\nport: {port}\nmax_payload: 8MB\njetstream {{ store_dir: "{folder}/js" }}\n'
    )
    with running([nats_binary(), "-c", str(settings)], folder / "nats.log", core):
        asyncio.run(_streams(f"nats://127.0.0.1:{port}"))
        yield f"nats://127.0.0.1:{port}"


async def _streams(url: str) -> None:
    messaging = Messaging(NatsSettings(servers=(url,)))
    await messaging.start()
    for name, subject in (("FLOWS", "flow.>"), ("HEARTBEATS", "heartbeat.>"), ("COMMANDS", "command.>")):
        await messaging.ensure_stream(
            StreamConfig(name=name, subjects=[subject], max_bytes=1 << 30, discard=DiscardPolicy.OLD)
        )
    await messaging.stop()


def references() -> list[Collector]:
    found = [nfcapd(compressed=False), nfcapd(compressed=True), nfacctd()]
    return [collector for collector in found if collector is not None]
