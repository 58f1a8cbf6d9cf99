"""The open batches of all kinds, which are sealed together.

What is sealed must end between two polls, so that the exporters' numbers of that moment belong to it. Therefore a batch
that the next datagrams would fill up is sealed before they are decoded; where more came than was expected, what is open
is sealed right after.
"""

from dataclasses import dataclass
from typing import Final

from sixfold.agent.batch import Batcher, Sealed
from sixfold.agent.config import BatchSettings
from sixfold.agent.datagrams import Datagrams
from sixfold.agent.decoded import Decoded
from sixfold.agent.sequences import Snapshot
from sixfold.api.flow.schema import FLOW, INTERFACE_COUNTER, NAT_SESSION, Columns

_FORGET: Final = 0.98


@dataclass(frozen=True, slots=True)
class HandOver:
    """All that was open. snapshot: the exporters' numbers once these batches are kept."""

    batches: tuple[Sealed, ...]
    snapshot: Snapshot


class OpenBatches:
    """Not thread-safe. `now` values are ms, any epoch."""

    def __init__(self, settings: BatchSettings) -> None:
        self._max_age = settings.max_age_ms
        self._batchers = {
            schema.name: Batcher(schema, settings.max_rows, settings.max_age_ms)
            for schema in (FLOW, NAT_SESSION, INTERFACE_COUNTER)
        }
        self._since: int | None = None
        self._rows_a_byte: dict[tuple[str, str], float] = {}

    def has_room_for(self, protocol: str, datagrams: Datagrams) -> bool:
        """Whether what is open takes these datagrams too, by what the last ones of this protocol became."""
        octets = int(datagrams.lengths.sum())
        return all(
            not batcher.rows or self._rows_a_byte.get((protocol, kind), 0.0) * octets <= batcher.room
            for kind, batcher in self._batchers.items()
        )

    def add(self, decoded: Decoded, now: int) -> dict[str, int]:
        """Rows by kind."""
        return {
            FLOW.name: self._add(FLOW.name, decoded.flows, now),
            NAT_SESSION.name: self._add(NAT_SESSION.name, decoded.nat_sessions, now),
            INTERFACE_COUNTER.name: self._add(INTERFACE_COUNTER.name, decoded.counters, now),
        }

    def _add(self, kind: str, groups: list[Columns], now: int) -> int:
        rows = 0
        for columns in groups:
            self._batchers[kind].add(columns, now)
            rows += len(columns["time_received"])
        if rows and self._since is None:
            self._since = now
        return rows

    def learn(self, protocol: str, datagrams: Datagrams, rows: dict[str, int]) -> None:
        """What these datagrams became."""
        octets = max(1, int(datagrams.lengths.sum()))
        for kind, n in rows.items():
            known = self._rows_a_byte.get((protocol, kind), 0.0)
            self._rows_a_byte[protocol, kind] = max(n / octets, known * _FORGET)

    @property
    def empty(self) -> bool:
        return self._since is None

    def due(self, now: int) -> bool:
        """Whether something is full or old enough."""
        if self._since is None:
            return False
        return now - self._since >= self._max_age or any(one.full for one in self._batchers.values())

    def cut(self) -> tuple[Sealed, ...]:
        """All there is, sealed."""
        self._since = None
        return tuple(sealed for batcher in self._batchers.values() for sealed in batcher.flush())
