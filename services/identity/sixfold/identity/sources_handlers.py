"""Valid sources: what terminals hold behind each gateway, told to its agent whole or as differences.

Changes are gathered for a second, so that any number of bindings makes one command a gateway and second. The whole is
sent where it is not known what the gateway has: after its agent was started anew, refused, or fell behind.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.chassis.deliveries import Delivery
from sixfold.identity.domain.events import AddressesBound, BindingsReleased
from sixfold.identity.domain.prefix import from_packed
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.sources import Genuine, Held, Links, Source, genuine, steps
from sixfold.identity.domain.values import ALL_PORTS
from sixfold.identity.sources_ports import (
    GatewayLinks,
    LinksUnavailableError,
    Numbered,
    SendError,
    SourceCommands,
    SourceMeter,
    SourceNumbers,
)

log = logging.getLogger(__name__)
AT_ONCE: Final = 50_000
"""Sources in one command, about 2.5 MB."""
LINKS_SECONDS: Final = 30.0
LONGEST_SLEEP: Final = 5.0


@dataclass(slots=True)
class Told:
    """What a gateway was told last. sources None: it is not known what it has."""

    delivery: Delivery = field(default_factory=Delivery)
    numbered: Numbered | None = None
    sources: frozenset[Source] | None = None


class ValidSources:
    def __init__(
        self,
        *,
        registry: Callable[[], Registry],
        links: GatewayLinks,
        commands: SourceCommands,
        numbers: SourceNumbers,
        meter: SourceMeter,
        linger: float = 1.0,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._links = links
        self._commands = commands
        self._numbers = numbers
        self._meter = meter
        self._linger = linger
        self._seconds = seconds
        self._wake = asyncio.Event()
        self._held: Held | None = None
        self._told: dict[str, Told] = {}
        self._known: Mapping[str, Links] = {}
        self._links_at = -LINKS_SECONDS
        self._stale: set[str] = set()

    # -- told -------------------------------------------------------------------------------------------------------

    def evolved(self, event: object) -> None:
        """A follower of the ledger. Before the first pass nothing is held: that one reads the whole register."""
        if self._held is None:
            return
        match event:
            case AddressesBound():
                for bound in event.bindings:
                    if (bound.port_first, bound.port_last) == ALL_PORTS:
                        self._held.add(bound.gateway, from_packed(bound.network, bound.length))
                        self._stale.add(bound.gateway)
            case BindingsReleased():
                for one in event.bindings:
                    if not one.network:  # an event of before that says the number alone
                        self._held = None
                        break
                    if (one.port_first, one.port_last) == ALL_PORTS:
                        self._held.remove(one.gateway, from_packed(one.network, one.length))
                        self._stale.add(one.gateway)
            case _:
                return
        self._wake.set()

    def links_changed(self) -> None:
        self._links_at = -LINKS_SECONDS
        self._wake.set()

    def heard(self, beat: agent.Heartbeat) -> None:
        if beat.gateway not in self._known:
            return
        told = self._told.setdefault(beat.gateway, Told())
        started = max(beat.started.ToMilliseconds(), 1)
        if told.delivery.was_heard(beat.sources_generation, started, self._seconds()):
            self._stale.add(beat.gateway)
            self._wake.set()

    def answered(self, receipt: agent.Receipt) -> None:
        told = self._told.get(receipt.gateway)
        if told is None:
            return
        outcome = told.delivery.was_answered(receipt)
        self._meter.answered(outcome)
        if outcome in ("refused", "failed", "expired"):
            told.sources = None
            log.warning("gateway %s, sources %d: %s", receipt.gateway, receipt.generation, receipt.cause)

    # -- sent -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell what is due, until cancelled."""
        while True:
            self._wake.clear()
            await self.pass_once()
            try:
                await asyncio.wait_for(self._wake.wait(), LONGEST_SLEEP)
                await asyncio.sleep(self._linger)
            except TimeoutError:
                continue

    async def pass_once(self) -> None:
        await self._read_links()
        if self._held is None:
            self._held = Held.of(self._registry().bindings.values())
            self._stale |= set(self._known)
        for gateway in [name for name in self._told if name not in self._known]:
            del self._told[gateway]
        due, self._stale = sorted(self._stale & set(self._told)), set()
        for gateway in due:
            try:
                await self._tell(gateway, self._told[gateway], self._known[gateway])
            except SendError as error:
                log.warning("gateway %s: valid sources: %s", gateway, error)
                self._told[gateway].sources = None
                self._stale.add(gateway)

    async def _read_links(self) -> None:
        if self._seconds() < self._links_at + LINKS_SECONDS:
            return
        try:
            known = await self._links.read()
        except LinksUnavailableError as error:
            log.warning("valid sources: %s", error)
            return
        finally:
            self._links_at = self._seconds()
        self._stale |= {name for name, links in known.items() if self._known.get(name) != links}
        self._known = known

    async def _tell(self, gateway: str, told: Told, links: Links) -> None:
        delivery, now = told.delivery, self._seconds()
        if not delivery.started:
            return  # nothing was heard of it yet
        held = self._held.by_gateway.get(gateway) if self._held is not None else None
        found = await asyncio.to_thread(genuine, list(held or ()), links)
        self._meter.counted(gateway, len(found.sources), found.unlinked, found.over)
        if told.numbered is None:
            told.numbered = await self._numbers.read(gateway)
        generation = told.numbered.generation
        if delivery.reported == generation:
            if generation and told.sources is None and told.numbered.digest == digest_of(found.sources):
                told.sources = found.sources  # a new run of this centre: the gateway has just these
        elif (
            delivery.reported > generation or delivery.sent != generation or delivery.is_due(generation, now)
        ):
            told.sources = None
        elif told.sources is None:
            return  # it refused those: again, but ever more rarely
        await self._send(gateway, told, found)

    async def _send(self, gateway: str, told: Told, found: Genuine) -> None:
        assert told.numbered is not None
        generation = max(told.numbered.generation, told.delivery.reported)
        whole = told.sources is None
        tries = told.delivery.tries
        for step in steps(found.sources, told.sources, generation, at_once=AT_ONCE):
            # The number first: one that was sent is never given again.
            told.numbered = Numbered(step.generation, "")
            await self._numbers.write(gateway, told.numbered)
            try:
                await self._commands.send(gateway, step)
            except SendError:
                self._meter.commanded("whole" if whole else "difference", "failed")
                raise
            self._meter.commanded("whole" if whole else "difference", "sent")
            told.delivery.was_sent(step.generation, self._seconds())
            if whole:
                told.delivery.tries = tries + 1
        told.sources = found.sources
        if told.numbered.generation > generation:
            told.numbered = Numbered(told.numbered.generation, digest_of(found.sources))
            await self._numbers.write(gateway, told.numbered)


def digest_of(sources: frozenset[Source]) -> str:
    whole = hashlib.sha256()
    for prefix, interface in sorted(sources):
        whole.update(f"{prefix} {interface}\n".encode())
    return whole.hexdigest()
