"""What the security centre counts, under /metrics."""

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from sixfold.chassis.telemetry import Telemetry


class TelemetryMeter:
    """ports.Meter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._batches = telemetry.counter(
            "security_batches_total", "flow batches by outcome: counted, duplicate"
        )
        self._flows = telemetry.counter(
            "security_flows_total",
            "flows by outcome: counted, implausible (clock), late (older than the window)",
        )
        self._signals = telemetry.counter("security_signals_total", "signals by detector")
        self._failures = telemetry.counter(
            "security_detector_failures_total", "errors of detectors by what they did: add, look, restore"
        )
        self._pass = telemetry.histogram("security_pass_seconds", "one pass of window and detectors")
        self._passed = telemetry.counter(
            "security_passed_flows_total", "flows that went through all detectors"
        )

    def batches(self, outcome: str) -> None:
        self._batches.add(1, {"outcome": outcome})

    def flows(self, counted: int, implausible: int, late: float) -> None:
        for outcome, number in (("counted", counted), ("implausible", implausible), ("late", round(late))):
            if number:
                self._flows.add(number, {"outcome": outcome})

    def signals(self, detector: str, number: int) -> None:
        if number:
            self._signals.add(number, {"detector": detector})

    def failed(self, detector: str, doing: str) -> None:
        self._failures.add(1, {"detector": detector, "doing": doing})

    def passed(self, seconds: float, flows: int) -> None:
        self._pass.record(seconds)
        self._passed.add(flows)


class TelemetryIntelMeter:
    """intel_ports.IntelMeter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._readings = telemetry.counter(
            "security_feed_readings_total",
            "readings by feed and outcome: taken, unchanged, unreachable, why refused",
        )
        self._refused = telemetry.counter(
            "security_feed_entries_refused_total", "entries left out, by feed and cause"
        )

    def reading(self, feed: str, outcome: str) -> None:
        self._readings.add(1, {"feed": feed, "outcome": outcome})

    def refused(self, feed: str, cause: str, number: int) -> None:
        self._refused.add(number, {"feed": feed, "cause": cause})


class MitigationTelemetry:
    """mitigation_ports.MitigationMeter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._sent = telemetry.counter(
            "security_policy_commands_total", "sets of policies sent to gateways by outcome: sent, failed"
        )
        self._answered = telemetry.counter(
            "security_policy_answers_total",
            "answers of gateways by outcome: applied, refused, failed, expired",
        )
        self._decided = telemetry.counter(
            "security_mitigations_total",
            "decisions about mitigations: proposed, approved, withdrawn, expired, …",
        )
        self._refused = telemetry.counter(
            "security_gateway_words_refused_total", "words of gateways that were not taken, by cause"
        )

    def sent(self, outcome: str) -> None:
        self._sent.add(1, {"outcome": outcome})

    def answered(self, outcome: str) -> None:
        self._answered.add(1, {"outcome": outcome})

    def decided(self, what: str) -> None:
        self._decided.add(1, {"decision": what})

    def refused(self, cause: str) -> None:
        self._refused.add(1, {"cause": cause})


def observe(telemetry: Telemetry, name: str, description: str, value: Callable[[], float]) -> None:
    """A gauge read when it is scraped."""

    def read(_: CallbackOptions) -> Iterable[Observation]:
        yield Observation(value())

    telemetry.meter.create_observable_gauge(name, [read], description=description)
