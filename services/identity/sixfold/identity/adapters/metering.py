"""What the identity centre counts, under /metrics."""

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from sixfold.chassis.telemetry import Telemetry
from sixfold.identity.domain.registry import Registry


class TelemetryMeter:
    """ports.Meter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._answered = telemetry.counter(
            "identity_wishes_total", "wishes by kind and outcome: done, repeated, or the reason of refusal"
        )
        self._sessions = telemetry.counter(
            "identity_nat_sessions_total",
            "NAT sessions by gateway: bound (a terminal holds the inside address) or unbound",
        )

    def answered(self, wish: str, outcome: str, number: int) -> None:
        self._answered.add(number, {"wish": wish, "outcome": outcome})

    def sessions(self, gateway: str, bound: int, unbound: int) -> None:
        self._sessions.add(bound, {"gateway": gateway, "outcome": "bound"})
        self._sessions.add(unbound, {"gateway": gateway, "outcome": "unbound"})


def observe_registry(telemetry: Telemetry, registry: Callable[[], Registry]) -> None:
    """How many subscribers, terminals and bindings there are, read when it is scraped."""

    def read(_: CallbackOptions) -> Iterable[Observation]:
        now = registry()
        for kind, number in (
            ("subscriber", len(now.subscribers)),
            ("terminal", len(now.terminals)),
            ("binding", len(now.bindings)),
        ):
            yield Observation(number, {"kind": kind})

    telemetry.meter.create_observable_gauge("identity_entries", [read], description="entries by kind")
