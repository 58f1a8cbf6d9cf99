"""What a subscriber's edge is told of shared IPv4 (RFC 7598): the container of the rule that its prefix lies in."""

from collections.abc import Container

from sixfold.address.domain.prefix import Prefix
from sixfold.address.domain.translation.book import Rule, TranslationBook
from sixfold.address.domain.translation.events import MapSpec
from sixfold.address.domain.translation.timelines import during
from sixfold.api.addressing.lw4o6 import Binding
from sixfold.api.addressing.map_rule import MapRule, Mode
from sixfold.api.addressing.provisioning import (
    LIGHTWEIGHT,
    MAP_E,
    MAP_T,
    lightweight_container,
    map_container,
)

CODES = frozenset((MAP_E, MAP_T, LIGHTWEIGHT))


class Softwires:
    """Containers are made once for each rule."""

    def __init__(self) -> None:
        self._made: dict[int, bytes] = {}

    def of(self, book: TranslationBook, prefix: Prefix, wanted: Container[int], now: int) -> bytes:
        """Empty where no rule in force is for that prefix, or the edge does not ask for its kind."""
        realm = book.inside.get("")
        if realm is None or prefix.is_ipv4:
            return b""
        for _, place in realm.around(prefix):
            for span in during(place.whole, now, now + 1):
                rule = book.rules[span.rule_id]
                if _code(rule) in wanted and _is_for(rule, prefix):
                    return self._container(rule)
        return b""

    def _container(self, rule: Rule) -> bytes:
        made = self._made.get(rule.number)
        if made is None:
            made = self._made[rule.number] = _container(rule)
        return made


def _code(rule: Rule) -> int:
    match rule.engine:
        case MapRule() as engine:
            return MAP_E if engine.mode is Mode.ENCAPSULATION else MAP_T
        case Binding():
            return LIGHTWEIGHT
        case _:
            return -1


def _is_for(rule: Rule, prefix: Prefix) -> bool:
    """A rule is of end-user prefixes of one length; an edge with another cannot use it."""
    match rule.engine:
        case MapRule() as engine:
            return engine.border is not None and engine.subscriber_length == prefix.length
        case Binding() as engine:
            return prefix.holds(Prefix(int(engine.ipv6_prefix.network_address), engine.ipv6_prefix.prefixlen))
        case _:
            return False


def _container(rule: Rule) -> bytes:
    match rule.engine:
        case MapRule() as engine:
            spec = rule.put.spec
            return map_container(engine, forwarding=isinstance(spec, MapSpec) and spec.forwarding)
        case Binding() as engine:
            return lightweight_container(engine)
        case _:
            return b""
