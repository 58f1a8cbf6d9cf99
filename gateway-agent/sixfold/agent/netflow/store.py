"""The templates of all sessions, with equal definitions held once, and a look-up for whole arrays of sets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sixfold.agent.netflow import elements as ie
from sixfold.agent.netflow.index import KeyIndex
from sixfold.agent.netflow.layout import V5_LAYOUT, Kind, Layout, compile_layout
from sixfold.agent.netflow.messages import V5_SET
from sixfold.agent.netflow.sampling import tells_sampling
from sixfold.agent.netflow.sessions import Known, Session
from sixfold.agent.netflow.templates import Definition

Array = npt.NDArray[Any]
UNKNOWN_LAYOUT = -1
_SET_BITS = 20


@dataclass(slots=True)
class _Interned:
    number: int
    users: int


_Offered = tuple[bytes, int, int, int]


def _offered(session: Session, identity: int) -> _Offered:
    return session.address, session.version, session.domain, identity


class TemplateStore:
    """`layouts[number]` is what `resolve` answers with; number 0 is the record of v5."""

    def __init__(self) -> None:
        self.layouts: list[Layout] = [V5_LAYOUT]
        self.teaching = np.zeros(64, dtype=bool)
        """By layout number: whether its records say how others are to be read."""
        self._interned: dict[Definition, _Interned] = {}
        self._unused: list[int] = []
        self._index = KeyIndex()
        self._offers: dict[_Offered, dict[Definition, int]] = {}
        self._borrowers: dict[_Offered, set[int]] = {}
        self.size = 0

    def resolve(self, keys: Array) -> Array:
        """The layout number of each set, UNKNOWN_LAYOUT where its template is not known. keys: see `keys_of`."""
        found = self._index.find(keys.astype(np.uint64))
        found[(keys & ((1 << _SET_BITS) - 1)) == V5_SET] = 0
        return found

    def define(
        self, session: Session, identity: int, definition: Definition, now: int, borrowed: bool
    ) -> None:
        """Set a template, in the place of one that has the same number."""
        held = self._interned.get(definition)
        if held is None:
            layout = compile_layout(definition)
            number = self._unused.pop() if self._unused else len(self.layouts)
            if number == len(self.layouts):
                self.layouts.append(layout)
            else:
                self.layouts[number] = layout
            if number >= len(self.teaching):
                self.teaching = np.concatenate((self.teaching, np.zeros_like(self.teaching)))
            self.teaching[number] = teaches(layout)
            held = self._interned[definition] = _Interned(number, 0)
        held.users += 1  # before the old one goes: it may be the same
        if identity in session.templates:
            self.forget(session, identity)
        session.templates[identity] = Known(self.layouts[held.number], now, borrowed)
        self._index.put(key_of(session.slot, identity), held.number)
        self.size += 1
        offered = _offered(session, identity)
        if borrowed:
            self._borrowers.setdefault(offered, set()).add(session.slot)
        else:
            offers = self._offers.setdefault(offered, {})
            offers[definition] = offers.get(definition, 0) + 1

    def forget(self, session: Session, identity: int) -> bool:
        known = session.templates.pop(identity, None)
        if known is None:
            return False
        self._index.remove(key_of(session.slot, identity))
        self.size -= 1
        held = self._interned[known.layout.definition]
        self._take_back(session, identity, known)
        held.users -= 1
        if not held.users:
            del self._interned[known.layout.definition]
            self._unused.append(held.number)
        return True

    def own(self, session: Session, identity: int) -> None:
        """The session has sent the template itself that it had borrowed."""
        known = session.templates[identity]
        if known.borrowed:
            self._take_back(session, identity, known)
            known.borrowed = False
            offers = self._offers.setdefault(_offered(session, identity), {})
            offers[known.layout.definition] = offers.get(known.layout.definition, 0) + 1

    def _take_back(self, session: Session, identity: int, known: Known) -> None:
        offered = _offered(session, identity)
        if known.borrowed:
            borrowers = self._borrowers[offered]
            borrowers.discard(session.slot)
            if not borrowers:
                del self._borrowers[offered]
            return
        offers = self._offers[offered]
        offers[known.layout.definition] -= 1
        if not offers[known.layout.definition]:
            del offers[known.layout.definition]
        if not offers:
            del self._offers[offered]

    def offers(self, session: Session, identity: int) -> list[Definition]:
        """The different definitions that the processes of this exporter and domain have sent under a number."""
        return list(self._offers.get(_offered(session, identity), ()))

    def borrowers(self, session: Session, identity: int) -> list[int]:
        """The slots of the processes that use a template of another process of the same exporter and domain."""
        return sorted(self._borrowers.get(_offered(session, identity), set()) - {session.slot})

    def forget_session(self, session: Session) -> None:
        for identity in list(session.templates):
            self.forget(session, identity)


def teaches(layout: Layout) -> bool:
    """Options data about sampling, or the time base of its exporter (systemInitTimeMilliseconds)."""
    if layout.kind is not Kind.OPTIONS:
        return False
    return ie.SYSTEM_INIT in layout.by_element or tells_sampling(layout)


def key_of(slot: int, identity: int) -> int:
    return slot << _SET_BITS | identity


def keys_of(slots: Array, identities: Array) -> Array:
    return (slots << _SET_BITS) | identities


def slot_of(key: int) -> int:
    return key >> _SET_BITS


def identity_of(key: int) -> int:
    return key & ((1 << _SET_BITS) - 1)
