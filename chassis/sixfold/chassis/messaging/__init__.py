"""The bus: one connection to NATS, acknowledged publishing, atomic batches, durable pull consumers, dead letters."""

from sixfold.chassis.messaging.connection import (
    MAX_BATCH,
    BusUnavailableError,
    Messaging,
    MessagingError,
    NatsSettings,
    Outgoing,
    SequenceConflictError,
    StreamRefusedError,
    cloudevent_headers,
)
from sixfold.chassis.messaging.consumer import Consumer, Handler
from sixfold.chassis.messaging.deadletters import Inbound, Poison, ensure_dead_letters, inbound, redrive

__all__ = [
    "MAX_BATCH",
    "BusUnavailableError",
    "Consumer",
    "Handler",
    "Inbound",
    "Messaging",
    "MessagingError",
    "NatsSettings",
    "Outgoing",
    "Poison",
    "SequenceConflictError",
    "StreamRefusedError",
    "cloudevent_headers",
    "ensure_dead_letters",
    "inbound",
    "redrive",
]
