"""Deciding: group commit of concurrent transactions, one winner among writers, a standby that takes over."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Generic, Literal, TypeVar

from sixfold.chassis.codec import EventCodec
from sixfold.chassis.ledger.errors import (
    LedgerConflictError,
    LedgerDamagedError,
    LedgerError,
    LedgerRepeatedError,
    LedgerUnavailableError,
    NotActiveError,
)
from sixfold.chassis.ledger.keys import Keys, Known, retell, tell
from sixfold.chassis.ledger.snapshots import SnapshotCodec, SnapshotStore
from sixfold.chassis.ledger.stream import READ_ERRORS, EventStream, Recorded
from sixfold.chassis.messaging import MAX_BATCH, BusUnavailableError, Messaging, MessagingError, Outgoing
from sixfold.chassis.telemetry import Telemetry, inject

log = logging.getLogger(__name__)

State = TypeVar("State")
R = TypeVar("R")
Events = Sequence[Any]
Follower = Callable[[Any, int, bool], None]
Role = Literal["active", "standby"]

MAX_PENDING: Final = 10_000
"""Transactions that may wait for their append; more are refused at once."""
MAX_KEY: Final = 512
_ATTEMPTS: Final = 8
_FOLLOW_INTERVAL: Final = 0.25
_DRAIN: Final = 10.0
_CLOSE: Final = 300.0
"""Seconds."""
_PROGRESS: Final = 10.0
"""Seconds between two log lines of a long replay."""


@dataclass(slots=True, eq=False)
class _Pending:
    """One caller of `transact`."""

    decide: Callable[[Any], tuple[Events, Any]]
    key: str | None
    repeat: Callable[[Any, Events], Any] | None
    done: asyncio.Future[Any]
    trace: dict[str, str] = field(default_factory=dict)
    result: Any = None
    same: "_Pending | None" = None
    """The earlier caller of this group with the same key: both get its result."""

    def answer(self) -> None:
        if not self.done.done():
            self.done.set_result(self.same.result if self.same else self.result)


@dataclass(slots=True)
class _Replica(Generic[State]):
    """What the events up to `sequence` make."""

    state: State
    sequence: int = 0
    keys: Keys = field(default_factory=Keys)


@dataclass(slots=True)
class _Group(Generic[State]):
    """What one append will hold: the callers, their events, and the state that they lead to."""

    state: State
    callers: list[_Pending] = field(default_factory=list)
    events: list[tuple[Any, _Pending, str | None]] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)
    spoilt: bool = False
    """A refused caller's events have changed the state in place."""


class Ledger(Generic[State]):
    """One centre's ledger; a component.

    `evolve` should return a new state: then readers of `state` never see what is not acknowledged. One that changes
    its argument is allowed, and then readers may, for the milliseconds of an append.

    `state` and `sequence` are what is acknowledged; `ready` says that the stream was read to its end.

    Several active writers may share a ledger (`shared`): each also reads, within a quarter of a second, what the
    others have written. `evolve` must return a new state then.
    """

    def __init__(
        self,
        messaging: Messaging,
        *,
        centre: str,
        initial: Callable[[], State],
        evolve: Callable[[State, Any], State],
        codec: EventCodec,
        snapshots: SnapshotCodec | None = None,
        snapshot_every: int = 10_000,
        snapshot_bytes: int = 64 * 1024 * 1024,
        role: Role = "active",
        shared: bool = False,
        append_timeout: float = 30.0,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.name = f"ledger-{centre}"
        self.role: Role = role
        self._shared = shared
        self.task: asyncio.Task[None] | None = None
        self._initial = initial
        self._evolve = evolve
        self._replica = _Replica(initial())
        self._stream = EventStream(messaging, centre=centre, codec=codec, timeout=append_timeout)
        self._snapshots = SnapshotStore(messaging, centre=centre, codec=snapshots) if snapshots else None
        self._snapshot_every = snapshot_every
        self._snapshot_at = 0
        self._snapshot_bytes = snapshot_bytes
        """A snapshot is due after so many events, or so many bytes of them, and at least half of its own size."""
        self._snapshot_size = 0
        self._tail_bytes = 0
        self._identity = ""
        self._snapshotting: asyncio.Task[None] | None = None
        self._snapshot_asked: asyncio.Future[int] | None = None
        """Somebody waits for a snapshot of now."""
        self._between = asyncio.Lock()
        """Held while something is appended, or must not be."""
        self._cut_at = 0
        self._append_timeout = append_timeout
        self._telemetry = telemetry
        self._pending: deque[_Pending] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._followers: list[Follower] = []
        self._told = 0
        self._reading = asyncio.Lock()
        self._in_place = False
        """`evolve` was seen to return its argument, so it may have changed it: what was decided and then not appended
        is undone by reading again."""
        self._dirty = False
        self._current = False

    @property
    def state(self) -> State:
        return self._replica.state

    @property
    def sequence(self) -> int:
        return self._replica.sequence

    @property
    def ready(self) -> bool:
        return self._current and self.task is not None and not self.task.done()

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Make the stream where it is absent, read the newest snapshot and the tail after it."""
        await self._stream.ensure()
        deadline = asyncio.get_running_loop().time() + self._append_timeout
        while True:
            try:
                await self._load()
                break
            except READ_ERRORS as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise LedgerUnavailableError(f"{self.name}: {error or type(error).__name__}") from error
                log.warning("%s: cannot read yet: %s", self.name, error or type(error).__name__)
                await asyncio.sleep(0.2)
        self._current = True
        self._snapshot_when_due()
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Refuse new transactions, finish the waiting ones within a bound, end."""
        self._stopping = True
        self._wake.set()
        if self.task is not None:
            if self.role == "active":
                await asyncio.wait([self.task], timeout=_DRAIN)
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        if self._snapshotting is not None:
            await asyncio.gather(self._snapshotting, return_exceptions=True)
        self._fail(self._pending, LedgerUnavailableError(f"{self.name} has stopped"))

    async def promote(self) -> None:
        """A standby becomes active: from here on it decides. The former writer loses at its next append, reads what
        was written meanwhile, and decides again; it may go on, and none of the two loses or doubles anything."""
        await self._catch_up()
        self.role = "active"
        self._wake.set()

    def follow(self, follower: Follower) -> None:
        """Call `follower(event, sequence, replayed)` for every event from now on, once and in order; not blocking.

        `replayed` is false for what this process has appended itself. An exception from it ends the ledger's task.
        Events that a snapshot covers are not told.
        """
        self._followers.append(follower)

    async def cut(self, before: datetime) -> int:
        """Give up the events that were appended before that moment (a few of the seconds after it may go, too), and
        the keys that wrote nothing since; how many events.

        A snapshot that holds all of them is written and read back first: from then on it is part of the record, and
        without it the ledger does not start. Raises LedgerError; nothing is given up then.
        """
        if self._snapshots is None:
            raise LedgerError(f"{self.name} keeps no snapshots, so nothing can be given up")
        if self.role != "active":
            raise NotActiveError(f"{self.name} is a standby")
        before = min(before, datetime.now(UTC))
        # What is appended after the snapshot must stay: where that is hardly younger, nothing is appended meanwhile.
        is_close = (datetime.now(UTC) - before).total_seconds() < _CLOSE
        try:
            first, keep = await self._stream.first(), await self._stream.kept_from(before)
            if keep <= first:
                return 0
            if keep > self.sequence + 1:
                raise LedgerUnavailableError(f"{self.name}: not everything before {before} was read yet")
            self._cut_at = keep
            async with self._between:
                written = await self._begin_snapshot()
                if is_close:
                    await self._give_up(before, keep, await written)
            if not is_close:
                await self._give_up(before, keep, await written)
            self._cut_at = await self._stream.first()
            self._replica.keys.forget(self._cut_at)
        except (*READ_ERRORS, MessagingError) as error:
            raise LedgerUnavailableError(f"{self.name}: {error or type(error).__name__}") from error
        return self._cut_at - first

    async def _begin_snapshot(self) -> asyncio.Future[int]:
        """Of the state between two appends (`_between` is held); done with the sequence that it covers."""
        if self._dirty and not await self._undone():
            raise LedgerUnavailableError(f"{self.name}: cannot read now")
        while self._snapshotting is not None and not self._snapshotting.done():
            await asyncio.wait([self._snapshotting])
        asked = self._snapshot_asked = asyncio.get_running_loop().create_future()
        self._snapshot_when_due()
        return asked

    async def _give_up(self, before: datetime, keep: int, covered: int) -> None:
        assert self._snapshots is not None
        written = await self._snapshots.newest(self._identity)
        if written is None or written.sequence < covered:
            raise LedgerUnavailableError(f"{self.name}: the snapshot cannot be read back")
        await self._stream.give_up(before, keep)

    # -- deciding -----------------------------------------------------------------------------------------------

    async def transact(
        self,
        decide: Callable[[State], tuple[Events, R]],
        *,
        key: str | None = None,
        repeat: Callable[[State, Events], R] | None = None,
    ) -> R:
        """Decide on the current state, append, evolve, answer. `decide` must leave the state as it was.

        `key` makes it idempotent: the same key again gives the first result and appends nothing. A result that is
        None, a JSON value, or one or several of the events is also known after a restart; any other is told again by
        `repeat(state, events)`. Without it `decide` is asked, and where that would write again LedgerRepeatedError
        is raised. What `decide` raises is raised here, and nothing is appended.
        """
        if self.role != "active":
            raise NotActiveError(f"{self.name} is a standby")
        if key is not None and not 0 < len(key) <= MAX_KEY:
            raise ValueError(f"an idempotency key has 1 to {MAX_KEY} characters, not {len(key)}")
        if self._stopping or self.task is None or self.task.done():
            raise LedgerUnavailableError(f"{self.name} is not running")
        if len(self._pending) >= MAX_PENDING:
            self._count("overload")
            raise LedgerUnavailableError(f"{MAX_PENDING} transactions wait already; try again later")
        pending = _Pending(decide, key, repeat, asyncio.get_running_loop().create_future())
        inject(pending.trace)
        self._pending.append(pending)
        self._wake.set()
        try:
            async with asyncio.timeout(2 * self._append_timeout):
                return await pending.done
        except TimeoutError as error:
            if pending.done.done() and not pending.done.cancelled():
                raise  # it is what `decide` raised
            self._count("unavailable")
            raise LedgerUnavailableError(
                f"{self.name}: no answer in {2 * self._append_timeout:.0f} s"
            ) from error

    async def _run(self) -> None:
        try:
            await self._follow_until_promoted()
            while not self._stopping:
                await self._until_woken()
                self._wake.clear()
                while self._pending:
                    async with self._between:
                        await self._commit()
        except BaseException as error:
            reason = error if str(error) else type(error).__name__
            self._fail(self._pending, LedgerUnavailableError(f"{self.name} has ended: {reason}"))
            raise

    async def _until_woken(self) -> None:
        """Wait for a caller; a shared ledger reads meanwhile what other writers append."""
        while self._shared and not self._wake.is_set():
            try:
                await asyncio.wait_for(self._wake.wait(), _FOLLOW_INTERVAL)
            except TimeoutError:
                try:
                    await self._catch_up()
                except READ_ERRORS as error:
                    log.debug("%s: cannot read now: %s", self.name, error or type(error).__name__)
        await self._wake.wait()

    async def _follow_until_promoted(self) -> None:
        while self.role == "standby":
            try:
                await self._catch_up()
                self._current = True
            except READ_ERRORS as error:
                self._current = False
                log.warning("%s: standby cannot read: %s", self.name, error or type(error).__name__)
            try:
                await asyncio.wait_for(self._wake.wait(), _FOLLOW_INTERVAL)
            except TimeoutError:
                continue

    async def _commit(self) -> None:
        """Decide for as many callers as fit one batch, append once, answer them all."""
        began = time.perf_counter()
        for attempt in range(_ATTEMPTS):
            if self._dirty and not await self._undone():
                return
            group = _Group(self.state)
            try:
                await self._decide(group)
                self._dirty = group.spoilt or (self._in_place and bool(group.messages))
                if not group.messages or await self._stream.append(group.messages, after=self.sequence):
                    self._settle(group, time.perf_counter() - began)
                    return
                self._count("conflict", len(group.callers))
                if not self._in_place:
                    await self._catch_up()
            except (LedgerError, *READ_ERRORS) as error:
                known = isinstance(error, LedgerError)
                self._fail(group.callers, error if known else LedgerUnavailableError(f"{self.name}: {error}"))
                if isinstance(error, LedgerDamagedError):
                    raise
                return
            except BaseException as error:
                reason = error if str(error) else type(error).__name__
                self._fail(group.callers, LedgerUnavailableError(f"{self.name}: {reason}"))
                raise
            # Another writer was faster. What it left is read; decide again.
            log.warning("%s: another writer is active (attempt %d)", self.name, attempt + 1)
            if attempt + 1 == _ATTEMPTS:
                self._fail(group.callers, LedgerConflictError(f"{self.name}: another writer kept winning"))
                return
            self._pending.extendleft(reversed(group.callers))
            await asyncio.sleep(random.random() * 0.005 * 2**attempt)  # noqa: S311 - jitter

    async def _decide(self, group: _Group[State]) -> None:
        keyed: dict[str, _Pending] = {}
        while self._pending and len(group.messages) < MAX_BATCH and not group.spoilt:
            pending = self._pending[0]
            if pending.done.done():  # its caller has gone
                self._pending.popleft()
                continue
            pending.same = keyed.get(pending.key) if pending.key is not None else None
            if pending.same is not None:
                group.callers.append(self._pending.popleft())
                continue
            known = self._replica.keys.get(pending.key) if pending.key is not None else None
            try:
                if known is not None and await self._repeated(pending, known):
                    self._pending.popleft()
                    continue
                events, pending.result = pending.decide(group.state)
                if known is not None and events:
                    raise LedgerRepeatedError(str(pending.key), await self._events_of(known))
                if len(events) > MAX_BATCH:
                    raise LedgerError(f"{len(events)} events in one transaction, at most {MAX_BATCH}")
                if len(group.messages) + len(events) > MAX_BATCH:
                    break
                self._add(group, pending, events)
            except Exception as error:
                self._pending.popleft()
                self._fail([pending], error, outcome="refused")
                continue
            group.callers.append(self._pending.popleft())
            if pending.key is not None:
                keyed[pending.key] = pending

    def _add(self, group: _Group[State], pending: _Pending, events: Events) -> None:
        """All of one caller's events, or none when one of them cannot be written or evolved."""
        told = tell(pending.result, events) if pending.key is not None else None
        tells = [told, *([None] * (len(events) - 1))] if events else []
        sealed = [
            self._stream.seal(event, key=pending.key, told=line, trace=pending.trace)
            for event, line in zip(events, tells, strict=True)
        ]
        state = group.state
        try:
            for event in events:
                new = self._evolve(state, event)
                self._in_place |= new is state
                state = new
        except Exception:
            group.spoilt = self._in_place or state is group.state
            raise
        group.state = state
        group.messages += sealed
        group.events += [(event, pending, line) for event, line in zip(events, tells, strict=True)]

    async def _repeated(self, pending: _Pending, known: Known) -> bool:
        """Answer a caller whose key was used before. False where only `decide` can tell."""
        if not known.has_result:
            if known.told is None and pending.repeat is None:
                return False
            events = await self._events_of(known)
            known.result = (
                pending.repeat(self.state, events) if pending.repeat else retell(str(known.told), events)
            )
            known.has_result = True
        pending.result = known.result
        pending.answer()
        self._count("repeated")
        return True

    async def _events_of(self, known: Known) -> list[Any]:
        try:
            return [record.event async for record in self._stream.read(known.first, known.last)]
        except READ_ERRORS as error:
            raise LedgerUnavailableError(f"{self.name}: {error or type(error).__name__}") from error

    def _settle(self, group: _Group[State], seconds: float) -> None:
        """What was appended becomes the state; followers hear it, then the callers have their answers."""
        replica = self._replica
        replica.state = group.state
        failure: Exception | None = None
        for event, pending, told in group.events:
            replica.sequence += 1
            if pending.key is not None:
                known = replica.keys.remember(pending.key, replica.sequence, told)
                known.result, known.has_result = pending.result, True
            try:
                self._tell(event, replica.sequence, replayed=False)
            except Exception as error:
                failure = failure or error
        self._dirty = group.spoilt
        self._tail_bytes += sum(len(message.data) for message in group.messages)
        for pending in group.callers:
            pending.answer()
        self._count("committed", len(group.callers))
        self._measure(seconds, len(group.messages))
        if failure is not None:
            raise failure
        self._snapshot_when_due()

    # -- reading ------------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        """Make the state again from the newest snapshot and the events after it."""
        async with self._reading:
            replica = _Replica(self._initial())
            stream = await self._stream.identity()
            snapshot = await self._snapshots.newest(stream) if self._snapshots is not None else None
            if snapshot is not None:
                replica = _Replica(snapshot.state, snapshot.sequence)
                replica.keys.restore(snapshot.keys)
                self._snapshot_at = snapshot.sequence
            first = await self._stream.first()
            replica.keys.forget(first)
            if snapshot is None and first > 1:
                raise BusUnavailableError(
                    f"events before {first} were given up, and the snapshot that holds them cannot be read"
                )
            self._tail_bytes = 0
            self._identity = stream
            self._told = max(self._told, replica.sequence)
            await self._replay(replica)
            self._replica = replica

    async def _catch_up(self) -> None:
        async with self._reading:
            await self._replay(self._replica)

    async def _replay(self, replica: _Replica[State]) -> None:
        """Evolve everything that the stream holds past `replica`."""
        last = await self._stream.last()
        if last < replica.sequence:
            raise LedgerDamagedError(
                f"{self.name}: the stream ends at {last}, we have read {replica.sequence}"
            )
        if last == replica.sequence:
            return
        began = shown = time.monotonic()
        first = replica.sequence + 1
        async for record in self._stream.read(first, last):
            self._apply(replica, record)
            if time.monotonic() - shown > _PROGRESS:
                shown = time.monotonic()
                done = (record.sequence - first + 1) / (last - first + 1)
                log.info("%s: read to event %d of %d (%.0f%%)", self.name, record.sequence, last, 100 * done)
        if time.monotonic() - began > 1:
            count = last - first + 1
            log.info("%s: read %d events in %.1f s", self.name, count, time.monotonic() - began)

    def _apply(self, replica: _Replica[State], record: Recorded) -> None:
        new = self._evolve(replica.state, record.event)
        self._in_place |= new is replica.state
        replica.state, replica.sequence = new, record.sequence
        if record.key is not None:
            replica.keys.remember(record.key, record.sequence, record.told)
        self._tail_bytes += record.size
        self._tell(record.event, record.sequence, replayed=True)

    async def _undone(self) -> bool:
        """Read the state again after a change in place that was never appended. False: not possible now."""
        try:
            await self._load()
        except READ_ERRORS as error:
            log.warning("%s: cannot read the ledger: %s", self.name, error or type(error).__name__)
            await asyncio.sleep(0.5)
            return False
        self._dirty = False
        return True

    def _tell(self, event: Any, sequence: int, *, replayed: bool) -> None:
        if sequence > self._told:
            self._told = sequence
            for follower in self._followers:
                follower(event, sequence, replayed)

    # -- snapshots and numbers ----------------------------------------------------------------------------------

    def _snapshot_when_due(self) -> None:
        under_way = self._snapshotting is not None and not self._snapshotting.done()
        if self._snapshots is None or under_way or self._dirty:
            return
        asked, self._snapshot_asked = self._snapshot_asked, None
        due = asked is not None or self.sequence - self._snapshot_at >= self._snapshot_every
        if not due and self._tail_bytes < max(self._snapshot_bytes, self._snapshot_size // 2):
            return
        self._replica.keys.forget(self._cut_at)
        state, is_frozen = self._snapshots.freeze(self.state)
        content = (self._identity, state, self.sequence, self._replica.keys.rows())
        # A state that changes in place and cannot be frozen is packed now, between two appends; another one beside
        # the work.
        packed = self._snapshots.pack(*content) if self._in_place and not is_frozen else None
        self._snapshot_at, self._tail_bytes = self.sequence, 0
        self._snapshotting = asyncio.create_task(
            self._write_snapshot(self._snapshots, packed, content, asked), name=f"{self.name}-snapshot"
        )

    async def _write_snapshot(
        self,
        store: SnapshotStore,
        packed: bytes | None,
        content: tuple[str, State, int, Sequence[Any]],
        asked: asyncio.Future[int] | None,
    ) -> None:
        try:
            written = packed or await asyncio.to_thread(store.pack, *content)
            self._snapshot_size = len(written)
            await store.write(written)
            self._count_snapshot("written")
            if asked is not None and not asked.done():
                asked.set_result(content[2])
        except Exception as error:
            # The ledger itself is complete without it; the next one is tried after as many events again.
            self._count_snapshot("failed")
            log.warning("%s: no snapshot written: %s", self.name, error or type(error).__name__)
            if asked is not None and not asked.done():
                asked.set_exception(LedgerUnavailableError(f"{self.name}: no snapshot was written: {error}"))

    def _fail(self, callers: Iterable[_Pending], error: BaseException, *, outcome: str = "failed") -> None:
        waiting = [pending for pending in callers if not pending.done.done()]
        for pending in waiting:
            pending.done.set_exception(error)
        self._count(outcome, len(waiting))

    def _count(self, outcome: str, number: int = 1) -> None:
        if self._telemetry is not None and number:
            self._telemetry.counter("ledger_transactions_total", "transactions by ledger and outcome").add(
                number, {"ledger": self.name, "outcome": outcome}
            )

    def _count_snapshot(self, outcome: str) -> None:
        if self._telemetry is not None:
            self._telemetry.counter("ledger_snapshots_total", "snapshots by ledger and outcome").add(
                1, {"ledger": self.name, "outcome": outcome}
            )

    def _measure(self, seconds: float, events: int) -> None:
        if self._telemetry is not None and events:
            labels = {"ledger": self.name}
            self._telemetry.counter("ledger_events_total", "events appended").add(events, labels)
            self._telemetry.histogram("ledger_commit", "deciding and appending one group").record(
                seconds, labels
            )
