"""`sixfold status`: processes, readiness, streams, consumers' lag, spool and losses, for people or programs."""

import dataclasses
import json
import time
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from sixfold.local.home import Home, owner, read_endpoints
from sixfold.local.observe import Sample, fetch, fetch_json, memory, samples, streams, total

_RATE_OVER: Final = 1.0
# the four losses that no collector lets its users see, as the agent counts them
LOSSES: Final = {
    "kernel_drops": "agent_kernel_drops_total",
    "sequence_gaps": "agent_sequence_lost_total",
    "sets_without_template": "agent_sets_without_template_total",
    "unknown_sampling": "agent_flows_unknown_sampling_total",
}
FLOWS: Final = "agent_flows_total"
SPOOL: Final = {"batches": "agent_spool_batches", "bytes": "agent_spool_bytes"}


def _metrics(base: str) -> list[Sample]:
    status, page = fetch(f"{base}/metrics")
    return samples(page) if status == 200 else []


def _rate(base: str) -> tuple[float | None, list[Sample]]:
    """Flows per second over one second, and the later page; None where the agent does not answer."""
    first, begun = _metrics(base), time.monotonic()
    time.sleep(_RATE_OVER)
    second, ended = _metrics(base), time.monotonic()
    if not first or not second:
        return None, second
    return (total(second, FLOWS) - total(first, FLOWS)) / (ended - begun), second


def _ready(base: str, path: str) -> tuple[bool, list[str]]:
    status, _ = fetch(base + path)
    page = fetch_json(base + path) if status == 503 else None
    waiting = page.get("waiting_for", []) if isinstance(page, dict) else []
    return status == 200, waiting


def collect(home: Home) -> dict[str, Any]:
    """Everything the table shows; LocalError where no platform runs."""
    endpoints = read_endpoints(home)
    pids: Mapping[str, int] = endpoints["pids"]  # pyright: ignore[reportAssignmentType]
    health = {
        "nats": _ready(str(endpoints["health.nats"]), "/healthz"),
        "centres": _ready(str(endpoints["health.centres"]), "/readyz"),
        "agent": _ready(str(endpoints["health.agent"]), "/readyz"),
    }
    rate, agent = _rate(str(endpoints["health.agent"]))
    processes = [
        {
            "name": name,
            "pid": pid,
            "memory_bytes": memory(pid) if pid else None,
            "ready": health[name][0] if name in health else bool(pid and memory(pid)),
            "waiting_for": health[name][1] if name in health else [],
        }
        for name, pid in {**dict.fromkeys(("supervisor", *health)), **pids}.items()
    ]
    return {
        "home": str(home.root),
        "running": owner(home) is not None,
        "processes": processes,
        "flows_per_second": rate,
        "losses": {name: int(total(agent, metric)) for name, metric in LOSSES.items()},
        "spool": {name: int(total(agent, metric)) for name, metric in SPOOL.items()},
        "streams": [dataclasses.asdict(stream) for stream in streams(str(endpoints["health.nats"])) or ()],
    }


def _size(value: int | None) -> str:
    if value is None:
        return "—"
    amount, unit = float(value), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"


def _table(*columns: str) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number and column != "State" else "left")
    return table


def _print(found: Mapping[str, Any]) -> None:
    screen = Console()
    processes = _table("Process", "State", "PID", "Memory")
    for one in found["processes"]:
        waiting = f", waits for {', '.join(one['waiting_for'])}" if one["waiting_for"] else ""
        state = "[green]ready[/]" if one["ready"] else f"[red]not ready{waiting}[/]"
        processes.add_row(one["name"], state, str(one["pid"] or "—"), _size(one["memory_bytes"]))
    screen.print(processes)
    rate = found["flows_per_second"]
    screen.print(
        f"\nFlows into the agent: {'the agent does not answer' if rate is None else f'{rate:,.0f}/s'}"
    )
    losses = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in found["losses"].items())
    screen.print(f"Losses since it started: {losses}")
    spool = found["spool"]
    screen.print(f"Spool: {spool['batches']:,} batches, {_size(spool['bytes'])}\n")
    table = _table("Stream", "Messages", "Bytes", "Full")
    consumers = _table("Consumer", "Stream", "Waiting", "In work", "Repeated")
    for stream in found["streams"]:
        full = f"{stream['bytes'] / stream['limit']:.1%}" if stream["limit"] else "—"
        table.add_row(stream["name"], f"{stream['messages']:,}", _size(stream["bytes"]), full)
        for one in stream["consumers"]:
            counts = (f"{one[key]:,}" for key in ("waiting", "unacknowledged", "redelivered"))
            consumers.add_row(one["name"], one["stream"], *counts)
    screen.print(table)
    screen.print()
    screen.print(consumers)


def show(home: Home, *, as_json: bool) -> int:
    """Print it; 1 if a process is not ready."""
    found = collect(home)
    if as_json:
        Console().print_json(json.dumps(found))
    else:
        _print(found)
    return int(not all(one["ready"] for one in found["processes"]))
