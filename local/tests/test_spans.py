from pathlib import Path

import pytest
from rich.console import Console

from sixfold.chassis.telemetry import TelemetrySettings, extract, inject, setup
from sixfold.local.errors import LocalError
from sixfold.local.home import home_at, prepare
from sixfold.local.spans import spans_of, trace_of, tree_of


def test_one_trace_over_two_services_is_one_tree(tmp_path: Path) -> None:
    home = home_at(tmp_path)
    prepare(home)
    agent = setup(TelemetrySettings(traces_file=home.traces / "agent.jsonl"), service="agent")
    credit = setup(TelemetrySettings(traces_file=home.traces / "credit.jsonl"), service="credit")
    headers: dict[str, str] = {}
    with agent.tracer.start_as_current_span("batch", attributes={"sixfold.batch": "flow:gw-1:e:7"}):
        inject(headers)
    with credit.tracer.start_as_current_span("insert", context=extract(headers)):
        pass
    with agent.tracer.start_as_current_span("another"):
        pass
    agent.shutdown()
    credit.shutdown()

    trace_id = trace_of(home, "flow:gw-1:e:7")
    assert headers["traceparent"].split("-")[1] == trace_id == trace_of(home, f"0x{trace_id}")
    spans = spans_of(home, trace_id)
    assert [span["name"] for span in spans] == ["batch", "insert"]
    screen = Console(width=200, record=True, file=(tmp_path / "out").open("w"))
    screen.print(tree_of(spans, trace_id))
    lines = screen.export_text().splitlines()
    assert "batch agent" in lines[1]
    assert lines[2].startswith("    ")
    assert "insert credit" in lines[2]


def test_an_unknown_batch_is_explained(tmp_path: Path) -> None:
    home = home_at(tmp_path)
    prepare(home)
    with pytest.raises(LocalError, match="No span"):
        trace_of(home, "flow:gw-1:e:8")
