"""The register of the identity centre: what the ledger's events add up to.

It holds up to millions of entries, so `evolve` changes it in place and hands it back; only the ledger calls
it.
"""

from dataclasses import dataclass, field, replace
from typing import assert_never

from sixfold.identity.domain.credential import Credentials, evolve_credentials, follow_lifecycle
from sixfold.identity.domain.events import (
    AccessTokenRevoked,
    AddressesBound,
    BindingsLogged,
    BindingsReleased,
    CertificateIssued,
    CertificateRevoked,
    ClientDisabled,
    ClientRegistered,
    ClientSecretChanged,
    CpeSecretSet,
    DeviceCodeDecided,
    DeviceCodeMade,
    EnrolmentTokenMade,
    Event,
    GrantEnded,
    LifecycleChanged,
    SessionsEnded,
    SessionsStarted,
    SigningKeyMade,
    SubscriberEnrolled,
    TerminalEnrolled,
    TokensGranted,
    TokensRefreshed,
)
from sixfold.identity.domain.oauth import OAuth, end_of_terminal, evolve_oauth
from sixfold.identity.domain.prefix import BITS, Prefix, from_packed
from sixfold.identity.domain.sessions import Sessions, evolve_sessions
from sixfold.identity.domain.values import Binding, Lifecycle, Subscriber, Terminal


@dataclass(slots=True)
class Registry:
    """`holders` leads from a prefix (network, length) to the ids of the bindings that share its ports.

    `inside_ended` is when a more specific binding inside of a held prefix ended last: from then on the prefix's holder
    held that part, too. `revision` grows with every change of a binding; `clock` is the time of the last event;
    `logged` counts the rows of other authorities' binding logs.
    """

    subscribers: dict[str, Subscriber] = field(default_factory=dict[str, Subscriber])
    terminals: dict[str, Terminal] = field(default_factory=dict[str, Terminal])
    terminals_of: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    bindings: dict[int, Binding] = field(default_factory=dict[int, Binding])
    bindings_of: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    holders: dict[tuple[int, int], tuple[int, ...]] = field(
        default_factory=dict[tuple[int, int], tuple[int, ...]]
    )
    lengths: dict[int, int] = field(default_factory=dict[int, int])
    by_key: dict[str, int] = field(default_factory=dict[str, int])
    inside_ended: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    last_id: int = 0
    clock: int = 0
    revision: int = 0
    logged: int = 0
    credentials: Credentials = field(default_factory=Credentials)
    sessions: Sessions = field(default_factory=Sessions)
    oauth: OAuth = field(default_factory=OAuth)

    def state_of(self, terminal: Terminal) -> Lifecycle:
        """A terminal is no better off than its subscriber."""
        return max(terminal.state, self.subscribers[terminal.subscriber].state)

    def bindings_at(self, prefix: Prefix) -> list[Binding]:
        """Bindings of exactly this prefix."""
        return [self.bindings[number] for number in self.holders.get((prefix.network, prefix.length), ())]

    def bindings_around(self, address: int) -> list[Binding]:
        """Bindings of the most specific bound prefix that an address lies in; one look per length in use."""
        for length in sorted(self.lengths, reverse=True):
            found = self.holders.get(((address >> (BITS - length)) << (BITS - length), length))
            if found:
                return [self.bindings[number] for number in found]
        return []


def evolve(registry: Registry, event: Event) -> Registry:
    match event:
        case SubscriberEnrolled():
            registry.clock = max(registry.clock, event.time)
            registry.subscribers[event.subscriber] = Subscriber(event.subscriber, event.kind, event.time)
        case TerminalEnrolled():
            registry.clock = max(registry.clock, event.time)
            registry.terminals[event.terminal] = Terminal(
                event.terminal, event.subscriber, event.terminal_class, event.time
            )
            registry.terminals_of.setdefault(event.subscriber, []).append(event.terminal)
        case LifecycleChanged():
            registry.clock = max(registry.clock, event.time)
            _change(registry, event.pseudonym, Lifecycle[event.state.upper()], event.time)
        case AddressesBound():
            for bound in event.bindings:
                prefix = from_packed(bound.network, bound.length)
                _bind(
                    registry,
                    Binding(
                        bound.binding_id,
                        bound.terminal,
                        prefix,
                        bound.port_first,
                        bound.port_last,
                        bound.gateway,
                        bound.since,
                        bound.key,
                    ),
                )
        case BindingsReleased():
            for unbound in event.bindings:
                registry.clock = max(registry.clock, unbound.until)
                _unbind(registry, unbound.binding_id, unbound.until)
        case BindingsLogged():
            registry.logged += event.rows
        case CertificateIssued() | CertificateRevoked() | CpeSecretSet() | EnrolmentTokenMade():
            registry.clock = max(registry.clock, event.time)
            evolve_credentials(registry.credentials, event)
        case SessionsStarted() | SessionsEnded():
            evolve_sessions(registry.sessions, event)
        case (
            SigningKeyMade()
            | ClientRegistered()
            | ClientSecretChanged()
            | ClientDisabled()
            | DeviceCodeMade()
            | DeviceCodeDecided()
            | TokensGranted()
            | TokensRefreshed()
            | GrantEnded()
            | AccessTokenRevoked()
        ):
            registry.clock = max(registry.clock, event.time)
            evolve_oauth(registry.oauth, event)
        case _:
            assert_never(event)
    return registry


def _change(registry: Registry, pseudonym: str, state: Lifecycle, time: int) -> None:
    if pseudonym in registry.subscribers:
        subscriber = registry.subscribers[pseudonym]
        registry.subscribers[pseudonym] = replace(subscriber, state=state, changed=time)
    else:
        registry.terminals[pseudonym] = replace(registry.terminals[pseudonym], state=state)
    for terminal in (
        registry.terminals_of.get(pseudonym, ()) if pseudonym in registry.subscribers else (pseudonym,)
    ):
        of_both = registry.state_of(registry.terminals[terminal])
        follow_lifecycle(registry.credentials, terminal, of_both, time)
        end_of_terminal(registry.oauth, terminal, of_both)


def _bind(registry: Registry, binding: Binding) -> None:
    number, prefix = binding.binding_id, binding.prefix
    place = (prefix.network, prefix.length)
    registry.clock = max(registry.clock, binding.since)
    registry.last_id = max(registry.last_id, number)
    registry.bindings[number] = binding
    registry.bindings_of.setdefault(binding.terminal, set()).add(number)
    registry.by_key[binding.key] = number
    if place not in registry.holders:
        registry.lengths[prefix.length] = registry.lengths.get(prefix.length, 0) + 1
    registry.holders[place] = (*registry.holders.get(place, ()), number)
    registry.revision += 1


def _unbind(registry: Registry, number: int, until: int) -> None:
    binding = registry.bindings.pop(number)
    place = (binding.prefix.network, binding.prefix.length)
    for length in registry.lengths:
        around = ((binding.prefix.network >> (BITS - length)) << (BITS - length), length)
        if length < binding.prefix.length and around in registry.holders:
            registry.inside_ended[around] = until
    del registry.by_key[binding.key]
    of_terminal = registry.bindings_of[binding.terminal]
    of_terminal.discard(number)
    if not of_terminal:
        del registry.bindings_of[binding.terminal]
    left = tuple(other for other in registry.holders[place] if other != number)
    if left:
        registry.holders[place] = left
    else:
        del registry.holders[place]
        registry.inside_ended.pop(place, None)
        registry.lengths[binding.prefix.length] -= 1
        if registry.lengths[binding.prefix.length] == 0:
            del registry.lengths[binding.prefix.length]
    registry.revision += 1
