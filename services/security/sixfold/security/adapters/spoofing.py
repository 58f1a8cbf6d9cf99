"""Reports of forged sources from the bus, and the identity centre's word on who holds an address."""

from collections.abc import Sequence
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from sixfold.api.agent.v1.agent_pb2 import SourceValidation
from sixfold.api.agent.v1.agent_pb2 import SpoofedSources as Message
from sixfold.api.identity.v1.identity_pb2 import LookupTerminalRequest
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.api.subjects import REPORT_STREAM
from sixfold.chassis.lifecycle import Aside
from sixfold.chassis.messaging import Consumer, Inbound, Messaging, Poison
from sixfold.chassis.rpc import ClientSettings, connect
from sixfold.chassis.telemetry import Telemetry
from sixfold.security.domain.spoofing import Forged, Report
from sixfold.security.spoofing_handlers import SpoofedSources
from sixfold.security.spoofing_ports import SpoofingMeter

KIND: Final = "spoofed-source"


def read_report(message: Inbound) -> Report:
    """Raises Poison: `malformed`, `gateway-mismatch`."""
    try:
        told = Message.FromString(message.data)
    except DecodeError as error:
        raise Poison("malformed", str(error), message) from error
    if told.gateway != message.subject.split(".")[1]:
        raise Poison("gateway-mismatch", f"{told.gateway[:64]!r} on {message.subject}", message)
    if any(len(one.address) != 16 for one in told.sources):
        raise Poison("malformed", "an address is not of 16 bytes", message)
    return Report(
        gateway=told.gateway,
        since=told.since.ToMilliseconds(),
        until=max(told.until.ToMilliseconds(), told.since.ToMilliseconds()),
        dropped=told.action == SourceValidation.ACTION_DROP,
        sources=tuple(
            Forged(
                one.interface[:15],
                int.from_bytes(one.address[:8]),
                int.from_bytes(one.address[8:]),
                one.packets,
                one.bytes,
            )
            for one in told.sources
        ),
    )


def consumer(
    messaging: Messaging, telemetry: Telemetry, spoofed: SpoofedSources, meter: SpoofingMeter
) -> Aside:
    """The emergency centre makes the stream; until then there is nothing to read. Replicas share the reports."""

    async def handle(messages: Sequence[Inbound]) -> None:
        for message in messages:
            report = read_report(message)
            await spoofed.take(report)
            meter.reported(report.gateway, sum(one.packets for one in report.sources))

    return Aside(
        Consumer(
            messaging,
            stream=REPORT_STREAM,
            durable="security-spoofed-sources",
            subjects=[f"report.*.{KIND}"],
            handle=handle,
            telemetry=telemetry,
            batch=16,
        )
    )


class IdentityHolders:
    """spoofing_ports.Holders over gRPC; a component. An incident does not wait for it: what fails is left out."""

    name = "address-holders"

    def __init__(self, target: str, settings: ClientSettings, meter: SpoofingMeter) -> None:
        self._target = target
        self._settings = settings
        self._meter = meter
        self._channel: grpc.aio.Channel | None = None

    async def start(self) -> None:
        self._channel = connect(self._target, self._settings)

    async def stop(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def terminal(self, address: str) -> str | None:
        assert self._channel is not None, "the holders are not started"
        stub: Any = IdentityServiceStub(self._channel)
        try:
            answer = await stub.LookupTerminal(LookupTerminalRequest(address=address))
        except grpc.aio.AioRpcError as error:
            unbound = error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
            self._meter.looked_up("unbound" if unbound else "unavailable")
            return None
        self._meter.looked_up("held")
        return answer.terminal.terminal


class TelemetrySpoofingMeter:
    """spoofing_ports.SpoofingMeter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._packets = telemetry.counter(
            "security_forged_packets_total", "packets with forged sources, by gateway"
        )
        self._lookups = telemetry.counter(
            "security_holder_lookups_total",
            "holders of forged addresses asked for: held, unbound, unavailable",
        )

    def reported(self, gateway: str, packets: int) -> None:
        self._packets.add(packets, {"gateway": gateway})

    def looked_up(self, outcome: str) -> None:
        self._lookups.add(1, {"outcome": outcome})
