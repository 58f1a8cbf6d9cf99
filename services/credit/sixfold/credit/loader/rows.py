"""Events of the identity centre's ledger as rows of the table `bindings`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError

from sixfold.api.identity.v1 import events_pb2 as pb
from sixfold.api.subjects import event_subject

SCHEMA: Final = pa.schema(
    [
        ("network", pa.binary(16)),
        ("length", pa.uint8()),
        ("port_first", pa.uint16()),
        ("port_last", pa.uint16()),
        ("since", pa.timestamp("ms", tz="UTC")),
        ("until", pa.timestamp("ms", tz="UTC")),
        ("holder", pa.string()),
        ("gateway", pa.string()),
        ("source", pa.string()),
        ("number", pa.uint64()),
        ("logged", pa.timestamp("ms", tz="UTC")),
        ("ledger_sequence", pa.uint64()),
    ]
)


class EventMalformedError(ValueError):
    """No event of the identity centre; only a hand at the stream makes such."""


@dataclass(frozen=True, slots=True)
class Event:
    """A message of the ledger. time: UTC milliseconds at which the stream took it."""

    subject: str
    sequence: int
    time: int
    data: bytes


def _singles(event: Event, bindings: Sequence[Any], number: str, until: Callable[[Any], int]) -> pa.Table:
    rows = len(bindings)
    return pa.table(
        [
            pa.array([one.network for one in bindings], pa.binary(16)),
            pa.array([one.length for one in bindings], pa.uint8()),
            pa.array([one.port_first for one in bindings], pa.uint16()),
            pa.array([one.port_last for one in bindings], pa.uint16()),
            pa.array([one.since for one in bindings], SCHEMA.field("since").type),
            pa.array([until(one) for one in bindings], SCHEMA.field("until").type),
            pa.array([one.terminal for one in bindings], pa.string()),
            pa.array([one.gateway for one in bindings], pa.string()),
            pa.array([""] * rows, pa.string()),
            pa.array([getattr(one, number) for one in bindings], pa.uint64()),
            *_trail(event, rows),
        ],
        schema=SCHEMA,
    )


def _trail(event: Event, rows: int) -> list[pa.Array]:
    return [
        pa.array(np.full(rows, event.time, np.int64)).cast(SCHEMA.field("logged").type),
        pa.array(np.full(rows, event.sequence, np.uint64)),
    ]


def _bound(event: Event) -> pa.Table:
    bindings = pb.AddressesBound.FromString(event.data).bindings
    return _singles(event, bindings, "binding_id", lambda _: 0)


def _released(event: Event) -> pa.Table:
    # Ledgers of releases before the end was told whole have ends without a place: nothing can be told of those.
    told = [one for one in pb.BindingsReleased.FromString(event.data).bindings if len(one.network) == 16]
    return _singles(event, told, "binding_id", lambda one: one.until)


def _logged(event: Event) -> pa.Table:
    message = pb.BindingsLogged.FromString(event.data)
    rows = message.rows

    def column(name: str, kind: str) -> pa.Array:
        return pa.array(np.frombuffer(getattr(message, name), kind))

    def named(index: str, kind: str, names: Sequence[str]) -> pa.Array:
        codes = pa.array(np.frombuffer(getattr(message, index), kind).astype(np.int32))
        return pa.DictionaryArray.from_arrays(codes, pa.array(list(names), pa.string())).dictionary_decode()

    time = SCHEMA.field("since").type
    return pa.table(
        [
            pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(message.network)]),
            column("length", "u1"),
            column("port_first", "<u2"),
            column("port_last", "<u2"),
            column("since", "<i8").cast(time),
            column("until", "<i8").cast(time),
            named("holder", "<u4", message.holders),
            named("gateway", "<u2", message.gateways),
            pa.array([message.source], pa.string()).take(pa.array(np.zeros(rows, np.int32))),
            column("number", "<u8"),
            *_trail(event, rows),
        ],
        schema=SCHEMA,
    )


READERS: Final[Mapping[str, Callable[[Event], pa.Table]]] = {
    event_subject("identity", "addresses-bound"): _bound,
    event_subject("identity", "bindings-released"): _released,
    event_subject("identity", "bindings-logged"): _logged,
}
"""By subject."""


def rows_of(event: Event) -> pa.Table:
    """Raises EventMalformedError."""
    try:
        return READERS[event.subject](event)
    except (KeyError, DecodeError, pa.ArrowException, ValueError, IndexError) as error:
        raise EventMalformedError(
            f"event {event.sequence} on {event.subject}: {type(error).__name__}: {error}"
        ) from error
