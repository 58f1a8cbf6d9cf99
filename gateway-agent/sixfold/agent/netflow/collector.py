"""NetFlow v5, v9 and IPFIX datagrams to columns: the whole of decoding, one call for a batch of datagrams.

Templates and options data change how later sets are read, so a batch is read in runs: the data sets between
two changes are decoded together, grouped by layout over all exporters.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, Networks, address_bytes
from sixfold.agent.decoded import Decoded
from sixfold.agent.netflow import state as saved
from sixfold.agent.netflow.arena import Arena
from sixfold.agent.netflow.groups import GroupDecoder, Run, parked_run
from sixfold.agent.netflow.learning import Flush, Learner
from sixfold.agent.netflow.messages import (
    IPFIX,
    V5,
    Array,
    Messages,
    Sets,
    flat_buffer,
    parse_messages,
    walk_sets,
)
from sixfold.agent.netflow.parking import ParkedSet, Parking
from sixfold.agent.netflow.sequence import FARTHEST, UNKNOWN, Event, follow
from sixfold.agent.netflow.sessions import Session, Sessions, words_of
from sixfold.agent.netflow.settings import NetflowSettings
from sixfold.agent.netflow.store import TemplateStore, keys_of, slot_of

_CHUNK: Final = 1024
_TICK_MS: Final = 250
_MOST_NUMBERS: Final = 16_384
"""Sessions whose sequence numbers are kept over a kill: 640 KB at most, several times a second."""


class Collector:
    """Not thread-safe: one per thread. All clocks are the `received` times of the datagrams and `tick`."""

    def __init__(self, counters: Counters, settings: NetflowSettings | None = None) -> None:
        self._settings = settings or NetflowSettings()
        self._counters = counters
        self._sessions = Sessions(self._settings.max_sessions)
        self._store = TemplateStore()
        self._parking = Parking(
            self._settings.parked_bytes,
            self._settings.parked_bytes_per_session,
            int(self._settings.parked_seconds * 1000),
            int(self._settings.borrow_after_seconds * 1000),
        )
        self._defaults = {address_bytes(address): rate for address, rate in self._settings.sampling.items()}
        self._allowed = Networks.of(self._settings.exporters) if self._settings.exporters else None
        self._arena = Arena()
        self._causes: Counter[tuple[str, str]] = Counter()
        self._events: Counter[tuple[int, str]] = Counter()
        self._units: Counter[tuple[int, str]] = Counter()
        self._groups = GroupDecoder(
            self._sessions, self._arena, self._count, int(self._settings.clock_tolerance_seconds * 1000)
        )
        self._learner = Learner(self._settings, self._sessions, self._store, self._defaults, self._count)
        self._chunk = min(_CHUNK, max(1, self._settings.max_sessions // 2))
        self._ticked = 0

    def decode(self, datagrams: Datagrams) -> Decoded:
        """Columns of all flows and NAT events in the datagrams, and of those that had waited for their template.

        The arrays are valid until the next call. Never raises for what a datagram holds: see the counters.
        """
        self._arena.reset()
        decoded = Decoded()
        for first in range(0, len(datagrams), self._chunk):
            part = slice(first, first + self._chunk)
            self._decode(
                Datagrams(
                    datagrams.data[part], datagrams.lengths[part], datagrams.addresses[part],
                    datagrams.ports[part], datagrams.received[part],
                ),
                decoded,
            )  # fmt: skip
        if len(datagrams):
            self._tick(int(datagrams.received[-1]), decoded)
        self._publish_counts()
        return decoded

    def tick(self, now: int) -> Decoded:
        """Let time pass while nothing comes, so that waiting sets are decided. now: ms UTC."""
        self._arena.reset()
        decoded = Decoded()
        self._tick(now, decoded)
        self._publish_counts()
        return decoded

    @property
    def exporters(self) -> int:
        """Exporting processes that are known."""
        return len(self._sessions)

    @property
    def templates(self) -> int:
        """Templates of all of them."""
        return sum(len(session.templates) for session in self._sessions)

    def state(self) -> dict[str, Any]:
        """Templates and sampling of all sessions, for `restore` after a restart. JSON-able."""
        return saved.to_state(self._sessions)

    def restore(self, state: Mapping[str, Any], now: int) -> None:
        """Take up what `state` gave. What is malformed, too old or too much is left out and counted."""
        self._learner.restore(state, now)
        self._publish_counts()

    def numbers(self) -> bytes:
        """The next sequence number of each session, for `resume` after a kill."""
        return self._sessions.numbers(_MOST_NUMBERS)

    def resume(self, numbers: bytes, elapsed: int) -> None:
        """Expect what `numbers` gave, so that what was missed meanwhile is counted. elapsed: ms since."""
        if len(numbers) % 40:
            self._malformed("state", 1)
            numbers = b""
        # An exporter sends no more than a thousand flows a ms: a jump by more is a restart of its own.
        for session in self._sessions.take_numbers(numbers, min(FARTHEST + 1_000 * max(elapsed, 0), 1 << 31)):
            self._learner.session_came(session)
        self._publish_counts()

    def _count(self, name: str, cause: str, n: int = 1) -> None:
        """name: `label/counter`, or the counter alone where it has no label. cause: the label's value."""
        if n:
            self._causes[name, cause] += n

    def _publish_counts(self) -> None:
        for (name, cause), n in self._causes.items():
            label, _, name = name.rpartition("/")
            self._counters.add(name, n, **({label: cause} if label else {}))
        self._causes.clear()

    def _malformed(self, cause: str, n: int) -> None:
        self._count("cause/netflow_malformed", cause, n)

    def _decode(self, datagrams: Datagrams, decoded: Decoded) -> None:
        if self._allowed is not None and not (allowed := self._allowed.hold(datagrams.addresses)).all():
            self._count("netflow_exporters_refused", "", int((~allowed).sum()))
            datagrams = datagrams.select(allowed)
        flat, slot = flat_buffer(datagrams)
        messages = parse_messages(datagrams, flat, slot, self._malformed)
        for version, n in zip(*np.unique(messages.version, return_counts=True), strict=True):
            self._count("version/netflow_messages", str(version), int(n))
        if not len(messages):
            return
        addresses = np.ascontiguousarray(datagrams.addresses[messages.row])
        slots = self._find_sessions(messages, addresses, datagrams.ports[messages.row])
        sets = walk_sets(messages, flat, self._malformed)
        units = np.zeros(len(messages), dtype=np.int64)
        run = Run(
            flat, messages, addresses.view(np.uint64), slots, units, np.zeros(len(messages), dtype=bool)
        )
        self._read_runs(run, sets, decoded)
        units = np.where(messages.version == V5, (messages.end - messages.start) // 48, units)
        units = np.where((messages.version == IPFIX) | (messages.version == V5), units, 1)
        units[run.unclear & (messages.version == IPFIX)] = UNKNOWN
        sessions = self._sessions
        follow(slots, messages.sequence, units, sessions.expected, sessions.farthest, self._report)
        self._publish_events()

    def _find_sessions(self, messages: Messages, addresses: Array, ports: Array) -> Array:
        words = words_of(addresses, ports, messages.version, messages.domain)
        slots = self._sessions.find(words)
        self._sessions.touched[:] = False
        self._sessions.touched[slots[slots >= 0]] = True
        for row in np.flatnonzero(slots < 0).tolist():
            session, evicted = self._sessions.open(words[row], int(messages.received[row]))
            if evicted is not None:
                self._session_left(evicted)
            self._learner.session_came(session)
            self._sessions.touched[session.slot] = True
            slots[row] = session.slot
        self._sessions.seen[slots] = messages.received
        return slots

    def _read_runs(self, run: Run, sets: Sets, decoded: Decoded) -> None:
        """Decode data sets up to each control set that changes something, let it change it, and go on."""
        keys = keys_of(run.slots[sets.message], sets.identity)
        numbers = self._store.resolve(keys)
        control = (sets.identity < 256) | (self._store.teaching[numbers] & (numbers >= 0))
        start = at = 0
        while at < len(sets):
            if not control[at]:
                step = int(np.argmax(control[at:]))
                if step == 0:
                    break
                at += step
            here = at

            def flush(key: int | None, here: int = here) -> None:
                """Decode what came before the change, if it concerns it."""
                nonlocal start
                if key is None or bool((keys[start:here] == key).any()):
                    self._decode_run(run, sets, keys, numbers, slice(start, here), decoded)
                    start = here

            one = sets.take(slice(at, at + 1))
            changed = self._learner.learn(run, one, int(numbers[at]), flush)
            for key in changed:
                later = np.flatnonzero(keys[at + 1 :] == key) + at + 1
                if len(later):
                    number = self._store.resolve(keys[later[:1]])[0]
                    numbers[later] = number
                    control[later] = number >= 0 and self._store.teaching[number]
                self._release(key, decoded, flush)
            at += 1
        self._decode_run(run, sets, keys, numbers, slice(start, len(sets)), decoded)

    def _decode_run(
        self, run: Run, sets: Sets, keys: Array, numbers: Array, part: slice, decoded: Decoded
    ) -> None:
        """Decode the data sets of a part of `sets`, the ones of a layout together; park those of none."""
        chosen = np.arange(part.start, part.stop)
        wanted = (sets.identity[part] >= 256) & ~self._store.teaching[numbers[part]]
        unknown = (numbers[part] < 0) & (sets.identity[part] >= 256)
        if unknown.any():
            for at in chosen[unknown].tolist():
                self._park(run, sets, at, int(keys[at]))
            wanted &= ~unknown
        chosen = chosen[wanted]
        if not len(chosen):
            return
        present = numbers[chosen]
        first = int(present[0])
        if (present == first).all():
            self._groups.decode(run, sets.take(chosen), self._store.layouts[first], decoded)
            return
        for number in np.unique(present).tolist():
            which = chosen[present == number]
            self._groups.decode(run, sets.take(which), self._store.layouts[number], decoded)

    def _park(self, run: Run, sets: Sets, at: int, key: int) -> None:
        message, position = int(sets.message[at]), int(sets.position[at])
        run.unclear[message] = True
        messages = run.messages
        parked = ParkedSet(
            body=run.flat[position : position + int(sets.length[at])].tobytes(),
            export=int(messages.export[message]),
            uptime=int(messages.uptime[message]),
            received=int(messages.received[message]),
        )
        if self._parking.add(key, parked):
            self._count("netflow_parked_sets", "")
        else:
            self._without_template(int(run.slots[message]), 1)

    def _without_template(self, slot: int, n: int) -> None:
        self._count("exporter/sets_without_template", self._sessions.at(slot).exporter, n)

    def _release(self, key: int, decoded: Decoded, flush: Flush) -> None:
        """Decode what had waited for the template of `key`."""
        if key not in self._parking:
            return
        number = int(self._store.resolve(np.array([key], dtype=np.int64))[0])
        if number < 0:
            return
        waited = self._parking.take(key)
        slot = slot_of(key)
        session = self._sessions.at(slot)
        run, sets = parked_run(session, waited)
        layout = self._store.layouts[number]
        if self._store.teaching[number]:
            for at in range(len(sets)):
                self._learner.learn(run, sets.take(slice(at, at + 1)), number, flush)
        else:
            self._groups.decode(run, sets, layout, decoded)
        self._count("netflow_released_sets", "", len(waited))

    def _session_left(self, session: Session) -> None:
        for key in self._parking.of_session(session.slot):
            waited = len(self._parking.take(key))
            self._count("exporter/sets_without_template", session.exporter, waited)
        self._store.forget_session(session)
        self._count("netflow_sessions_evicted", "")

    def _tick(self, now: int, decoded: Decoded) -> None:
        if abs(now - self._ticked) < _TICK_MS:
            return
        self._ticked = now
        for key in self._parking.overdue(now):
            if self._learner.borrow(key, now):
                self._release(key, decoded, _nothing_before)
        for key in self._parking.expired(now):
            if self._learner.borrow(key, now):
                self._release(key, decoded, _nothing_before)
            else:
                self._without_template(slot_of(key), len(self._parking.take(key)))

    def _report(self, slot: int, event: Event) -> None:
        """Collect the events of a batch by session: under loss there are as many as datagrams."""
        self._events[slot, event.kind] += 1
        self._units[slot, event.kind] += event.units

    def _publish_events(self) -> None:
        for (slot, kind), n in self._events.items():
            session = self._sessions.at(slot)
            labels = {"exporter": session.exporter, "domain": str(session.domain)}
            units = self._units[slot, kind]
            if kind == "gap":
                self._counters.add("sequence_gaps", n, **labels)
                self._counters.add("sequence_lost", units, **labels)
            elif kind == "late":
                self._counters.add("sequence_late", units, **labels)
            else:
                self._counters.add("sequence_restarts", n, **labels)
        self._events.clear()
        self._units.clear()


def _nothing_before(_key: int | None) -> None:
    """Between two batches nothing is left that was to be read first."""
