"""(c) Bytes on disk per flow in ClickHouse, for believable traffic and for random traffic."""

import subprocess
import time
from typing import Any, Final

import clickhouse_connect

from benchmarks import generator
from benchmarks.platform import SIXFOLD, Platform, up
from benchmarks.report import report

TABLES: Final = ("flows", "nat_sessions", "traffic_minute", "traffic_hour", "prefix_hour")
SIZES: Final = """
    SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
    WHERE active AND database = 'sixfold' GROUP BY table
"""


def writer(platform: Platform) -> Any:
    """A client that may merge."""
    password = (platform.home / "secrets" / "clickhouse-loader.password").read_text().strip()
    port = platform.port("clickhouse_http")
    return clickhouse_connect.get_client(host="127.0.0.1", port=port, username="loader", password=password)


def stored(platform: Platform) -> int:
    return int(platform.client().query("SELECT count() FROM sixfold.flows").result_rows[0][0])


def wait_stored(platform: Platform) -> int:
    """The number of flows once it does not grow any more."""
    last, since = stored(platform), time.monotonic()
    while time.monotonic() - since < 4:
        time.sleep(0.5)
        now = stored(platform)
        if now != last:
            last, since = now, time.monotonic()
    return last


def sizes(platform: Platform) -> dict[str, tuple[int, int]]:
    """(rows, bytes on disk) by table, after merging."""
    client = writer(platform)
    for table in TABLES:
        client.command(f"OPTIMIZE TABLE sixfold.{table} FINAL")
    return {row[0]: (row[1], row[2]) for row in client.query(SIZES).result_rows}


def measured(traffic: str, platform: Platform) -> dict[str, Any]:
    flows = wait_stored(platform)
    by_table = sizes(platform)
    rollups = sum(
        size for table, (_, size) in by_table.items() if table not in ("flows", "nat_sessions", "gateways")
    )
    nat_rows, nat_bytes = by_table.get("nat_sessions", (0, 0))
    return {
        "traffic": traffic,
        "flows": flows,
        "bytes/flow": by_table["flows"][1] / max(flows, 1),
        "rollups, bytes/flow": rollups / max(flows, 1),
        "NAT events": nat_rows,
        "bytes/NAT event": nat_bytes / nat_rows if nat_rows else 0.0,
    }


def simulated(seconds: int) -> dict[str, Any]:
    with up() as platform:
        target = f"127.0.0.1:{platform.port('agent.ipfix')}"
        command = [str(SIXFOLD), "simulate", "--target", target, "--rate", "30000", "--flat"]
        subprocess.run(
            [*command, "--duration", str(seconds), "--speed", "x3"], check=True, stderr=subprocess.DEVNULL
        )
        return measured("simulated region (NAT64, IPTV, web, DNS, IoT)", platform)


def random_traffic(seconds: int, hosts: int) -> dict[str, Any]:
    with up() as platform:
        pool = max(2_048, min(hosts // 16, 131_072))
        generator.send(
            platform.port("agent.ipfix"), 150_000, seconds, exporters=8, hosts=hosts, pool=pool, segments=8
        )
        return measured(f"random, {hosts:,} hosts", platform)


def main(*, quick: bool = False) -> None:
    rows = [simulated(20 if quick else 120), random_traffic(5 if quick else 20, 65_536)]
    report("warehouse", "On disk, after merges", rows, ["under 20 bytes per flow"])
