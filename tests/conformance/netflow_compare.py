"""Our reading of a case beside tshark's."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import netflow_oracle as oracle
from netflow_cases import Case, received_at_export

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import address_text
from sixfold.agent.decoded import Decoded
from sixfold.agent.netflow.collector import Collector
from sixfold.agent.netflow.settings import NetflowSettings

REVERSE = 2
Key = tuple[str, str, int, int, int, int, int]


@dataclass
class Outcome:
    """missing: records that tshark has and we have not; extra: the other way round; times: of equal records."""

    case: Case
    oracle: int = 0
    flows: int = 0
    nat_sessions: int = 0
    declined: dict[str, int] = field(default_factory=dict)
    reverse: int = 0
    waited: int = 0
    unread: int = 0
    oracle_unread: int = 0
    malformed: dict[str, int] = field(default_factory=dict)
    missing: list[Any] = field(default_factory=list)
    extra: list[Any] = field(default_factory=list)
    times: int = 0
    times_differ: list[Any] = field(default_factory=list)
    accounted: int = 0

    @property
    def equal(self) -> bool:
        return not (self.missing or self.extra or self.times_differ) and self.accounted == self.oracle


def labels(counters: Counters, name: str) -> dict[str, int]:
    """The values of one counter by its label's value."""
    found: dict[str, int] = {}
    for key, n in counters.snapshot().items():
        if key == name or key.startswith(name + "{"):
            found[key.partition('="')[2].rstrip('"}')] = n
    return found


def decode(case: Case) -> tuple[Decoded, Counters]:
    counters = Counters()
    collector = Collector(counters, NetflowSettings())
    return collector.decode(received_at_export(case.datagrams())), counters


def rows(decoded: Decoded) -> list[tuple[Key, int, int, int]]:
    """(key, start, end, direction) of every flow, bytes and packets as the exporter sent them."""
    found: list[tuple[Key, int, int, int]] = []
    for columns in decoded.flows:
        for i in range(len(columns["bytes"])):
            rate = max(1, int(columns["sampling_rate"][i]))
            key = (
                address_text(columns["src_address"][i].tobytes()),
                address_text(columns["dst_address"][i].tobytes()),
                int(columns["src_port"][i]),
                int(columns["dst_port"][i]),
                int(columns["protocol"][i]),
                int(columns["bytes"][i]) // rate,
                int(columns["packets"][i]) // rate,
            )
            found.append(
                (
                    key,
                    int(columns["time_start"][i]),
                    int(columns["time_end"][i]),
                    int(columns["direction"][i]),
                )
            )
    return found


def _is_flow(record: oracle.Record) -> bool:
    """The documented rule, on what tshark shows (docs/operators/conformance.md)."""
    if record.options or not (record.src or record.dst) or "cflow.nat_event" in record.fields:
        return False
    return "cflow.firewall_event" not in record.fields or bool(record.bytes or record.packets)


def _canonical(address: str) -> str:
    return address or "::"


def compare(case: Case, directory: Path) -> Outcome:
    reading = oracle.read(case.datagrams(), directory)
    decoded, counters = decode(case)
    outcome = Outcome(case, oracle=len(reading.records), oracle_unread=reading.without_template)
    records = labels(counters, "netflow_records")
    outcome.declined = labels(counters, "netflow_declined")
    outcome.malformed = labels(counters, "netflow_malformed")
    outcome.flows = records.get("flow", 0) + records.get("flow-and-nat-session", 0)
    outcome.nat_sessions = records.get("nat-session", 0) + records.get("flow-and-nat-session", 0)
    outcome.accounted = sum(records.values())
    snapshot = counters.snapshot()
    outcome.reverse = snapshot.get("netflow_reverse_flows", 0)
    outcome.waited = snapshot.get("netflow_released_sets", 0)
    outcome.unread = snapshot.get("netflow_parked_sets", 0) - outcome.waited
    ours = [row for row in rows(decoded) if row[3] != REVERSE]
    theirs = [
        ((_canonical(r.src), _canonical(r.dst), r.src_port, r.dst_port, r.protocol, r.bytes, r.packets), r)
        for r in reading.records
        if _is_flow(r)
    ]
    mine, other = Counter(key for key, *_ in ours), Counter(key for key, _ in theirs)
    outcome.missing, outcome.extra = list((other - mine).elements()), list((mine - other).elements())
    _compare_times(outcome, ours, theirs)
    return outcome


def _compare_times(outcome: Outcome, ours: list[Any], theirs: list[Any]) -> None:
    """Of each record whose times tshark tells absolutely, to the ms; a start after the end counts as the end."""
    ends = Counter((key, end) for key, _, end, _ in ours)
    starts = Counter((key, start) for key, start, _, _ in ours)
    for key, record in theirs:
        for known, moment in ((ends, record.end), (starts, record.start)):
            if moment is None:
                continue
            outcome.times += 1
            if record.end is not None and moment > record.end:
                moment = record.end
            # tshark rounds relative times to the ms in floating point
            near = next((m for m in (moment, moment - 1, moment + 1) if known[key, m] > 0), None)
            if near is None:
                outcome.times_differ.append((key, moment))
            else:
                known[key, near] -= 1
