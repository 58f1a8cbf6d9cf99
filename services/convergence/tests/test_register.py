"""Registering services: idempotency and refusals."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sixfold.convergence.domain.events import Network, PortRange
from sixfold.convergence.domain.register import (
    IdempotencyConflictError,
    Register,
    Registration,
    RegistrationInvalidError,
    decide_register,
    evolve,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TV = Registration(
    "City TV", Network.BROADCAST, "iptv", ("203.0.113.0/24",), (PortRange("udp", 5000, 5010),), "City", "k-1"
)


def test_the_same_key_registers_once() -> None:
    events, service = decide_register(Register(), TV, "svc-1", NOW)
    state = evolve(Register(), events[0])
    again, known = decide_register(state, TV, "svc-2", NOW)
    assert (again, known) == ([], service)
    with pytest.raises(IdempotencyConflictError):
        decide_register(state, replace(TV, name="Other"), "svc-3", NOW)
    [other], _ = decide_register(state, replace(TV, idempotency_key="k-2"), "svc-3", NOW)
    assert len(evolve(state, other).rules) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"provider": "x" * 201}, "provider"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"service_class": "voice"}, "service_class"),
        ({"prefixes": ("203.0.113.1/24",)}, "prefixes"),
        ({"prefixes": ("0.0.0.0/0",)}, "prefixes"),
        ({"prefixes": (), "ports": ()}, "prefixes"),
        ({"prefixes": (*(f"10.0.{i}.0/24" for i in range(256)), "::1/128")}, "prefixes"),
        ({"ports": (PortRange("sctp", 1, 2),)}, "ports"),
        ({"ports": (PortRange("udp", 5, 2),)}, "ports"),
    ],
)
def test_refusals_name_the_field(change: dict, field: str) -> None:
    with pytest.raises(RegistrationInvalidError) as refused:
        decide_register(Register(), replace(TV, **change), "svc-1", NOW)
    assert refused.value.name == field
