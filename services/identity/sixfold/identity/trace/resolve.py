"""From questions to answers, many at once: one subscriber, ambiguous, unknown, or refused; never a list.

IPv6   its interface identifier, and the bindings over it
IPv4   a rule of shared IPv4 (MAP, lw4o6, deterministic CGN), or else NAT events and bindings of port sets
inside whoever a translation had inside, the bindings over that address then
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sixfold.identity.domain.case import Asked
from sixfold.identity.domain.evidence import MAX_INSIDE, Held, holders_of, inside_of
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import Binding
from sixfold.identity.trace.ports import Identifiers, Logs, Place, RuleAnswer, Rules

Outcome = Literal["subscriber", "ambiguous", "unknown", "refused"]
ALL_PORTS: Final = (0, 65_535)


@dataclass(frozen=True, slots=True)
class Verdict:
    """subscriber: with the outcome of that name alone."""

    outcome: Outcome
    subscriber: str = ""
    path: str = ""
    reason: str = ""


@dataclass(slots=True)
class _Lookup:
    """An address whose holder answers a question."""

    path: str
    place: Place
    gateway: str
    held: list[Held] | None = None


@dataclass(slots=True)
class _Work:
    asked: Asked
    verdict: Verdict | None = None
    named: dict[str, str] = field(default_factory=dict[str, str])
    """Subscribers that evidence names, and by which path."""
    lookups: list[_Lookup] = field(default_factory=list[_Lookup])
    logs: bool = False


class Resolver:
    """`registry` is asked first: what is held since before and still held needs no log."""

    def __init__(
        self,
        *,
        registry: Callable[[], Registry],
        logs: Logs,
        rules: Rules,
        identifiers: Identifiers,
        lookback: int,
    ) -> None:
        self._registry = registry
        self._logs = logs
        self._rules = rules
        self._identifiers = identifiers
        self._lookback = lookback

    async def answer(self, questions: Sequence[Asked]) -> list[Verdict]:
        """One verdict a question, in order. Raises SourceUnavailableError."""
        works = [_Work(asked) for asked in questions]
        await self._by_identifier([work for work in works if not work.asked.is_ipv4])
        await self._by_rules([work for work in works if work.asked.is_ipv4])
        await self._by_logs([work for work in works if work.logs])
        await self._hold([lookup for work in works if work.verdict is None for lookup in work.lookups])
        return [work.verdict or self._decided(work) for work in works]

    async def _by_identifier(self, works: Iterable[_Work]) -> None:
        for work in works:
            asked = work.asked
            named = await self._identifiers.subscriber(asked.address, asked.start, asked.end)
            if named is not None:
                work.named[named] = "interface-identifier"
            work.lookups.append(_lookup("binding", asked, asked.address, asked.port))
            work.logs = bool(asked.port) and named is None and self._held(work.lookups[0].place) is None

    async def _by_rules(self, works: Sequence[_Work]) -> None:
        if not works:
            return
        answers = await self._rules.answers([work.asked for work in works])
        for work, answer in zip(works, answers, strict=True):
            asked = work.asked
            match answer:
                case RuleAnswer(kind="port-required"):
                    work.verdict = Verdict("refused", reason="PORT_REQUIRED")
                case RuleAnswer(kind="ambiguous"):
                    work.verdict = Verdict("ambiguous", reason="TWO_WITHIN_TOLERANCE")
                case RuleAnswer(kind="nobody"):
                    work.verdict = Verdict("unknown", reason="PORT_UNASSIGNED")
                case RuleAnswer(kind="subscriber"):
                    work.lookups.append(_lookup(answer.path, asked, answer.inside, 0, answer.gateway))
                case _:
                    work.lookups.append(_lookup("binding", asked, asked.address, asked.port))
                    work.logs = bool(asked.port)

    async def _by_logs(self, works: Sequence[_Work]) -> None:
        if not works:
            return
        found = await self._logs.nat_events([work.asked for work in works], self._lookback)
        for work, events in zip(works, found, strict=True):
            inside = inside_of(work.asked, events, self._lookback)
            if len(inside) > MAX_INSIDE:
                work.verdict = Verdict("ambiguous", reason="TWO_WITHIN_TOLERANCE")
            work.lookups += [_lookup(one.path, work.asked, one.address, 0, one.gateway) for one in inside]

    async def _hold(self, lookups: Sequence[_Lookup]) -> None:
        for lookup in lookups:
            lookup.held = self._held(lookup.place)
        rest = [lookup for lookup in lookups if lookup.held is None]
        if rest:
            for lookup, held in zip(
                rest, await self._logs.bindings([lookup.place for lookup in rest]), strict=True
            ):
                lookup.held = held

    def _held(self, place: Place) -> list[Held] | None:
        """What the register alone tells: who has held the address over the whole interval, and does so now."""
        registry = self._registry()
        bindings = registry.bindings_around(place.address)
        fitting = [one for one in bindings if not place.port or one.meets(place.port, place.port)]
        if len(fitting) != 1 or fitting[0].since > place.start:
            return None
        around = (fitting[0].prefix.network, fitting[0].prefix.length)
        if registry.inside_ended.get(around, 0) >= place.start:
            return None
        return [_as_held(fitting[0])]

    def _decided(self, work: _Work) -> Verdict:
        asked, named, nobody = work.asked, dict(work.named), False
        for lookup in work.lookups:
            held = lookup.held or []
            shared = any((one.port_first, one.port_last) != ALL_PORTS for one in held)
            if asked.is_ipv4 and not asked.port and lookup.path == "binding" and (shared or not held):
                # What is not known to be one holder's alone may be shared (RFC 6302).
                return Verdict("refused", reason="PORT_REQUIRED")
            place = lookup.place
            holders = holders_of(place.address, lookup.gateway, place.start, place.end, held)
            subscribers = {self._subscriber(holder) for holder in holders}
            nobody |= lookup.path != "binding" and (not holders or None in subscribers)
            for subscriber in subscribers:
                if subscriber is not None:
                    named.setdefault(subscriber, lookup.path)
        if len(named) == 1 and not nobody:
            subscriber, path = next(iter(named.items()))
            return Verdict("subscriber", subscriber, path)
        if named:
            reason = "TWO_WITHIN_TOLERANCE" if len(named) > 1 else "ALSO_SOMEBODY_UNKNOWN"
            return Verdict("ambiguous", reason=reason)
        return Verdict("unknown", reason="INSIDE_UNBOUND" if nobody else "NO_EVIDENCE")

    def _subscriber(self, holder: str) -> str | None:
        registry = self._registry()
        terminal = registry.terminals.get(holder)
        if terminal is not None:
            return terminal.subscriber
        return holder if holder in registry.subscribers else None


def _lookup(path: str, asked: Asked, address: int, port: int, gateway: str = "") -> _Lookup:
    return _Lookup(path, Place(address, port, asked.start, asked.end), gateway)


def _as_held(binding: Binding) -> Held:
    return Held(
        binding.terminal,
        binding.prefix.length,
        binding.since,
        0,
        binding.gateway,
        binding.port_first,
        binding.port_last,
    )
