"""Facts of the identity centre, as its ledger holds them. Pseudonyms only; times in UTC milliseconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubscriberEnrolled:
    subscriber: str
    kind: str
    time: int


@dataclass(frozen=True, slots=True)
class TerminalEnrolled:
    terminal: str
    subscriber: str
    terminal_class: str
    time: int


@dataclass(frozen=True, slots=True)
class LifecycleChanged:
    pseudonym: str
    state: str
    reason: str
    time: int


@dataclass(frozen=True, slots=True)
class Bound:
    binding_id: int
    terminal: str
    network: bytes
    length: int
    port_first: int
    port_last: int
    gateway: str
    since: int
    key: str


@dataclass(frozen=True, slots=True)
class AddressesBound:
    bindings: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Unbound:
    binding_id: int
    until: int


@dataclass(frozen=True, slots=True)
class BindingsReleased:
    bindings: tuple[Unbound, ...]
    cause: str


Event = SubscriberEnrolled | TerminalEnrolled | LifecycleChanged | AddressesBound | BindingsReleased
EVENTS = (SubscriberEnrolled, TerminalEnrolled, LifecycleChanged, AddressesBound, BindingsReleased)
