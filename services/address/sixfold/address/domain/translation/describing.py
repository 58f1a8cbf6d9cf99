"""How an answer comes about, step by step, for an operator."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address

from sixfold.address.domain.translation.book import Rule, TranslationBook
from sixfold.address.domain.translation.engine import Nat64, mode_of
from sixfold.address.domain.translation.resolving import Resolution, SubscriberSide, ipv4, resolve_subscriber
from sixfold.api.addressing.deterministic_nat import Assignment, DeterministicNat
from sixfold.api.addressing.lw4o6 import Binding
from sixfold.api.addressing.map_rule import MapRule
from sixfold.api.addressing.port_set import psid_of

_ENDS = {
    Resolution.SUBSCRIBER: "exactly one has this address and port",
    Resolution.NEEDS_SESSIONS: "ports of this part are given on demand: ask the gateway's session records",
    Resolution.PORT_UNASSIGNED: "a rule was in force, and gives this port to nobody",
    Resolution.NO_RULE: "no rule was in force for this address",
    Resolution.AMBIGUOUS: "more than one fits: the time is not exact enough",
}


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    value: str
    how: str


def describe(
    book: TranslationBook, address: str, port: int | None, time: int | None
) -> tuple[SubscriberSide, list[Step]]:
    answer = resolve_subscriber(book, address, port, time)
    steps: list[Step] = []
    if answer.rule is not None:
        steps += _of_rule(answer.rule)
        steps += _of_engine(answer.rule, ipv4(address), port)
    value = str(answer.subscriber) if answer.subscriber is not None else answer.resolution.value
    return answer, [*steps, Step("subscriber side", value, _ENDS[answer.resolution])]


def _of_rule(rule: Rule) -> Iterator[Step]:
    put = rule.put
    until = f"until {_moment(put.valid_until)}" if put.valid_until else "without end"
    yield Step("rule", put.rule_id, f"{mode_of(put.spec)}, in force from {_moment(put.valid_from)} {until}")
    yield Step("gateway", put.gateway, f"written down {_moment(put.time)}")


def _of_engine(rule: Rule, address: IPv4Address, port: int | None) -> Iterator[Step]:
    match rule.engine:
        case MapRule() as engine:
            yield from _of_map(engine, address, port)
        case DeterministicNat() as engine:
            yield from _of_deterministic(engine, address, port)
        case Binding() as engine:
            if engine.ports is not None:
                yield from _psid(port, engine.ports.offset, engine.ports.length)
            yield Step("edge address", str(engine.edge_address), "source of the softwire (RFC 7596, 5.1)")
        case Nat64() as engine:
            yield Step("translation prefix", str(engine.prefix), "stateful NAT64 (RFC 6146)")


def _of_map(engine: MapRule, address: IPv4Address, port: int | None) -> Iterator[Step]:
    if engine.ea_length:
        bits = min(32 - engine.ipv4_prefix.prefixlen, engine.ea_length)
        host = int(address) - int(engine.ipv4_prefix.network_address)
        yield Step("IPv4 suffix", f"{host:#x}", f"{bits} bits after {engine.ipv4_prefix} (RFC 7597, 5.2)")
    if engine.is_shared:
        yield from _psid(port, engine.psid_offset, engine.sharing_bits)
    home = engine.subscriber_of(address, port or 0)
    if home is not None:
        how = f"{engine.ea_length} EA bits after {engine.ipv6_prefix} (RFC 7597, 5.2)"
        yield Step("subscriber's prefix", str(home), how)
        share = engine.share_of(home)
        if share is not None:
            yield Step("edge address", str(engine.ce_address(share)), "interface identifier of RFC 7597, 6")


def _psid(port: int | None, offset: int, length: int) -> Iterator[Step]:
    if port is None:
        return
    psid = psid_of(port, offset, length)
    value = "none" if psid is None else f"{psid:#x}"
    yield Step("PSID", value, f"{length} bits of port {port} after {offset} (RFC 7597, 5.1)")


def _of_deterministic(engine: DeterministicNat, address: IPv4Address, port: int | None) -> Iterator[Step]:
    parts = engine.compression + engine.dynamic_factor
    yield Step("ports of each", str(engine.ports_each), f"free ports / ({parts} parts) (RFC 7422, 2)")
    number = int(address) - int(engine.outside.network_address)
    yield Step(
        "public address", str(number), f"number in {engine.outside}, {engine.compression} subscribers each"
    )
    how = (
        "block by block"
        if engine.assignment is Assignment.SEQUENTIAL
        else f"each {engine.compression}th port"
    )
    yield Step("port", str(port), f"{how}, without {engine.reserved_ports}")


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
