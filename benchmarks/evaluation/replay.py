"""Flows through all detectors in their order of time, and what they tell."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.evaluation.cases import Case, Columns, Network, chosen, joined
from sixfold.security.adapters.registry import chosen as detectors
from sixfold.security.domain.detectors.intel import Intel
from sixfold.security.domain.engine import Engine
from sixfold.security.domain.intel.prefixes import Listed
from sixfold.security.domain.window import Window, WindowSettings

_ROWS = 65_536
_QUIET_MS = 600_000
"""A signal after so long a silence is another incident."""


@dataclass(slots=True)
class Told:
    """One incident of one detector. `case`: the attack that it is about, None: a false alarm."""

    detector: str
    vector: str
    network: Network
    first: int
    last: int
    case: str | None
    text: str


@dataclass(slots=True)
class Outcome:
    told: list[Told] = field(default_factory=list[Told])
    flows: int = 0
    days: float = 0.0


def steps_of(columns: Columns, start: int, end: int, step_ms: int) -> Iterator[tuple[int, Columns]]:
    """Flows cut into steps by when they ended."""
    order = np.argsort(columns["time_end"], kind="stable")
    ordered = chosen(columns, order)
    for until in range(start + step_ms, end + step_ms, step_ms):
        first, last = np.searchsorted(ordered["time_end"], (until - step_ms, until))
        yield until, chosen(ordered, slice(first, last))


def replay(
    steps: Iterable[tuple[int, Columns]], cases: Sequence[Case], *, listed: Listed | None = None
) -> Outcome:
    """The flows of the cases are put between those of the steps, where they end."""
    entries = detectors({})
    for entry in entries:
        if listed is not None and isinstance(entry.running, Intel):
            entry.running.listed = listed
    engine = Engine(Window(WindowSettings()), entries)
    waiting = [(case, np.argsort(case.columns["time_end"], kind="stable")) for case in cases if case.flows]
    ordered = [chosen(case.columns, order) for case, order in waiting]
    place = [0] * len(ordered)
    outcome = Outcome()
    open_: dict[tuple[str, str, Network], Told] = {}
    began = None
    for until, columns in steps:
        began = until if began is None else began
        parts = [columns]
        for at, more in enumerate(ordered):
            last = int(np.searchsorted(more["time_end"], until))
            if last > place[at]:
                parts.append(chosen(more, slice(place[at], last)))
                place[at] = last
        whole = parts[0] if len(parts) == 1 else joined(parts)
        count = len(whole["time_end"])
        grown: set[int] = set()
        for first in range(0, count, _ROWS):
            rows = chosen(whole, slice(first, first + _ROWS))
            grown |= set(engine.add(rows, until).slots)
        outcome.flows += count
        outcome.days = (until - began) / 86_400_000
        for name, signals in engine.look(sorted(grown), until).items():
            for signal in signals:
                if not signal.opens:
                    continue
                key = (name, signal.vector, signal.network)
                before = open_.get(key)
                if before is not None and until - before.last <= _QUIET_MS:
                    before.last = until
                    continue
                text = signal.reasons[0].text
                case = _case(cases, signal.network, until)
                told = Told(name, signal.vector, signal.network, until, until, case, text)
                open_[key] = told
                outcome.told.append(told)
    return outcome


def _case(cases: Sequence[Case], network: Network, at: int) -> str | None:
    """The attack under way, or over for less than an hour (counts go back as far), that a network has part in."""
    for case in cases:
        if case.begins <= at <= case.ends + 3_600_000 and case.concerns(network):
            return case.name
    return None
