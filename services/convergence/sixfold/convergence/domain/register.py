"""The register of services: what is offered where, by which network. First seam: registering and listing.

RegisterError
├── RegistrationInvalidError      a field is wrong; `.name` says which
├── IdempotencyConflictError      the key was used with another content
└── RegisterFullError             MOST_SERVICES are registered
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sixfold.convergence.domain.cells import SERVICE_CLASSES
from sixfold.convergence.domain.classify import ServiceRule, check_ports
from sixfold.convergence.domain.events import Network, PortRange, ServiceRegistered

MOST_SERVICES: Final = 100_000
MOST_OF_EACH: Final = 256
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


class RegisterError(Exception):
    """A registration is refused."""


class RegistrationInvalidError(RegisterError):
    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


class IdempotencyConflictError(RegisterError):
    pass


class RegisterFullError(RegisterError):
    pass


@dataclass(frozen=True, slots=True)
class Registration:
    """A request, as it came."""

    name: str
    network: Network
    service_class: str
    prefixes: tuple[str, ...]
    ports: tuple[PortRange, ...]
    provider: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Register:
    services: Mapping[str, ServiceRegistered] = field(default_factory=dict[str, ServiceRegistered])
    keys: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def rules(self) -> tuple[ServiceRule, ...]:
        return tuple(
            ServiceRule(one.network, one.service_class, one.prefixes, one.ports)
            for one in self.services.values()
        )


def decide_register(
    state: Register, request: Registration, service_id: str, now: datetime
) -> tuple[list[ServiceRegistered], ServiceRegistered]:
    """The event, if it is new, and the service registered under the key. Raises RegisterError."""
    prefixes = _check(request)
    event = ServiceRegistered(
        service_id=service_id,
        name=request.name.strip(),
        network=request.network,
        service_class=request.service_class or "other",
        prefixes=prefixes,
        ports=request.ports,
        provider=request.provider.strip(),
        time=now,
        idempotency_key=request.idempotency_key,
    )
    before = state.keys.get(request.idempotency_key)
    if before is not None:
        known = state.services[before]
        if _content(known) != _content(event):
            raise IdempotencyConflictError(
                f"idempotency key {request.idempotency_key!r} registered {known.name!r} with another content"
            )
        return [], known
    if len(state.services) >= MOST_SERVICES:
        raise RegisterFullError(f"{MOST_SERVICES} services are registered, no more fit")
    return [event], event


def evolve(state: Register, event: ServiceRegistered) -> Register:
    return Register(
        services={**state.services, event.service_id: event},
        keys={**state.keys, event.idempotency_key: event.service_id},
    )


def _content(event: ServiceRegistered) -> tuple[object, ...]:
    return event.name, event.network, event.service_class, event.prefixes, event.ports, event.provider


def _check(request: Registration) -> tuple[str, ...]:
    """The prefixes in their one form. Raises RegistrationInvalidError."""
    if not request.name.strip() or len(request.name) > 200:
        raise RegistrationInvalidError("name", "must have 1 to 200 characters")
    if len(request.provider) > 200:
        raise RegistrationInvalidError("provider", "must have at most 200 characters")
    if not _KEY.fullmatch(request.idempotency_key):
        raise RegistrationInvalidError("idempotency_key", "must be 1 to 128 visible ASCII characters")
    if request.service_class and request.service_class not in SERVICE_CLASSES:
        raise RegistrationInvalidError("service_class", f"must be one of {', '.join(SERVICE_CLASSES)}")
    if not request.prefixes and not request.ports:
        raise RegistrationInvalidError("prefixes", "at least one prefix or port range is needed")
    if len(request.prefixes) > MOST_OF_EACH or len(request.ports) > MOST_OF_EACH:
        raise RegistrationInvalidError("prefixes", f"at most {MOST_OF_EACH} prefixes and port ranges fit")
    for ports in request.ports:
        try:
            check_ports(ports)
        except ValueError as error:
            raise RegistrationInvalidError("ports", str(error)) from error
    prefixes: list[str] = []
    for prefix in request.prefixes:
        try:
            network = ipaddress.ip_network(prefix, strict=True)
        except ValueError as error:
            raise RegistrationInvalidError("prefixes", str(error)) from error
        if network.prefixlen == 0:
            raise RegistrationInvalidError("prefixes", f"{prefix} is everything")
        prefixes.append(str(network))
    return tuple(prefixes)
