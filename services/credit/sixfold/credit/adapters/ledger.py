"""The events of the credit centre as protobuf."""

from sixfold.api.credit.v1 import events_pb2
from sixfold.chassis.codec import ProtobufCodec
from sixfold.credit.domain.registry import GatewayRegistered, MigrationApplied


def codec() -> ProtobufCodec:
    return ProtobufCodec(
        {GatewayRegistered: events_pb2.GatewayRegistered, MigrationApplied: events_pb2.MigrationApplied}
    )
