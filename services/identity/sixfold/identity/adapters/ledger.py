"""How the register travels and rests: its events' codec."""

from sixfold.api.identity.v1 import events_pb2 as pb
from sixfold.chassis.codec import ProtobufCodec
from sixfold.identity.domain import events

CENTRE = "identity"


def codec() -> ProtobufCodec:
    return ProtobufCodec({event: getattr(pb, event.__name__) for event in events.EVENTS})
