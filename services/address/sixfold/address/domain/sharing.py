"""Rules that stand on delegations: IPv4 is taken out of a pool and given back in the rule's own transaction."""

from dataclasses import dataclass

from sixfold.address.domain import decisions
from sixfold.address.domain.book import Book
from sixfold.address.domain.centre import Centre, CentreEvent
from sixfold.address.domain.events import Event
from sixfold.address.domain.pools import LONGEST_LEASE
from sixfold.address.domain.translation.book import Rule
from sixfold.address.domain.translation.decisions import (
    RuleWish,
    checked_engine,
    end_rule,
    put_rule,
    require_name,
    rule_of,
)
from sixfold.address.domain.translation.events import (
    DeterministicNatSpec,
    MapSpec,
    Nat64Spec,
    Spec,
    TranslationRulePut,
)
from sixfold.address.domain.translation.sizing import Ask, MapAsk, Nat64Ask, NatAsk, SharedWish, size_of
from sixfold.address.domain.values import DelegationWish, RefusedError


@dataclass(frozen=True, slots=True)
class Allocated:
    """`put` is None where the rule was there already."""

    put: TranslationRulePut | None


def allocate(centre: Centre, wish: SharedWish, now: int) -> tuple[list[CentreEvent], Allocated]:
    """Prefixes and the rule over them, all or nothing."""
    now = max(now, centre.book.clock, centre.translations.clock)
    require_name("rule_id", wish.rule_id)
    require_name("gateway", wish.gateway)
    known = centre.translations.rules.get(wish.rule_id)
    if known is not None:
        _require_same(known, wish)
        return [], Allocated(None)
    size = size_of(wish)
    holder = f"translation-rule:{wish.rule_id}"
    wishes = [DelegationWish(wish.ipv4_pool_id, size.ipv4_length, f"{holder}:ipv4", holder, LONGEST_LEASE)]
    if size.ipv6_length and isinstance(wish.ask, MapAsk):
        pool = wish.ask.ipv6_pool_id
        wishes.append(DelegationWish(pool, size.ipv6_length, f"{holder}:ipv6", holder, LONGEST_LEASE))
    granted, answers = decisions.delegate_many(centre.book, wishes, now)
    given: list[tuple[int, str]] = []
    for answer in answers:
        if isinstance(answer, RefusedError):
            raise answer
        given.append((answer.delegation.delegation_id, str(answer.delegation.prefix)))
    ipv4, ipv6 = given[0], given[1] if len(given) > 1 else (0, "")
    spec = size.spec(ipv4[1], ipv6[1])
    checked_engine(spec)
    rule = RuleWish(wish.rule_id, wish.gateway, spec, delegations=(ipv4[0], ipv6[0]))
    events, _ = put_rule(centre.translations, rule, now)
    put = next(event for event in events if isinstance(event, TranslationRulePut))
    return [*granted, *events], Allocated(put)


def end(centre: Centre, rule_id: str, until: int, now: int) -> tuple[list[CentreEvent], None]:
    """The rule ends, and then its delegations do: at once, or with a lease that lasts as long as the rule."""
    now = max(now, centre.book.clock, centre.translations.clock)
    rule = rule_of(centre.translations, rule_id)
    events: list[CentreEvent] = [*end_rule(centre.translations, rule_id, until, now)]
    if events:
        for delegation_id in (rule.put.ipv4_delegation_id, rule.put.ipv6_delegation_id):
            events += _give_back(centre.book, delegation_id, max(until, now), now)
    return events, None


def _give_back(book: Book, delegation_id: int, until: int, now: int) -> list[Event]:
    """Nothing where the delegation has ended by itself, or is another's by now."""
    delegation = book.delegation(delegation_id) if delegation_id else None
    if delegation is None or not delegation.is_active or delegation_id in book.successors:
        return []
    if until <= now:
        return decisions.release(book, delegation_id, 0, now)[0]
    seconds = -(-(until - now) // 1000)
    return decisions.renew(book, delegation_id, seconds, 0, now)[0]


def _require_same(known: Rule, wish: SharedWish) -> None:
    """The same wish again is one of the same kind behind the same gateway; sizes are not compared."""
    if known.put.gateway != wish.gateway or not _is_of(wish.ask, known.put.spec):
        detail = f"rule {wish.rule_id!r} is there and other than wished"
        raise RefusedError("exists", "RULE_EXISTS", detail, "rule_id")


def _is_of(ask: Ask, spec: Spec) -> bool:
    match ask:
        case MapAsk():
            return isinstance(spec, MapSpec)
        case NatAsk():
            return isinstance(spec, DeterministicNatSpec)
        case Nat64Ask():
            return isinstance(spec, Nat64Spec)
