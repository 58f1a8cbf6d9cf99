"""All translation rules that were, are and will be, until they are forgotten. `evolve` changes the book in place; only
the ledger calls it."""

from dataclasses import dataclass, field, replace

from sixfold.address.domain.prefix import Prefix
from sixfold.address.domain.translation.engine import Engine, claims_of, engine_of, inside_of, prefix_of
from sixfold.address.domain.translation.events import (
    TranslationEvent,
    TranslationRulePut,
    TranslationRulesForgotten,
)
from sixfold.address.domain.translation.timelines import FOR_EVER, Index, Span


@dataclass(frozen=True, slots=True)
class Rule:
    """`put.valid_until` is as it is now. `number` counts rules from 1, in the order in which they came."""

    put: TranslationRulePut
    engine: Engine
    number: int

    @property
    def span(self) -> Span:
        return Span(self.put.valid_from, self.put.valid_until or FOR_EVER, self.put.rule_id)

    def in_force(self, time: int) -> bool:
        return self.span.start <= time < self.span.end


@dataclass(slots=True)
class TranslationBook:
    """`clock` is the time of the last event: this centre's time never goes back."""

    rules: dict[str, Rule] = field(default_factory=dict[str, Rule])
    public: Index = field(default_factory=Index)
    inside: dict[str, Index] = field(default_factory=dict[str, Index])
    """Of subscribers, by realm: see `realm_of`."""
    clock: int = 0
    last_number: int = 0


def realm_of(gateway: str, prefix: Prefix) -> str:
    """IPv6 is one realm; IPv4 behind a gateway is its own, so that 100.64.0.0/10 may be used behind each."""
    return gateway if prefix.is_ipv4 else ""


def evolve_translation(book: TranslationBook, event: TranslationEvent) -> TranslationBook:
    book.clock = max(book.clock, event.time)
    if isinstance(event, TranslationRulePut):
        book.last_number += 1
        rule = Rule(event, engine_of(event.spec), book.last_number)
        book.rules[event.rule_id] = rule
        if not event.valid_until or event.valid_from < event.valid_until:
            _enter(book, rule)
    elif isinstance(event, TranslationRulesForgotten):
        for rule_id in event.rule_ids:
            rule = book.rules.pop(rule_id)
            if rule.span.start < rule.span.end:
                _leave(book, rule)
    else:
        rule = book.rules[event.rule_id]
        _leave(book, rule)
        rule = replace(rule, put=replace(rule.put, valid_until=max(event.valid_until, 1)))
        book.rules[event.rule_id] = rule
        if rule.span.start < rule.span.end:
            _enter(book, rule)
    return book


def _enter(book: TranslationBook, rule: Rule) -> None:
    for claim in claims_of(rule.engine):
        book.public.add(claim.prefix, claim.ports, rule.span)
    inside = inside_of(rule.engine)
    if inside is not None:
        prefix = prefix_of(inside)
        book.inside.setdefault(realm_of(rule.put.gateway, prefix), Index()).add(prefix, None, rule.span)


def _leave(book: TranslationBook, rule: Rule) -> None:
    for claim in claims_of(rule.engine):
        book.public.remove(claim.prefix, claim.ports, rule.span)
    inside = inside_of(rule.engine)
    if inside is not None:
        prefix = prefix_of(inside)
        book.inside[realm_of(rule.put.gateway, prefix)].remove(prefix, None, rule.span)
