"""Subscribers, terminals, bindings, wishes and refusals."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

from sixfold.identity.domain.prefix import Prefix

RefusalKind = Literal["invalid", "unknown", "exists", "precondition", "forbidden"]
SubscriberKind = Literal["person", "organisation"]
TerminalClass = Literal["person", "enterprise", "home-gateway", "lte", "iot"]
ALL_PORTS: Final = (0, 65_535)


class RefusedError(ValueError):
    """A wish is not granted. `reason` is a stable word; `field` names what is wrong in the request, where
    something is."""

    def __init__(self, kind: RefusalKind, reason: str, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.kind = kind
        self.reason = reason
        self.detail = detail
        self.field = field


class Lifecycle(IntEnum):
    """In the order of severity: of a terminal and its subscriber the higher one holds."""

    ACTIVE = 1
    SUSPENDED = 2
    RETIRED = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Subscriber:
    subscriber: str
    kind: str
    enrolled: int
    state: Lifecycle = Lifecycle.ACTIVE
    changed: int = 0
    """When the state last changed; 0: never."""


@dataclass(frozen=True, slots=True)
class Terminal:
    terminal: str
    subscriber: str
    terminal_class: str
    enrolled: int
    state: Lifecycle = Lifecycle.ACTIVE


@dataclass(frozen=True, slots=True)
class Binding:
    binding_id: int
    terminal: str
    prefix: Prefix
    port_first: int
    port_last: int
    gateway: str
    since: int
    key: str

    @property
    def is_shared(self) -> bool:
        """Whether it holds a part of the ports only."""
        return (self.port_first, self.port_last) != ALL_PORTS

    def meets(self, port_first: int, port_last: int) -> bool:
        return self.port_first <= port_last and port_first <= self.port_last


@dataclass(frozen=True, slots=True)
class BindingWish:
    """`prefix` is text, an address or a prefix; ports both 0: every port."""

    terminal: str
    prefix: str
    port_first: int
    port_last: int
    gateway: str
    key: str
