"""What a detector says."""

from dataclasses import dataclass

from sixfold.security.domain.events import Rates, Reason, Severity


@dataclass(frozen=True, slots=True)
class Signal:
    """One victim, or one origin, over (or still near) the limit in one window of event time."""

    detector: str
    vector: str
    network: tuple[int, int, int]
    """Who it is about as `(hi, lo, length)`, the length counted in 128 bits: the victim, or with `side` "source"
    where it comes from.
    """
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
    side: str = "destination"
    """Column of the flows that lies in `network`: "destination" or "source"."""
    match: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Which of these flows are meant, for the evidence: columns (protocol, src_port, dst_port, tcp_flags …) with the
    values that they may have; none is all of them.
    """
    technique: str = ""
    """ATT&CK technique, such as T1498.001."""
    also: tuple[str, ...] = ()
    """Other detectors that say the same; filled in where signals are joined."""
    peer: tuple[int, int, int] | None = None
    """The other side of the flows that are meant, as a network like `network`; None is any."""
