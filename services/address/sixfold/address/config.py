"""Settings of the address centre."""

from pydantic import Field

from sixfold.address.dhcpv6.config import Dhcpv6Settings
from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.messaging import NatsSettings
from sixfold.chassis.rpc import RpcSettings
from sixfold.chassis.telemetry import TelemetrySettings


class AddressSettings(Settings):
    nats: NatsSettings = NatsSettings()
    rpc: RpcSettings = RpcSettings()
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    dhcpv6: Dhcpv6Settings = Dhcpv6Settings()
    ends_at_once: int = Field(1_000, ge=1, le=10_000)
    """Leases that one step ends, and prefixes that it frees: bounds what a request can wait behind."""
    snapshot_every: int = Field(50_000, ge=100)
    """Events between two snapshots of the book."""
    sample_seconds: float = Field(900.0, gt=0)
    """Between two samples of every pool's use, which forecasts and anomalies are made of."""
