"""A centre's operational state: decide, append, evolve, on a JetStream stream.

    ledger = Ledger(messaging, centre="address", initial=State, evolve=evolve, codec=codec)
    result = await ledger.transact(lambda state: decide(state, command), key=command.key)

`decide(state)` is pure and returns `(events, result)`. The events of many concurrent callers are appended as one
atomic batch that expects the stream's last sequence, so of two active writers only one wins; a caller has its
answer only after the append is acknowledged. Where the outcome of an append is unknown, the stream itself is
asked: an event is recognised by its id.

    LedgerError
      LedgerConflictError     another writer is active and kept winning
      LedgerUnavailableError  the append could not be acknowledged in time; it may still have happened
      LedgerRepeatedError     the key was used before a restart, and its result can no longer be told; has `events`
      LedgerDamagedError      the stream lacks events that the state was made of
      NotActiveError          a standby was asked to decide

Rooms: `ledger` (deciding, group commit, standby), `stream` (append and read), `keys` (idempotency), `snapshots`,
`plain` (those of plain dataclasses). `Ledger.cut` gives up events that are too old, once a
snapshot holds what they made.
"""

from sixfold.chassis.codec import CodecError, EventCodec, ProtobufCodec
from sixfold.chassis.ledger.errors import (
    LedgerConflictError,
    LedgerDamagedError,
    LedgerError,
    LedgerRepeatedError,
    LedgerUnavailableError,
    NotActiveError,
)
from sixfold.chassis.ledger.keys import MAX_KEYS
from sixfold.chassis.ledger.ledger import MAX_PENDING, Follower, Ledger
from sixfold.chassis.ledger.plain import PlainError, PlainSnapshots
from sixfold.chassis.ledger.snapshots import SNAPSHOT_BUCKET, SnapshotCodec

__all__ = [
    "MAX_KEYS",
    "MAX_PENDING",
    "SNAPSHOT_BUCKET",
    "CodecError",
    "EventCodec",
    "Follower",
    "Ledger",
    "LedgerConflictError",
    "LedgerDamagedError",
    "LedgerError",
    "LedgerRepeatedError",
    "LedgerUnavailableError",
    "NotActiveError",
    "PlainError",
    "PlainSnapshots",
    "ProtobufCodec",
    "SnapshotCodec",
]
