"""Sets that came before their template: kept for a bounded time, in bounded memory."""

from collections import OrderedDict
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

    def __init__(self, limit: int, session_limit: int, keep_ms: int) -> None:
        self._limit, self._session_limit, self._keep = limit, session_limit, keep_ms
        self._places: OrderedDict[int, _Place] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self.size = 0

    def __len__(self) -> int:
        return sum(len(place.sets) for place in self._places.values())

    def add(self, key: int, parked: ParkedSet) -> bool:
        """Keep a set; False where a bound forbids it."""
        cost = len(parked.body) + _OVERHEAD
        used = self._sizes.get(slot_of(key), 0)
        if self.size + cost > self._limit or used + cost > self._session_limit:
            return False
        place = self._places.setdefault(key, _Place())
        place.sets.append(parked)
        place.size += cost
        self._sizes[slot_of(key)] = used + cost
        self.size += cost
        return True

    def take(self, key: int) -> list[ParkedSet]:
        """The sets that waited for this template, in order of arrival; they are no longer kept."""
        place = self._places.pop(key, None)
        if place is None:
            return []
        self.size -= place.size
        left = self._sizes[slot_of(key)] - place.size
        if left:
            self._sizes[slot_of(key)] = left
        else:
            del self._sizes[slot_of(key)]
        return place.sets

    def waiting(self, now: int, since_ms: int) -> list[int]:
        """The places whose oldest set has waited for at least so long."""
        return [key for key, place in self._places.items() if now - place.sets[0].received >= since_ms]

    def expired(self, now: int) -> list[int]:
        return self.waiting(now, self._keep)

    def of_session(self, slot: int) -> list[int]:
        return [key for key in self._places if slot_of(key) == slot] if slot in self._sizes else []
