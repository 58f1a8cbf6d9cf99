"""Accounting records of access servers, decided: which sessions begin and end, which addresses are bound and released.

RFC 2866. A record that was told before changes nothing, so that a repeated one can be answered again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sixfold.identity.domain.decisions import unbound
from sixfold.identity.domain.events import (
    AddressesBound,
    BindingsReleased,
    Bound,
    EndedSession,
    Event,
    SessionsEnded,
    SessionsStarted,
    StartedSession,
    Unbound,
)
from sixfold.identity.domain.prefix import Prefix
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.sessions import Session
from sixfold.identity.domain.values import ALL_PORTS, Binding, Lifecycle

Kind = Literal["start", "interim", "stop"]
LATE: Final = 3_600_000
"""Milliseconds by which a record may be late; an older beginning counts as an hour old."""
KEYS: Final = "aaa:"


@dataclass(frozen=True, slots=True)
class Record:
    """`time` is when it happened and `began` when the session did, by the access server; `prefixes` what it holds, as
    far as told."""

    kind: Kind
    nas: str
    gateway: str
    session_id: str
    terminal: str
    time: int
    began: int
    prefixes: tuple[Prefix, ...] = ()
    cause: str = ""
    input_octets: int = 0
    output_octets: int = 0

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.nas}\0{self.session_id}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Outcome:
    """recorded: the access server may be answered. taken: prefixes that another terminal holds."""

    word: str
    recorded: bool = True
    taken: tuple[Prefix, ...] = ()


@dataclass(slots=True)
class _Facts:
    started: list[StartedSession] = field(default_factory=list[StartedSession])
    bound: list[Bound] = field(default_factory=list[Bound])
    released: list[Unbound] = field(default_factory=list[Unbound])
    ended: list[EndedSession] = field(default_factory=list[EndedSession])
    gone: set[int] = field(default_factory=set[int])

    def release(self, bindings: Iterable[Binding], until: int) -> None:
        """Each once, also where one record ends a session whose address another one has given on."""
        for binding in bindings:
            if binding.binding_id not in self.gone:
                self.gone.add(binding.binding_id)
                self.released.append(unbound(binding, until))

    def events(self) -> list[Event]:
        """Released before bound: an address goes from one terminal to the next."""
        events: list[Event] = []
        if self.released:
            events.append(BindingsReleased(tuple(self.released), "session-ended"))
        if self.ended:
            events.append(SessionsEnded(tuple(self.ended)))
        if self.started:
            events.append(SessionsStarted(tuple(self.started)))
        if self.bound:
            events.append(AddressesBound(tuple(self.bound)))
        return events


def apart(records: Sequence[Record]) -> int:
    """How many of the first records have neither a session nor a prefix in common: these can be decided together."""
    seen: set[str | Prefix] = set()
    for number, record in enumerate(records):
        names = {record.key, *record.prefixes}
        if names & seen:
            return number
        seen |= names
    return len(records)


def account(registry: Registry, records: Sequence[Record], now: int) -> tuple[list[Event], list[Outcome]]:
    """Decide records that are `apart`; each answered by itself."""
    now = max(now, registry.clock)
    facts = _Facts()
    outcomes = [_account(registry, record, now, facts) for record in records]
    return facts.events(), outcomes


def _account(registry: Registry, record: Record, now: int, facts: _Facts) -> Outcome:
    key = record.key
    live = registry.sessions.live.get(key)
    if live is not None and live.terminal != record.terminal:
        return Outcome("session-of-another", recorded=False)
    if key in registry.sessions.ended and live is None:
        return Outcome("repeated" if record.kind == "stop" else "replayed")
    if record.kind == "stop":
        return _stop(registry, record, live, now, facts)
    return _hold(registry, record, live, now, facts)


def _hold(registry: Registry, record: Record, live: Session | None, now: int, facts: _Facts) -> Outcome:
    terminal = registry.terminals.get(record.terminal)
    if terminal is None:
        return Outcome("terminal-unknown", recorded=False)
    if registry.state_of(terminal) is Lifecycle.RETIRED:
        return Outcome("terminal-retired", recorded=False)
    since = min(max(record.time if live is not None else record.began, now - LATE), now)
    if live is None:
        facts.started.append(
            StartedSession(record.key, record.nas, record.session_id, record.terminal, record.gateway, since)
        )
    taken: list[Prefix] = []
    fresh = 0
    for prefix in record.prefixes:
        others = [one for one in registry.bindings_at(prefix) if one.binding_id not in facts.gone]
        if any(one.terminal == record.terminal and _stays(one, record) for one in others):
            continue
        if any(not _reassigned(one, record) for one in others):
            taken.append(prefix)
            continue
        # The access server has given the address to another session: the end of the first was lost.
        facts.release(others, since)
        facts.bound.append(_bound(registry.last_id + 1 + len(facts.bound), record, prefix, since))
        fresh += 1
    if live is not None and not fresh:
        return Outcome("repeated" if record.kind == "start" else "alive", taken=tuple(taken))
    word = "started" if record.kind == "start" else "started-late" if live is None else "extended"
    return Outcome(word, taken=tuple(taken))


def _stop(registry: Registry, record: Record, live: Session | None, now: int, facts: _Facts) -> Outcome:
    until = min(max(record.time, live.since if live is not None else now - LATE), now)
    if live is not None:
        facts.release(held(registry, live), until)
    facts.ended.append(
        EndedSession(record.key, until, record.cause, record.input_octets, record.output_octets)
    )
    return Outcome("stopped" if live is not None else "stopped-unknown")


def restart(registry: Registry, nas: str, time: int, now: int, *, most: int) -> tuple[list[Event], int]:
    """Accounting-On and -Off: no session of the access server goes on. Ends at most `most`; how many are left."""
    now = max(now, registry.clock)
    facts = _Facts()
    sessions = [one for one in registry.sessions.at(nas) if one.since <= max(time, now - LATE)]
    for session in sessions[:most]:
        until = min(max(time, session.since), now)
        facts.release(held(registry, session), until)
        facts.ended.append(EndedSession(session.key, until, "nas-restarted"))
    return facts.events(), max(0, len(sessions) - most)


def held(registry: Registry, session: Session) -> list[Binding]:
    """Bindings that the session began."""
    mark = f"{KEYS}{session.key}:"
    numbers = sorted(registry.bindings_of.get(session.terminal, ()))
    return [one for one in (registry.bindings[number] for number in numbers) if one.key.startswith(mark)]


def _stays(binding: Binding, record: Record) -> bool:
    """It is this session's already, or the terminal's for good."""
    return not binding.is_shared and (
        not binding.key.startswith(KEYS) or binding.key.startswith(f"{KEYS}{record.key}:")
    )


def _reassigned(binding: Binding, record: Record) -> bool:
    return binding.key.startswith(KEYS) and binding.gateway == record.gateway and not binding.is_shared


def _bound(number: int, record: Record, prefix: Prefix, since: int) -> Bound:
    return Bound(
        number,
        record.terminal,
        prefix.packed,
        prefix.length,
        *ALL_PORTS,
        record.gateway,
        since,
        f"{KEYS}{record.key}:{prefix}",
    )
