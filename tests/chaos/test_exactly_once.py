"""From UDP to the warehouse exactly once, whatever is killed: `sixfold up` under traffic, kill -9 of each part in turn.

What is stored is held against what the agent sealed (`sealed.log`), batch by batch, and what was sent against what is
stored and what the exporters' own numbers say to be missing.
"""

import json
import os
import signal
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from sixfold.agent.sealed_log import Line, read_sealed
from sixfold.local.observe import samples, streams, total

from .flood import Flood

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse, pytest.mark.chaos, pytest.mark.timeout(300)]
RATE = 100_000
SECONDS = 25
BETWEEN = 200_000
"""Flows that must become queryable between one kill and the next."""
ROLLUPS = {
    "traffic_minute": "SELECT sum(flows), sum(bytes) FROM traffic_minute",
    "traffic_hour": "SELECT sum(flows), sum(bytes) FROM traffic_hour",
    "prefix_hour by source": "SELECT sum(flows), sum(bytes) FROM prefix_hour WHERE side = 'source'",
    "prefix_hour by destination": "SELECT sum(flows), sum(bytes) FROM prefix_hour WHERE side = 'destination'",
}


def ask(platform: Any, statement: str) -> list[list[Any]] | None:
    """The rows as ClickHouse's HTTP port gives them; None while nobody answers there."""
    query = {"query": statement, "database": "sixfold", "default_format": "JSONCompactEachRow"}
    query["output_format_json_quote_64bit_integers"] = "0"
    url = f"{platform.endpoints['clickhouse_http']}/?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from error
    except (OSError, urllib.error.URLError):
        return None


def stored(platform: Any) -> int:
    rows = ask(platform, "SELECT count() FROM flows")
    return rows[0][0] if rows else 0


def agent_says(platform: Any, name: str) -> float:
    with urllib.request.urlopen(platform.endpoints["health.agent"] + "/metrics", timeout=10) as answer:
        return total(samples(answer.read().decode()), f"agent_{name}")


def sealed(platform: Any) -> list[Line]:
    return [line for line in read_sealed(platform.home / "agent") if line.kind == "flow"]


def is_drained(platform: Any) -> bool:
    """Nothing waits in the agent, nothing in the stream."""
    found = {stream.name: stream for stream in streams(platform.endpoints["health.nats"]) or ()}
    return agent_says(platform, "spool_batches") == 0 and found["FLOWS"].messages == 0


def settle(platform: Any, flood: Flood, eventually: Callable[..., Any]) -> None:
    """Stop sending, and wait until the last flow is queryable and nothing is under way any more."""
    flood.stop()
    for name in ("nats", "centres", "agent"):
        platform.wait_ready(name)
    flood.tell_last()
    eventually(
        lambda: ask(platform, "SELECT max(bytes) FROM flows") == [[flood.flows]],
        within=90,
        what=f"flow {flood.flows} is queryable",
    )
    eventually(lambda: is_drained(platform), within=60, what="agent and stream are empty")


def assert_exactly_once(platform: Any, flood: Flood) -> str:
    """Stored is what was sealed, once; what is missing is counted. Gives the figures in words."""
    lines = sealed(platform)
    rows, octets = sum(line.rows for line in lines), sum(line.bytes for line in lines)
    words = (
        f"{flood.rate:,.0f} flows/s for {flood.seconds:.0f} s: sent {flood.flows:,}, sealed {rows:,} in {len(lines)} "
        f"batches, by the exporters' numbers lost {lines[-1].lost:,}"
    )
    [found] = ask(platform, "SELECT count(), sum(bytes), uniqExact(bytes) FROM flows") or []
    assert found == [rows, octets, rows], words
    batches = ask(
        platform,
        "SELECT batch_epoch, batch_sequence, count(), sum(bytes) FROM flows GROUP BY batch_epoch, batch_sequence",
    )
    assert {(epoch, number): (n, size) for epoch, number, n, size in batches or ()} == {
        (line.epoch, line.sequence): (line.rows, line.bytes) for line in lines
    }, words
    for name, statement in ROLLUPS.items():
        assert ask(platform, statement) == [[rows, octets]], f"{name}: {words}"
    assert flood.flows - rows == lines[-1].lost, words
    return words


def test_every_part_killed_in_turn_and_all_at_once_under_full_traffic(
    own_platform, eventually, capsys
) -> None:
    own_platform.start()
    with Flood(own_platform.endpoints["agent.ipfix"], rate=RATE) as flood:

        def more() -> None:
            before = stored(own_platform)
            eventually(lambda: stored(own_platform) > before + BETWEEN, within=60, what="more flows")

        for name in ("nats", "centres"):
            more()
            own_platform.kill(name)
        more()
        missing = agent_says(own_platform, "sequence_lost_total") - agent_says(
            own_platform, "sequence_late_total"
        )
        drops = agent_says(own_platform, "kernel_drops_total")
        assert missing == 0 or drops, f"{missing:.0f} flows lost, though the agent lived"
        for name in ("agent", "centres"):
            own_platform.kill(name)
            more()
        kill_all(own_platform)
        eventually(lambda: flood.flows >= RATE * SECONDS, within=120, what="all sent")
        settle(own_platform, flood, eventually)
    words = assert_exactly_once(own_platform, flood)
    with capsys.disabled():
        print(f"\n  killed: NATS, centres, agent, centres, all at once; {words}; kernel drops {drops:.0f}")


def kill_all(platform: Any) -> None:
    """kill -9 of agent, centres and NATS within a moment; waits until new ones are ready."""
    old = platform.pids()
    for name in ("agent", "centres", "nats"):
        os.kill(old[name], signal.SIGKILL)
    for name in ("nats", "centres", "agent"):
        platform.wait_ready(name, other_than=old[name])
