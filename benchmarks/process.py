"""What a process has used, and what the kernel dropped for it: read from /proc."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """`pid` and every process below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += children(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system CPU seconds of `pid` and the processes below it that are alive."""
    total = 0
    for process in children(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_bytes(pid: int) -> int:
    """Proportional set size of `pid` and the processes below it: shared pages are counted once."""
    total = 0
    for process in children(pid):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def udp_drops(port: int) -> int:
    """Datagrams that the kernel dropped on sockets bound to UDP `port`."""
    drops = 0
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                drops += int(fields[-1])
    return drops


def udp_waiting(port: int) -> int:
    """Bytes in the receive queues of sockets bound to UDP `port`."""
    waiting = 0
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                waiting += int(fields[4].rpartition(":")[2], 16)
    return waiting


@contextmanager
def running(
    command: Sequence[str], log: Path, core: int | None = None, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`command` in the background on one core; terminated, then killed after 20 s, at the end."""
    pin = ["taskset", "-c", str(core)] if core is not None else []
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*pin, *command], stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
