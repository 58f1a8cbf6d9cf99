"""Settings of the identity centre."""

from pathlib import Path

from pydantic import Field

from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.messaging import NatsSettings
from sixfold.chassis.rpc import RpcSettings
from sixfold.chassis.telemetry import TelemetrySettings


class IdentitySettings(Settings):
    nats: NatsSettings = NatsSettings()
    rpc: RpcSettings = RpcSettings()
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    pseudonym_key_file: Path = Path("identity-pseudonym.key")
    """32 random bytes in hexadecimal: what pseudonyms are made with. Another key makes other pseudonyms."""
    vault_key_file: Path = Path("identity-vault.key")
    """32 random bytes in hexadecimal: what person references are sealed with. Keep it apart from the first."""
    nat_sessions: bool = True
    """Whether live NAT sessions are held against the bindings."""
    index_seconds: float = Field(1.0, gt=0, le=60)
    """How old the compiled bindings may be that NAT sessions are held against."""
