"""A table on the terminal and the same as JSON in bench-results/."""

import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).resolve().parent.parent / "bench-results"


def report(name: str, title: str, rows: Sequence[dict[str, Any]], goals: Sequence[str] = ()) -> None:
    """Print `rows` (equal keys) and write them with the machine's description."""
    table = Table(title=title, title_justify="left")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        table.add_column(column, justify="left" if column == columns[0] else "right")
    for row in rows:
        table.add_row(*(_text(row.get(column, "")) for column in columns))
    console = Console(width=max(Console().width, 150))
    console.print(table)
    for goal in goals:
        console.print(f"  goal: {goal}")
    RESULTS.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}
    text = json.dumps({"name": name, "time": time.time(), "machine": machine, "rows": list(rows)}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
