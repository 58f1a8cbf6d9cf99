"""`sixfold spans`: the spans of one trace out of HOME/traces, as a tree with times."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from sixfold.local.errors import LocalError
from sixfold.local.home import Home

Span = Mapping[str, Any]
_TRACE_ID: Final = re.compile(r"(?:0x)?([0-9a-f]{32})")
_MOST_SPANS: Final = 500


def _lines(home: Home, needle: str) -> Iterator[Span]:
    for path in sorted(home.traces.glob("*.jsonl*")):
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if needle in line:
                    try:
                        yield json.loads(line)
                    except ValueError:  # the line that is being written now
                        continue


def trace_of(home: Home, identity: str) -> str:
    """The trace id: `identity` itself, or that of the newest span with an attribute of this value."""
    if match := _TRACE_ID.fullmatch(identity.lower()):
        return match[1]
    found = [
        span for span in _lines(home, identity) if identity in map(str, span.get("attributes", {}).values())
    ]
    if not found:
        raise LocalError(
            f"No span under {home.traces} carries {identity!r}. Name a trace id (32 hex digits) or the id of a batch, "
            "as the agent's log and the warehouse have it; only newer traces are kept."
        )
    return str(max(found, key=lambda span: span["start_time"])["context"]["trace_id"]).removeprefix("0x")


def spans_of(home: Home, trace_id: str) -> list[Span]:
    """The spans of one trace, oldest first."""
    found = {span["context"]["span_id"]: span for span in _lines(home, trace_id)}
    return sorted(found.values(), key=lambda span: span["start_time"])[:_MOST_SPANS]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _label(span: Span, begun: datetime) -> str:
    start, end = _time(span["start_time"]), _time(span["end_time"])
    milliseconds = timedelta(milliseconds=1)
    service = span.get("resource", {}).get("attributes", {}).get("service.name", "?")
    attributes = ", ".join(f"{key}={value}" for key, value in (span.get("attributes") or {}).items())
    failed = " [red]failed[/]" if span.get("status", {}).get("status_code") == "ERROR" else ""
    return (
        f"[bold]{escape(span['name'])}[/] [cyan]{escape(service)}[/] at +{(start - begun) / milliseconds:.1f} ms, "
        f"took {(end - start) / milliseconds:.1f} ms{failed} [dim]{escape(attributes)}[/]"
    )


def tree_of(spans: Sequence[Span], trace_id: str) -> Tree:
    """The spans under their parents; one whose parent is not kept stands at the top."""
    begun = _time(spans[0]["start_time"])
    known = {span["context"]["span_id"] for span in spans}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in spans:
        parent = span.get("parent_id")
        children[parent if parent in known else None].append(span)
    tree = Tree(f"trace {trace_id}, {len(spans)} spans, begun {begun.isoformat()}")
    pending = [(tree, span) for span in reversed(children[None])]
    while pending:
        branch, span = pending.pop()
        node = branch.add(_label(span, begun))
        pending += [(node, child) for child in reversed(children.pop(span["context"]["span_id"], []))]
    return tree


def show_trace(home: Home, identity: str) -> int:
    trace_id = trace_of(home, identity.strip())
    spans = spans_of(home, trace_id)
    if not spans:
        raise LocalError(f"No span of trace {trace_id} is kept under {home.traces}; only newer traces are.")
    # attributes are long: where the terminal is narrow, it breaks the lines rather than we
    Console(width=max(Console().width, 240)).print(tree_of(spans, trace_id), highlight=False)
    return 0
