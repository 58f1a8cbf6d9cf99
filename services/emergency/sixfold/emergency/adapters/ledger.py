"""How events travel and rest: their codec."""

from sixfold.api.emergency.v1 import events_pb2 as pb
from sixfold.chassis.codec import ProtobufCodec
from sixfold.emergency.domain import events

CENTRE = "emergency"


def codec() -> ProtobufCodec:
    return ProtobufCodec({event: getattr(pb, event.__name__) for event in events.EVENTS})
