"""What the address centre counts, under /metrics."""

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from sixfold.address.domain.book import Book
from sixfold.address.domain.utilisation import utilisation
from sixfold.chassis.telemetry import Telemetry


class TelemetryMeter:
    """ports.Meter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._asked = telemetry.counter(
            "address_delegations_total", "wishes by outcome: delegated, repeated, or the reason of refusal"
        )
        self._ended = telemetry.counter(
            "address_delegations_ended_total", "ends by cause: released, expired, returned (free again)"
        )

    def asked(self, outcome: str, number: int) -> None:
        self._asked.add(number, {"outcome": outcome})

    def ended(self, cause: str, number: int) -> None:
        self._ended.add(number, {"cause": cause})


def observe_pools(telemetry: Telemetry, book: Callable[[], Book]) -> None:
    """The free share of each pool, computed when it is scraped."""

    def read(_: CallbackOptions) -> Iterable[Observation]:
        for page in list(book().pages.values()):
            yield Observation(utilisation(page).free_share, {"pool": page.pool.pool_id})

    telemetry.meter.create_observable_gauge(
        "address_pool_free_share", [read], description="free share of each pool's addresses"
    )
