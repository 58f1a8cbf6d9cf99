"""What could be done against an incident: out of its evidence, the narrowest first."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sixfold.security.domain.events import Share
from sixfold.security.domain.incidents import Incident
from sixfold.security.domain.mitigation.values import Kind, Match, Per, Policy, PolicyAction, Range, Route
from sixfold.security.domain.spoofing import VECTOR as FORGED

FEW_SOURCES: Final = 0.8
"""Part of the bytes that the top sources need for a block of them."""
ONE_PORT: Final = 0.8
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
_PORTED: Final = frozenset({TCP, UDP})
SYN, ACK = 2, 16
_BLOCK: Final = PolicyAction(Kind.BLOCK)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """coverage: part of the evidence's bytes that the policy matches. key: of its match and kind of action, by which a
    person who has read it names it: the list changes with the attack.
    """

    policy: Policy
    reason: str
    coverage: float
    key: str = ""


def suggest(incident: Incident) -> list[Suggestion]:
    """The narrowest first, the black hole last."""
    if incident.vector == FORGED:
        return []  # its object is whose name was used; gateways drop what was sent in it
    made = _against_origin(incident) if incident.side == "source" else _for_victim(incident)
    return [replace(one, key=_key(one.policy)) for one in made]


def _key(policy: Policy) -> str:
    named = repr((policy.match, policy.action.kind, policy.action.per, policy.action.route))
    return hashlib.blake2s(named.encode(), digest_size=3).hexdigest()


def _for_victim(incident: Incident) -> Iterator[Suggestion]:
    evidence = incident.evidence
    protocol, protocol_share = _first(evidence.protocols)
    whole = Match(destinations=(incident.victim,))
    narrowed = replace(whole, protocols=(protocol,)) if protocol is not None else whole
    covered = protocol_share if protocol is not None else 1.0
    sources, share = _few_sources(evidence.top_sources, incident.victim)
    if sources:
        yield Suggestion(
            Policy(replace(narrowed, sources=sources), _BLOCK),
            f"{len(sources)} sources send {share:.0%} of it",
            share * covered,
        )
    source_port, source_share = _first(evidence.top_source_ports)
    if protocol == UDP and source_port and source_share >= ONE_PORT and source_port < 49_152:
        match = replace(narrowed, source_ports=(Range(source_port, source_port),))
        yield Suggestion(
            Policy(match, _BLOCK),
            f"{source_share:.0%} of it comes from port {source_port}, as reflected",
            source_share,
        )
    if protocol == TCP and "syn" in incident.vector:
        match = replace(narrowed, tcp_flags_mask=SYN | ACK, tcp_flags=SYN)
        limit = PolicyAction(Kind.RATE_LIMIT, packets_per_second=20, per=Per.SOURCE)
        yield Suggestion(
            Policy(match, limit), "openings of connections, held to 20 a second and source", covered
        )
    port, port_share = _first(evidence.top_destination_ports)
    rate = PolicyAction(Kind.RATE_LIMIT, bytes_per_second=_tenth(incident))
    if protocol in _PORTED and port and port_share >= ONE_PORT:
        match = replace(narrowed, destination_ports=(Range(port, port),))
        yield Suggestion(
            Policy(match, rate), f"{port_share:.0%} of it goes to port {port}, held to a tenth", port_share
        )
    if protocol is not None:
        yield Suggestion(
            Policy(narrowed, rate), f"protocol {protocol} to the victim, held to a tenth", covered
        )
        yield Suggestion(Policy(narrowed, _BLOCK), f"protocol {protocol} to the victim, none of it", covered)
    hole = PolicyAction(Kind.DIVERT, route=Route.BLACKHOLE)
    yield Suggestion(
        Policy(whole, hole), "the routers drop all traffic to the victim: it is cut off, the rest lives", 1.0
    )


def _against_origin(incident: Incident) -> Iterator[Suggestion]:
    """Of scans, spam, beacons: what leaves, or comes from, one origin."""
    evidence = incident.evidence
    protocol, _ = _first(evidence.protocols)
    whole = Match(sources=(incident.victim,))
    port, share = _first(evidence.top_destination_ports)
    if protocol in _PORTED and port and share >= ONE_PORT:
        match = replace(whole, protocols=(protocol,), destination_ports=(Range(port, port),))
        yield Suggestion(Policy(match, _BLOCK), f"{share:.0%} of it goes to port {port}", share)
    rate = PolicyAction(Kind.RATE_LIMIT, bytes_per_second=_tenth(incident))
    yield Suggestion(Policy(whole, rate), "all that the origin sends, held to a tenth", 1.0)
    yield Suggestion(Policy(whole, _BLOCK), "all that the origin sends", 1.0)


def _first(shares: Sequence[Share]) -> tuple[int | None, float]:
    """The heaviest; (None, 0) where there is none, or it is no number."""
    if not shares or not shares[0].value.isdigit():
        return None, 0.0
    return int(shares[0].value), min(shares[0].share, 1.0)


def _few_sources(shares: Sequence[Share], victim: str) -> tuple[tuple[str, ...], float]:
    """The fewest that send enough of it, as prefixes of one host, and their part of it; none where that takes more
    than are known. Who sends little is not among them: it may be a client.
    """
    six = ":" in victim
    found: list[str] = []
    total = 0.0
    for one in shares:
        if (":" in one.value) != six:
            continue
        found.append(f"{one.value}/{128 if six else 32}")
        total += one.share
        if total >= FEW_SOURCES:
            return tuple(found), min(total, 1.0)
    return (), 0.0


def _tenth(incident: Incident) -> int:
    return max(int(incident.peak.bits_per_second / 80), 10_000)
