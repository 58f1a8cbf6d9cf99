"""Gateways as bytes: every record as a message, with its length before it."""

import struct
from collections.abc import Mapping

from sixfold.address.domain.gateway_register import GatewayRecord
from sixfold.api.address.v1 import gateway_events_pb2 as pb
from sixfold.chassis.codec import from_message, to_message


def dump_gateways(records: tuple[GatewayRecord, ...]) -> bytes:
    parts: list[bytes] = []
    for record in records:
        data = to_message(record, pb.GatewayRecord).SerializeToString(deterministic=True)
        parts += (struct.pack("!I", len(data)), data)
    return b"".join(parts)


def freeze_gateways(gateways: Mapping[str, GatewayRecord]) -> tuple[GatewayRecord, ...]:
    return tuple(gateways.values())


def load_gateways(data: bytes) -> dict[str, GatewayRecord]:
    """Raises ValueError or struct.error for what `dump_gateways` did not write."""
    found: dict[str, GatewayRecord] = {}
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from("!I", data, at)
        message = pb.GatewayRecord.FromString(data[at + 4 : at + 4 + size])
        record = from_message(message, GatewayRecord)
        found[record.gateway] = record
        at += 4 + size
    return found
