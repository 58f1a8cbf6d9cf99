"""Domain events to protobuf and back, field by field by equal name.

A service declares its frozen dataclasses and the message that each one travels as; nothing is written by hand.
`PrefixDelegated` has the event type `prefix-delegated`.
"""

import dataclasses
import enum
import functools
import re
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

# The descriptors are of one of two implementations, whose types have no common base.
FieldDescriptor = Any
EnumDescriptor = Any


class CodecError(ValueError):
    """An event that cannot be written or read; names the type and the field."""


class EventCodec(Protocol):
    def encode(self, event: Any) -> tuple[str, bytes]:
        """(event type, data)"""
        ...

    def decode(self, event_type: str, data: bytes) -> Any: ...


def event_type_of(cls: type) -> str:
    """`PrefixDelegated` -> `prefix-delegated`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()


class ProtobufCodec:
    """The events of one ledger. Checked when made: each field of a dataclass must be a field of its message."""

    def __init__(self, events: Mapping[type, type[Message]]) -> None:
        self._messages = dict(events)
        self._classes = {event_type_of(cls): cls for cls in events}
        for cls, message in events.items():
            _check(cls, message.DESCRIPTOR)

    @property
    def event_types(self) -> tuple[str, ...]:
        return tuple(self._classes)

    def encode(self, event: Any) -> tuple[str, bytes]:
        cls = type(event)
        if cls not in self._messages:
            raise CodecError(f"{cls.__name__} is no event of this ledger")
        return event_type_of(cls), to_message(event, self._messages[cls]).SerializeToString(
            deterministic=True
        )

    def decode(self, event_type: str, data: bytes) -> Any:
        cls = self._classes.get(event_type)
        if cls is None:
            raise CodecError(f"unknown event type {event_type!r}; known: {', '.join(self._classes)}")
        message = self._messages[cls]()
        try:
            message.ParseFromString(data)
        except DecodeError as error:
            raise CodecError(f"{event_type}: no {message.DESCRIPTOR.full_name}: {error}") from error
        return from_message(message, cls)


def _is_repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _check(cls: type, descriptor: Any) -> None:
    known = {field.name for field in descriptor.fields}
    missing = [field.name for field in dataclasses.fields(cls) if field.name not in known]
    if missing:
        raise CodecError(f"{cls.__name__}: {descriptor.full_name} has no field {', '.join(missing)}")


def to_message(value: Any, message_class: type[Message]) -> Message:
    """A dataclass as a protobuf message. None leaves a field unset."""
    message = message_class()
    fields = message.DESCRIPTOR.fields_by_name
    for item in dataclasses.fields(value):
        content = getattr(value, item.name)
        field = fields.get(item.name)
        if field is None:
            raise CodecError(
                f"{type(value).__name__}.{item.name} is no field of {message.DESCRIPTOR.full_name}"
            )
        if content is None:
            continue
        try:
            _set(message, field, content)
        except (TypeError, ValueError) as error:
            raise CodecError(f"{type(value).__name__}.{item.name}: {error}") from error
    return message


def _set(message: Message, field: Any, content: Any) -> None:
    target = getattr(message, field.name)
    if _is_map(field):
        for key, entry in content.items():
            if field.message_type.fields_by_name["value"].message_type is not None:
                target[key].CopyFrom(to_message(entry, type(target[key])))
            else:
                target[key] = _scalar(field.message_type.fields_by_name["value"], entry)
    elif _is_repeated(field):
        if field.message_type is None and field.enum_type is None and not _has_enum(content):
            target.extend(content)
            return
        for entry in content:
            if field.message_type is None:
                target.append(_scalar(field, entry))
            elif isinstance(entry, datetime):
                target.add().FromDatetime(entry)
            else:
                slot = target.add()
                slot.CopyFrom(to_message(entry, type(slot)))
    elif isinstance(content, datetime):
        target.FromDatetime(content)
    elif field.message_type is not None:
        target.CopyFrom(to_message(content, type(target)))
        # An empty message is still a message that is there.
        target.SetInParent()
    else:
        setattr(message, field.name, _scalar(field, content))


def _has_enum(content: Any) -> bool:
    """Columns have one kind of entries: the first tells."""
    return (
        any(isinstance(entry, enum.Enum) for entry in content[:1])
        if isinstance(content, tuple | list)
        else True
    )


def _scalar(field: Any, content: Any) -> Any:
    if isinstance(content, enum.Enum):
        if field.enum_type is not None:
            return _enum_number(field.enum_type, content)
        return content.value
    return content


def _enum_prefix(descriptor: Any) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", descriptor.name).upper() + "_"


def _enum_number(descriptor: Any, content: enum.Enum) -> int:
    """By name: `State.OPEN` is `STATE_OPEN` or `OPEN`."""
    for name in (content.name, _enum_prefix(descriptor) + content.name):
        if name in descriptor.values_by_name:
            return int(descriptor.values_by_name[name].number)
    raise ValueError(f"{content} is no value of {descriptor.full_name}")


def from_message(message: Message, cls: type) -> Any:
    """A protobuf message as the dataclass `cls`; fields that `cls` does not have are ignored."""
    hints = _hints(cls)
    fields = message.DESCRIPTOR.fields_by_name
    values = {}
    for item in dataclasses.fields(cls):
        field = fields.get(item.name)
        if field is None:
            raise CodecError(f"{message.DESCRIPTOR.full_name} has no field {item.name}")
        values[item.name] = _get(message, field, hints[item.name])
    return cls(**values)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        choices = [choice for choice in typing.get_args(hint) if choice is not type(None)]
        return choices[0], len(choices) < len(typing.get_args(hint))
    return hint, False


def _get(message: Message, field: Any, hint: Any) -> Any:
    wanted, optional = _without_none(hint)
    content = getattr(message, field.name)
    if _is_map(field):
        value_hint = (typing.get_args(wanted) or (Any, Any))[1]
        return {key: _value(entry, value_hint, field) for key, entry in content.items()}
    if _is_repeated(field):
        item_hint = (typing.get_args(wanted) or (Any,))[0]
        origin = typing.get_origin(wanted) or wanted
        if item_hint in (int, str, float, bytes, bool) and origin in (tuple, list):
            return origin(content)
        items = [_value(entry, item_hint, field) for entry in content]
        make: Callable[[Any], Any] = origin if origin in (tuple, list, set, frozenset) else tuple
        return make(items)
    if field.has_presence and not message.HasField(field.name):
        if optional:
            return None
        if isinstance(content, Timestamp):
            return datetime.fromtimestamp(0, UTC)
    if optional and field.message_type is None and not field.has_presence and not content:
        return None
    return _value(content, wanted, field)


def _value(content: Any, hint: Any, field: Any) -> Any:
    hint, _ = _without_none(hint)
    if isinstance(content, Timestamp):
        return content.ToDatetime(UTC)
    if isinstance(content, Message):
        return from_message(content, hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        if field.enum_type is None:
            return hint(content)
        known = field.enum_type.values_by_number.get(content)
        if known is None:
            raise CodecError(f"{field.full_name}: {content} is of a newer version than this one")
        name = known.name
        short = name.removeprefix(_enum_prefix(field.enum_type))
        for choice in (name, short):
            if choice in hint.__members__:
                return hint[choice]
        raise CodecError(f"{field.full_name}: {name} is no value of {hint.__name__}")
    return content
