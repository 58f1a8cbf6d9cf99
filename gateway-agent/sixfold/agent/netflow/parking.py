"""Sets that came before their template: kept for a bounded time, in bounded memory."""

from collections import deque
from dataclasses import dataclass, field

from sixfold.agent.netflow.store import slot_of


@dataclass(frozen=True, slots=True)
class ParkedSet:
    """A set's body with what its message's header said; times in ms UTC."""

    body: bytes
    export: int
    uptime: int
    received: int


@dataclass(slots=True)
class _Place:
    sets: list[ParkedSet] = field(default_factory=list)
    size: int = 0


_OVERHEAD = 160


class Parking:
    """Keys are those of `store.key_of`. Bounds are in bytes: a set costs its body and an overhead for its object."""

    def __init__(self, limit: int, session_limit: int, keep_ms: int, try_ms: int) -> None:
        self._limit, self._session_limit = limit, session_limit
        self._keep, self._try = keep_ms, try_ms
        self._places: dict[int, _Place] = {}
        """In the order in which they came to be, which is that of their oldest sets."""
        self._by_session: dict[int, dict[int, None]] = {}
        self._sizes: dict[int, int] = {}
        self._untried: deque[tuple[int, int]] = deque()
        self.size = 0

    def __len__(self) -> int:
        return sum(len(place.sets) for place in self._places.values())

    def __contains__(self, key: int) -> bool:
        return key in self._places

    def add(self, key: int, parked: ParkedSet) -> bool:
        """Keep a set; False where a bound forbids it."""
        cost = len(parked.body) + _OVERHEAD
        slot = slot_of(key)
        used = self._sizes.get(slot, 0)
        if self.size + cost > self._limit or used + cost > self._session_limit:
            return False
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _Place()
            self._by_session.setdefault(slot, {})[key] = None
            self._untried.append((parked.received, key))
        place.sets.append(parked)
        place.size += cost
        self._sizes[slot] = used + cost
        self.size += cost
        return True

    def take(self, key: int) -> list[ParkedSet]:
        """The sets that waited for this template, in order of arrival; they are no longer kept."""
        place = self._places.pop(key, None)
        if place is None:
            return []
        slot = slot_of(key)
        self.size -= place.size
        self._sizes[slot] -= place.size
        del self._by_session[slot][key]
        if not self._by_session[slot]:
            del self._by_session[slot], self._sizes[slot]
        return place.sets

    def overdue(self, now: int) -> list[int]:
        """The places whose first set has waited as long as one should for its own template; each once."""
        found: list[int] = []
        while self._untried and now - self._untried[0][0] >= self._try:
            _, key = self._untried.popleft()
            if key in self._places:
                found.append(key)
        return found

    def expired(self, now: int) -> list[int]:
        """The places whose first set has waited too long."""
        found: list[int] = []
        for key, place in self._places.items():
            if now - place.sets[0].received < self._keep:
                break
            found.append(key)
        return found

    def of_session(self, slot: int) -> list[int]:
        return list(self._by_session.get(slot, ()))
