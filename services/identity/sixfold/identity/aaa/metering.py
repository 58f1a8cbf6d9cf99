"""What AAA counts, under /metrics."""

from sixfold.chassis.telemetry import Telemetry


class AaaMeter:
    def __init__(self, telemetry: Telemetry) -> None:
        self._received = telemetry.counter("aaa_requests_total", "RADIUS requests by door and outcome")
        self._dropped = telemetry.counter(
            "aaa_dropped_total", "RADIUS datagrams that were not answered, by door and cause"
        )
        self._bindings = telemetry.counter(
            "aaa_addresses_refused_total",
            "addresses of sessions that another terminal holds, by access server",
        )
        self._disconnects = telemetry.counter("aaa_disconnects_total", "disconnections by outcome")

    def answered(self, door: str, outcome: str) -> None:
        self._received.add(1, {"door": door, "outcome": outcome})

    def dropped(self, door: str, cause: str) -> None:
        self._dropped.add(1, {"door": door, "cause": cause})

    def refused(self, server: str, number: int) -> None:
        self._bindings.add(number, {"access_server": server})

    def disconnected(self, outcome: str) -> None:
        self._disconnects.add(1, {"outcome": outcome})
