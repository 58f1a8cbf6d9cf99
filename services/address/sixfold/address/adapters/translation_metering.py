"""What is counted of shared IPv4, under /metrics."""

from collections.abc import Callable

from opentelemetry.metrics import CallbackOptions, Observation

from sixfold.address.domain.translation.book import TranslationBook
from sixfold.chassis.telemetry import Telemetry


class TelemetryTranslationMeter:
    """translation_handlers.TranslationMeter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry, book: Callable[[], TranslationBook]) -> None:
        self._asked = telemetry.counter(
            "address_translation_questions_total",
            "by question (subscriber, public, description) and resolution",
        )
        self._changed = telemetry.counter(
            "address_translation_changes_total", "of rules: put, allocated, repeated, ended"
        )
        telemetry.meter.create_observable_gauge(
            "address_translation_rules",
            [lambda _: _rules(_, book())],
            description="rules that are known, those included that have ended",
        )

    def asked(self, question: str, outcome: str) -> None:
        self._asked.add(1, {"question": question, "resolution": outcome})

    def changed(self, what: str) -> None:
        self._changed.add(1, {"change": what})


def _rules(_: CallbackOptions, book: TranslationBook) -> list[Observation]:
    return [Observation(len(book.rules))]
