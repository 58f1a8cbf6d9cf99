"""Snapshots of a ledger's state in the JetStream object store: one object a centre, with the sequence it covers.

The object is one JSON line (version, stream, sequence, size of the keys), the idempotency keys as JSON, and the state
as its codec wrote it. A snapshot that cannot be read costs time, never data: the events are all there.
"""

import asyncio
import io
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import nats.errors
from nats.js.api import ObjectStoreConfig
from nats.js.errors import NotFoundError

from sixfold.chassis.messaging import BusUnavailableError, Messaging

log = logging.getLogger(__name__)

SNAPSHOT_BUCKET: Final = "SNAPSHOTS"
_TRANSFER_TIMEOUT: Final = 60.0


class SnapshotCodec(Protocol):
    """State as bytes; `version` changes when older snapshots cannot be read, which are then ignored.

    A codec of a state that changes in place may have `freeze(state)`: what it returns at once, and which no longer
    changes, is given to `dump` in place of the state, beside the work.
    """

    version: str

    def dump(self, state: Any) -> bytes: ...

    def load(self, data: bytes) -> Any: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    state: Any
    sequence: int
    keys: Sequence[Sequence[Any]]


class SnapshotStore:
    def __init__(self, messaging: Messaging, *, centre: str, codec: SnapshotCodec) -> None:
        self._messaging = messaging
        self._centre = centre
        self._codec = codec

    async def newest(self, stream: str) -> Snapshot | None:
        """The snapshot of that stream; None where there is none, or none that this version can read."""
        data = io.BytesIO()
        try:
            store = await self._messaging.js.object_store(SNAPSHOT_BUCKET)
            async with asyncio.timeout(_TRANSFER_TIMEOUT):
                await store.get(self._centre, data)
        except NotFoundError:
            return None
        except (nats.errors.Error, BusUnavailableError, TimeoutError) as error:
            log.warning("%s: snapshot not read: %s", self._centre, error or type(error).__name__)
            return None
        return await asyncio.to_thread(self._parse, data.getvalue(), stream)

    def _parse(self, data: bytes, stream: str) -> Snapshot | None:
        try:
            line, _, rest = data.partition(b"\n")
            head = json.loads(line)
            if head["version"] != self._codec.version:
                log.info(
                    "%s: snapshot of version %s, not %s", self._centre, head["version"], self._codec.version
                )
                return None
            if head["stream"] != stream:
                log.error("%s: the snapshot is of another stream and not used", self._centre)
                return None
            keys = json.loads(rest[: head["keys"]])
            return Snapshot(self._codec.load(rest[head["keys"] :]), int(head["sequence"]), keys)
        except Exception:
            # Whatever is wrong with it, the events are the record; the state is made of them again.
            log.exception("%s: snapshot cannot be used", self._centre)
            return None

    def freeze(self, state: Any) -> tuple[Any, bool]:
        """(what `pack` takes, whether the state may go on changing meanwhile)"""
        freeze = getattr(self._codec, "freeze", None)
        return (state, False) if freeze is None else (freeze(state), True)

    def pack(self, stream: str, state: Any, sequence: int, keys: Sequence[Sequence[Any]]) -> bytes:
        rows = json.dumps(keys, separators=(",", ":")).encode()
        head = {"version": self._codec.version, "stream": stream, "sequence": sequence, "keys": len(rows)}
        return b"".join((json.dumps(head).encode(), b"\n", rows, self._codec.dump(state)))

    async def write(self, packed: bytes) -> None:
        """Replace the snapshot. Raises nats errors or TimeoutError."""
        async with asyncio.timeout(_TRANSFER_TIMEOUT):
            try:
                store = await self._messaging.js.object_store(SNAPSHOT_BUCKET)
            except NotFoundError:
                store = await self._messaging.js.create_object_store(
                    SNAPSHOT_BUCKET, config=ObjectStoreConfig(replicas=self._messaging.settings.replicas)
                )
            await store.put(self._centre, packed)
