"""What changes how later sets are read: templates, withdrawals, and options data about sampling and time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sixfold.agent.datagrams import address_bytes
from sixfold.agent.netflow import elements as ie
from sixfold.agent.netflow import state as saved
from sixfold.agent.netflow.groups import Run
from sixfold.agent.netflow.messages import IPFIX, V9, Sets
from sixfold.agent.netflow.records import VariableRecords, number, records_of
from sixfold.agent.netflow.sampling import read_rates
from sixfold.agent.netflow.sessions import Session, Sessions, words_of
from sixfold.agent.netflow.settings import NetflowSettings
from sixfold.agent.netflow.store import TemplateStore, identity_of, key_of, slot_of
from sixfold.agent.netflow.templates import Definition, TemplateRefusedError, Withdrawal, read_set

Flush = Callable[[int | None], None]
"""Called before a change: decode the sets before it whose key is given; all sets where it is None."""


class Learner:
    def __init__(
        self,
        settings: NetflowSettings,
        sessions: Sessions,
        store: TemplateStore,
        defaults: Mapping[bytes, int],
        count: Callable[..., None],
    ) -> None:
        self._settings, self._sessions, self._store = settings, sessions, store
        self._defaults, self._count = defaults, count

    def learn(self, run: Run, one: Sets, layout: int, flush: Flush) -> list[int]:
        """Take in one control set: a template set, or options data of `layout`. The keys whose layout it changed."""
        message = int(one.message[0])
        session = self._sessions.at(int(run.slots[message]))
        identity = int(one.identity[0])
        if layout >= 0:
            self._options(run, one, layout, session, flush)
            return []
        templates = {V9: (0, 1), IPFIX: (2, 3)}.get(session.version, ())
        if identity not in templates:
            self._count("reason/netflow_declined_sets", "reserved-set")
            return []
        start = int(one.position[0])
        body = run.flat[start : start + int(one.length[0])].tobytes()
        changed: list[int] = []
        for entry in read_set(session.version, identity, body, self._settings.max_fields):
            if isinstance(entry, TemplateRefusedError):
                self._count("cause/netflow_malformed", entry.cause)
            elif isinstance(entry, Withdrawal):
                changed += self._withdraw(session, entry.identity, flush)
            else:
                if identity == 3 and not entry[1].scopes:
                    self._count("cause/netflow_malformed", "options-template-without-scope")
                changed += self.define(
                    session, entry[0], entry[1], int(run.messages.received[message]), flush
                )
        return changed

    def define(
        self, session: Session, identity: int, definition: Definition, now: int, flush: Flush
    ) -> list[int]:
        """Set a template of a session, and the same one where others had borrowed it."""
        changed: list[int] = []
        followers = [self._sessions.at(slot) for slot in self._store.borrowers(session, identity)]
        for target in (session, *followers):
            known = target.templates.get(identity)
            if known is not None and known.layout.definition == definition:
                known.learned = now
                target.templates.move_to_end(identity)
                if target is session:
                    self._store.own(session, identity)
                continue
            key = key_of(target.slot, identity)
            flush(key)
            if known is not None:
                self._count("event/netflow_templates", "redefined")
            elif not self._room(target):
                self._count("cause/netflow_malformed", "templates-full")
                continue
            self._store.define(target, identity, definition, now, target is not session)
            self._count("event/netflow_templates", "learned")
            changed.append(key)
        return changed

    def _room(self, session: Session) -> bool:
        """Whether one more template fits; the oldest of the session, or a forged-looking session, may make room."""
        if len(session.templates) >= self._settings.max_templates_per_session:
            self._store.forget(session, next(iter(session.templates)))
            self._count("event/netflow_templates", "dropped")
        while self._store.size >= self._settings.max_templates:
            victims = [
                other
                for other in self._sessions
                if other.templates and other is not session and not self._sessions.proven[other.slot]
            ]
            if not victims:
                return False
            victim = min(victims, key=lambda other: int(self._sessions.seen[other.slot]))
            self._count("event/netflow_templates", "dropped", len(victim.templates))
            self._store.forget_session(victim)
        return True

    def _withdraw(self, session: Session, identity: int, flush: Flush) -> list[int]:
        if identity >= 256:
            chosen = [identity] if identity in session.templates else []
        else:
            options = identity == 3
            chosen = [
                number
                for number, known in session.templates.items()
                if known.layout.definition.options == options
            ]
        for chosen_identity in chosen:
            flush(key_of(session.slot, chosen_identity))
            self._store.forget(session, chosen_identity)
        self._count("event/netflow_templates", "withdrawn", len(chosen))
        return [key_of(session.slot, chosen_identity) for chosen_identity in chosen]

    def _options(self, run: Run, one: Sets, layout_number: int, session: Session, flush: Flush) -> None:
        layout = self._store.layouts[layout_number]
        if int(one.length[0]) < layout.length:
            self._count("cause/netflow_malformed", "set-without-record")
            return
        records = records_of(layout, one, run.flat)
        if isinstance(records, VariableRecords) and records.damaged:
            self._count("cause/netflow_malformed", "record-truncated")
        run.units[int(one.message[0])] += records.rows
        if not records.rows:
            return
        self._count("kind/netflow_records", "declined", records.rows)
        self._count("reason/netflow_declined", "options-data", records.rows)
        rates = read_rates(records, layout)
        if session.sampling.news(rates):
            flush(None)
            session.sampling.learn(rates)
            self._sessions.settle_rate(session, self._default(session))
            self._count("netflow_sampling_changes", "")
        init = layout.by_element.get(ie.SYSTEM_INIT)
        if init is not None:
            told = int(number(records, init, np.empty(records.rows, dtype=np.int64))[-1])
            if told != session.system_init and told > 0:
                flush(None)
                session.system_init = told
                self._sessions.system_init[session.slot] = told

    def session_came(self, session: Session) -> None:
        self._sessions.settle_rate(session, self._default(session))

    def _default(self, session: Session) -> int:
        return self._defaults.get(session.address, 0)

    def borrow(self, key: int, now: int) -> bool:
        """Take over the template of `key` from the other processes of the exporter, where they agree on it."""
        session, identity = self._sessions.at(slot_of(key)), identity_of(key)
        if identity in session.templates:
            return True
        offers = self._store.offers(session, identity)
        if len(offers) != 1 or not self._room(session):
            return False
        self._store.define(session, identity, offers.pop(), now, True)
        self._count("event/netflow_templates", "borrowed")
        return True

    def restore(self, state: Mapping[str, Any], now: int) -> None:
        oldest = now - int(self._settings.state_seconds * 1000)
        entries, refused = saved.from_state(state, oldest)
        self._count("cause/netflow_malformed", "state", refused)
        limit = self._settings.max_sessions
        for entry in sorted(entries, key=lambda some: some.seen)[-limit:]:
            words = words_of(
                np.frombuffer(address_bytes(entry.address), dtype=np.uint8)[None, :],
                np.array([entry.port]),
                np.array([entry.version], dtype=np.int64),
                np.array([entry.domain], dtype=np.int64),
            )[0]
            if not len(self._sessions) < limit:
                break
            session, _ = self._sessions.open(words, entry.seen)
            session.sampling = entry.sampling
            session.system_init = entry.system_init
            self._sessions.system_init[session.slot] = entry.system_init
            self._sessions.proven[session.slot] = True
            for identity, definition, learned in entry.templates:
                if identity not in session.templates and self._room(session):
                    self._store.define(session, identity, definition, learned, False)
            self._sessions.settle_rate(session, self._default(session))
