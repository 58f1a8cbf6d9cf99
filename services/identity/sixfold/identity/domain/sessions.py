"""Sessions of the access network, as accounting tells them. Changed in place, like the register that holds them."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, assert_never

from sixfold.identity.domain.events import SessionEvent, SessionsEnded, SessionsStarted

ENDED_KEPT: Final = 200_000
"""Ended sessions that are remembered, so that a replayed start does not begin them anew."""


@dataclass(frozen=True, slots=True)
class Session:
    """`key` stands for the access server and its session id; `since` is in UTC milliseconds."""

    key: str
    nas: str
    session_id: str
    terminal: str
    gateway: str
    since: int


@dataclass(slots=True)
class Sessions:
    live: dict[str, Session] = field(default_factory=dict[str, Session])
    of_terminal: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    of_nas: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    ended: OrderedDict[str, int] = field(default_factory=OrderedDict[str, int])

    def of(self, terminal: str) -> list[Session]:
        return [self.live[key] for key in self.of_terminal.get(terminal, ())]

    def at(self, nas: str) -> list[Session]:
        return [self.live[key] for key in self.of_nas.get(nas, ())]


def evolve_sessions(sessions: Sessions, event: SessionEvent) -> None:
    match event:
        case SessionsStarted():
            for one in event.sessions:
                session = Session(one.key, one.nas, one.session_id, one.terminal, one.gateway, one.since)
                sessions.live[one.key] = session
                sessions.of_terminal.setdefault(one.terminal, {})[one.key] = None
                sessions.of_nas.setdefault(one.nas, {})[one.key] = None
        case SessionsEnded():
            for one in event.sessions:
                _end(sessions, one.key, one.until)
        case _:
            assert_never(event)


def _end(sessions: Sessions, key: str, until: int) -> None:
    session = sessions.live.pop(key, None)
    if session is not None:
        for index, name in ((sessions.of_terminal, session.terminal), (sessions.of_nas, session.nas)):
            del index[name][key]
            if not index[name]:
                del index[name]
    sessions.ended[key] = until
    sessions.ended.move_to_end(key)
    if len(sessions.ended) > ENDED_KEPT:
        sessions.ended.popitem(last=False)
