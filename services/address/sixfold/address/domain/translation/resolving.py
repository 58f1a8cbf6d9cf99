"""Both directions at any time that was: exactly one subscriber, or an honest word why not."""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from sixfold.address.domain.prefix import PrefixError, parse_address
from sixfold.address.domain.translation.book import Rule, TranslationBook
from sixfold.address.domain.translation.engine import (
    Address,
    Network,
    PublicSide,
    as_address,
    is_shared,
    public_of,
    subscriber_of,
)
from sixfold.address.domain.translation.timelines import during, of_port
from sixfold.address.domain.values import RefusedError
from sixfold.api.addressing.deterministic_nat import OnDemand

LONGEST_TOLERANCE = 3_600_000


class Resolution(Enum):
    SUBSCRIBER = "subscriber"
    NEEDS_SESSIONS = "needs sessions"
    PORT_UNASSIGNED = "port unassigned"
    NO_RULE = "no rule"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class SubscriberSide:
    """`rule` is None where none was in force, or more than one says something; `subscriber` is there exactly with
    SUBSCRIBER."""

    resolution: Resolution
    rule: Rule | None = None
    subscriber: Network | None = None


@dataclass(frozen=True, slots=True)
class PublicAnswer:
    """`side` is there exactly with SUBSCRIBER."""

    resolution: Resolution
    rule: Rule | None = None
    side: PublicSide | None = None


def resolve_subscriber(
    book: TranslationBook, address: str, port: int | None, time: int | None, tolerance: int = 0
) -> SubscriberSide:
    """Who was behind a public address and port at a time, give or take `tolerance` milliseconds. Refuses a question
    that RFC 6302 calls incomplete."""
    public = ipv4(address)
    if time is None:
        raise RefusedError(
            "invalid", "TIME_MISSING", "an address without a time is nobody's (RFC 6302)", "time"
        )
    if port is not None and not 0 <= port <= 65_535:
        raise RefusedError("invalid", "PORT_MALFORMED", f"{port} is not in 0 to 65535", "port")
    if tolerance > LONGEST_TOLERANCE:
        detail = f"{tolerance} ms is over an hour"
        raise RefusedError("invalid", "TOLERANCE_OUT_OF_RANGE", detail, "tolerance_milliseconds")
    start, end = time - tolerance, time + tolerance + 1
    number = parse_address(address)
    places = list(book.public.at(number))
    rules = [book.rules[span.rule_id] for place in places for span in of_port(place, port, start, end)]
    if port is None:
        if any(is_shared(rule.engine) for rule in rules):
            detail = f"{address} is shared: without the port it is nobody's (RFC 6302)"
            raise RefusedError("invalid", "PORT_MISSING", detail, "port")
        port = 0
    if not rules:
        sets = (span for place in places for each in place.of_sets() for span in during(each, start, end))
        unassigned = next(sets, None) is not None
        return SubscriberSide(Resolution.PORT_UNASSIGNED if unassigned else Resolution.NO_RULE)
    return _one_of(rules, public, port)


def _one_of(rules: list[Rule], address: IPv4Address, port: int) -> SubscriberSide:
    """What rules say that were in force within the tolerance, one after the other: the last one, where they agree."""
    answers: dict[tuple[str, Network | OnDemand], Rule] = {}
    for rule in rules:
        said = subscriber_of(rule.engine, address, port)
        if said is not None:
            realm = "" if not isinstance(said, OnDemand) and said.version == 6 else rule.put.gateway
            answers[realm, said] = rule
    if not answers:
        return SubscriberSide(Resolution.PORT_UNASSIGNED, rules[-1])
    if len(answers) > 1:
        return SubscriberSide(Resolution.AMBIGUOUS)
    ((_, said), rule) = next(iter(answers.items()))
    if isinstance(said, OnDemand):
        return SubscriberSide(Resolution.NEEDS_SESSIONS, rule)
    return SubscriberSide(Resolution.SUBSCRIBER, rule, said)


def resolve_public(book: TranslationBook, address: str, gateway: str, time: int | None) -> PublicAnswer:
    """What a subscriber had at a time. An IPv4 address is looked for behind `gateway`."""
    inside = _address("subscriber_address", address)
    if time is None:
        raise RefusedError("invalid", "TIME_MISSING", "what one has changes with time", "time")
    if isinstance(inside, IPv4Address) and not gateway:
        detail = f"{address} may be behind any gateway"
        raise RefusedError("invalid", "GATEWAY_MISSING", detail, "gateway")
    index = book.inside.get(gateway if isinstance(inside, IPv4Address) else "")
    for place in index.at(parse_address(address)) if index is not None else ():
        for span in during(place.whole, time, time + 1):
            rule = book.rules[span.rule_id]
            side = public_of(rule.engine, inside)
            if side is not None and (not gateway or gateway == rule.put.gateway):
                return PublicAnswer(Resolution.SUBSCRIBER, rule, side)
    return PublicAnswer(Resolution.NO_RULE)


def ipv4(text: str, field: str = "public_address") -> IPv4Address:
    address = _address(field, text)
    if not isinstance(address, IPv4Address):
        raise RefusedError("invalid", "ADDRESS_MALFORMED", f"{text[:60]} is not IPv4", field)
    return address


def _address(field: str, text: str) -> Address:
    try:
        return as_address(text)
    except PrefixError as error:
        raise RefusedError("invalid", "ADDRESS_MALFORMED", str(error), field) from error
