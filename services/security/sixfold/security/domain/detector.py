"""What a detector is: a description as data, and a running part that sees every flow once and looks once a second.

A detector module gives one `Detector`. Built-in ones stand in `detectors/`, a plugin gives its own by the entry
point group `sixfold.security.detectors`, a YAML rule is one too. docs/contributors/detectors.md says how.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from sixfold.security.domain.baselines import Baselines
from sixfold.security.domain.breakdown import Breakdown
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.window import Window

State = Mapping[str, npt.NDArray[Any]]
"""What a checkpoint keeps of a detector: arrays by name, no objects, a few megabytes at most."""


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to look at once a second. Read only."""

    window: Window
    """Volumes by source, destination and destination prefix, by slot."""
    grown: Sequence[int]
    """Slots that grew since the last look, in order."""
    now_ms: int
    """Wall clock."""
    breakdown: Breakdown
    """What the traffic of those that get much of it consists of: by kind, with distinct sources."""
    baselines: Baselines
    """What is usual for a host or prefix at this hour."""


class Running(Protocol):
    """A detector at work. One caller at a time; memory bounded whatever comes."""

    def add(self, flows: Flows) -> None:
        """See some flows; every flow comes once. Whole columns, shared groupings (`flows.groups`)."""
        ...

    def look(self, look: Look) -> list[Signal]: ...

    def dump(self) -> State:
        """For a checkpoint, taken together with the window's and with which batches are counted."""
        ...

    def restore(self, state: State) -> None:
        """Take up what `dump` gave. ValueError or KeyError: it cannot be used, and nothing has changed."""
        ...


class Stateless:
    """The parts of Running that a detector without a state of its own does not need."""

    def add(self, flows: Flows) -> None:
        pass

    def dump(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A detector as data."""

    name: str
    """Stable, in kebab case: the key of its settings, of its counters and of its signals."""
    title: str
    source: str
    """The paper or RFC that it follows."""
    misses: str
    """What it cannot see, in a sentence, for the operator's table."""
    parameters: Any
    """A frozen dataclass with every default; settings override single fields."""
    start: Callable[[Any], Running]
    """From such parameters to a detector at work."""
    columns: frozenset[str] = frozenset()
    """Columns of a flow batch that `add` reads besides the window's; absent optional ones come as zeros."""
    technique: str = ""
    """ATT&CK technique where one fits, such as T1498.001."""
