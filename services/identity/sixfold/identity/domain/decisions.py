"""Decisions of the identity centre: from the register and a wish to the events that it takes, or a
refusal."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sixfold.identity.domain.events import (
    AddressesBound,
    BindingsReleased,
    Bound,
    Event,
    LifecycleChanged,
    SubscriberEnrolled,
    TerminalEnrolled,
    Unbound,
)
from sixfold.identity.domain.prefix import BITS, Prefix, PrefixError, parse_address, parse_prefix
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import (
    ALL_PORTS,
    Binding,
    BindingWish,
    Lifecycle,
    RefusedError,
    Subscriber,
    Terminal,
)

T = TypeVar("T")

_GATEWAY = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """An answer, and whether it was there before the call."""

    value: T
    known: bool


def subscriber_of(registry: Registry, pseudonym: str) -> Subscriber:
    subscriber = registry.subscribers.get(pseudonym)
    if subscriber is None:
        raise RefusedError(
            "unknown", "SUBSCRIBER_UNKNOWN", f"there is no subscriber {pseudonym[:64]!r}", "subscriber"
        )
    return subscriber


def terminal_of(registry: Registry, pseudonym: str) -> Terminal:
    terminal = registry.terminals.get(pseudonym)
    if terminal is None:
        raise RefusedError(
            "unknown", "TERMINAL_UNKNOWN", f"there is no terminal {pseudonym[:64]!r}", "terminal"
        )
    return terminal


def enrol_subscribers(
    registry: Registry, wishes: Sequence[tuple[str, str]], now: int
) -> tuple[list[Event], list[Known[Subscriber]]]:
    """Each wish is (pseudonym, kind). Who is enrolled already is answered as known."""
    now = max(now, registry.clock)
    fresh: dict[str, Subscriber] = {}
    answers: list[Known[Subscriber]] = []
    for pseudonym, kind in wishes:
        known = registry.subscribers.get(pseudonym) or fresh.get(pseudonym)
        if known is None:
            fresh[pseudonym] = Subscriber(pseudonym, kind, now)
        answers.append(Known(known or fresh[pseudonym], known is not None))
    return [SubscriberEnrolled(new.subscriber, new.kind, now) for new in fresh.values()], answers


def enrol_terminals(
    registry: Registry, wishes: Sequence[tuple[str, str, str]], now: int
) -> tuple[list[Event], list[Known[Terminal] | RefusedError]]:
    """Each wish is (pseudonym, subscriber, class), answered by itself."""
    now = max(now, registry.clock)
    fresh: dict[str, Terminal] = {}
    answers: list[Known[Terminal] | RefusedError] = []
    for pseudonym, subscriber, terminal_class in wishes:
        try:
            _require_active_subscriber(registry, subscriber)
            known = registry.terminals.get(pseudonym) or fresh.get(pseudonym)
            if known is not None and known.state is Lifecycle.RETIRED:
                detail = f"terminal {pseudonym} was retired for good"
                raise RefusedError("precondition", "ALREADY_RETIRED", detail, "hardware_reference")
        except RefusedError as refusal:
            answers.append(refusal)
            continue
        if known is None:
            fresh[pseudonym] = Terminal(pseudonym, subscriber, terminal_class, now)
        answers.append(Known(known or fresh[pseudonym], known is not None))
    events: list[Event] = [
        TerminalEnrolled(new.terminal, new.subscriber, new.terminal_class, now) for new in fresh.values()
    ]
    return events, answers


def _require_active_subscriber(registry: Registry, pseudonym: str) -> None:
    subscriber = subscriber_of(registry, pseudonym)
    if subscriber.state is not Lifecycle.ACTIVE:
        detail = f"subscriber {pseudonym} is {subscriber.state.word}"
        raise RefusedError("precondition", "SUBSCRIBER_NOT_ACTIVE", detail, "subscriber")


def change_lifecycle(
    registry: Registry, pseudonym: str, to: Lifecycle, reason: str, now: int
) -> tuple[list[Event], int]:
    """Events, and how many bindings they release: all of a retired terminal, or of a retired subscriber's
    terminals."""
    now = max(now, registry.clock)
    if len(reason) > 256:
        raise RefusedError("invalid", "REASON_TOO_LONG", "at most 256 characters", "reason")
    holder = registry.subscribers.get(pseudonym) or registry.terminals.get(pseudonym)
    if holder is None:
        detail = f"there is neither subscriber nor terminal {pseudonym[:64]!r}"
        raise RefusedError("unknown", "PSEUDONYM_UNKNOWN", detail, "pseudonym")
    if holder.state is Lifecycle.RETIRED:
        raise RefusedError(
            "precondition", "ALREADY_RETIRED", f"{pseudonym} was retired for good", "pseudonym"
        )
    if holder.state is to:
        raise RefusedError(
            "precondition", "STATE_UNCHANGED", f"{pseudonym} is {to.word} already", "pseudonym"
        )
    events: list[Event] = [LifecycleChanged(pseudonym, to.word, reason, now)]
    released: list[int] = []
    if to is Lifecycle.RETIRED:
        terminals = (
            registry.terminals_of.get(pseudonym, []) if isinstance(holder, Subscriber) else [pseudonym]
        )
        for terminal in terminals:
            released.extend(sorted(registry.bindings_of.get(terminal, ())))
    if released:
        events.append(
            BindingsReleased(tuple(unbound(registry.bindings[number], now) for number in released), "retired")
        )
    return events, len(released)


def bind(
    registry: Registry, wishes: Sequence[BindingWish], now: int
) -> tuple[list[Event], list[Known[Binding] | RefusedError]]:
    """Each wish answered by itself; what is granted is one event."""
    now = max(now, registry.clock)
    fresh: dict[str, Binding] = {}
    taken: dict[tuple[int, int], list[Binding]] = {}
    answers: list[Known[Binding] | RefusedError] = []
    for wish in wishes:
        try:
            wanted = _wanted(registry, wish, registry.last_id + 1 + len(fresh), now)
            known = _known(registry, fresh, taken, wanted)
        except RefusedError as refusal:
            answers.append(refusal)
            continue
        if known is None:
            fresh[wish.key] = wanted
            taken.setdefault((wanted.prefix.network, wanted.prefix.length), []).append(wanted)
        answers.append(Known(known or wanted, known is not None))
    bounds = tuple(_bound(binding) for binding in fresh.values())
    return [AddressesBound(bounds)] if bounds else [], answers


def _wanted(registry: Registry, wish: BindingWish, number: int, now: int) -> Binding:
    if not 1 <= len(wish.key) <= 128:
        raise RefusedError("invalid", "KEY_MALFORMED", "1 to 128 characters", "idempotency_key")
    if not _GATEWAY.fullmatch(wish.gateway):
        detail = f"{wish.gateway[:64]!r} is not 1 to 64 of letters, digits, '-' and '_'"
        raise RefusedError("invalid", "GATEWAY_MALFORMED", detail, "gateway")
    terminal = terminal_of(registry, wish.terminal)
    state = registry.state_of(terminal)
    if state is not Lifecycle.ACTIVE:
        detail = f"terminal {wish.terminal} or its subscriber is {state.word}"
        raise RefusedError("precondition", "TERMINAL_NOT_ACTIVE", detail, "terminal")
    prefix = _prefix(wish.prefix)
    first, last = _ports(wish, prefix)
    return Binding(number, wish.terminal, prefix, first, last, wish.gateway, now, wish.key)


def _prefix(text: str) -> Prefix:
    try:
        return parse_prefix(text)
    except PrefixError as error:
        raise RefusedError("invalid", "ADDRESS_MALFORMED", str(error), "prefix") from error


def _ports(wish: BindingWish, prefix: Prefix) -> tuple[int, int]:
    first, last = wish.port_first, wish.port_last
    if (first, last) in ((0, 0), ALL_PORTS):
        return ALL_PORTS
    if not 0 < first <= last <= ALL_PORTS[1]:
        raise RefusedError(
            "invalid", "PORTS_MALFORMED", f"{first} to {last} is no set of ports", "port_first"
        )
    if prefix.length != BITS:
        detail = f"only a single address is shared by ports, not {prefix}"
        raise RefusedError("invalid", "PORTS_MALFORMED", detail, "port_first")
    return first, last


def _known(
    registry: Registry,
    fresh: dict[str, Binding],
    taken: dict[tuple[int, int], list[Binding]],
    wanted: Binding,
) -> Binding | None:
    number = registry.by_key.get(wanted.key)
    known = registry.bindings[number] if number is not None else fresh.get(wanted.key)
    if known is not None:
        if _wish_of(known) != _wish_of(wanted):
            detail = f"the key stands for {known.prefix} of {known.terminal}: a new wish needs a new key"
            raise RefusedError("exists", "KEY_REUSED", detail, "idempotency_key")
        return known
    place = (wanted.prefix.network, wanted.prefix.length)
    for other in (*registry.bindings_at(wanted.prefix), *taken.get(place, ())):
        if not other.meets(wanted.port_first, wanted.port_last):
            continue
        if _wish_of(other) == _wish_of(wanted):
            return other
        ports = f"ports {other.port_first} to {other.port_last}"
        detail = f"{wanted.prefix} {ports} are bound (binding {other.binding_id})"
        raise RefusedError("exists", "ADDRESS_TAKEN", detail, "prefix")
    return None


def _wish_of(binding: Binding) -> tuple[str, Prefix, int, int, str]:
    return binding.terminal, binding.prefix, binding.port_first, binding.port_last, binding.gateway


def _bound(binding: Binding) -> Bound:
    return Bound(
        binding.binding_id,
        binding.terminal,
        binding.prefix.packed,
        binding.prefix.length,
        binding.port_first,
        binding.port_last,
        binding.gateway,
        binding.since,
        binding.key,
    )


def unbound(binding: Binding, until: int) -> Unbound:
    """The end of a binding as its event tells it; never before its beginning."""
    return Unbound(
        binding.binding_id,
        max(until, binding.since),
        binding.terminal,
        binding.prefix.packed,
        binding.prefix.length,
        binding.port_first,
        binding.port_last,
        binding.gateway,
        binding.since,
    )


def release(registry: Registry, binding_id: int, now: int) -> tuple[list[Event], int]:
    """Events and the end of the binding."""
    now = max(now, registry.clock)
    if binding_id not in registry.bindings:
        if 0 < binding_id <= registry.last_id:
            raise RefusedError(
                "precondition", "BINDING_ENDED", f"binding {binding_id} has ended", "binding_id"
            )
        raise RefusedError("unknown", "BINDING_UNKNOWN", f"there is no binding {binding_id}", "binding_id")
    return [BindingsReleased((unbound(registry.bindings[binding_id], now),), "released")], now


def lookup(registry: Registry, address: str, port: int) -> tuple[Terminal, Binding]:
    """Who holds an address now. Where it is shared, a question without a port gets no list but a refusal (RFC
    6302)."""
    try:
        number = parse_address(address)
    except PrefixError as error:
        raise RefusedError("invalid", "ADDRESS_MALFORMED", str(error), "address") from error
    if not 0 <= port <= ALL_PORTS[1]:
        raise RefusedError("invalid", "PORTS_MALFORMED", f"{port} is no port", "port")
    bindings = registry.bindings_around(number)
    if port == 0 and any(binding.is_shared for binding in bindings):
        raise RefusedError("invalid", "PORT_REQUIRED", f"{address} is shared by ports: name one", "port")
    binding = next((found for found in bindings if found.meets(port, port)), None)
    if binding is None:
        raise RefusedError("unknown", "ADDRESS_UNBOUND", f"no terminal holds {address} now", "address")
    return registry.terminals[binding.terminal], binding
