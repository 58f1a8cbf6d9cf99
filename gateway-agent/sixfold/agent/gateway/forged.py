"""Forged sources: read from the gateway's counters, told to the bus.

What could not be told yet is kept and told later, at most so many sources; the totals are never lost while the agent
lives.
"""

import asyncio
import ipaddress
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import address_bytes
from sixfold.agent.gateway.plan import Plan
from sixfold.agent.gateway.render import nftables
from sixfold.agent.gateway.system import ProgramError, run
from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.api.subjects import report_subject
from sixfold.chassis.messaging import Messaging, MessagingError

log = logging.getLogger(__name__)
KIND: Final = "spoofed-source"
MAX_SOURCES: Final = 2 * nftables.FORGED_SIZE
_ACTIONS: Final = {"count": pb.SourceValidation.ACTION_COUNT, "drop": pb.SourceValidation.ACTION_DROP}
Source = tuple[str, str]
"""(interface, address)"""


@dataclass(slots=True)
class Count:
    packets: int = 0
    bytes: int = 0

    def since(self, before: "Count") -> "Count":
        """A count that fell began anew."""
        if self.packets < before.packets:
            return self
        return Count(self.packets - before.packets, self.bytes - before.bytes)

    def add(self, other: "Count") -> None:
        self.packets += other.packets
        self.bytes += other.bytes


def read_counts() -> tuple[Count, dict[Source, Count]]:
    """All forged packets, and those of each source. Raises ProgramError."""
    family, table = nftables.FAMILY, nftables.TABLE
    text = run(["nft", "-j", "list", "counter", family, table, nftables.FORGED])
    total = Count()
    for one in _bodies(text, "counter"):
        total = Count(one["packets"], one["bytes"])
    sources: dict[Source, Count] = {}
    for name in nftables.FORGED_SETS:
        for one in _bodies(run(["nft", "-j", "list", "set", family, table, name]), "set"):
            sources.update(_elements(one.get("elem", [])))
    return total, sources


def _bodies(text: str, kind: str) -> Iterator[dict[str, Any]]:
    for one in json.loads(text or '{"nftables": []}')["nftables"]:
        if kind in one:
            yield one[kind]


def _elements(elements: list[dict[str, Any]]) -> Iterator[tuple[Source, Count]]:
    for one in elements:
        body = one["elem"]
        interface, address = body["val"]["concat"]
        count = body.get("counter") or {"packets": 0, "bytes": 0}
        yield (str(interface), str(ipaddress.ip_address(address))), Count(count["packets"], count["bytes"])


class ForgedSources:
    """read: tests hand in their own."""

    def __init__(
        self,
        gateway: str,
        *,
        plan: Callable[[], Plan | None],
        messaging: Messaging,
        counters: Counters,
        seconds: float,
        read: Callable[[], tuple[Count, dict[Source, Count]]] = read_counts,
    ) -> None:
        self._gateway = gateway
        self._plan = plan
        self._messaging = messaging
        self._counters = counters
        self._seconds = seconds
        self._read = read
        self._total = Count()
        self._known: dict[Source, Count] = {}
        self._untold = Count()
        self._untold_sources: dict[Source, Count] = {}
        self._since = datetime.now(UTC)
        self._report: tuple[str, bytes] | None = None
        """Sent, and not acknowledged yet: it is sent again as it is, so that it counts once."""

    async def run(self) -> None:
        """What was counted before is told already, as far as the agent before could."""
        try:
            self._total, self._known = await asyncio.to_thread(self._read)
        except (ProgramError, ValueError, KeyError):
            log.debug("no forged sources are counted yet")
        while True:
            plan = self._plan()
            if plan is not None and plan.validation is not None:
                await self.look(plan.validation.action)
            await asyncio.sleep(self._seconds)

    async def look(self, action: str) -> None:
        """Read once, and tell what is new."""
        try:
            total, sources = await asyncio.to_thread(self._read)
        except (ProgramError, ValueError, KeyError) as error:
            log.debug("forged sources: %s", error)
            self._counters.add("forged_unread", 1)
            return
        new = total.since(self._total)
        fresh = {source: count.since(self._known.get(source, Count())) for source, count in sources.items()}
        self._total, self._known = total, sources
        self._counters.add("forged_packets", new.packets, action=action)
        self._counters.add("forged_bytes", new.bytes, action=action)
        self._untold.add(new)
        for source, count in fresh.items():
            if count.packets and (source in self._untold_sources or len(self._untold_sources) < MAX_SOURCES):
                self._untold_sources.setdefault(source, Count()).add(count)
        if self._report is None and self._untold.packets:
            self._report = self._compose(action)
        if self._report is not None:
            await self._tell(*self._report)

    def _compose(self, action: str) -> tuple[str, bytes]:
        """(message id, report) of all that is untold."""
        report = pb.SpoofedSources(
            gateway=self._gateway,
            action=_ACTIONS[action],  # type: ignore[arg-type]
            packets=self._untold.packets,
            bytes=self._untold.bytes,
        )
        now = datetime.now(UTC)
        report.since.FromDatetime(self._since)
        report.until.FromDatetime(now)
        ordered = sorted(self._untold_sources.items(), key=lambda one: -one[1].packets)
        for (interface, address), count in ordered:
            report.sources.add(
                interface=interface, address=address_bytes(address), packets=count.packets, bytes=count.bytes
            )
        message_id = f"report:{self._gateway}:{KIND}:{int(self._since.timestamp() * 1e6)}"
        self._untold, self._untold_sources, self._since = Count(), {}, now
        return message_id, report.SerializeToString()

    async def _tell(self, message_id: str, report: bytes) -> None:
        try:
            await self._messaging.publish(
                report_subject(self._gateway, KIND), report, message_id=message_id, timeout=5
            )
        except MessagingError as error:
            log.debug("forged sources are not told yet: %s", error)
            self._counters.add("reports", 1, outcome="failed")
            return
        self._counters.add("reports", 1, outcome="told")
        self._report = None
