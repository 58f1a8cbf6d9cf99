"""Traces, metrics and logs belong together, and several services in one process do not collide."""

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry import trace

from sixfold.chassis.telemetry import JsonFormatter, Telemetry, TelemetrySettings, extract, inject, setup


def spans_of(*files: Path) -> list[dict]:
    return [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]


def test_a_trace_goes_over_the_wire(telemetry: Telemetry) -> None:
    headers: dict[str, str] = {}
    with telemetry.tracer.start_as_current_span("here") as here:
        inject(headers)
    with telemetry.tracer.start_as_current_span("there", context=extract(headers)) as there:
        assert there.get_span_context().trace_id == here.get_span_context().trace_id


@pytest.mark.parametrize("headers", [None, {}, {"traceparent": "00-zz-1"}])
def test_an_absent_or_malformed_trace_is_none(telemetry: Telemetry, headers: dict[str, str] | None) -> None:
    with telemetry.tracer.start_as_current_span("outer"):
        assert not trace.get_current_span(extract(headers)).get_span_context().is_valid


def test_log_lines_carry_the_trace_and_utc(telemetry: Telemetry) -> None:
    record = logging.LogRecord("sixfold", logging.INFO, "", 0, "%s leases", (3,), None)
    record.created, record.msecs = 0.25, 250
    plain = json.loads(JsonFormatter().format(record))
    assert plain == {
        "time": "1970-01-01T00:00:00.250Z",
        "level": "INFO",
        "logger": "sixfold",
        "message": "3 leases",
    }
    with telemetry.tracer.start_as_current_span("work") as span:
        line = json.loads(JsonFormatter().format(record))
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"


def test_services_share_one_bounded_traces_file(tmp_path: Path) -> None:
    file = tmp_path / "traces" / "spans.jsonl"
    settings = TelemetrySettings(traces_file=file, traces_file_bytes=20_000)
    services = [setup(settings, service=name) for name in ("address", "identity")]
    for number in range(50):
        for telemetry in services:
            with telemetry.tracer.start_as_current_span(f"span-{number}"):
                pass
            telemetry._providers[0].force_flush()
    for telemetry in services:
        telemetry.shutdown()
    old = file.with_name("spans.jsonl.1")
    assert file.stat().st_size <= 20_000
    assert old.stat().st_size <= 20_000
    newest = [span for span in spans_of(old, file) if span["name"] == "span-49"]
    assert sorted(span["resource"]["attributes"]["service.name"] for span in newest) == [
        "address",
        "identity",
    ]


def test_nothing_is_sampled_where_nothing_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "spans.jsonl"
    telemetry = setup(TelemetrySettings(traces_file=file, sample_ratio=0.0), service="test")
    with telemetry.tracer.start_as_current_span("unseen"):
        pass
    telemetry.shutdown()
    assert not file.exists()


def test_a_disk_that_refuses_does_not_stop_the_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "spans.jsonl"
    telemetry = setup(TelemetrySettings(traces_file=file), service="test")
    file.mkdir()
    with telemetry.tracer.start_as_current_span("lost"):
        pass
    telemetry.shutdown()
    assert "cannot write spans" in caplog.text


def test_a_configured_collector_receives_traces_and_metrics() -> None:
    received: list[str] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            received.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        telemetry = setup(TelemetrySettings(endpoint=endpoint), service="test")
        telemetry.counter("things_total", "things").add(1)
        with telemetry.tracer.start_as_current_span("work"):
            pass
        telemetry.shutdown()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert set(received) == {"/v1/traces", "/v1/metrics"}


def test_instruments_are_made_once(telemetry: Telemetry) -> None:
    assert telemetry.counter("a_total", "a") is telemetry.counter("a_total", "a")
    telemetry.gauge("connected", "whether").set(1, {"server": "a"})
    telemetry.histogram("wait", "waiting").record(0.5)
    found = {
        sample.name: sample.value for family in telemetry.registry.collect() for sample in family.samples
    }
    assert found["connected"] == 1
    assert found["wait_seconds_count"] == 1
