"""What the DHCPv6 front counts, under /metrics: gathered, and told in one go for many datagrams."""

from sixfold.chassis.telemetry import Telemetry


class Dhcpv6Meter:
    def __init__(self, telemetry: Telemetry) -> None:
        self._counters = {
            "received": telemetry.counter("dhcpv6_received_total", "messages of clients by kind"),
            "sent": telemetry.counter("dhcpv6_sent_total", "answers by kind"),
            "dropped": telemetry.counter(
                "dhcpv6_dropped_total", "datagrams without an answer by cause: malformed ones, and others"
            ),
            "prefixes": telemetry.counter(
                "dhcpv6_prefixes_total", "associations of prefixes by outcome, or by the reason of refusal"
            ),
        }
        self._labels = {"received": "kind", "sent": "kind", "dropped": "cause", "prefixes": "outcome"}
        self._counts: dict[tuple[str, str], int] = {}

    def count(self, what: str, word: str, number: int = 1) -> None:
        self._counts[what, word] = self._counts.get((what, word), 0) + number

    def flush(self) -> None:
        counts, self._counts = self._counts, {}
        for (what, word), number in counts.items():
            self._counters[what].add(number, {self._labels[what]: word})
