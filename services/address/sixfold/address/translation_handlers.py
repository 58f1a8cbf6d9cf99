"""Wishes about translation rules, decided on the ledger; questions, answered from what it adds up to."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from sixfold.address.domain import sharing
from sixfold.address.domain.centre import Centre, CentreEvent
from sixfold.address.domain.translation.book import Rule, TranslationBook
from sixfold.address.domain.translation.decisions import (
    RuleWish,
    forget_rules,
    put_rule,
    require_name,
    rule_of,
)
from sixfold.address.domain.translation.describing import Step, describe
from sixfold.address.domain.translation.events import TranslationRulesForgotten
from sixfold.address.domain.translation.gateways import GatewayTranslation, translation_of
from sixfold.address.domain.translation.resolving import (
    PublicAnswer,
    SubscriberSide,
    resolve_public,
    resolve_subscriber,
)
from sixfold.address.domain.translation.sizing import SharedWish
from sixfold.address.domain.translation.timelines import FOR_EVER
from sixfold.address.ports import Clock

Result = TypeVar("Result")
FORGOTTEN_AT_ONCE: Final = 1_000


class CentreLedger(Protocol):
    """The system of record of the whole centre."""

    @property
    def state(self) -> Centre: ...

    async def transact(
        self, decide: Callable[[Centre], tuple[Sequence[CentreEvent], Result]], *, key: str | None = None
    ) -> Result: ...


class TranslationMeter(Protocol):
    def asked(self, question: str, outcome: str) -> None: ...

    def changed(self, what: str) -> None: ...


class Translations:
    def __init__(
        self, *, ledger: CentreLedger, meter: TranslationMeter, clock: Clock, keep_ms: int = FOR_EVER
    ) -> None:
        self._ledger = ledger
        self._meter = meter
        self._clock = clock
        self._keep_ms = keep_ms

    @property
    def book(self) -> TranslationBook:
        return self._ledger.state.translations

    async def put(self, wish: RuleWish) -> tuple[Rule, bool]:
        """The rule, and whether it was there already."""
        now = self._clock()
        repeated = await self._ledger.transact(lambda centre: put_rule(centre.translations, wish, now))
        self._meter.changed("repeated" if repeated else "put")
        return rule_of(self.book, wish.rule_id), repeated

    async def end(self, rule_id: str, until: int) -> Rule:
        now = self._clock()
        await self._ledger.transact(lambda centre: sharing.end(centre, rule_id, until, now))
        self._meter.changed("ended")
        return rule_of(self.book, rule_id)

    async def allocate(self, wish: SharedWish) -> tuple[Rule, bool]:
        """The rule, and whether it was there already."""
        now = self._clock()
        allocated = await self._ledger.transact(lambda centre: sharing.allocate(centre, wish, now))
        self._meter.changed("repeated" if allocated.put is None else "allocated")
        return rule_of(self.book, wish.rule_id), allocated.put is None

    async def forget(self) -> int:
        """One step of forgetting the rules that ended too long ago; how many."""
        now = self._clock()
        before = now - self._keep_ms

        def decide(centre: Centre) -> tuple[Sequence[CentreEvent], Sequence[CentreEvent]]:
            events = forget_rules(centre.translations, before, now, most=FORGOTTEN_AT_ONCE)
            return events, events

        if not forget_rules(self.book, before, now, most=1):
            return 0
        forgotten = sum(
            len(event.rule_ids)
            for event in await self._ledger.transact(decide)
            if isinstance(event, TranslationRulesForgotten)
        )
        self._meter.changed("forgotten")
        return forgotten

    def subscriber_side(
        self, address: str, port: int | None, time: int | None, tolerance: int
    ) -> SubscriberSide:
        answer = resolve_subscriber(self.book, address, port, time, tolerance)
        self._meter.asked("subscriber", answer.resolution.value)
        return answer

    def public_side(self, address: str, gateway: str, time: int | None) -> PublicAnswer:
        answer = resolve_public(self.book, address, gateway, time)
        self._meter.asked("public", answer.resolution.value)
        return answer

    def describe(self, address: str, port: int | None, time: int | None) -> tuple[SubscriberSide, list[Step]]:
        answer, steps = describe(self.book, address, port, time)
        self._meter.asked("description", answer.resolution.value)
        return answer, steps

    def gateway(self, gateway: str, at: int | None) -> GatewayTranslation:
        """At a time, or now."""
        require_name("gateway", gateway)
        return translation_of(self.book, gateway, self._clock() if at is None else at)
