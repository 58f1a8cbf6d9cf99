"""Traffic of the last hour by network, service class and IP family."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.requests import Request

from sixfold.api.convergence.v1 import convergence_pb2, events_pb2
from sixfold.console.adapters.centres import Answer, Centres
from sixfold.console.pages import chart
from sixfold.console.pages.wording import word


@dataclass(frozen=True)
class Minute:
    """Sums over all gateways of one minute."""

    time: datetime
    flows: int
    bytes: int
    bytes6: int

    @property
    def share6(self) -> float:
        return self.bytes6 / self.bytes if self.bytes else 0.0


def timestamp(value: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(value)
    return result


async def ask_traffic(centres: Centres, *, minutes: int) -> Answer[Any]:
    now = datetime.now(UTC)
    request = convergence_pb2.GetTrafficRequest(
        start_time=timestamp(now - timedelta(minutes=minutes)), end_time=timestamp(now)
    )
    return await centres.ask("convergence", centres.convergence.GetTraffic, request)


def by_minute(messages: Iterable[Any], *, now: datetime) -> list[Minute]:
    """Whole minutes in order; the minute that is still running is left out, it would look like a fall."""
    sums: dict[datetime, list[int]] = defaultdict(lambda: [0, 0, 0])
    for message in messages:
        time = message.minute.ToDatetime(tzinfo=UTC)
        if time + timedelta(minutes=1) > now:
            continue
        for cell in message.cells:
            total = sums[time]
            total[0] += cell.flows
            total[1] += cell.bytes
            total[2] += cell.bytes if cell.family == 6 else 0
    return [Minute(time, *sums[time]) for time in sorted(sums)]


def shares(cells: Iterable[Any], key: str) -> list[tuple[str, int, float, float]]:
    """(name, bytes, share of all bytes, IPv6 share of its bytes), heaviest first."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for cell in cells:
        name = word(events_pb2.Network, cell.network, "NETWORK_") if key == "network" else cell.service_class
        totals[name][0] += cell.bytes
        totals[name][1] += cell.bytes if cell.family == 6 else 0
    whole = sum(total for total, _ in totals.values()) or 1
    rows = [
        (name, total, total / whole, six / total if total else 0.0) for name, (total, six) in totals.items()
    ]
    return sorted(rows, key=lambda row: -row[1])


def pictures(minutes: list[Minute]) -> Mapping[str, chart.Line | None]:
    labels = [minute.time.strftime("%H:%M") for minute in minutes]
    return {
        "flows": chart.line([minute.flows / 60 for minute in minutes], labels, unit="/s"),
        "share6": chart.line([minute.share6 * 100 for minute in minutes], labels, unit=" %", most=100.0),
        "bits": chart.line([minute.bytes * 8 / 60 for minute in minutes], labels, unit="b/s"),
    }


async def traffic(centres: Centres, request: Request) -> dict[str, Any]:
    answer = await ask_traffic(centres, minutes=60)

    def view(reply: Any) -> dict[str, Any]:
        return {
            "networks": shares(reply.totals, "network"),
            "classes": shares(reply.totals, "service_class"),
            "pictures": pictures(by_minute(reply.minutes, now=datetime.now(UTC))),
        }

    return {"traffic": answer.map(view)}
