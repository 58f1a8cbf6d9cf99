"""The gateways as the overview shows them: health from the newest heartbeat, losses from its counters."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sixfold.api.credit.v1 import credit_pb2
from sixfold.console.adapters.centres import Answer, Centres
from sixfold.console.pages.wording import moment

Health = Literal["healthy", "troubled", "silent"]
SILENT_AFTER: Final = timedelta(seconds=60)
# The four losses that no collector lets its users see, as heartbeats count them; labels follow the name in braces.
LOSSES: Final = {
    "kernel_drops": "kernel_drops",
    "sequence_gaps": "sequence_lost",
    "without_template": "sets_without_template",
    "unknown_sampling": "flows_unknown_sampling",
}


@dataclass(frozen=True)
class GatewayRow:
    """One gateway; `share6` is None where it carried nothing in the last two hours."""

    gateway: str
    health: Health
    seen: datetime | None
    exporters: int
    spool_bytes: int
    version: str
    troubles: tuple[str, ...]
    counters: Mapping[str, int]
    share6: float | None


def _row(message: credit_pb2.Gateway, share6: float | None, now: datetime) -> GatewayRow:
    beat = message.heartbeat
    seen = moment(beat, "time")
    health: Health = "troubled" if beat.troubles else "healthy"
    if seen is None or now - seen > SILENT_AFTER:
        health = "silent"
    return GatewayRow(
        gateway=message.gateway,
        health=health,
        seen=seen,
        exporters=beat.exporters,
        spool_bytes=beat.spool.bytes,
        version=beat.agent_version,
        troubles=tuple(beat.troubles),
        counters=dict(beat.counters),
        share6=share6,
    )


def _shares(messages: Iterable[Any]) -> dict[str, float]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in messages:
        sums[one.gateway][0] += one.bytes_ipv4
        sums[one.gateway][1] += one.bytes_ipv6
    return {gateway: six / (four + six) for gateway, (four, six) in sums.items() if four + six}


async def ask_gateways(centres: Centres) -> Answer[list[GatewayRow]]:
    now = datetime.now(UTC)
    wish = credit_pb2.GetIpv6ShareRequest()
    wish.start_time.FromDatetime(now - timedelta(hours=1))
    listed, shares = await asyncio.gather(
        centres.ask("credit", centres.credit.ListGateways, credit_pb2.ListGatewaysRequest()),
        centres.ask("credit", centres.credit.GetIpv6Share, wish),
    )
    by_gateway = _shares(shares.value.shares) if shares.value is not None else {}
    return listed.map(
        lambda reply: [_row(message, by_gateway.get(message.gateway), now) for message in reply.gateways]
    )


def losses_of(rows: Iterable[GatewayRow]) -> dict[str, int]:
    """The four losses over all gateways."""
    known = list(rows)
    return {
        loss: sum(
            count
            for row in known
            for name, count in row.counters.items()
            if name.partition("{")[0] == counter
        )
        for loss, counter in LOSSES.items()
    }
