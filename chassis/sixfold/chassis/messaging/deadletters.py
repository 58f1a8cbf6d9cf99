"""What could not be handled, kept with its cause in the stream DEAD until somebody drives it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy, StreamConfig
from nats.js.errors import NotFoundError

from sixfold.api.subjects import DEAD_LETTER_STREAM, dead_letter_subject
from sixfold.chassis.messaging.connection import BusUnavailableError, Messaging, StreamRefusedError

DEAD_LETTER_BYTES: Final = 1 << 30
_ADDED: Final = frozenset(
    {
        "Sixfold-Cause",
        "Sixfold-Error",
        "Sixfold-Subject",
        "Sixfold-Stream",
        "Sixfold-Stream-Sequence",
        "Sixfold-Message-Id",
        "Sixfold-Data-Bytes",
    }
)


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message as a handler sees it."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    stream: str
    sequence: int
    """In the stream."""
    delivered: int
    """1 the first time."""
    published: datetime
    _msg: Msg = field(repr=False, compare=False)


def inbound(msg: Msg) -> Inbound:
    meta = msg.metadata
    return Inbound(
        subject=msg.subject,
        data=msg.data,
        headers=msg.headers or {},
        stream=meta.stream,
        sequence=meta.sequence.stream,
        delivered=meta.num_delivered,
        published=meta.timestamp,
        _msg=msg,
    )


class Poison(Exception):  # noqa: N818 - the field's word for it
    """A message that can never be handled. `cause` is a short stable word for counters."""

    def __init__(self, cause: str, detail: str = "", message: Inbound | None = None) -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause
        self.detail = detail
        self.message = message


async def ensure_dead_letters(messaging: Messaging) -> None:
    await messaging.ensure_stream(
        StreamConfig(
            name=DEAD_LETTER_STREAM,
            subjects=["dead.>"],
            description="messages that could not be handled, with their cause",
            max_bytes=DEAD_LETTER_BYTES,
            discard=DiscardPolicy.OLD,
            duplicate_window=120,
        )
    )


async def bury(messaging: Messaging, consumer: str, message: Inbound, *, cause: str, detail: str) -> None:
    """Keep `message` as a dead letter of `consumer`. One that its cause makes too large for the bus is kept without its
    data, whose size and place in the stream are told. Raises MessagingError."""
    headers = {key: value for key, value in message.headers.items() if not key.startswith("Nats-")}
    headers |= {
        "Sixfold-Cause": cause,
        "Sixfold-Error": " ".join(detail.split())[:500],
        "Sixfold-Subject": message.subject,
        "Sixfold-Stream": message.stream,
        "Sixfold-Stream-Sequence": str(message.sequence),
        "Sixfold-Message-Id": message.headers.get("Nats-Msg-Id", ""),
        "Sixfold-Data-Bytes": str(len(message.data)),
    }
    options: dict[str, Any] = {"message_id": f"{consumer}:{message.stream}:{message.sequence}", "timeout": 30}
    subject = dead_letter_subject(consumer)
    try:
        await messaging.publish(subject, message.data, headers=headers, **options)
    except StreamRefusedError:
        await messaging.publish(subject, b"", headers=headers, **options)


async def redrive(messaging: Messaging, consumer: str, *, limit: int = 1_000) -> int:
    """Publish up to `limit` dead letters of `consumer` to their subjects again, oldest first, and delete them.

    Those that come while this runs are left for the next time. Returns how many. A letter that was kept without its
    data is skipped: it must be read from its stream. Raises MessagingError.
    """
    subject = dead_letter_subject(consumer)
    done, sequence = 0, 0
    try:
        last = (await messaging.js.stream_info(DEAD_LETTER_STREAM)).state.last_seq
        while done < limit:
            message = await messaging.js.get_msg(DEAD_LETTER_STREAM, sequence + 1, subject=subject, next=True)
            sequence = int(message.seq or 0)
            if sequence > last:
                break
            found, data = message.headers or {}, message.data or b""
            if found.get("Sixfold-Data-Bytes", str(len(data))) != str(len(data)):
                continue
            headers = {
                key: value for key, value in found.items() if key not in _ADDED and key != "Nats-Msg-Id"
            }
            await messaging.publish(
                found["Sixfold-Subject"], data, headers=headers, message_id=f"redrive:{consumer}:{sequence}"
            )
            await messaging.js.delete_msg(DEAD_LETTER_STREAM, sequence)
            done += 1
    except NotFoundError:
        return done
    except (nats.errors.Error, TimeoutError) as error:
        raise BusUnavailableError(f"after {done} dead letters: {error or type(error).__name__}") from error
    return done
