"""What a collector makes of datagrams: columns of sixfold.api.flow.schema, several groups of each kind."""

from dataclasses import dataclass, field

from sixfold.api.flow.schema import Columns


@dataclass(frozen=True, slots=True)
class Decoded:
    """Groups of columns. Each group has all required columns of its schema and those optional ones its exporter gives.

    A collector may reuse the arrays: they are valid until its next `decode`, so copy them (Batcher.add does).
    """

    flows: list[Columns] = field(default_factory=list)
    nat_sessions: list[Columns] = field(default_factory=list)
    counters: list[Columns] = field(default_factory=list)
    """Interface counters (sFlow counter samples)."""
