"""OpenTelemetry traces, metrics and logs of one service, passed around, never global.

    telemetry = setup(settings.telemetry, service="address")
    telemetry.counter("leases_total", "leases by outcome").add(1, {"outcome": "granted"})
    with telemetry.tracer.start_as_current_span("allot"): ...
    inject(headers); context = extract(headers)     # W3C traceparent on the wire

Traces and metrics go to an OTLP collector where one is configured; traces also, bounded, to a local file of JSON lines,
which several services and processes may share. Metrics are exposed by `sixfold.chassis.http` as Prometheus text from a
registry of their own; log lines carry the trace they belong to.
"""

import fcntl
import json
import logging
import os
import sys
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.metrics import _Gauge as Gauge
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry

from sixfold.chassis.config import Settings

log = logging.getLogger(__name__)

_PROPAGATOR = TraceContextTextMapPropagator()


class TelemetrySettings(Settings):
    endpoint: str = ""
    """OTLP over HTTP, for example http://otel-collector:4318; empty: nowhere."""
    traces_file: Path | None = None
    """JSON lines of finished spans, kept under twice `traces_file_bytes`."""
    traces_file_bytes: int = 8 << 20
    sample_ratio: float = 1.0
    """Share of new traces that are recorded; a caller's decision is followed."""
    log_level: str = "INFO"


class FileSpanExporter(SpanExporter):
    """Finished spans as JSON lines in one file, which becomes `<name>.1` when it is full.

    The file is opened for each batch under a lock, so that every service and process of a host may name the same one.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._max_bytes = max_bytes

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        lines = "".join(f"{span.to_json(indent=None)}\n" for span in spans).encode()
        try:
            with self._path.with_name(f"{self._path.name}.lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._path.exists() and self._path.stat().st_size + len(lines) > self._max_bytes:
                    self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                with self._path.open("ab") as file:
                    file.write(lines)
        except OSError as error:
            log.warning(
                "cannot write spans to %s: %s", self._path, error.strerror or os.strerror(error.errno or 0)
            )
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a service measures and traces with."""

    service: str
    tracer: Tracer
    meter: Meter
    registry: CollectorRegistry
    _providers: tuple[TracerProvider, MeterProvider]
    _counters: dict[str, Counter] = field(default_factory=dict)
    _histograms: dict[str, Histogram] = field(default_factory=dict)
    _gauges: dict[str, Gauge] = field(default_factory=dict)

    def counter(self, name: str, description: str) -> Counter:
        """The counter of that name, made once."""
        if name not in self._counters:
            self._counters[name] = self.meter.create_counter(name, description=description)
        return self._counters[name]

    def histogram(self, name: str, description: str, unit: str = "s") -> Histogram:
        if name not in self._histograms:
            self._histograms[name] = self.meter.create_histogram(name, unit=unit, description=description)
        return self._histograms[name]

    def gauge(self, name: str, description: str) -> Gauge:
        """`gauge(…).set(value, labels)`."""
        if name not in self._gauges:
            self._gauges[name] = self.meter.create_gauge(name, description=description)
        return self._gauges[name]

    def shutdown(self) -> None:
        """Flush what is pending and end. Bounded by the exporters' own timeouts."""
        for provider in self._providers:
            provider.shutdown()


def setup(settings: TelemetrySettings, *, service: str) -> Telemetry:
    """Telemetry of one service. Nothing global is touched, so several live in one process."""
    resource = Resource.create({SERVICE_NAME: service})
    # Where spans go nowhere they are not filled in; their ids still stand in logs and travel on.
    told = bool(settings.endpoint) or settings.traces_file is not None
    tracers = TracerProvider(
        resource=resource,
        sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)) if told else ALWAYS_OFF,
        shutdown_on_exit=False,
    )
    if settings.endpoint:
        exporter = OTLPSpanExporter(endpoint=f"{settings.endpoint.rstrip('/')}/v1/traces", timeout=5)
        tracers.add_span_processor(BatchSpanProcessor(exporter))
    if settings.traces_file is not None:
        local = FileSpanExporter(settings.traces_file, settings.traces_file_bytes)
        tracers.add_span_processor(BatchSpanProcessor(local, schedule_delay_millis=1000))
    registry = CollectorRegistry()
    readers: list[MetricReader] = [PrometheusMetricReader(registry=registry)]
    if settings.endpoint:
        metrics = OTLPMetricExporter(endpoint=f"{settings.endpoint.rstrip('/')}/v1/metrics", timeout=5)
        readers.append(PeriodicExportingMetricReader(metrics, export_interval_millis=15_000))
    meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    name = f"sixfold.{service}"
    return Telemetry(service, tracers.get_tracer(name), meters.get_meter(name), registry, (tracers, meters))


def inject(headers: MutableMapping[str, str], context: Context | None = None) -> None:
    """Put the current trace into `headers` as W3C `traceparent`."""
    _PROPAGATOR.inject(headers, context)


def extract(headers: Mapping[str, str] | None) -> Context:
    """The context that `traceparent` in `headers` names; the empty one where it is absent or malformed."""
    return _PROPAGATOR.extract(dict(headers or {}), Context())


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the ids of the current span."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"], line["span_id"] = f"{span.trace_id:032x}", f"{span.span_id:016x}"
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_to_stderr(level: str = "INFO") -> None:
    """The one place where a process configures logging: text on a terminal, JSON elsewhere."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    else:
        handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
