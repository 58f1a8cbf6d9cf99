"""Reports of forged sources, from the bus to the warehouse."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

import pyarrow as pa
from google.protobuf.message import DecodeError

from sixfold.api.agent.v1.agent_pb2 import SourceValidation, SpoofedSources
from sixfold.api.subjects import REPORT_STREAM
from sixfold.chassis.lifecycle import Aside
from sixfold.chassis.messaging import Consumer, Inbound, Messaging, Poison
from sixfold.chassis.telemetry import Telemetry
from sixfold.credit.warehouse.connection import Warehouse

TABLE: Final = "spoofed_sources"
_MILLIS: Final = pa.timestamp("ms", tz="UTC")
_TYPES: Final = {
    "time_start": _MILLIS,
    "time_end": _MILLIS,
    "gateway": pa.string(),
    "interface": pa.string(),
    "address": pa.binary(16),
    "packets": pa.uint64(),
    "bytes": pa.uint64(),
    "dropped": pa.bool_(),
}


def read_report(message: Inbound) -> SpoofedSources:
    """Raises Poison: `malformed`, `gateway-mismatch`."""
    try:
        report = SpoofedSources.FromString(message.data)
    except DecodeError as error:
        raise Poison("malformed", str(error), message) from error
    if report.gateway != message.subject.split(".")[1]:
        raise Poison("gateway-mismatch", f"{report.gateway[:64]!r} on {message.subject}", message)
    if any(len(one.address) != 16 for one in report.sources):
        raise Poison("malformed", "an address is not of 16 bytes", message)
    return report


def rows(report: SpoofedSources) -> list[dict[str, Any]]:
    """One a source, and one for those that the report tells as a sum alone."""
    base = {
        "time_start": report.since.ToDatetime(UTC),
        "time_end": report.until.ToDatetime(UTC),
        "gateway": report.gateway,
        "dropped": report.action == SourceValidation.ACTION_DROP,
    }
    found = [
        base
        | {"interface": one.interface, "address": one.address, "packets": one.packets, "bytes": one.bytes}
        for one in report.sources
    ]
    packets = report.packets - sum(one.packets for one in report.sources)
    octets = report.bytes - sum(one.bytes for one in report.sources)
    if packets > 0:
        found.append(
            base | {"interface": "", "address": bytes(16), "packets": packets, "bytes": max(octets, 0)}
        )
    return found


class SpoofedReports:
    """Stores each report once: the block's token is the place of its messages in the stream."""

    def __init__(self, warehouse: Warehouse, telemetry: Telemetry) -> None:
        self._warehouse = warehouse
        self._packets = telemetry.counter(
            "credit_forged_packets_total", "forged packets reported by gateways"
        )

    def consumer(self, messaging: Messaging, telemetry: Telemetry) -> Aside:
        """The emergency centre makes the stream; until then there is nothing to read."""
        return Aside(
            Consumer(
                messaging,
                stream=REPORT_STREAM,
                durable="credit-spoofed-sources",
                subjects=["report.*.spoofed-source"],
                handle=self.take,
                telemetry=telemetry,
                batch=64,
                max_wait=1.0,
            )
        )

    async def take(self, messages: Sequence[Inbound]) -> None:
        # A block a message: another batching after a restart gives the same tokens.
        for message in messages:
            report = read_report(message)
            table = [row for row in rows(report) if row["packets"]]
            columns = [pa.array([row[name] for row in table], kind) for name, kind in _TYPES.items()]
            if table:
                block = pa.Table.from_arrays(columns, names=list(_TYPES))
                await self._warehouse.insert(TABLE, block, f"{TABLE}:{message.sequence}")
            self._packets.add(report.packets, {"gateway": report.gateway})
