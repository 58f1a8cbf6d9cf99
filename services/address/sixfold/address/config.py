"""Settings of the address centre."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from sixfold.address.dhcpv6.config import Dhcpv6Settings
from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.messaging import NatsSettings
from sixfold.chassis.rpc import RpcSettings
from sixfold.chassis.telemetry import TelemetrySettings


class GatewaySettings(Settings):
    """Configurations of translating gateways, sent to their agents."""

    signing_seed_file: Path = Path("configuration-issuer.nk")
    """NKey seed that configurations are signed with; agents have its public key in `translation.configured_by`."""
    command_seconds: int = Field(600, ge=10, le=86_400)
    """How long a command waits for its agent; an agent that comes later is sent a new one."""

    @property
    def lifetime(self) -> timedelta:
        return timedelta(seconds=self.command_seconds)


class AddressSettings(Settings):
    nats: NatsSettings = NatsSettings()
    rpc: RpcSettings = RpcSettings()
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    dhcpv6: Dhcpv6Settings = Dhcpv6Settings()
    gateways: GatewaySettings | None = None
    """Absent: gateways are configured by hand."""
    identifier_key_file: Path | None = None
    """32 random bytes in hexadecimal: the secret key of opaque interface identifiers (RFC 7217). Absent: none are
    assigned. Another key gives every terminal other addresses."""
    log_days: float = Field(190.0, gt=0)
    """How long an ended translation rule can be asked about, and an event stays on the ledger; not below the trace
    desk's own `log_days`."""
    retention_hours: float = Field(24.0, gt=0)
    """How often what is older is given up."""
    ends_at_once: int = Field(1_000, ge=1, le=10_000)
    """Leases that one step ends, and prefixes that it frees: bounds what a request can wait behind."""
    snapshot_every: int = Field(50_000, ge=100)
    """Events between two snapshots of the book."""
    sample_seconds: float = Field(900.0, gt=0)
    """Between two samples of every pool's use, which forecasts and anomalies are made of."""
