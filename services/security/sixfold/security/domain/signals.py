"""What a detector says, and what one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sixfold.security.domain.events import Rates, Reason, Severity
from sixfold.security.domain.window import Window


@dataclass(frozen=True, slots=True)
class Signal:
    """One victim over (or still near) the limit in one window of event time."""

    detector: str
    vector: str
    network: tuple[int, int, int]
    """Victim as `(hi, lo, length)`, the length counted in 128 bits."""
    window_start: int
    window_end: int
    """Milliseconds."""
    rates: Rates
    opens: bool
    """True over the threshold: enough to open an incident. False between release and threshold: keeps one
    open.
    """
    severity: Severity
    confidence: float
    reasons: tuple[Reason, ...]


class Detector(Protocol):
    """A detector reads the window after the slots `grown` have grown and says what it sees; it holds no
    state.
    """

    @property
    def name(self) -> str: ...

    def detect(self, window: Window, grown: Sequence[int]) -> list[Signal]: ...
