"""(e) How the agent's cost, the journey and the bytes per flow grow with the number of distinct hosts."""

from typing import Any, Final

from benchmarks import agent, collectors
from benchmarks.journey import journey
from benchmarks.report import report
from benchmarks.warehouse import random_traffic

HOSTS: Final = (10_000, 1_000_000, 10_000_000)


def main(*, quick: bool = False) -> None:
    rows: list[dict[str, Any]] = []
    for hosts in HOSTS[:2] if quick else HOSTS:
        pool = max(2_048, min(hosts // 16, 131_072))
        cpu, drops = agent.cost(collectors.agent(), 2 if quick else 6, exporters=8, hosts=hosts, pool=pool)
        run = journey(100_000 if quick else 250_000, 5 if quick else 30, hosts)
        disk = random_traffic(5 if quick else 20, hosts)
        rows.append(
            {
                "hosts": hosts,
                "agent, CPU s per M": cpu,
                "agent, drops at 1 M/s": drops,
                "journey flows/s": run["flows/s"],
                "journey lost": run["lost"],
                "journey p99 s": run["p99 s"],
                "memory MiB": run["memory MiB"],
                "bytes/flow": disk["bytes/flow"],
            }
        )
    report("growth", "Growth with distinct hosts (random traffic)", rows)
