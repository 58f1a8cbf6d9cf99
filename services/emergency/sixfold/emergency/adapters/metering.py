"""What the emergency centre counts, under /metrics."""

from sixfold.chassis.telemetry import Telemetry


class TelemetryMeter:
    """ports.Meter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._submitted = telemetry.counter(
            "emergency_submissions_total",
            "CAP messages by outcome: accepted, repeated, or the reason of refusal",
        )
        self._commanded = telemetry.counter(
            "emergency_commands_total",
            "commands to gateways by kind (deliver, withdraw) and outcome (sent, failed)",
        )
        self._received = telemetry.counter("emergency_receipts_total", "receipts of gateways by outcome")
        self._gateways = telemetry.counter(
            "emergency_gateways_refused_total", "heartbeats of gateways that are not taken in, by cause"
        )

    def submitted(self, outcome: str) -> None:
        self._submitted.add(1, {"outcome": outcome})

    def commanded(self, kind: str, outcome: str, number: int) -> None:
        self._commanded.add(number, {"kind": kind, "outcome": outcome})

    def received(self, outcome: str, number: int) -> None:
        self._received.add(number, {"outcome": outcome})

    def gateway_refused(self, cause: str) -> None:
        self._gateways.add(1, {"cause": cause})
