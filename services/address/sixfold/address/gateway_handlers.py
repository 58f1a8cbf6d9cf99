"""Translating gateways: their profiles, and each gateway's configuration composed, numbered and sent until it is there.

A configuration is composed anew when a rule or a profile has changed, and when a rule begins or ends by its time. It
is sent when it is new, and again while the agent's heartbeats say that it has an older one.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from sixfold.address.domain.centre import Centre
from sixfold.address.domain.gateway_register import (
    GatewayPut,
    GatewayRecord,
    GatewayRemoved,
    number_configuration,
    put_gateway,
    remove_gateway,
    require_gateway,
)
from sixfold.address.domain.translation.book import TranslationBook
from sixfold.address.domain.translation.events import TranslationRuleEnded, TranslationRulePut
from sixfold.address.domain.translation.gateways import translation_of
from sixfold.address.domain.translation.timelines import FOR_EVER
from sixfold.address.gateway_messages import Composed, checked_profile, compose, read_profile
from sixfold.address.gateway_ports import ConfigurationCommands, GatewayMeter, SendError
from sixfold.address.ports import Clock
from sixfold.address.translation_handlers import CentreLedger
from sixfold.api.address.v1 import gateways_pb2 as pb
from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.chassis.deliveries import Delivery
from sixfold.chassis.ledger import LedgerError

log = logging.getLogger(__name__)
LINGER: Final = 0.2
"""Seconds that changes are gathered for: many rules at once make one configuration."""
LONGEST_SLEEP: Final = 5.0
SENT_AT_ONCE: Final = 32
COMMAND: Final = "configuration"


class Gateways:
    def __init__(
        self,
        *,
        ledger: CentreLedger,
        commands: ConfigurationCommands,
        meter: GatewayMeter,
        clock: Clock,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._commands = commands
        self._meter = meter
        self._clock = clock
        self._seconds = seconds
        self._wake = asyncio.Event()
        self._deliveries: dict[str, Delivery] = {}
        self._heard: dict[str, int] = {}
        self._stale: set[str] = set()
        """Gateways whose configuration is to be composed anew."""
        self._all_stale = True
        self._next_change = 0

    # -- asked ------------------------------------------------------------------------------------------------------

    @property
    def records(self) -> dict[str, GatewayRecord]:
        return self._ledger.state.gateways

    async def put(self, wished: pb.GatewayProfile) -> pb.GatewayProfile:
        now = self._clock()

        def decide(centre: Centre) -> tuple[list[Any], bytes]:
            known = centre.gateways.get(wished.gateway)
            before = read_profile(known.profile) if known is not None and known.profile else None
            data = checked_profile(wished, before).SerializeToString(deterministic=True)
            return list(put_gateway(centre.gateways, wished.gateway, data, now)), data

        return read_profile(await self._ledger.transact(decide))

    async def remove(self, gateway: str) -> None:
        now = self._clock()
        await self._ledger.transact(lambda centre: (remove_gateway(centre.gateways, gateway, now), None))

    def profile(self, gateway: str) -> pb.GatewayProfile:
        return read_profile(require_gateway(self.records, gateway).profile)

    async def composed(self, gateway: str) -> Composed:
        """As it is now. Raises RefusedError."""
        profile, now = self.profile(gateway), self._clock()
        # The ledger changes its state in place; what a thread reads has to be its own.
        rules = self._ledger.state.translations.rules
        own = TranslationBook({key: rule for key, rule in rules.items() if rule.put.gateway == gateway})
        return await asyncio.to_thread(lambda: compose(profile, translation_of(own, gateway, now)))

    def delivery(self, gateway: str) -> tuple[Delivery, int]:
        """What was sent and answered, and when the last heartbeat was heard in UTC milliseconds; 0: none."""
        return self._deliveries.get(gateway, Delivery()), self._heard.get(gateway, 0)

    # -- told -------------------------------------------------------------------------------------------------------

    def evolved(self, event: object) -> None:
        """A follower of the ledger."""
        match event:
            case GatewayPut() | GatewayRemoved() | TranslationRulePut():
                self._stale.add(event.gateway)
            case TranslationRuleEnded():
                rule = self._ledger.state.translations.rules.get(event.rule_id)
                if rule is not None:
                    self._stale.add(rule.put.gateway)
            case _:
                return
        self._wake.set()

    def heard(self, beat: agent.Heartbeat) -> None:
        record = self.records.get(beat.gateway)
        if record is None or not record.profile:
            return
        delivery = self._deliveries.setdefault(beat.gateway, Delivery())
        self._heard[beat.gateway] = self._clock()
        reported = beat.configuration_generation
        due = delivery.was_heard(reported, max(beat.started.ToMilliseconds(), 1), self._seconds())
        if reported > record.generation:
            self._stale.add(beat.gateway)
        if due or reported > record.generation:
            self._wake.set()

    def answered(self, receipt: agent.Receipt) -> None:
        delivery = self._deliveries.get(receipt.gateway)
        if delivery is None:
            return
        outcome = delivery.was_answered(receipt)
        self._meter.answered(outcome)
        if outcome in ("refused", "failed"):
            log.warning(
                "gateway %s, configuration %d: %s", receipt.gateway, receipt.generation, receipt.cause
            )

    # -- sent -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Compose, number and send what is due, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.pass_once()
            except LedgerError as error:
                self._all_stale = True
                log.warning("configurations are not numbered yet: %s", error)
            try:
                await asyncio.wait_for(self._wake.wait(), LONGEST_SLEEP)
                await asyncio.sleep(LINGER)
            except TimeoutError:
                continue

    async def pass_once(self) -> None:
        now = self._clock()
        if self._next_change and now >= self._next_change:
            self._all_stale = True
        if self._all_stale:
            self._stale |= {name for name, record in self.records.items() if record.profile}
            self._all_stale = False
        if self._stale:
            self._next_change = self._change_after(now)
        due = list(self._stale)
        self._stale.clear()
        for gateway in due:
            await self._number(gateway)
        for gateway in [name for name in self._deliveries if name not in self.records]:
            del self._deliveries[gateway]
        seconds = self._seconds()
        waiting = [
            (name, record)
            for name, record in self.records.items()
            if record.profile
            and (delivery := self._deliveries.get(name)) is not None
            and delivery.is_due(record.generation, seconds)
        ]
        for start in range(0, len(waiting), SENT_AT_ONCE):
            await asyncio.gather(*(self._send(*one) for one in waiting[start : start + SENT_AT_ONCE]))

    async def _number(self, gateway: str) -> None:
        record = self.records.get(gateway)
        if record is None or not record.profile:
            return
        composed = await self.composed(gateway)
        digest = hashlib.sha256(composed.configuration.SerializeToString(deterministic=True)).digest()
        reported = self.delivery(gateway)[0].reported
        now = self._clock()

        def decide(centre: Centre) -> tuple[list[Any], None]:
            return list(number_configuration(centre.gateways, gateway, digest, reported, now)), None

        await self._ledger.transact(decide)
        for part, why in composed.omitted:
            log.info("gateway %s: %s is left out: %s", gateway, part, why)

    async def _send(self, gateway: str, record: GatewayRecord) -> None:
        composed = await self.composed(gateway)
        data = composed.configuration.SerializeToString(deterministic=True)
        if hashlib.sha256(data).digest() != record.digest:
            # It has changed since; it is numbered first.
            self._stale.add(gateway)
            self._wake.set()
            return
        told = agent.ConfigureGateway(generation=record.generation, configuration=composed.configuration)
        try:
            await self._commands.send(gateway, told)
        except SendError as error:
            log.warning("gateway %s: configuration %d: %s", gateway, record.generation, error)
            self._meter.commanded("failed")
            return
        self._meter.commanded("sent")
        self._deliveries[gateway].was_sent(record.generation, self._seconds())

    def _change_after(self, now: int) -> int:
        """When a rule begins or ends next by its time; 0: none does."""
        moments = (
            moment
            for rule in self._ledger.state.translations.rules.values()
            for moment in (rule.span.start, rule.span.end)
            if now < moment < FOR_EVER
        )
        return min(moments, default=0)
