"""The events of one ledger on its JetStream stream: append fenced by the last sequence, read in order."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote

import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, DiscardPolicy, RetentionPolicy, StreamConfig
from nats.js.errors import NotFoundError

from sixfold.api.subjects import event_subject, ledger_stream
from sixfold.chassis.codec import CodecError, EventCodec
from sixfold.chassis.ledger.errors import LedgerDamagedError, LedgerError, LedgerUnavailableError
from sixfold.chassis.messaging import (
    BusUnavailableError,
    Messaging,
    Outgoing,
    SequenceConflictError,
    StreamRefusedError,
    cloudevent_headers,
)

log = logging.getLogger(__name__)

READ_ERRORS: Final = (nats.errors.Error, BusUnavailableError, TimeoutError)
"""What reading raises while the server is away or electing."""
_TRANSIENT: Final = frozenset(
    {
        10008,  # JetStream is temporarily unavailable
        10175,  # the batch's first message went to a leader that is gone: sequence missing
        10176,  # the batch is incomplete
        10077,  # the store failed
        10210,  # too many batches in flight
        10211,
    }
)
_DUPLICATES: Final = 120
"""Seconds."""
_SHORTEST_AGE: Final = 0.5
"""Seconds: servers take no age under 0.1."""
_KEY: Final = "Sixfold-Key"
_RESULT: Final = "Sixfold-Result"
_READ: Final = 500
_READ_BYTES: Final = 32 * 1024 * 1024
"""Of one fetch, as far as the sizes of the last one tell: events may be columns of megabytes."""
_TRY: Final = 2.0
"""Seconds for one try: one that was lost with its connection is soon made again, and recognised if it was stored."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event as the stream holds it."""

    event: Any
    sequence: int
    key: str | None
    told: str | None
    size: int = 0


class EventStream:
    def __init__(self, messaging: Messaging, *, centre: str, codec: EventCodec, timeout: float) -> None:
        self.name = ledger_stream(centre)
        self._messaging = messaging
        self._centre = centre
        self._codec = codec
        self._timeout = timeout

    @property
    def _config(self) -> StreamConfig:
        return StreamConfig(
            name=self.name,
            subjects=[f"event.{self._centre}.>"],
            description=f"ledger of the {self._centre} centre",
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            allow_atomic=True,
            allow_direct=True,
            deny_delete=True,
            deny_purge=True,
            max_age=0,
            duplicate_window=_DUPLICATES,
        )

    async def ensure(self) -> None:
        await self._messaging.ensure_stream(self._config)

    def seal(
        self,
        event: Any,
        *,
        key: str | None = None,
        told: str | None = None,
        trace: dict[str, str] | None = None,
    ) -> Outgoing:
        """The event as the message that carries it, with an id of its own. Raises CodecError, StreamRefusedError."""
        event_type, data = self._codec.encode(event)
        headers = cloudevent_headers(event_type, f"sixfold/{self._centre}", secrets.token_hex(12))
        if key is not None:
            headers[_KEY] = quote(key, safe="/:-._~ ").replace(" ", "%20")
        if told is not None:
            headers[_RESULT] = told
        message = Outgoing(event_subject(self._centre, event_type), data, headers | (trace or {}))
        self._messaging.check_size(message)
        return message

    async def append(self, messages: Sequence[Outgoing], *, after: int) -> bool:
        """Append all directly after sequence `after`. False: another writer has appended there, and none of ours.

        Raises LedgerUnavailableError where that could not be learned in time.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout
        pause = 0.02
        while True:
            trouble: Exception
            try:
                await self._messaging.publish_batch(messages, expected_last_sequence=after, timeout=_TRY)
                return True
            except SequenceConflictError as error:
                trouble = error
                ours = await self._is_ours(after + 1, messages[0])
                if ours is not None:
                    return ours
                # Nothing is there yet: an earlier try of ours may still be on its way through the replicas.
            except StreamRefusedError as error:
                if error.code not in _TRANSIENT:
                    raise LedgerError(f"{self.name} refuses: {error}") from error
                trouble = error
            except BusUnavailableError as error:
                trouble = error
            if asyncio.get_running_loop().time() > deadline:
                raise LedgerUnavailableError(f"{self.name}: {trouble}") from trouble
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    async def _is_ours(self, sequence: int, message: Outgoing) -> bool | None:
        try:
            stored = await self._messaging.js.get_msg(self.name, sequence)
        except READ_ERRORS:
            return None
        return (stored.headers or {}).get("ce-id") == message.headers["ce-id"]

    async def last(self) -> int:
        """Sequence of the newest event; 0 when there is none."""
        return (await self._messaging.js.stream_info(self.name)).state.last_seq

    async def first(self) -> int:
        """Sequence of the oldest event that is kept; one past the newest where none is."""
        return (await self._messaging.js.stream_info(self.name)).state.first_seq or 1

    async def kept_from(self, moment: datetime) -> int:
        """Sequence of the first event that was appended at `moment` or later; one past the newest where none was."""
        state = (await self._messaging.js.stream_info(self.name)).state
        low, high = state.first_seq or 1, state.last_seq + 1
        while low < high:
            middle = (low + high) // 2
            message = await self._messaging.js.get_msg(self.name, middle)
            if message.time is not None and message.time < moment:
                low = middle + 1
            else:
                high = middle
        return low

    async def give_up(self, moment: datetime, before: int) -> None:
        """Remove the events that were appended before `moment`: those under sequence `before`, see `kept_from`.

        Deleting and purging stay denied to everybody; an age is set for as long as the server needs. A process that
        dies in between leaves it set until the next start.
        """
        age = (datetime.now(UTC) - moment).total_seconds()
        if age < _SHORTEST_AGE:
            await asyncio.sleep(_SHORTEST_AGE - age)
            age = (datetime.now(UTC) - moment).total_seconds()
        window = min(float(_DUPLICATES), age)
        await self._messaging.ensure_stream(replace(self._config, max_age=age, duplicate_window=window))
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    if await self.first() >= before:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise LedgerUnavailableError(f"{self.name}: old events are still there") from error
        finally:
            await self.ensure()

    async def identity(self) -> str:
        """What tells this stream from an earlier one of the same name: when it was made."""
        created = (await self._messaging.js.stream_info(self.name)).created
        return "" if created is None else created.isoformat()

    async def at(self, sequence: int) -> Recorded:
        try:
            message = await self._messaging.js.get_msg(self.name, sequence)
        except NotFoundError as error:
            raise LedgerDamagedError(f"{self.name} holds no event {sequence}") from error
        return self._recorded(message.headers, message.data or b"", sequence)

    async def read(self, first: int, last: int) -> AsyncIterator[Recorded]:
        """Every event from `first` to `last`, in order, some at a time. Raises LedgerDamagedError at a gap."""
        if last - first < 8:
            for sequence in range(first, last + 1):
                yield await self.at(sequence)
            return
        subscription = await self._messaging.js.pull_subscribe(
            "",
            stream=self.name,
            config=ConsumerConfig(
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=first,
                inactive_threshold=30,
                mem_storage=True,
                num_replicas=1,
            ),
        )
        try:
            expected, count = first, 16
            while expected <= last:
                largest = 1
                for message in await subscription.fetch(min(count, last - expected + 1), timeout=10):
                    largest = max(largest, len(message.data))
                    sequence = message.metadata.sequence.stream
                    if sequence != expected:
                        raise LedgerDamagedError(f"{self.name} holds no events {expected} to {sequence - 1}")
                    expected += 1
                    yield self._recorded(message.headers, message.data, sequence)
                count = max(4, min(_READ, _READ_BYTES // largest))
        finally:
            try:
                await subscription.unsubscribe()
            except nats.errors.Error as error:
                log.debug("%s: %s", self.name, error)

    def _recorded(self, headers: dict[str, str] | None, data: bytes, sequence: int) -> Recorded:
        found = headers or {}
        try:
            event = self._codec.decode(found["ce-type"], data)
        except KeyError as error:
            raise LedgerDamagedError(f"{self.name}: message {sequence} is no event: no ce-type") from error
        except CodecError as error:
            raise LedgerDamagedError(f"{self.name}: event {sequence}: {error}") from error
        key = found.get(_KEY)
        told = found.get(_RESULT)
        return Recorded(event, sequence, None if key is None else unquote(key), told, len(data))
