"""Protobuf's enums and times as the pages say them."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message


def word(enum: Any, number: int, prefix: str) -> str:
    """`SEVERITY_HIGH` as `high`; a number that this release does not know, as the number."""
    try:
        return enum.Name(number).removeprefix(prefix).lower()
    except ValueError:
        return str(number)


def moment(message: Message, field: str) -> datetime | None:
    """The timestamp in `field`, UTC; None where it is absent."""
    return getattr(message, field).ToDatetime(tzinfo=UTC) if message.HasField(field) else None
