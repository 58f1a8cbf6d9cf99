"""What the tests of mitigation are made of."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sixfold.security.domain.centre import Centre, evolve_centre
from sixfold.security.domain.events import (
    Evidence,
    IncidentOpened,
    Rates,
    Reason,
    Severity,
    Share,
)
from sixfold.security.domain.incidents import Incident, incident_id
from sixfold.security.domain.mitigation import decisions
from sixfold.security.domain.mitigation.decisions import Request, Rules
from sixfold.security.domain.mitigation.events import MitigationProposed
from sixfold.security.domain.mitigation.state import Mitigations, evolve
from sixfold.security.domain.mitigation.values import (
    BlastRadius,
    Kind,
    Match,
    Mitigation,
    Policy,
    PolicyAction,
)
from sixfold.security.mitigation_ports import SendError, WarehouseAwayError

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
VICTIM = "203.0.113.7/32"
BLOCK = Policy(Match(destinations=(VICTIM,), protocols=(17,)), PolicyAction(Kind.BLOCK))
RATES = Rates(8e8, 1e5, 1e3)


def share(value: str, part: float) -> Share:
    return Share(value, int(part * 1e6), 1, 1, part)


def opened(victim: str = VICTIM, vector: str = "udp-flood", **changes: Any) -> IncidentOpened:
    """changes: of the incident, or of its evidence."""
    shares = {
        "top_sources": (share("192.0.2.1", 0.9), share("198.51.100.10", 0.1)),
        "top_destination_ports": (share("9999", 1.0),),
        "top_source_ports": (share("5353", 0.9),),
        "protocols": (share("17", 0.95),),
    }
    shares |= {name: changes.pop(name) for name in list(changes) if name in shares}
    evidence = Evidence(NOW, NOW, RATES, **shares, sample_flows=(), query="")
    values: dict[str, Any] = {
        "severity": Severity.HIGH, "confidence": 0.99, "started": NOW, "time": NOW, "expires": NOW,
        "reasons": (Reason("x", "y", 1, 1),), "detector": "volumetric",
    }  # fmt: skip
    values |= changes
    return IncidentOpened(
        incident_id=incident_id(victim, vector, NOW),
        victim=victim,
        vector=vector,
        evidence=evidence,
        **values,
    )


class Ledger:
    """Decides and evolves as the real one does; the real one is in test_mitigation_service.py."""

    def __init__(self, *events: Any) -> None:
        self.state = Centre()
        self.events: list[Any] = []
        self._evolve(events)

    def _evolve(self, events: Sequence[Any]) -> None:
        for one in events:
            self.events.append(one)
            self.state = evolve_centre(self.state, one)

    async def transact(
        self, decide: Callable[[Centre], tuple[Sequence[Any], Any]], *, key: str | None = None
    ) -> Any:
        events, result = decide(self.state)
        self._evolve(events)
        return result

    @property
    def mitigations(self) -> Mitigations:
        return self.state.mitigations

    @property
    def incident(self) -> Incident:
        return next(iter(self.state.incidents.by_id.values()))


class Warehouse:
    """Answers what it is given."""

    def __init__(self, **sums: int) -> None:
        self.sums = sums
        self.away = False
        self.asked: list[tuple[datetime, datetime, datetime]] = []

    async def sum(
        self, match: Match, gateways: Sequence[str], start: datetime, split: datetime, end: datetime
    ) -> BlastRadius:
        self.asked.append((start, split, end))
        if self.away:
            raise WarehouseAwayError("it is away")
        return BlastRadius(start, end, **self.sums)


class Commands:
    def __init__(self) -> None:
        self.away = False
        self.sent: list[tuple[str, int, list[str]]] = []

    async def send(
        self, gateway: str, generation: int, mitigations: Sequence[Mitigation], now: datetime
    ) -> None:
        if self.away:
            raise SendError("the bus is away")
        self.sent.append((gateway, generation, [one.mitigation_id for one in mitigations]))


class Meter:
    def __init__(self) -> None:
        self.decisions: list[str] = []

    def sent(self, outcome: str) -> None:
        return

    def answered(self, outcome: str) -> None:
        return

    def decided(self, what: str) -> None:
        self.decisions.append(what)


class Times:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def request(policy: Policy = BLOCK, actor: str = "ann", **more: Any) -> Request:
    return Request(policy, actor, **more)


RULES = Rules()


GOOD = BlastRadius(
    NOW - timedelta(hours=1),
    NOW,
    flows=100,
    bytes=10_000,
    good_flows=5,
    good_bytes=500,
    good_sources=2,
    known_bytes=100,
)


def proposed(state: Mitigations | None = None, **more: Any) -> MitigationProposed:
    return decisions.propose(state or Mitigations(), request(**more), GOOD, NOW, RULES)


def running(*gateways: str, seconds: int = 60, policy: Policy = BLOCK) -> tuple[Mitigations, str]:
    event = proposed(policy=policy, gateways=gateways, seconds=seconds)
    state = evolve(Mitigations(), event)
    return evolve(
        state, decisions.approve(state, event.mitigation_id, "bob", "", NOW, RULES)
    ), event.mitigation_id
