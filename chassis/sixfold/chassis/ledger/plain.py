"""Snapshots of a state that is made of dataclasses, containers and plain values, by their type hints alone.

A field that a later version adds takes its default when an older snapshot is read; one that is gone is passed over.
"""

import dataclasses
import enum
import json
import types
import typing
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

State = TypeVar("State")
Change = Callable[[Any], Any]
_SEQUENCES = (list, tuple, set, frozenset)


class PlainError(TypeError):
    """A type that cannot be written; says which."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """How values of one type are written, read, and copied so that they change no more. None: as they are."""

    write: Change | None
    read: Change | None
    freeze: Change | None


class PlainSnapshots(Generic[State]):
    """SnapshotCodec of one type. Raises PlainError where it is made, for a type that it cannot write."""

    def __init__(self, kind: type[State], version: str) -> None:
        self.version = version
        self._plan = _plan(kind, {})

    def freeze(self, state: State) -> Any:
        return state if self._plan.freeze is None else self._plan.freeze(state)

    def dump(self, state: Any) -> bytes:
        written = state if self._plan.write is None else self._plan.write(state)
        return zlib.compress(json.dumps(written, separators=(",", ":")).encode(), 1)

    def load(self, data: bytes) -> State:
        read = json.loads(zlib.decompress(data))
        return read if self._plan.read is None else self._plan.read(read)


_AS_IS = _Plan(None, None, None)


def _plan(kind: Any, known: dict[Any, _Plan]) -> _Plan:
    if kind in known:
        return known[kind]
    origin: Any = typing.get_origin(kind)
    inner: tuple[Any, ...] = typing.get_args(kind)
    if isinstance(kind, typing.NewType):
        return _plan(kind.__supertype__, known)
    if kind in (str, int, float, bool, None, type(None)) or origin is typing.Literal:
        return _AS_IS
    if kind is bytes:
        return _Plan(bytes.hex, bytes.fromhex, None)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _Plan(lambda value: value.value, kind, None)
    if origin in (types.UnionType, typing.Union):
        return _optional(kind, inner, known)
    if origin is tuple and len(inner) > 1 and inner[-1] is not Ellipsis:
        return _fixed(tuple(_plan(one, known) for one in inner))
    if origin in _SEQUENCES:
        return _sequence(origin, _plans(inner, known)[0])
    if origin in (dict, OrderedDict):
        return _mapping(origin, *_plans(inner, known))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, known)
    raise PlainError(f"{kind} is neither plain, a container nor a dataclass")


def _plans(kinds: tuple[Any, ...], known: dict[Any, _Plan]) -> list[_Plan]:
    return [_plan(kind, known) for kind in kinds if kind is not Ellipsis]


def _optional(kind: Any, inner: tuple[Any, ...], known: dict[Any, _Plan]) -> _Plan:
    others = [one for one in inner if one is not type(None)]
    if len(others) != 1:
        raise PlainError(f"{kind}: of several types only one beside None is told apart")
    plan = _plan(others[0], known)

    def unless_none(change: Change | None) -> Change | None:
        return None if change is None else lambda value: None if value is None else change(value)

    return _Plan(unless_none(plan.write), unless_none(plan.read), unless_none(plan.freeze))


def _call(change: Change | None) -> Change:
    return (lambda value: value) if change is None else change


def _fixed(plans: tuple[_Plan, ...]) -> _Plan:
    writes, reads = [_call(one.write) for one in plans], [_call(one.read) for one in plans]
    return _Plan(
        lambda values: [write(value) for write, value in zip(writes, values, strict=True)],
        lambda values: tuple(read(value) for read, value in zip(reads, values, strict=True)),
        None,
    )


def _sequence(origin: Callable[[Any], Any], plan: _Plan) -> _Plan:
    write, read, freeze = plan.write, plan.read, plan.freeze
    copied = list if freeze is None else lambda values: [freeze(one) for one in values]
    immutable = origin in (tuple, frozenset) and freeze is None
    return _Plan(
        list if write is None else lambda values: [write(one) for one in values],
        origin if read is None else lambda values: origin([read(one) for one in values]),
        None if immutable else copied,
    )


def _mapping(origin: Callable[[Any], Any], key: _Plan, value: _Plan) -> _Plan:
    write_key, write, read_key, read = (
        _call(key.write),
        _call(value.write),
        _call(key.read),
        _call(value.read),
    )
    freeze = value.freeze
    return _Plan(
        lambda items: [[write_key(one), write(other)] for one, other in items.items()],
        lambda pairs: origin([(read_key(one), read(other)) for one, other in pairs]),
        dict if freeze is None else lambda items: {one: freeze(other) for one, other in items.items()},
    )


def _dataclass(kind: type[Any], known: dict[Any, _Plan]) -> _Plan:
    hints = typing.get_type_hints(kind)
    names = [one.name for one in dataclasses.fields(kind) if one.init]
    plans = {name: _plan(hints[name], known) for name in names}
    writes = [(name, _call(plan.write)) for name, plan in plans.items()]
    reads = {name: _call(plan.read) for name, plan in plans.items()}
    freezes = {name: plan.freeze for name, plan in plans.items() if plan.freeze is not None}
    is_frozen: bool = kind.__dataclass_params__.frozen

    def read(values: dict[str, Any]) -> Any:
        return kind(**{name: reads[name](value) for name, value in values.items() if name in reads})

    def freeze(value: Any) -> Any:
        return dataclasses.replace(
            value, **{name: some(getattr(value, name)) for name, some in freezes.items()}
        )

    made = _Plan(
        lambda value: {name: write(getattr(value, name)) for name, write in writes},
        read,
        None if is_frozen and not freezes else freeze,
    )
    known[kind] = made
    return made
