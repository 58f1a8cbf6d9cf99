"""Incidents told to others' HTTP doors, by the rules of Standard Webhooks 1.0: signed, retried, each with its own id.

The ledger's events are copied once (by their id) into the stream WEBHOOKS, one subject for each door, and delivered
from there: an answer of 2xx ends it, one that says "wrong" (4xx but 408, 425, 429) makes it a dead letter at once,
anything else is tried again with growing pauses and becomes a dead letter in the end. Whoever receives keeps the
`webhook-id`s of a while: what comes a second time after a lost answer has the same.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from nats.js.api import DeliverPolicy, DiscardPolicy, StreamConfig

from sixfold.api.security.v1 import security_pb2 as pb
from sixfold.api.subjects import event_subject, ledger_stream
from sixfold.chassis.codec import CodecError, EventCodec, event_type_of, to_message
from sixfold.chassis.messaging import Consumer, Inbound, Messaging, Poison
from sixfold.chassis.telemetry import Telemetry
from sixfold.security.adapters.ledger import CENTRE
from sixfold.security.adapters.web import WebError, request
from sixfold.security.domain.events import OfIncident
from sixfold.security.domain.incidents import Incident

log = logging.getLogger(__name__)
STREAM: Final = "WEBHOOKS"
PREFIX: Final = "whsec_"
BACKOFF: Final = (1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
ID_HEADER: Final = "Sixfold-Webhook-Id"
"""Of the copy; a dead letter that is sent again keeps it."""
_AGAIN: Final = frozenset({408, 425, 429})
_EVER: Final = 1 << 30
STREAM_BYTES: Final = 256 << 20
STREAM_SECONDS: Final = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One receiver."""

    name: str
    url: str
    secret: bytes = field(repr=False)
    events: frozenset[str]
    """Types of events, such as `incident-opened`."""
    attempts: int = 8
    timeout: float = 10.0
    backoff: Sequence[float] = BACKOFF


def secret_of(text: str) -> bytes:
    """The key of `whsec_…`. Raises ValueError."""
    if not text.startswith(PREFIX):
        raise ValueError(f"a webhook's secret begins with {PREFIX}")
    key = base64.b64decode(text.removeprefix(PREFIX).strip(), validate=True)
    if not 24 <= len(key) <= 64:
        raise ValueError(f"a webhook's secret has 24 to 64 bytes, this one {len(key)}")
    return key


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


class Outbox:
    """Copies events into the stream and delivers them; a component of consumers that replicas share."""

    def __init__(
        self,
        messaging: Messaging,
        telemetry: Telemetry,
        *,
        doors: Sequence[Door],
        codec: EventCodec,
        incident: Callable[[str], Incident | None],
    ) -> None:
        self.name = "security-webhooks"
        self.task: asyncio.Task[None] | None = None
        self._messaging = messaging
        self._doors = tuple(doors)
        self._codec = codec
        self._incident = incident
        self._deliveries = telemetry.counter(
            "security_webhook_deliveries_total",
            "webhook calls by door and outcome: delivered, refused, failed",
        )
        types = sorted({kind for door in doors for kind in door.events})
        self._consumers = [
            Consumer(
                messaging,
                stream=ledger_stream(CENTRE),
                durable="security-outbox",
                subjects=[event_subject(CENTRE, kind) for kind in types],
                handle=self._copy,
                telemetry=telemetry,
                max_deliver=_EVER,  # a dead letter would be sent to the ledger again
                deliver=DeliverPolicy.NEW,
            ),
            *(
                Consumer(
                    messaging,
                    stream=STREAM,
                    durable=f"security-webhook-{door.name}",
                    subjects=[_subject(door)],
                    handle=self._deliverer(door),
                    telemetry=telemetry,
                    batch=1,
                    max_in_flight=64,
                    max_wait=0.0,
                    max_deliver=door.attempts,
                    backoff=door.backoff,
                    concurrency=4,
                    ack_wait=max(30.0, 3 * door.timeout),
                )
                for door in doors
            ),
        ]

    @property
    def ready(self) -> bool:
        return not self._doors or all(consumer.ready for consumer in self._consumers)

    async def start(self) -> None:
        if not self._doors:
            return
        await self._messaging.ensure_stream(
            StreamConfig(
                name=STREAM,
                subjects=["webhook.>"],
                description="incidents on their way to others",
                max_bytes=STREAM_BYTES,
                max_age=STREAM_SECONDS,
                discard=DiscardPolicy.OLD,
                duplicate_window=3_600,
            )
        )
        for consumer in self._consumers:
            await consumer.start()
        self.task = asyncio.create_task(self._watch(), name=self.name)

    async def _watch(self) -> None:
        tasks = [consumer.task for consumer in self._consumers if consumer.task is not None]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done.pop().result()

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            await asyncio.gather(*(consumer.stop() for consumer in self._consumers))

    async def _copy(self, messages: Sequence[Inbound]) -> None:
        for message in messages:
            message_id = message.headers.get("ce-id") or str(message.sequence)
            try:
                event: OfIncident = self._codec.decode(message.subject.split(".")[2], message.data)
            except CodecError as error:
                log.error("event %s is told to nobody: %s", message.sequence, error)
                self._deliveries.add(1, {"door": "all", "outcome": "unreadable"})
                continue
            body = json.dumps(self._payload(event, message), separators=(",", ":")).encode()
            for door in self._doors:
                if event_type_of(type(event)) in door.events:
                    await self._messaging.publish(
                        _subject(door),
                        body,
                        headers={ID_HEADER: f"msg_{message_id}"},
                        message_id=f"{door.name}:{message_id}",
                        timeout=30,
                    )

    def _payload(self, event: OfIncident, message: Inbound) -> dict[str, Any]:
        kind = event_type_of(type(event))
        incident = self._incident(event.incident_id)
        told = None if incident is None else MessageToDict(to_message(incident, pb.Incident))
        return {
            "type": f"incident.{kind.removeprefix('incident-')}",
            "timestamp": event.time.astimezone(UTC).isoformat(timespec="milliseconds"),
            "data": {"incident_id": event.incident_id, "sequence": message.sequence, "incident": told},
        }

    def _deliverer(self, door: Door) -> Callable[[Sequence[Inbound]], Any]:
        async def deliver(messages: Sequence[Inbound]) -> None:
            for message in messages:
                try:
                    await asyncio.to_thread(_post, door, message)
                except WebError as error:
                    wrong = 400 <= error.status < 500 and error.status not in _AGAIN
                    self._deliveries.add(1, {"door": door.name, "outcome": "refused" if wrong else "failed"})
                    if wrong:
                        raise Poison("webhook-refused", str(error), message) from error
                    raise
                self._deliveries.add(1, {"door": door.name, "outcome": "delivered"})

        return deliver


def _subject(door: Door) -> str:
    return f"webhook.{door.name}"


def _post(door: Door, message: Inbound) -> None:
    message_id = message.headers[ID_HEADER]
    now = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "sixfold-security",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(door.secret, message_id, now, message.data),
    }
    with request(
        door.url, headers=headers, timeout=door.timeout, most_bytes=1 << 16, body=message.data
    ) as answer:
        for _ in answer.chunks:
            pass
