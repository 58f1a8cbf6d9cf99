"""The collectors that are compared, each started the same way on one core."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import running

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
    """pmacct's collector, aggregating into memory by host pair."""

    def command(port: int, folder: Path) -> Sequence[str]:
        settings = folder / "nfacctd.conf"
        settings.write_text(
            f"daemonize: false\nnfacctd_ip: 127.0.0.1\nnfacctd_port: {port}\n"
            f"plugin_pipe_size: 268435456\nplugin_buffer_size: 262144\nnfacctd_pipe_size: {BUFFER}\n"
            f"plugins: memory[m]\naggregate[m]: src_host, dst_host\nimt_path[m]: {folder}/pipe\n"
        )
        return ["nfacctd", "-f", str(settings)]

    return _simple("nfacctd", "decodes, aggregates by host pair in memory", "nfacctd", command)


def references() -> list[Collector]:
    found = [nfcapd(compressed=False), nfcapd(compressed=True), nfacctd()]
    return [collector for collector in found if collector is not None]
