"""From the datagram to the query: flows/s without loss with all centres on, and the latency of every flow."""

import threading
import time
from typing import Any

import numpy as np

from benchmarks import generator
from benchmarks.platform import Platform, up
from benchmarks.process import cpu_seconds, resident_bytes, udp_drops
from benchmarks.report import report

SETTLE_WITHIN = 120.0
ARRIVALS = """
    SELECT toUnixTimestamp64Milli(time_received) AS t, count() AS n FROM sixfold.flows GROUP BY t ORDER BY t
"""


def visible_over_time(platform: Platform, stop: threading.Event, seen: list[tuple[float, int]]) -> None:
    """Append (wall clock, rows a query sees) until `stop`; one query after the other."""
    client = platform.client()
    while not stop.is_set():
        rows = client.query("SELECT count() FROM sixfold.flows").result_rows[0][0]
        seen.append((time.time(), rows))
        time.sleep(0.2)


def latencies(client: Any, seen: list[tuple[float, int]]) -> np.ndarray[Any, Any]:
    """Seconds from a flow's arrival to the first query that counts it, for every thousandth flow.

    Flows become visible nearly in the order of their arrival, so the k-th arrival is matched with the first
    moment at which k rows were seen; what that shifts is within one block.
    """
    received = client.query_np(ARRIVALS)
    arrived, total = received["t"] / 1000, np.cumsum(received["n"])
    moments, rows = np.array([m for m, _ in seen]), np.array([r for _, r in seen])
    ranks = np.arange(1, total[-1], 1000)
    return (
        moments[np.searchsorted(rows, ranks).clip(max=len(rows) - 1)] - arrived[np.searchsorted(total, ranks)]
    )


def journey(rate: int, seconds: float, hosts: int = 65_536) -> dict[str, Any]:
    """One run of the whole house at `rate`; the row of its table."""
    with up() as platform:
        port = platform.port("agent.ipfix")
        seen: list[tuple[float, int]] = []
        stop = threading.Event()
        watcher = threading.Thread(target=visible_over_time, args=(platform, stop, seen))
        watcher.start()
        before = cpu_seconds(platform.pid)
        pool = max(2_048, min(hosts // 16, 65_536))
        sent = generator.send(port, rate, seconds, exporters=8, hosts=hosts, pool=pool, segments=8)
        deadline = time.monotonic() + SETTLE_WITHIN
        while time.monotonic() < deadline and (not seen or seen[-1][1] < sent.flows):
            previous = seen[-1][1] if seen else 0
            time.sleep(3)
            if seen and seen[-1][1] == previous and udp_drops(port):
                break
        stop.set()
        watcher.join()
        client = platform.client()
        stored = client.query("SELECT count() FROM sixfold.flows").result_rows[0][0]
        delay = latencies(client, seen)
        return {
            "flows/s": round(sent.flows / sent.seconds),
            "seconds": round(sent.seconds, 1),
            "hosts": hosts,
            "sent": sent.flows,
            "stored": stored,
            "lost": sent.flows - stored,
            "kernel drops (datagrams)": udp_drops(port),
            "p50 s": float(np.quantile(delay, 0.5)),
            "p99 s": float(np.quantile(delay, 0.99)),
            "CPU s per M flows": (cpu_seconds(platform.pid) - before) / sent.flows * 1e6,
            "memory MiB": resident_bytes(platform.pid) >> 20,
        }


def main(*, quick: bool = False) -> None:
    rates = (50_000, 200_000) if quick else (100_000, 250_000, 500_000, 1_000_000)
    rows = [journey(rate, 10 if quick else 60) for rate in rates]
    report(
        "journey",
        "UDP to queryable, all six centres on, 2 cores (the generator among them)",
        rows,
        ["500,000 flows/s for 60 s without loss, p99 under 2 s; moonshot 1,000,000"],
    )
