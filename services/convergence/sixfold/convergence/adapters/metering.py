"""What the convergence centre counts, under /metrics."""

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from sixfold.chassis.telemetry import Telemetry


class TelemetryMeter:
    """ports.Meter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._batches = telemetry.counter(
            "convergence_batches_total", "flow batches by outcome: counted, duplicate"
        )
        self._flows = telemetry.counter("convergence_flows_total", "flows by outcome: counted, implausible")
        self._minutes = telemetry.counter("convergence_minutes_total", "minutes told: closed, revised")

    def batches(self, outcome: str, number: int) -> None:
        if number:
            self._batches.add(number, {"outcome": outcome})

    def flows(self, counted: int, implausible: int) -> None:
        for outcome, number in (("counted", counted), ("implausible", implausible)):
            if number:
                self._flows.add(number, {"outcome": outcome})

    def minutes(self, told: str, number: int) -> None:
        if number:
            self._minutes.add(number, {"told": told})


def observe(telemetry: Telemetry, name: str, description: str, value: Callable[[], float]) -> None:
    """A gauge read when it is scraped."""

    def read(_: CallbackOptions) -> Iterable[Observation]:
        yield Observation(value())

    telemetry.meter.create_observable_gauge(name, [read], description=description)
