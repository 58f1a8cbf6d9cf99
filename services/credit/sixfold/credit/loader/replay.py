"""Batches out of the stream by their place in it: how a block that was intended is put together again."""

from datetime import datetime

import nats.errors
from nats.js.errors import APIError, NotFoundError

from sixfold.chassis.messaging import BusUnavailableError, Inbound, Messaging, MessagingError
from sixfold.credit.loader.block import Source


class BatchGoneError(MessagingError):
    """A batch of an intended block is in the stream no more, though its loader has not acknowledged it.

    Only a hand at the stream does that (a purge, another store).
    """


def _millis(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def source_of(message: Inbound) -> Source:
    return Source(
        message.subject, message.sequence, _millis(message.published), message.headers, message.data
    )


async def fetch(messaging: Messaging, stream: str, sequence: int) -> Source:
    """Raises BatchGoneError, BusUnavailableError."""
    try:
        try:
            message = await messaging.js.get_msg(stream, sequence, direct=True)
        except NotFoundError:
            # A replica may lag behind; the leader knows.
            message = await messaging.js.get_msg(stream, sequence)
    except NotFoundError as error:
        raise BatchGoneError(f"batch {sequence} of an intended block is gone from {stream}") from error
    except (nats.errors.Error, APIError, TimeoutError) as error:
        raise BusUnavailableError(f"batch {sequence} of {stream}: {error or type(error).__name__}") from error
    if message.time is None:
        raise BusUnavailableError(f"batch {sequence} of {stream}: without its time")
    return Source(
        message.subject or "", sequence, _millis(message.time), message.headers or {}, message.data or b""
    )
