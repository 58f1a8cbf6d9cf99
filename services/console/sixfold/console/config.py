"""Settings of the console."""

from pydantic import Field

from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.rpc import ClientSettings
from sixfold.chassis.telemetry import TelemetrySettings


class CentreAddresses(Settings):
    """host:port of each centre's gRPC."""

    security: str = "127.0.0.1:26011"
    emergency: str = "127.0.0.1:26012"
    identity: str = "127.0.0.1:26013"
    address: str = "127.0.0.1:26014"
    convergence: str = "127.0.0.1:26015"
    credit: str = "127.0.0.1:26016"


class ConsoleSettings(Settings):
    http: HttpSettings = HttpSettings(port=26000)
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    centres: CentreAddresses = CentreAddresses()
    client: ClientSettings = ClientSettings()
    call_timeout: float = Field(3.0, gt=0, le=60)
    """Seconds that a page waits for a centre."""
    refresh_seconds: int = Field(3, ge=1, le=3600)
    """How often an open page renews itself."""
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Names under which the pages answer; any other Host header is refused."""
