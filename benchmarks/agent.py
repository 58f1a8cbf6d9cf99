"""(a) The agent beside other collectors, on the same datagrams, each alone on one core.

CPU per million flows at a fixed rate, and the highest rate without a dropped datagram. The kernel's count of drops on
the socket is the judge for all of them alike.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import collectors, generator
from benchmarks.collectors import Collector, Running
from benchmarks.process import cpu_seconds, udp_drops, udp_waiting
from benchmarks.report import report
from sixfold.chassis.testing import free_port

CORE: Final = 1
RATE: Final = 1_000_000
LADDER: Final = (
    500_000,
    750_000,
    1_000_000,
    1_250_000,
    1_500_000,
    2_000_000,
    2_500_000,
    3_000_000,
    4_000_000,
)


@contextmanager
def listening(collector: Collector) -> Iterator[tuple[Running, int]]:
    """The collector started and bound."""
    port = free_port()
    with collector.start(port, CORE) as running:
        deadline = time.monotonic() + 30
        while not _bound(port):
            if time.monotonic() > deadline:
                raise SystemExit(f"{collector.name} did not listen on UDP {port}")
            time.sleep(0.05)
        time.sleep(0.5)
        yield running, port


def _bound(port: int) -> bool:
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(int(line.split()[1].rpartition(":")[2], 16) == port for line in lines)


def settled(port: int, pid: int) -> None:
    """Wait until the socket is empty and the collector is at rest."""
    while udp_waiting(port):
        time.sleep(0.02)
    before = cpu_seconds(pid)
    while True:
        time.sleep(0.5)
        now = cpu_seconds(pid)
        if now - before < 0.03:
            return
        before = now


def cost(collector: Collector, seconds: float, **load: Any) -> tuple[float, int]:
    """(CPU seconds per million flows at RATE, dropped datagrams)."""
    with listening(collector) as (running, port):
        generator.send(port, 10_000, 0.5, **load)
        settled(port, running.pid)
        before, drops = cpu_seconds(running.pid), udp_drops(port)
        sent = generator.send(port, RATE, seconds, **load)
        settled(port, running.pid)
        return (cpu_seconds(running.pid) - before) / sent.flows * 1e6, udp_drops(port) - drops


def highest(collector: Collector, seconds: float, **load: Any) -> int:
    """The highest rate of the ladder, in flows/s really sent, without a drop."""
    best = 0
    for rate in LADDER:
        with listening(collector) as (running, port):
            generator.send(port, 10_000, 0.5, **load)
            settled(port, running.pid)
            drops = udp_drops(port)
            sent = generator.send(port, rate, seconds, **load)
            while udp_waiting(port):
                time.sleep(0.02)
            if udp_drops(port) > drops:
                return best
            best = round(sent.flows / sent.seconds)
    return best


def main(*, quick: bool = False) -> None:
    seconds = 2.0 if quick else 8.0
    ours = [collectors.decoding(), collectors.agent()]
    rows: list[dict[str, Any]] = []
    for collector in (*collectors.references(), *ours):
        cpu, drops = cost(collector, seconds, exporters=8)
        rows.append({"collector": collector.name, "CPU s per M flows": cpu, "drops at 1 M/s": drops})
        if not quick:
            rows[-1]["loss-free flows/s"] = highest(collector, 3.0, exporters=8)
        rows[-1]["does"] = collector.work
    base = next((row["CPU s per M flows"] for row in rows if row["collector"] == "nfcapd"), None)
    for row in rows:
        row["to nfcapd"] = row["CPU s per M flows"] / base if base else "no nfcapd here"
    report(
        "agent",
        "One core, IPFIX over loopback, 8 exporters, 1 M flows/s",
        rows,
        [
            "receive + decode at most half of nfcapd's CPU",
            "the whole agent no more CPU than nfcapd, and a higher loss-free rate than nfacctd",
        ],
    )
