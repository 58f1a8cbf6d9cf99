"""Enrolment, life cycle and bindings, each one decided on the ledger."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from sixfold.identity.domain import decisions
from sixfold.identity.domain.decisions import Known
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import Binding, BindingWish, Lifecycle, RefusedError, Subscriber, Terminal
from sixfold.identity.ports import Clock, Meter, Pseudonyms, RegistryLedger, Vault

Answer = TypeVar("Answer")
LONGEST_REFERENCE = 256
VAULT_AT_ONCE = 64


def utc_milliseconds() -> int:
    return time.time_ns() // 1_000_000


class Identities:
    """What the centre does. References of persons and hardware go no further than this: pseudonyms come out."""

    def __init__(
        self,
        *,
        ledger: RegistryLedger,
        vault: Vault,
        pseudonyms: Pseudonyms,
        meter: Meter,
        clock: Clock = utc_milliseconds,
    ) -> None:
        self._ledger = ledger
        self._vault = vault
        self._pseudonyms = pseudonyms
        self._meter = meter
        self._clock = clock

    @property
    def registry(self) -> Registry:
        return self._ledger.state

    async def enrol_subscribers(
        self, wishes: Sequence[tuple[str, str]]
    ) -> list[Known[Subscriber] | RefusedError]:
        """Each wish is (person reference, kind), answered by itself."""
        now = self._clock()
        refusals = {at: _bad_reference("person_reference", text) for at, (text, _) in enumerate(wishes)}
        good = [at for at in range(len(wishes)) if refusals[at] is None]
        named = [(self._pseudonyms.subscriber(wishes[at][0]), wishes[at][1]) for at in good]
        # The vault first: an entry without an enrolment leads nowhere, an enrolment without an entry to nobody.
        fresh = {
            pseudonym: wishes[at][0]
            for at, (pseudonym, _) in zip(good, named, strict=True)
            if pseudonym not in self.registry.subscribers
        }
        rest = list(fresh.items())
        for start in range(0, len(rest), VAULT_AT_ONCE):
            await asyncio.gather(*(self._vault.put(*one) for one in rest[start : start + VAULT_AT_ONCE]))
        answers: list[Known[Subscriber]] = []
        if named:
            answers = await self._ledger.transact(
                lambda registry: decisions.enrol_subscribers(registry, named, now)
            )
        return self._counted("enrol-subscriber", _merged(refusals, answers))

    async def enrol_terminals(
        self, wishes: Sequence[tuple[str, str, str]]
    ) -> list[Known[Terminal] | RefusedError]:
        """Each wish is (subscriber, class, hardware reference), answered by itself."""
        now = self._clock()
        refusals = {
            at: _bad_reference("hardware_reference", text) if text else None
            for at, (_, _, text) in enumerate(wishes)
        }
        named = [
            (self._pseudonyms.terminal(subscriber, text), subscriber, terminal_class)
            for at, (subscriber, terminal_class, text) in enumerate(wishes)
            if refusals[at] is None
        ]
        answers: list[Known[Terminal] | RefusedError] = []
        if named:
            answers = await self._ledger.transact(
                lambda registry: decisions.enrol_terminals(registry, named, now)
            )
        return self._counted("enrol-terminal", _merged(refusals, answers))

    async def change(self, pseudonym: str, to: Lifecycle, reason: str) -> int:
        """How many bindings the change released. Raises RefusedError."""
        now = self._clock()
        return await self._ledger.transact(
            lambda registry: decisions.change_lifecycle(registry, pseudonym, to, reason, now)
        )

    async def bind(self, wishes: Sequence[BindingWish]) -> list[Known[Binding] | RefusedError]:
        now = self._clock()
        answers = await self._ledger.transact(lambda registry: decisions.bind(registry, wishes, now))
        return self._counted("bind", answers)

    async def release(self, binding_id: int) -> int:
        """When the binding ended, in UTC milliseconds. Raises RefusedError."""
        now = self._clock()
        return await self._ledger.transact(lambda registry: decisions.release(registry, binding_id, now))

    def _counted(
        self, wish: str, answers: list[Known[Answer] | RefusedError]
    ) -> list[Known[Answer] | RefusedError]:
        outcomes = Counter(
            answer.reason if isinstance(answer, RefusedError) else "repeated" if answer.known else "done"
            for answer in answers
        )
        for outcome, number in outcomes.items():
            self._meter.answered(wish, outcome, number)
        return answers


def _bad_reference(field: str, text: str) -> RefusedError | None:
    """The reference itself stands in no error and no log."""
    if 1 <= len(text.encode()) <= LONGEST_REFERENCE:
        return None
    return RefusedError("invalid", "REFERENCE_MALFORMED", f"1 to {LONGEST_REFERENCE} bytes", field)


def _merged(
    refusals: dict[int, RefusedError | None], answers: Sequence[Known[Answer] | RefusedError]
) -> list[Known[Answer] | RefusedError]:
    rest = iter(answers)
    return [refusal if refusal is not None else next(rest) for refusal in refusals.values()]
