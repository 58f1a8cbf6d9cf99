"""Dataclasses to protobuf and back."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from sixfold.api.agent.v1 import agent_pb2
from sixfold.chassis.codec import CodecError, ProtobufCodec, event_type_of


class Outcome(enum.Enum):
    DELIVERED = "delivered"
    REFUSED = "refused"


@dataclass(frozen=True)
class Receipt:
    command_id: str
    outcome: Outcome
    time: datetime | None = None


@dataclass(frozen=True)
class Listener:
    protocol: str
    port: int


@dataclass(frozen=True)
class Heartbeat:
    gateway: str
    listeners: tuple[Listener, ...]
    counters: dict[str, int]
    troubles: tuple[str, ...] = ()


CODEC = ProtobufCodec({Receipt: agent_pb2.Receipt, Heartbeat: agent_pb2.Heartbeat})


@pytest.mark.parametrize(
    "event",
    [
        Receipt("1", Outcome.REFUSED, datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)),
        Receipt("2", Outcome.DELIVERED),
        Heartbeat("gw", (Listener("ipfix", 4739), Listener("sflow", 6343)), {"a": 1}, ("disk full",)),
    ],
)
def test_an_event_goes_there_and_back(event) -> None:
    assert CODEC.decode(*CODEC.encode(event)) == event


def test_event_types_are_kebab_case() -> None:
    assert event_type_of(type("PrefixDelegated", (), {})) == "prefix-delegated"


def test_wrong_events_are_named() -> None:
    with pytest.raises(CodecError, match="unknown event type 'x'"):
        CODEC.decode("x", b"")
    with pytest.raises(CodecError, match="Listener is no event"):
        CODEC.encode(Listener("x", 1))
    with pytest.raises(CodecError, match=r"no sixfold\.api\.agent\.v1\.Receipt"):
        CODEC.decode("receipt", b"\xff\xff")


def test_a_field_that_the_message_lacks_is_found_at_once() -> None:
    @dataclass(frozen=True)
    class Odd:
        colour: str

    with pytest.raises(CodecError, match="has no field colour"):
        ProtobufCodec({Odd: agent_pb2.Receipt})
