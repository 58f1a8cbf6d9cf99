"""Exporting processes and what is known of each: a table of bounded size with arrays beside it.

A session is (exporter address, source port, version, observation domain): RFC 7011, 8 scopes templates by
transport session and domain, and several exporting processes may stand behind one address. Where the table is
full, the session heard longest ago leaves it; one that has never delivered a flow leaves before all others, so
that a flood of forged exporters pushes out itself and not the true ones.
"""

import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.datagrams import address_text
from sixfold.agent.netflow.index import KeyIndex
from sixfold.agent.netflow.layout import Layout
from sixfold.agent.netflow.sampling import Sampling
from sixfold.agent.netflow.sequence import FARTHEST, UNKNOWN

Array = npt.NDArray[Any]
_PROVEN: Final = 1 << 62


@dataclass(slots=True)
class Known:
    """A template of a session. learned: ms UTC. borrowed: it is that of another process of this exporter."""

    layout: Layout
    learned: int
    borrowed: bool = False


@dataclass(slots=True)
class Session:
    slot: int
    address: bytes
    port: int
    version: int
    domain: int
    exporter: str
    """The address as text."""
    templates: OrderedDict[int, Known] = field(default_factory=OrderedDict)
    """By set id, the one sent longest ago first."""
    sampling: Sampling = field(default_factory=Sampling)
    system_init: int = UNKNOWN
    told: int = 0
    """The rate of `sampling` as the table knows it."""


class Sessions:
    """slots: session or None. Arrays by slot: `rate` (uint32), `system_init`, `expected` sequence and how `farthest`
    it may jump, `seen`, `proven`.
    """

    def __init__(self, limit: int) -> None:
        self.slots: list[Session | None] = [None] * limit
        self.rate = np.zeros(limit, dtype=np.uint32)
        self.system_init = np.full(limit, UNKNOWN, dtype=np.int64)
        self.expected = np.full(limit, UNKNOWN, dtype=np.int64)
        self.farthest = np.full(limit, FARTHEST, dtype=np.int64)
        self.seen = np.full(limit, -1, dtype=np.int64)
        self.proven = np.zeros(limit, dtype=bool)
        self.touched = np.zeros(limit, dtype=bool)
        """Slots of the batch being decoded: these do not leave."""
        self.detailed: set[int] = set()
        """Slots whose sampling differs by selector or interface."""
        self._families: dict[bytes, _Family] = {}
        self._words = np.zeros((limit, 3), dtype=np.uint64)
        self._index = KeyIndex()
        self._keys: list[int] = [0] * limit
        self._by_identity: dict[tuple[int, int, int], int] = {}
        self._multipliers = np.array([secrets.randbits(64) | 1 for _ in range(3)], dtype=np.uint64)
        self._free = list(range(limit - 1, -1, -1))

    def __len__(self) -> int:
        return len(self.slots) - len(self._free)

    def __iter__(self) -> Iterator[Session]:
        return (session for session in self.slots if session is not None)

    def at(self, slot: int) -> Session:
        session = self.slots[slot]
        if session is None:
            raise KeyError(f"no session has slot {slot}")
        return session

    def find(self, words: Array) -> Array:
        """The slot of each message, -1 where its session is new. words: (messages, 3) uint64, see `words_of`."""
        slot = self._index.find(self._hash(words)).astype(np.int64)
        wrong = (slot >= 0) & (self._words[slot] != words).any(axis=1)
        if wrong.any():  # two sessions of one hash: the table knows them by name
            for row in np.flatnonzero(wrong).tolist():
                slot[row] = self._by_identity.get(tuple(words[row].tolist()), -1)
        return slot

    def _hash(self, words: Array) -> Array:
        mixed = words * self._multipliers
        mixed ^= mixed >> np.uint64(31)
        return (mixed[:, 0] * np.uint64(3)) ^ (mixed[:, 1] * np.uint64(5)) ^ mixed[:, 2]

    def open(self, words: Array, now: int) -> tuple[Session, Session | None]:
        """The session of `words` (3,), made where it is new, and the session that had to leave for it."""
        identity = tuple(words.tolist())
        slot = self._by_identity.get(identity)
        if slot is not None:
            return self.at(slot), None
        evicted = None
        if not self._free:
            score = self.seen + self.proven * _PROVEN
            score[self.touched] = np.iinfo(np.int64).max
            evicted = self.at(int(np.argmin(score)))
            self.close(evicted)
        slot = self._free.pop()
        rest = identity[2]
        address = np.array(words[:2], dtype=np.uint64).tobytes()
        session = Session(
            slot, address, rest >> 40, (rest >> 32) & 0xFF, rest & 0xFFFFFFFF, address_text(address)
        )
        self.slots[slot] = session
        self._words[slot] = words
        self._by_identity[identity] = slot
        key = int(self._hash(words[None, :])[0])
        self._keys[slot] = key
        self._index.put(key, slot)
        self.seen[slot] = now
        self._families.setdefault(address, _Family()).slots.add(slot)
        return session, evicted

    def close(self, session: Session) -> None:
        slot = session.slot
        identity = tuple(self._words[slot].tolist())
        del self._by_identity[identity]
        if int(self._index.find(np.array([self._keys[slot]], dtype=np.uint64))[0]) == slot:
            self._index.remove(self._keys[slot])
        self.slots[slot] = None
        self.rate[slot] = 0
        self.system_init[slot] = self.expected[slot] = UNKNOWN
        self.farthest[slot] = FARTHEST
        self.seen[slot] = -1
        self.proven[slot] = False
        self.detailed.discard(slot)
        family = self._families[session.address]
        family.slots.discard(slot)
        family.tell(session.told, -1)
        if not family.slots:
            del self._families[session.address]
        self._free.append(slot)

    def numbers(self, most: int) -> bytes:
        """The expected sequences of the sessions heard last, `most` of them, for `take_numbers`."""
        slots = np.flatnonzero(self.expected != UNKNOWN)
        if len(slots) > most:
            slots = slots[np.argpartition(self.seen[slots], -most)[-most:]]
        table = np.empty((len(slots), 5), dtype=np.uint64)
        table[:, :3] = self._words[slots]
        table[:, 3] = self.expected[slots]
        table[:, 4] = self.seen[slots]
        return table.tobytes()

    def take_numbers(self, numbers: bytes, farthest: int) -> Iterator[Session]:
        """Expect again what `numbers` told, as far as there is room; gives the sessions that are new by it.

        farthest: units that an exporter may have sent since.
        """
        for row in np.frombuffer(numbers, dtype=np.uint64).reshape(-1, 5):
            slot = self._by_identity.get(tuple(row[:3].tolist()))
            if slot is None:
                if not self._free:
                    continue
                session, _ = self.open(row[:3], int(row[4]))
                slot = session.slot
                yield session
            self.expected[slot] = row[3]
            self.farthest[slot] = farthest

    def settle_rate(self, session: Session, default: int) -> None:
        """Bring `rate` and `detailed` up to date after a session came or its sampling changed.

        default: the rate of the exporter's processes that have none, where the others do not agree on one.
        """
        family = self._families[session.address]
        before = family.shared
        told = session.sampling.rate
        if told != session.told:
            family.tell(session.told, -1)
            family.tell(told, 1)
            session.told = told
        shared = family.shared
        if shared != before:
            for slot in family.slots:
                self.rate[slot] = self.at(slot).told or shared or default
        self.rate[session.slot] = told or shared or default
        if session.sampling.selectors or session.sampling.interfaces:
            self.detailed.add(session.slot)


@dataclass(slots=True)
class _Family:
    """The sessions of one exporter address. rates: how many of them say each rate."""

    slots: set[int] = field(default_factory=set)
    rates: dict[int, int] = field(default_factory=dict)

    @property
    def shared(self) -> int:
        """The rate on which all that say one agree, else 0."""
        return next(iter(self.rates)) if len(self.rates) == 1 else 0

    def tell(self, rate: int, n: int) -> None:
        if rate:
            self.rates[rate] = self.rates.get(rate, 0) + n
            if not self.rates[rate]:
                del self.rates[rate]


def words_of(addresses: Array, ports: Array, versions: Array, domains: Array) -> Array:
    """(messages, 3) uint64: the address in two, then port << 40 | version << 32 | domain."""
    words = np.empty((len(addresses), 3), dtype=np.uint64)
    words[:, :2] = np.ascontiguousarray(addresses).view(np.uint64)
    words[:, 2] = (ports.astype(np.int64) << 40) | (versions << 32) | domains
    return words
