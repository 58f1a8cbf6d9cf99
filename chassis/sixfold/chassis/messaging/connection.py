"""The bus: one connection to NATS, acknowledged publishing, and atomic batches.

MessagingError              anything the bus refused or could not do
  BusUnavailableError       no answer within the time: try again later
  StreamRefusedError        the stream said no (full, too large, …); `code` is JetStream's error code
    SequenceConflictError   the stream's last sequence is not the expected one
"""

import asyncio
import json
import logging
import random
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import PubAck, StreamConfig, StreamInfo
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from sixfold.chassis.config import Settings
from sixfold.chassis.telemetry import Telemetry, inject

log = logging.getLogger(__name__)

MAX_BATCH: Final = 1_000
"""Messages in one atomic batch: the server's limit."""
_WRONG_LAST_SEQUENCE: Final = (10071, 10164)
_HEADER_ROOM: Final = 200
"""Bytes of a message's header frame and of what a batch adds to it."""
_FORBIDDEN: Final = re.compile(r'publish to "([^"]+)"', re.IGNORECASE)
_ELECTING: Final = (10005, 10008, 10009)
"""No peers known yet, JetStream not available yet, not the leader."""


class NatsSettings(Settings):
    servers: tuple[str, ...] = ("nats://127.0.0.1:4222",)
    name: str = "sixfold"
    """What `nats server report connections` calls this process."""
    nkey_seed_file: Path | None = None
    connect_timeout: float = 30.0
    """Seconds that a start waits for the first connection."""
    pending_bytes: int = 64 << 20
    """What may wait in this process for a slow or absent server."""
    inbox_prefix: str = "_INBOX"
    """First token of the subjects that answers come back on; its own where others may not read them."""
    replicas: int = 1
    """Copies of every stream that this process creates."""


class MessagingError(RuntimeError):
    pass


class BusUnavailableError(MessagingError):
    pass


class StreamRefusedError(MessagingError):
    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class SequenceConflictError(StreamRefusedError):
    pass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish."""

    subject: str
    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Messaging:
    """The connection; a component. With `require=False` it starts without a server and connects when there is one."""

    name = "nats"

    def __init__(
        self, settings: NatsSettings, *, require: bool = True, telemetry: Telemetry | None = None
    ) -> None:
        self.settings = settings
        self.telemetry = telemetry
        self._require = require
        self._nc: Client | None = None
        self._js: JetStreamContext | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._seed: str | None = None
        self._refused = asyncio.Event()
        self._trouble = ""
        self._forbidden: set[str] = set()
        self._stopping = False
        self.connected = asyncio.Event()
        self.reconnects = 0

    @property
    def nc(self) -> Client:
        if self._nc is None:
            raise BusUnavailableError("not connected to NATS yet")
        return self._nc

    @property
    def js(self) -> JetStreamContext:
        if self._js is None:
            raise BusUnavailableError("not connected to NATS yet")
        return self._js

    @property
    def ready(self) -> bool:
        return self._nc is not None and self._nc.is_connected

    @property
    def max_payload(self) -> int:
        return self.nc.max_payload

    async def start(self) -> None:
        self._seed = _read_seed(self.settings.nkey_seed_file)
        self._connecting = asyncio.create_task(self._connect(self._seed), name="nats-connect")
        if not self._require:
            return
        refused = asyncio.create_task(self._refused.wait())
        try:
            await asyncio.wait(
                (self._connecting, refused),
                timeout=self.settings.connect_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if self._connecting.done():
                return await self._connecting
            self._connecting.cancel()
            servers = ", ".join(self.settings.servers)
            if refused.done():
                raise MessagingError(f"NATS at {servers} refused our key: {self._trouble}")
            raise BusUnavailableError(
                f"no NATS server answers at {servers}; is it started? ({self._trouble})"
            )
        finally:
            refused.cancel()

    async def _connect(self, seed: str | None) -> None:
        options: dict[str, Any] = {} if seed is None else {"nkeys_seed_str": seed}
        while True:
            try:
                self._nc = await nats.connect(
                    list(self.settings.servers),
                    name=self.settings.name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.25,
                    connect_timeout=5,
                    ping_interval=10,
                    max_outstanding_pings=3,
                    pending_size=self.settings.pending_bytes,
                    inbox_prefix=self.settings.inbox_prefix,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                    closed_cb=self._on_closed,
                    **options,
                )
                break
            except (nats.errors.Error, OSError, TimeoutError) as error:
                await self._on_error(error)
            await asyncio.sleep(0.25 * (1 + random.random()))  # noqa: S311 - jitter
        self._js = self._nc.jetstream(timeout=5, publish_async_max_pending=4096)
        self._trouble = ""
        self._show(True)
        self.connected.set()

    def _show(self, connected: bool) -> None:
        if self.telemetry is not None:
            self.telemetry.gauge("nats_connected", "1 while connected to NATS").set(
                int(connected), {"connection": self.settings.name}
            )

    async def _on_error(self, error: Exception) -> None:
        trouble = str(error) or type(error).__name__
        if "authorization" in trouble.lower():
            self._refused.set()
        if (forbidden := _FORBIDDEN.search(trouble)) and len(self._forbidden) < 1_000:
            self._forbidden.add(forbidden[1])
        if trouble != self._trouble:  # a server that is away says the same four times a second
            log.warning("NATS at %s: %s", ", ".join(self.settings.servers), trouble)
        self._trouble = trouble

    async def _on_disconnected(self) -> None:
        self.connected.clear()
        self._show(False)
        if not self._stopping:
            log.warning("NATS: disconnected")

    async def _on_reconnected(self) -> None:
        self.reconnects += 1
        self._trouble = ""
        if self.telemetry is not None:
            self.telemetry.counter("nats_reconnects_total", "connections to NATS won again").add(
                1, {"connection": self.settings.name}
            )
        self._show(True)
        self.connected.set()
        log.info("NATS: connected again")

    async def _on_closed(self) -> None:
        """The library may give a connection up for ever; we do not."""
        self.connected.clear()
        self._show(False)
        if not self._stopping:
            log.error("NATS: connection closed for good; opening another")
            self._connecting = asyncio.create_task(self._connect(self._seed), name="nats-connect")

    async def stop(self) -> None:
        self._stopping = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._nc is None or self._nc.is_closed:
            return
        try:
            if self._nc.is_connected:
                await asyncio.wait_for(self._nc.flush(2), 3)
        except (nats.errors.Error, TimeoutError):
            log.warning("NATS: closing with messages unsent")
        await self._nc.close()

    async def ensure_stream(self, config: StreamConfig, *, timeout: float = 30.0) -> StreamInfo:
        """Create the stream, or bring it to `config`. Waits up to `timeout` seconds for servers that are electing.

        Raises StreamRefusedError where the server will not, BusUnavailableError where none answers in time.
        """
        wanted = replace(config, num_replicas=config.num_replicas or self.settings.replicas)
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            try:
                try:
                    await self.js.stream_info(str(wanted.name))
                except NotFoundError:
                    return await self.js.add_stream(wanted)
                return await self.js.update_stream(wanted)
            except APIError as error:
                late = asyncio.get_running_loop().time() > deadline
                if late or error.err_code not in _ELECTING:
                    raise StreamRefusedError(
                        f"stream {wanted.name}: {error.description}", error.err_code or 0
                    ) from error
            except (nats.errors.Error, BusUnavailableError, TimeoutError) as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise BusUnavailableError(
                        f"stream {wanted.name}: {error or type(error).__name__}"
                    ) from error
            await asyncio.sleep(0.1)

    async def request(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> Msg:
        """Ask whoever answers on `subject` (core NATS). Raises BusUnavailableError when nobody does in time."""
        sent = dict(headers or {})
        inject(sent)
        self.check_size(Outgoing(subject, data, sent))
        try:
            return await self.nc.request(subject, data, timeout=timeout, headers=sent)
        except (nats.errors.Error, TimeoutError) as error:
            raise BusUnavailableError(f"{subject}: {error or type(error).__name__}") from error

    async def publish(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        message_id: str | None = None,
        timeout: float = 5.0,
    ) -> PubAck:
        """Publish to JetStream and wait for the acknowledgement, retrying within `timeout` seconds.

        A retry carries the same message id, so it is stored once. Raises BusUnavailableError when the time is over
        (it may be stored then), SequenceConflictError for an expected sequence that is not, StreamRefusedError else.
        """
        sent = dict(headers or {})
        sent["Nats-Msg-Id"] = message_id or sent.get("Nats-Msg-Id") or secrets.token_hex(12)
        inject(sent)
        self.check_size(Outgoing(subject, data, sent))
        deadline = asyncio.get_running_loop().time() + timeout
        pause = 0.05
        tries = 0
        while True:
            left = deadline - asyncio.get_running_loop().time()
            tries += 1
            try:
                return await self.js.publish(subject, data, timeout=max(min(left, 2.0), 0.05), headers=sent)
            except APIError as error:
                code = error.err_code or 0
                if code in _WRONG_LAST_SEQUENCE:
                    # One node alone answers so to a retry of what it has stored, where three say "duplicate".
                    stored = await self._stored(subject, sent["Nats-Msg-Id"]) if tries > 1 else None
                    if stored is not None:
                        return stored
                    raise SequenceConflictError(f"{subject}: {error.description}", code) from error
                if code not in _ELECTING or left <= pause:
                    raise StreamRefusedError(f"{subject}: {error.description}", code) from error
            except (nats.errors.Error, NoStreamResponseError, BusUnavailableError, TimeoutError) as error:
                if subject in self._forbidden:
                    self._forbidden.discard(subject)
                    raise StreamRefusedError(
                        f"{subject}: NATS does not permit us to publish there"
                    ) from error
                if left <= pause:
                    raise BusUnavailableError(f"{subject}: {error or type(error).__name__}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    def check_size(self, message: Outgoing) -> None:
        """Raise StreamRefusedError for a message over the server's limit.

        The server counts the headers too and cuts the connection of who sends more; the client library does not look.
        """
        if self._nc is None:
            return
        headers = sum(len(key.encode()) + len(value.encode()) + 4 for key, value in message.headers.items())
        size = len(message.data) + headers + _HEADER_ROOM
        if size > self._nc.max_payload:
            limit = self._nc.max_payload
            raise StreamRefusedError(f"{message.subject}: {size} bytes is over the server's limit of {limit}")

    async def _stored(self, subject: str, message_id: str) -> PubAck | None:
        """The acknowledgement of an earlier try, where the newest message of the subject is that one."""
        try:
            stream = await self.js.find_stream_name_by_subject(subject)
            last = await self.js.get_last_msg(stream, subject)
        except (nats.errors.Error, TimeoutError):
            return None
        if (last.headers or {}).get("Nats-Msg-Id") != message_id:
            return None
        return PubAck(stream=stream, seq=int(last.seq or 0), duplicate=True)

    async def publish_batch(
        self, messages: Sequence[Outgoing], *, expected_last_sequence: int | None = None, timeout: float = 5.0
    ) -> int:
        """Append all of `messages` to one stream or none (ADR-50), at most MAX_BATCH. Returns the last sequence.

        Raises SequenceConflictError where the stream does not end at `expected_last_sequence`. After
        BusUnavailableError the outcome is unknown.
        """
        if not 0 < len(messages) <= MAX_BATCH:
            raise ValueError(f"a batch holds 1 to {MAX_BATCH} messages, not {len(messages)}")
        for message in messages:
            self.check_size(message)
        batch = secrets.token_hex(16)
        try:
            for number, message in enumerate(messages, 1):
                headers = dict(message.headers)
                if number == 1 and expected_last_sequence is not None:
                    headers["Nats-Expected-Last-Sequence"] = str(expected_last_sequence)
                if len(messages) > 1:
                    headers |= {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
                if number == len(messages):
                    if len(messages) > 1:
                        headers["Nats-Batch-Commit"] = "1"
                    reply = await self.nc.request(
                        message.subject, message.data, timeout=timeout, headers=headers
                    )
                    return _sequence_of(reply.data)
                if number == 1:
                    # The server answers the first with nothing, or with the reason why there is no batch.
                    reply = await self.nc.request(
                        message.subject, message.data, timeout=timeout, headers=headers
                    )
                    if reply.data:
                        _sequence_of(reply.data)
                else:
                    await self.nc.publish(message.subject, message.data, headers=headers)
        except (nats.errors.Error, TimeoutError) as error:
            raise BusUnavailableError(f"{messages[0].subject}: {error or type(error).__name__}") from error
        raise AssertionError("unreachable: the last message returns")


def _read_seed(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text().strip()
    except OSError as error:
        raise MessagingError(f"cannot read the NKey seed {file}: {error.strerror}") from error


def _sequence_of(answer: bytes) -> int:
    body = json.loads(answer)
    if "error" in body:
        code = body["error"].get("err_code", 0)
        text = body["error"].get("description", "refused")
        raise (SequenceConflictError if code in _WRONG_LAST_SEQUENCE else StreamRefusedError)(text, code)
    return int(body["seq"])


def cloudevent_headers(
    event_type: str, source: str, event_id: str, time: datetime | None = None
) -> dict[str, str]:
    """CloudEvents 1.0 in NATS binary mode, protobuf data."""
    return {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": source,
        "ce-type": event_type,
        "ce-time": (time or datetime.now(UTC)).isoformat().replace("+00:00", "Z"),
        "content-type": "application/protobuf",
    }
