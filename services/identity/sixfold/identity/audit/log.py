"""The audit trail on its own JetStream stream. There is one way to write it: append.

A message is one record (canonical JSON) with the checkpoint of the tree that it makes, signed before the append and
fenced by the stream's last sequence: a record without its checkpoint, or two at one place, cannot be.
"""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import nacl.signing
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, DiscardPolicy, RetentionPolicy, StreamConfig

from sixfold.chassis.messaging import BusUnavailableError, Messaging, SequenceConflictError
from sixfold.identity.adapters.keys import load_key
from sixfold.identity.audit.verify import TamperedError, is_signed
from sixfold.identity.domain.checkpoint import Checkpoint, LogKey, NoteError, open_note, seal
from sixfold.identity.domain.merkle import MerkleTree, leaf_hash
from sixfold.identity.ports import Clock

log = logging.getLogger(__name__)
STREAM: Final = "AUDIT_TRACE"
SUBJECT: Final = "audit.trace"
CHECKPOINT: Final = "Sixfold-Checkpoint"
_ATTEMPTS: Final = 8
_READ: Final = 500

Value = str | int


class AuditLog:
    """A component. `append` answers when the record is stored; what cannot be recorded must not be done."""

    name = "audit"

    def __init__(self, messaging: Messaging, *, key_file: Path, origin: str, clock: Clock) -> None:
        self._messaging = messaging
        self._key_file = key_file
        self._origin = origin
        self._clock = clock
        self._signer: nacl.signing.SigningKey | None = None
        self._tree = MerkleTree()
        self._note = ""
        self._lock = asyncio.Lock()
        self._doubtful = False

    @property
    def key(self) -> LogKey:
        assert self._signer is not None, "the audit log is not started"
        return LogKey(self._origin, bytes(self._signer.verify_key))

    @property
    def tree(self) -> MerkleTree:
        return self._tree

    @property
    def checkpoint(self) -> str:
        """The newest signed note."""
        return self._note or self._sealed(Checkpoint(self._origin, 0, self._tree.root()))

    async def start(self) -> None:
        """Read the whole trail. Raises TamperedError where it is not what was signed."""
        self._signer = nacl.signing.SigningKey(load_key("audit_key_file", self._key_file))
        await self._messaging.ensure_stream(
            StreamConfig(
                name=STREAM,
                subjects=[SUBJECT],
                description="audit trail of the trace desk; records are added, never changed",
                retention=RetentionPolicy.LIMITS,
                discard=DiscardPolicy.NEW,
                deny_delete=True,
                deny_purge=True,
                allow_direct=True,
                duplicate_window=120,
            )
        )
        await self._catch_up()

    async def stop(self) -> None:
        self._signer = None

    async def append(self, event: str, details: Mapping[str, Value]) -> int:
        """The index of the new record. Raises BusUnavailableError where it may not have been stored."""
        async with self._lock:
            for _ in range(_ATTEMPTS):
                if self._doubtful:
                    await self._catch_up()
                    self._doubtful = False
                index = self._tree.size
                record = encode_record(index, event, self._clock(), details)
                leaf = leaf_hash(record)
                note = self._sealed(Checkpoint(self._origin, index + 1, self._tree.root_with(leaf)))
                self._doubtful = True
                try:
                    await self._messaging.publish(
                        SUBJECT,
                        record,
                        headers={
                            CHECKPOINT: base64.b64encode(note.encode()).decode(),
                            "Nats-Expected-Last-Sequence": str(index),
                        },
                        message_id=f"audit-{index}-{leaf.hex()[:24]}",
                    )
                except SequenceConflictError:
                    log.warning("%s: another writer was faster at record %d", self.name, index)
                    continue
                self._doubtful = False
                self._tree.append(leaf)
                self._note = note
                return index
        raise BusUnavailableError("the audit trail: another writer kept winning")

    async def records(self, first: int = 0) -> AsyncIterator[tuple[bytes, str]]:
        """(record, signed note) from index `first` to the end as it is now."""
        last = (await self._messaging.js.stream_info(STREAM)).state.last_seq
        if last <= first:
            return
        subscription = await self._messaging.js.pull_subscribe(
            "",
            stream=STREAM,
            config=ConsumerConfig(
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=first + 1,
                inactive_threshold=60,
                mem_storage=True,
                num_replicas=1,
            ),
        )
        try:
            expected = first + 1
            while expected <= last:
                for message in await subscription.fetch(min(_READ, last - expected + 1), timeout=10):
                    if message.metadata.sequence.stream != expected:
                        raise TamperedError(expected - 1, "it is gone from the stream")
                    expected += 1
                    yield message.data, decode_note(message.headers)
        finally:
            await subscription.unsubscribe()

    async def _catch_up(self) -> None:
        assert self._signer is not None
        async for record, note in self.records(self._tree.size):
            index = self._tree.size
            self._tree.append(leaf_hash(record))
            try:
                checkpoint = open_note(note, self.key, is_signed)
            except NoteError as error:
                raise TamperedError(index, str(error)) from error
            if (checkpoint.size, checkpoint.root) != (index + 1, self._tree.root()):
                raise TamperedError(index, "the stored record is not what was signed")
            self._note = note

    def _sealed(self, checkpoint: Checkpoint) -> str:
        assert self._signer is not None, "the audit log is not started"
        signer = self._signer
        return seal(checkpoint, self.key, lambda text: signer.sign(text).signature)


def encode_record(index: int, event: str, now: int, details: Mapping[str, Value]) -> bytes:
    time = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body: dict[str, Any] = {"index": index, "time": time, "event": event, **details}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decode_note(headers: Mapping[str, str] | None) -> str:
    try:
        return base64.b64decode((headers or {}).get(CHECKPOINT, ""), validate=True).decode()
    except ValueError:
        return ""
