"""A centre's operational state: decide, append, evolve, on a JetStream stream.

    ledger = Ledger(messaging, centre="address", initial=State, evolve=evolve, codec=codec)
    result = await ledger.transact(lambda state: decide(state, command), key=command.key)

`decide(state)` is pure and returns `(events, result)`. The events of many concurrent callers are appended as one
atomic batch that expects the stream's last sequence, so of two active writers only one wins; a caller has its answer
only after the append is acknowledged. Where the outcome of an append is unknown, the stream itself is asked.

    LedgerError
      LedgerConflictError   another writer is active and kept winning
      LedgerUnavailableError  the append could not be acknowledged in time
      NotActiveError        a standby was asked to decide
"""

import asyncio
import logging
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

import nats.errors
from nats.js.api import (
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    ObjectStoreConfig,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError, ObjectNotFoundError

from sixfold.api.subjects import event_subject, ledger_stream
from sixfold.chassis.codec import EventCodec
from sixfold.chassis.messaging import (
    MAX_BATCH,
    BusUnavailableError,
    Messaging,
    Outgoing,
    SequenceConflictError,
    cloudevent_headers,
)

log = logging.getLogger(__name__)

State = TypeVar("State")
R = TypeVar("R")
Events = Sequence[Any]
Follower = Callable[[Any, int, bool], None]

MAX_PENDING: Final = 10_000
"""Transactions that may wait for their append; more are refused at once."""
MAX_KEYS: Final = 100_000
"""Idempotency keys that are remembered."""
SNAPSHOT_BUCKET: Final = "SNAPSHOTS"
_KEY: Final = "Sixfold-Key"


class LedgerError(RuntimeError):
    pass


class LedgerConflictError(LedgerError):
    pass


class LedgerUnavailableError(LedgerError):
    pass


class NotActiveError(LedgerError):
    pass


class SnapshotCodec(Protocol):
    """State as bytes; `version` changes when older snapshots cannot be read, which are then ignored."""

    version: str

    def dump(self, state: Any) -> bytes: ...

    def load(self, data: bytes) -> Any: ...


@dataclass(slots=True)
class _Pending:
    decide: Callable[[Any], tuple[Events, Any]]
    key: str | None
    done: asyncio.Future[Any]
    events: Events = ()
    result: Any = None


@dataclass(slots=True)
class _Keyed:
    """Which events a key wrote, and the result while this process remembers it."""

    first: int
    last: int
    result: Any = None
    has_result: bool = False


@dataclass(slots=True)
class _Recorded:
    event: Any
    sequence: int
    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Ledger(Generic[State]):
    """One centre's ledger; a component. `evolve` should return a new state: then readers never see what is not yet
    acknowledged. One that changes its argument is allowed, and then readers may, for the milliseconds of an append."""

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
        role: Literal["active", "standby"] = "active",
        append_timeout: float = 30.0,
    ) -> None:
        self.name = f"ledger-{centre}"
        self.role: Literal["active", "standby"] = role
        self.state: State = initial()
        self.sequence = 0
        self.task: asyncio.Task[None] | None = None
        self._centre = centre
        self._stream = ledger_stream(centre)
        self._messaging = messaging
        self._initial = initial
        self._evolve = evolve
        self._codec = codec
        self._snapshots = snapshots
        self._snapshot_every = snapshot_every
        self._snapshot_at = 0
        self._append_timeout = append_timeout
        self._pending: deque[_Pending] = deque()
        self._wake = asyncio.Event()
        self._keys: OrderedDict[str, _Keyed] = OrderedDict()
        self._followers: list[Follower] = []
        self._promoted = asyncio.Event()
        self._snapshotting: asyncio.Task[None] | None = None

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Make the stream where it is absent, read the newest snapshot and the tail after it."""
        await self._messaging.ensure_stream(
            StreamConfig(
                name=self._stream,
                subjects=[f"event.{self._centre}.>"],
                description=f"ledger of the {self._centre} centre",
                retention=RetentionPolicy.LIMITS,
                discard=DiscardPolicy.NEW,
                storage=StorageType.FILE,
                allow_atomic=True,
                allow_direct=True,
                duplicate_window=120,
            )
        )
        await self._load()
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        if self._snapshotting is not None:
            await asyncio.gather(self._snapshotting, return_exceptions=True)
        while self._pending:
            self._fail(self._pending.popleft(), LedgerUnavailableError("the ledger is stopping"))

    async def promote(self) -> None:
        """A standby becomes active: from here on it decides. The former writer loses at its next append."""
        await self._catch_up()
        self.role = "active"
        self._promoted.set()

    def follow(self, follower: Follower) -> None:
        """Call `follower(event, sequence, replayed)` for every event from now on, in order; it must not block."""
        self._followers.append(follower)

    # -- deciding -----------------------------------------------------------------------------------------------

    async def transact(
        self,
        decide: Callable[[State], tuple[Events, R]],
        *,
        key: str | None = None,
        repeat: Callable[[State, Events], R] | None = None,
    ) -> R:
        """Decide on the current state, append, evolve, answer.

        `key` makes it idempotent: the same key again gives the first result and appends nothing. After a restart
        only the events are known, from which `repeat(state, events)` tells the result again; without `repeat`,
        `decide` runs again and must itself see that the thing is done.
        What `decide` raises is raised here, and nothing is appended.
        """
        if self.role != "active":
            raise NotActiveError(f"{self.name} is a standby")
        if key is not None and (known := self._keys.get(key)) is not None:
            if known.has_result:
                return known.result
            if repeat is not None:
                records = [await self._record_at(number) for number in range(known.first, known.last + 1)]
                return repeat(self.state, [record.event for record in records])
        if len(self._pending) >= MAX_PENDING:
            raise LedgerUnavailableError(f"{MAX_PENDING} transactions wait already; try again later")
        pending = _Pending(decide, key, asyncio.get_running_loop().create_future())
        self._pending.append(pending)
        self._wake.set()
        return await pending.done

    async def _run(self) -> None:
        while self.role == "standby":
            await self._follow_until_promoted()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                await self._commit()

    async def _follow_until_promoted(self) -> None:
        while not self._promoted.is_set():
            try:
                await self._catch_up()
            except (nats.errors.Error, APIError, TimeoutError) as error:
                log.warning("%s: standby cannot read: %s", self.name, error or type(error).__name__)
            try:
                await asyncio.wait_for(self._promoted.wait(), 0.25)
            except TimeoutError:
                continue

    async def _commit(self) -> None:
        """Decide for as many callers as fit one batch, append once, answer them all."""
        group, records, state = self._decide_group()
        if not group:
            return
        if not records:
            for pending in group:
                self._answer(pending)
            return
        try:
            for attempt in range(5):
                outcome = await self._append(records)
                if outcome == "won":
                    break
                # Another writer was faster: decide again on what it left.
                await self._reload()
                log.warning("%s: another writer is active (attempt %d)", self.name, attempt + 1)
                for pending in reversed(group):
                    self._pending.appendleft(pending)
                group, records, state = self._decide_group()
                if not records:
                    for pending in group:
                        self._answer(pending)
                    return
            else:
                raise LedgerConflictError(f"{self.name}: another writer kept winning")
        except BaseException as error:
            failure = error if isinstance(error, LedgerError) else LedgerUnavailableError(str(error))
            for pending in group:
                self._fail(pending, failure)
            await self._reload_when_possible()
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        self.state = state
        self._settle(group, records)

    def _settle(self, group: Sequence[_Pending], records: Sequence[_Recorded]) -> None:
        for record in records:
            self.sequence += 1
            record.sequence = self.sequence
            self._remember(record)
            for follower in self._followers:
                follower(record.event, record.sequence, False)
        for pending in group:
            if pending.key is not None and pending.key in self._keys:
                self._keys[pending.key].result = pending.result
                self._keys[pending.key].has_result = True
            self._answer(pending)
        if self._snapshots is not None and self.sequence - self._snapshot_at >= self._snapshot_every:
            self._begin_snapshot()

    def _decide_group(self) -> tuple[list[_Pending], list[_Recorded], State]:
        group: list[_Pending] = []
        records: list[_Recorded] = []
        state = self.state
        keyed: dict[str, _Pending] = {}
        while self._pending and len(records) < MAX_BATCH:
            pending = self._pending[0]
            if pending.done.done():
                self._pending.popleft()
                continue
            if pending.key is not None:
                if (known := self._keys.get(pending.key)) is not None and known.has_result:
                    self._pending.popleft()
                    pending.result = known.result
                    group.append(pending)
                    continue
                if pending.key in keyed:
                    # The same key twice in one group: the second waits for the first to be settled.
                    break
            try:
                events, result = pending.decide(state)
            except Exception as error:
                self._pending.popleft()
                self._fail(pending, error)
                continue
            if len(events) > MAX_BATCH:
                self._pending.popleft()
                self._fail(
                    pending, LedgerError(f"{len(events)} events in one transaction, at most {MAX_BATCH}")
                )
                continue
            if len(records) + len(events) > MAX_BATCH:
                break
            self._pending.popleft()
            pending.events, pending.result = events, result
            group.append(pending)
            if pending.key is not None:
                keyed[pending.key] = pending
            for event in events:
                state = self._evolve(state, event)
                records.append(_Recorded(event, 0, pending.key))
        return group, records, state

    # -- the stream ---------------------------------------------------------------------------------------------

    async def _append(self, records: Sequence[_Recorded]) -> Literal["won", "lost"]:
        messages = [self._outgoing(record) for record in records]
        deadline = asyncio.get_running_loop().time() + self._append_timeout
        pause = 0.05
        while True:
            try:
                await self._messaging.publish_batch(messages, expected_last_sequence=self.sequence)
                return "won"
            except SequenceConflictError:
                return await self._whose_is_next(messages[0])
            except BusUnavailableError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise LedgerUnavailableError(f"{self.name}: {error}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    async def _whose_is_next(self, ours: Outgoing) -> Literal["won", "lost"]:
        """After a conflict: an earlier try of ours may have been stored although its answer was lost."""
        deadline = asyncio.get_running_loop().time() + self._append_timeout
        while True:
            try:
                stored = await self._messaging.js.get_msg(self._stream, self.sequence + 1)
            except NotFoundError:
                return "lost"
            except (nats.errors.Error, APIError, BusUnavailableError, TimeoutError) as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise LedgerUnavailableError(f"{self.name}: {error}") from error
                await asyncio.sleep(0.1)
                continue
            same = (stored.headers or {}).get("ce-id") == ours.headers["ce-id"]
            return "won" if same else "lost"

    def _outgoing(self, record: _Recorded) -> Outgoing:
        if not record.headers:
            event_type, _ = encoded = self._codec.encode(record.event)
            record.headers = cloudevent_headers(event_type, f"sixfold/{self._centre}", secrets.token_hex(12))
            if record.key is not None:
                record.headers[_KEY] = record.key
        else:
            encoded = self._codec.encode(record.event)
        return Outgoing(event_subject(self._centre, encoded[0]), encoded[1], record.headers)

    async def _record_at(self, sequence: int) -> _Recorded:
        message = await self._messaging.js.get_msg(self._stream, sequence)
        return self._recorded(message.headers or {}, message.data or b"", sequence)

    def _recorded(self, headers: dict[str, str], data: bytes, sequence: int) -> _Recorded:
        return _Recorded(self._codec.decode(headers["ce-type"], data), sequence, headers.get(_KEY))

    async def _catch_up(self) -> None:
        """Evolve everything that the stream holds past `sequence`."""
        info = await self._messaging.js.stream_info(self._stream)
        last = info.state.last_seq
        if last <= self.sequence:
            return
        if last - self.sequence > 50:
            await self._read_tail(last)
        while self.sequence < last:
            self._apply(await self._record_at(self.sequence + 1))

    async def _read_tail(self, last: int) -> None:
        """Many events at once, in order, through a consumer that lives for this reading only."""
        total = last - self.sequence
        subscription = await self._messaging.js.subscribe(
            f"event.{self._centre}.>",
            stream=self._stream,
            ordered_consumer=True,
            config=_reader(self.sequence + 1),
            pending_msgs_limit=-1,
            pending_bytes_limit=-1,
        )
        try:
            while self.sequence < last:
                message = await subscription.next_msg(timeout=10)
                sequence = message.metadata.sequence.stream
                if sequence == self.sequence + 1:
                    self._apply(self._recorded(message.headers or {}, message.data, sequence))
                if self.sequence % 100_000 == 0:
                    log.info("%s: %d of %d events left to read", self.name, last - self.sequence, total)
        finally:
            await subscription.unsubscribe()

    def _apply(self, record: _Recorded) -> None:
        self.state = self._evolve(self.state, record.event)
        self.sequence = record.sequence
        self._remember(record)
        for follower in self._followers:
            follower(record.event, record.sequence, True)

    def _remember(self, record: _Recorded) -> None:
        if record.key is None:
            return
        known = self._keys.get(record.key)
        if known is None:
            self._keys[record.key] = _Keyed(record.sequence, record.sequence)
            while len(self._keys) > MAX_KEYS:
                self._keys.popitem(last=False)
        else:
            known.last = record.sequence

    async def _load(self) -> None:
        self.state, self.sequence, self._snapshot_at = self._initial(), 0, 0
        self._keys.clear()
        if self._snapshots is not None:
            await self._load_snapshot(self._snapshots)
        await self._catch_up()

    async def _reload(self) -> None:
        """After a lost append the state may have been changed in place by events that never were: read it again."""
        followers, self._followers = self._followers, []
        before = self.sequence
        try:
            await self._load()
        finally:
            self._followers = followers
        for number in range(before + 1, self.sequence + 1) if followers else ():
            record = await self._record_at(number)
            for follower in followers:
                follower(record.event, record.sequence, True)

    async def _reload_when_possible(self) -> None:
        while True:
            try:
                await self._reload()
                return
            except (nats.errors.Error, APIError, BusUnavailableError, TimeoutError) as error:
                log.warning("%s: cannot read the ledger: %s", self.name, error or type(error).__name__)
                await asyncio.sleep(0.5)

    # -- snapshots ----------------------------------------------------------------------------------------------

    async def _load_snapshot(self, codec: SnapshotCodec) -> None:
        try:
            store = await self._messaging.js.object_store(SNAPSHOT_BUCKET)
            stored = await store.get(self._centre)
        except (NotFoundError, ObjectNotFoundError):
            return
        head, _, body = (stored.data or b"").partition(b"\n")
        version, _, sequence = head.decode(errors="replace").rpartition(":")
        if version != codec.version:
            log.info(
                "%s: the snapshot is of version %s, not %s: reading all events",
                self.name,
                version,
                codec.version,
            )
            return
        self.state = codec.load(body)
        self.sequence = self._snapshot_at = int(sequence)

    def _begin_snapshot(self) -> None:
        if self._snapshots is None or (self._snapshotting is not None and not self._snapshotting.done()):
            return
        # The bytes are taken now, between two appends; only the writing is left to the background.
        head = f"{self._snapshots.version}:{self.sequence}\n".encode()
        data = head + self._snapshots.dump(self.state)
        self._snapshot_at = self.sequence
        self._snapshotting = asyncio.create_task(self._write_snapshot(data), name=f"{self.name}-snapshot")

    async def _write_snapshot(self, data: bytes) -> None:
        try:
            try:
                store = await self._messaging.js.object_store(SNAPSHOT_BUCKET)
            except NotFoundError:
                store = await self._messaging.js.create_object_store(
                    SNAPSHOT_BUCKET, config=ObjectStoreConfig(replicas=self._messaging.settings.replicas)
                )
            await store.put(self._centre, data)
        except (nats.errors.Error, APIError, TimeoutError) as error:
            # The ledger itself is complete without it; the next one is tried after as many events again.
            log.warning("%s: no snapshot written: %s", self.name, error or type(error).__name__)

    # -- answers ------------------------------------------------------------------------------------------------

    @staticmethod
    def _answer(pending: _Pending) -> None:
        if not pending.done.done():
            pending.done.set_result(pending.result)

    @staticmethod
    def _fail(pending: _Pending, error: BaseException) -> None:
        if not pending.done.done():
            pending.done.set_exception(error)


def _reader(start: int) -> ConsumerConfig:
    return ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=start)
