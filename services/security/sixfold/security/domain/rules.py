"""Detectors that are declared and not written: which flows, counted by whom, how many of what within which time.

A rule is data (the adapter reads it from YAML); here it becomes a `Detector` like every other. Counted are flows,
packets, bytes, or how many different hosts or ports there are (HyperLogLog, 9 %), over a sliding window of event time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from sixfold.security.domain import addresses
from sixfold.security.domain.contacts import METRICS, Contacts, Counted, digests, hosts, severity_of, signal
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.events import Reason, Severity
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.hosts import Numbers
from sixfold.security.domain.keyed import U64
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

PREFIX: Final = "rule-"
"""Before the name of a rule: the name of its detector."""
By = Literal["source", "destination", "source-prefix", "destination-prefix"]
Count = Literal["flows", "packets", "bytes", "hosts", "ports"]
COLUMNS: Final = (
    "protocol",
    "src_port",
    "dst_port",
    "tcp_flags",
    "icmp_type_code",
    "ip_tos",
    "src_as",
    "dst_as",
)
"""Columns that a rule may name values of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """All of it has to hold. `values`: columns with the values that they may have."""

    values: tuple[tuple[str, tuple[int, ...]], ...] = ()
    flags_set: int = 0
    flags_unset: int = 0
    source: tuple[tuple[int, int, int], ...] = ()
    destination: tuple[tuple[int, int, int], ...] = ()
    packets: tuple[float, float] = (0.0, float("inf"))
    packet_bytes: tuple[float, float] = (0.0, float("inf"))
    """Of an average packet of a flow."""

    @property
    def columns(self) -> frozenset[str]:
        flags = {"tcp_flags"} if self.flags_set or self.flags_unset else set[str]()
        return frozenset(name for name, _ in self.values) | flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    name: str
    title: str
    source: str
    misses: str
    match: Match
    by: By
    count: Count
    vector: str
    technique: str
    severity: Severity | None
    """None: by how far over the threshold."""
    confidence: float
    parameters: "RuleSettings"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    at_least: float
    seconds: float = 60.0
    limit: int = 8_192
    """Keys that are counted at a time."""
    most: int = 100
    """Signals of one look."""


class Ruled(Counted):
    def __init__(self, rule: Rule, settings: RuleSettings) -> None:
        slot_ms = max(1_000, round(settings.seconds * 1000 / 6))
        super().__init__(
            Contacts(seconds=settings.seconds, limit=settings.limit, slot_ms=slot_ms), settings.most
        )
        self.rule = rule
        self.settings = settings

    def add(self, flows: Flows) -> None:
        rows = self._contacts.drawn(matching(flows, self.rule.match))
        if not len(rows):
            return
        own, other = ("src", "dst") if self.rule.by.startswith("source") else ("dst", "src")
        hi, lo = hosts(flows, rows, own)
        if self.rule.by.endswith("-prefix"):
            hi, lo = addresses.prefixes_of(hi, lo, 24, 64)
        self._contacts.add(flows, rows, 0, hi, lo, self._items(flows, rows, other))

    def _items(self, flows: Flows, rows: Numbers, other: str) -> U64:
        if self.rule.count != "ports":
            return digests(flows, rows, other)
        port = flows.columns["dst_port"][rows].astype(np.uint64)
        return digest(port, np.zeros(len(rows), np.uint64))

    def judged(self, look: Look) -> list[Signal]:
        rule, settings = self.rule, self.settings
        met = self._contacts.over(settings.at_least if rule.count in ("hosts", "ports") else 1.0)
        counted = met.different if rule.count in ("hosts", "ports") else met.sums[METRICS.index(rule.count)]
        return [
            self._signal(int(met.hi[row]), int(met.lo[row]), float(counted[row]), met.sums[:, row].tolist())
            for row in np.flatnonzero((counted >= settings.at_least) & met.fresh).tolist()
        ]

    def _signal(self, hi: int, lo: int, counted: float, sums: Sequence[float]) -> Signal:
        rule, settings = self.rule, self.settings
        four = bool(addresses.is_ipv4(np.array([hi], np.uint64), np.array([lo], np.uint64))[0])
        length = (96 + 24 if four else 64) if rule.by.endswith("-prefix") else 128
        what = {"hosts": "different hosts", "ports": "different ports"}.get(rule.count, rule.count)
        where = addresses.network_text(hi, lo, length)
        said = f"{rule.title}: {counted:,.0f} {what} of {where} within {settings.seconds:,.0f} s"
        return signal(
            detector=PREFIX + rule.name,
            vector=rule.vector,
            network=(hi, lo, length),
            span=self._contacts.span,
            sums=sums,
            reasons=(Reason(f"{rule.count}-over-rule", said, counted, settings.at_least),),
            technique=rule.technique,
            side="source" if rule.by.startswith("source") else "destination",
            match=tuple(one for one in rule.match.values if one[0] in _SHOWN),
            severity=severity_of(counted / settings.at_least) if rule.severity is None else rule.severity,
            confidence=rule.confidence,
        )


_SHOWN: Final = frozenset({"src_port", "dst_port", "protocol", "tcp_flags", "ip_tos", "icmp_type_code"})


def matching(flows: Flows, match: Match) -> Numbers:
    """Rows that a rule is about."""
    columns = flows.columns
    chosen = np.ones(flows.rows, bool)
    for name, values in match.values:
        chosen &= np.isin(columns[name], np.array(values))
    if match.flags_set or match.flags_unset:
        flags = columns["tcp_flags"]
        chosen &= (flags & match.flags_set == match.flags_set) & (flags & match.flags_unset == 0)
    rows = np.flatnonzero(chosen)
    packets = columns["packets"][rows]
    size = columns["bytes"][rows] / np.maximum(packets, 1)
    kept = (packets >= match.packets[0]) & (packets <= match.packets[1])
    kept &= (size >= match.packet_bytes[0]) & (size <= match.packet_bytes[1])
    rows = rows[kept]
    for side, networks in (("src", match.source), ("dst", match.destination)):
        if networks and len(rows):
            hi, lo = hosts(flows, rows, side)
            inside = np.zeros(len(rows), bool)
            for network in networks:
                inside |= addresses.inside(hi, lo, network)
            rows = rows[inside]
    return rows


def detector_of(rule: Rule) -> Detector:
    return Detector(
        name=PREFIX + rule.name,
        title=rule.title,
        source=rule.source,
        misses=rule.misses,
        parameters=rule.parameters,
        start=lambda settings: Ruled(rule, settings),
        columns=rule.match.columns,
        technique=rule.technique,
    )
