"""Settings of the emergency centre."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.messaging import NatsSettings
from sixfold.chassis.rpc import RpcSettings
from sixfold.chassis.telemetry import TelemetrySettings
from sixfold.emergency.adapters.cap_xml import XmlLimits
from sixfold.emergency.domain.decisions import Policy


class DocumentLimits(Settings):
    """What is read of a submitted CAP document."""

    bytes: int = Field(2 * 1024 * 1024, ge=4_096, le=4 * 1024 * 1024)
    depth: int = Field(32, ge=8, le=200)
    elements: int = Field(100_000, ge=100)

    def limits(self) -> XmlLimits:
        return XmlLimits(self.bytes, self.depth, self.elements)


class AlertOptions(Settings):
    default_lifetime_seconds: int = Field(86_400, ge=60)
    """Life of an alert that names no end."""
    clock_tolerance_seconds: int = Field(600, ge=0)
    """How far in the future a message may say that it was sent."""
    most_active: int = Field(2_000, ge=1)
    most_active_bytes: int = Field(256 * 1024 * 1024, ge=4 * 1024 * 1024)

    def policy(self) -> Policy:
        return Policy(
            default_lifetime=timedelta(seconds=self.default_lifetime_seconds),
            clock_tolerance=timedelta(seconds=self.clock_tolerance_seconds),
            most_active=self.most_active,
            most_active_bytes=self.most_active_bytes,
        )


class EmergencySettings(Settings):
    nats: NatsSettings = NatsSettings()
    rpc: RpcSettings = RpcSettings()
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    signing_seed_file: Path = Path("emergency.nk")
    """File with the NKey seed that commands to gateways are signed with; agents hold its public key."""
    areas: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Gateway to the geocodes that it serves. One that is not here gets every alert."""
    document: DocumentLimits = DocumentLimits()  # pyright: ignore[reportCallIssue]
    alerts: AlertOptions = AlertOptions()  # pyright: ignore[reportCallIssue]
    most_gateways: int = Field(10_000, ge=1)
    """Gateways that are known at once; more are counted and left out."""
    commands_bytes: int = Field(1 << 30, ge=1 << 20)
    receipts_bytes: int = Field(1 << 28, ge=1 << 20)
