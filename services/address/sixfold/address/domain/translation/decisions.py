"""From a wish about translation rules to the events that it takes, or a refusal. The book is left as it was."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sixfold.address.domain.prefix import Prefix
from sixfold.address.domain.translation.book import Rule, TranslationBook, realm_of
from sixfold.address.domain.translation.engine import (
    Claim,
    Engine,
    claims_of,
    engine_of,
    inside_of,
    prefix_of,
)
from sixfold.address.domain.translation.events import (
    Spec,
    TranslationEvent,
    TranslationRuleEnded,
    TranslationRulesForgotten,
    rule_put,
)
from sixfold.address.domain.translation.timelines import FOR_EVER, Place, Span, during
from sixfold.address.domain.values import RefusedError
from sixfold.api.addressing.deterministic_nat import DeterministicNat
from sixfold.api.addressing.errors import AddressingError

MOST_REPLACED = 256
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class RuleWish:
    """`valid_from` 0: from now on. `replaces` end when this begins. `take_over`: it may have begun in the past."""

    rule_id: str
    gateway: str
    spec: Spec
    valid_from: int = 0
    valid_until: int = 0
    replaces: tuple[str, ...] = ()
    take_over: bool = False
    delegations: tuple[int, int] = (0, 0)


def put_rule(book: TranslationBook, wish: RuleWish, now: int) -> tuple[list[TranslationEvent], bool]:
    """The events, and whether the rule was there already, just so."""
    now = max(now, book.clock)
    require_name("rule_id", wish.rule_id)
    require_name("gateway", wish.gateway)
    known = book.rules.get(wish.rule_id)
    if known is not None:
        _require_same(known, wish)
        return [], True
    engine = checked_engine(wish.spec)
    start = wish.valid_from or now
    _require_validity(wish, start, now)
    span = Span(start, wish.valid_until or FOR_EVER, wish.rule_id)
    ended = [_replaced(book, rule_id, start) for rule_id in dict.fromkeys(wish.replaces)]
    replaced = {event.rule_id for event in ended}
    require_public_free(book, engine, span, replaced)
    _require_subscribers_free(book, wish.gateway, engine, span, replaced)
    put = rule_put(
        wish.rule_id,
        wish.gateway,
        wish.spec,
        valid_from=start,
        valid_until=wish.valid_until,
        time=now,
        delegations=wish.delegations,
    )
    return [*(TranslationRuleEnded(event.rule_id, event.valid_until, now) for event in ended), put], False


def end_rule(book: TranslationBook, rule_id: str, until: int, now: int) -> list[TranslationEvent]:
    """`until` 0: now. Nothing where the rule ends just then already. A rule that has not begun never will."""
    now = max(now, book.clock)
    rule = rule_of(book, rule_id)
    if until and until == rule.put.valid_until:
        return []
    if until and until < now:
        detail = f"{until} is past: what was in force then stays so"
        raise RefusedError("invalid", "VALID_UNTIL_PAST", detail, "valid_until")
    if rule.span.end <= now:
        raise RefusedError("precondition", "RULE_ENDED", f"rule {rule_id!r} has ended already")
    until = until or now
    if until > rule.span.end:
        detail = f"rule {rule_id!r} ends before that; put another one for the time after"
        raise RefusedError("precondition", "RULE_ENDED", detail)
    return [TranslationRuleEnded(rule_id, until, now)]


def forget_rules(book: TranslationBook, before: int, now: int, *, most: int) -> list[TranslationEvent]:
    """Of the rules that ended before that time, at most so many.

    A deterministic NAT's stays while another one of its gateway was in force beside it and is kept: that one's slots
    were chosen around it, and would be others without it.
    """
    kept: dict[str, list[Rule]] = {}
    over: list[Rule] = []
    for rule in book.rules.values():
        if rule.span.end <= before:
            over.append(rule)
        elif isinstance(rule.engine, DeterministicNat):
            kept.setdefault(rule.put.gateway, []).append(rule)
    while held := [rule for rule in over if _is_beside(rule, kept.get(rule.put.gateway, ()))]:
        for rule in held:
            over.remove(rule)
            kept[rule.put.gateway].append(rule)
    names = tuple(rule.put.rule_id for rule in over[:most])
    return [TranslationRulesForgotten(names, max(now, book.clock))] if names else []


def _is_beside(rule: Rule, others: Sequence[Rule]) -> bool:
    return isinstance(rule.engine, DeterministicNat) and any(
        rule.span.meets(other.span.start, other.span.end) for other in others
    )


def rule_of(book: TranslationBook, rule_id: str) -> Rule:
    rule = book.rules.get(rule_id)
    if rule is None:
        raise RefusedError("unknown", "RULE_UNKNOWN", f"there is no rule {rule_id!r}", "rule_id")
    return rule


def require_name(field: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        detail = "1 to 64 of letters, digits, '-', '_' and '.'"
        raise RefusedError("invalid", "RULE_ID_MALFORMED", detail, field)


def checked_engine(spec: Spec) -> Engine:
    try:
        return engine_of(spec)
    except AddressingError as error:
        raise RefusedError("invalid", "RULE_MALFORMED", error.detail[:300], error.field) from error


def _require_same(known: Rule, wish: RuleWish) -> None:
    put = known.put
    same = (put.gateway, put.spec, put.valid_until) == (wish.gateway, wish.spec, wish.valid_until)
    if not same or (wish.valid_from and wish.valid_from != put.valid_from):
        detail = f"rule {wish.rule_id!r} is there and other than wished: end it and put one of another name"
        raise RefusedError("exists", "RULE_EXISTS", detail, "rule_id")


def _require_validity(wish: RuleWish, start: int, now: int) -> None:
    if start < now and not wish.take_over:
        detail = f"{start} is past; only a rule that is taken over may have begun before"
        raise RefusedError("invalid", "VALID_FROM_PAST", detail, "valid_from")
    if wish.valid_until and wish.valid_until <= start:
        raise RefusedError("invalid", "VALIDITY_EMPTY", "it ends before it begins", "valid_until")
    if len(wish.replaces) > MOST_REPLACED:
        raise RefusedError("invalid", "RULE_MALFORMED", f"replaces over {MOST_REPLACED} rules", "replaces")
    if wish.replaces and start < now:
        raise RefusedError("invalid", "VALID_FROM_PAST", "nothing is replaced in the past", "valid_from")


def _replaced(book: TranslationBook, rule_id: str, time: int) -> TranslationRuleEnded:
    rule = rule_of(book, rule_id)
    if rule.span.end <= time:
        raise RefusedError("precondition", "RULE_ENDED", f"rule {rule_id!r} has ended by then", "replaces")
    return TranslationRuleEnded(rule_id, time, time)


def require_public_free(
    book: TranslationBook, engine: Engine, span: Span, replaced: set[str] | frozenset[str] = frozenset()
) -> None:
    for claim in claims_of(engine):
        for prefix, place in book.public.around(claim.prefix):
            for other, mixed in _conflicts(place, claim, span):
                # One that is replaced ends when this begins, so they meet no longer.
                if other.rule_id not in replaced:
                    raise _overlap(book, prefix, claim.prefix, other, mixed=mixed)


def _conflicts(place: Place, claim: Claim, span: Span) -> Iterator[tuple[Span, bool]]:
    """Spans that hold what is claimed while it is, each with whether its port sets are of other parameters."""
    for other in during(place.whole, span.start, span.end):
        yield other, False
    if claim.ports is None:
        for timeline in place.of_sets():
            for other in during(timeline, span.start, span.end):
                yield other, False
        return
    mine = (claim.ports.offset, claim.ports.length)
    for parameters, timelines in place.sets.items():
        chosen: Sequence[int] = [claim.ports.psid] if parameters == mine else list(timelines)
        for psid in chosen:
            for other in during(timelines.get(psid, []), span.start, span.end):
                yield other, parameters != mine


def _overlap(
    book: TranslationBook, theirs: Prefix, mine: Prefix, other: Span, *, mixed: bool
) -> RefusedError:
    gateway = book.rules[other.rule_id].put.gateway
    if mixed:
        detail = (
            f"rule {other.rule_id!r} cuts {theirs} into other port sets (RFC 7597, 5.1: equal on one address)"
        )
        return RefusedError("precondition", "PORT_SETS_MIXED", detail)
    detail = f"{mine} is held by rule {other.rule_id!r} ({theirs}, gateway {gateway}) at that time"
    return RefusedError("precondition", "PUBLIC_OVERLAPS", detail)


def _require_subscribers_free(
    book: TranslationBook, gateway: str, engine: Engine, span: Span, replaced: set[str]
) -> None:
    inside = inside_of(engine)
    if inside is None:
        return
    prefix = prefix_of(inside)
    index = book.inside.get(realm_of(gateway, prefix))
    for theirs, place in index.around(prefix) if index is not None else ():
        for other in during(place.whole, span.start, span.end):
            if other.rule_id not in replaced:
                detail = (
                    f"subscribers of {prefix} are those of rule {other.rule_id!r} ({theirs}) at that time"
                )
                raise RefusedError("precondition", "SUBSCRIBERS_OVERLAP", detail)
