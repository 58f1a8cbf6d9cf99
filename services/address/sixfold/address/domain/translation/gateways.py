"""What rules say to a gateway of tayga and nftables: pools, and of each subscriber its slot and its port set.

A slot is a number of the gateway that a subscriber keeps while its rule is in force. Rules get runs of slots in the
order in which they came: the lowest run that no earlier rule has at any time that both are in force. Nothing ends in
the past, so what was given once does not change.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from sixfold.address.domain.translation.book import Rule, TranslationBook
from sixfold.address.domain.translation.engine import Nat64
from sixfold.api.addressing.deterministic_nat import Assignment, DeterministicNat, Fixed

MOST_SLOTS = 8_191


@dataclass(frozen=True, slots=True)
class Held:
    slot: int
    fixed: Fixed


@dataclass(frozen=True, slots=True)
class GatewayTranslation:
    """`omitted`: (rule, why) of those that such a gateway does not carry out. `prefix` None: no NAT64."""

    prefix: IPv6Network | None
    pools: tuple[IPv4Network, ...]
    held: tuple[Held, ...]
    omitted: tuple[tuple[str, str], ...]


def translation_of(book: TranslationBook, gateway: str, time: int) -> GatewayTranslation:
    rules = [rule for rule in book.rules.values() if rule.put.gateway == gateway]
    runs = runs_of(rules)
    prefix: IPv6Network | None = None
    pools: list[IPv4Network] = []
    held: list[Held] = []
    omitted: list[tuple[str, str]] = []
    for rule in rules:
        if not rule.in_force(time):
            continue
        why = _why_not(rule, runs, prefix)
        if why:
            omitted.append((rule.put.rule_id, why))
        elif isinstance(rule.engine, Nat64):
            prefix = rule.engine.prefix
            pools += rule.engine.ipv4_prefixes
        elif isinstance(rule.engine, DeterministicNat):
            pools.append(rule.engine.outside)
            held += _held(rule.engine, runs[rule.put.rule_id])
    return GatewayTranslation(prefix, tuple(pools), tuple(held), tuple(omitted))


def runs_of(rules: Iterable[Rule]) -> dict[str, int]:
    """First slot of each rule that has fixed port sets, where there is room; `rules` of one gateway, in order."""
    placed: list[tuple[Rule, int, int]] = []
    for rule in rules:
        if not isinstance(rule.engine, DeterministicNat) or rule.span.start >= rule.span.end:
            continue
        size = rule.engine.subscribers
        taken = sorted(
            (first, last) for other, first, last in placed if other.span.meets(rule.span.start, rule.span.end)
        )
        first = 1
        for start, last in taken:
            if first + size <= start:
                break
            first = max(first, last + 1)
        if first + size - 1 <= MOST_SLOTS:
            placed.append((rule, first, first + size - 1))
    return {rule.put.rule_id: first for rule, first, _ in placed}


def _why_not(rule: Rule, runs: dict[str, int], prefix: IPv6Network | None) -> str:
    match rule.engine:
        case Nat64() as engine if prefix is not None and engine.prefix != prefix:
            return f"another rule says {prefix}, and there is one prefix"
        case Nat64():
            return ""
        case DeterministicNat() as engine if engine.assignment is not Assignment.SEQUENTIAL:
            return "staggered ports are one range each; only blocks are carried out"
        case DeterministicNat():
            return (
                "" if rule.put.rule_id in runs else f"its subscribers and the others' are over {MOST_SLOTS}"
            )
        case _:
            return "carried out at the subscriber's edge and a border of its own"


def _held(engine: DeterministicNat, first: int) -> Iterator[Held]:
    for number in range(engine.subscribers):
        yield Held(first + number, engine.fixed_at(number))
