"""Settings of the incubator, the public door."""

import json
from pathlib import Path

from pydantic import Field, ValidationError

from sixfold.chassis.config import ConfigError, Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.rpc import ClientSettings
from sixfold.chassis.telemetry import TelemetrySettings
from sixfold.incubator.domain.keys import SCOPES, ApiKey


class CentreAddresses(Settings):
    """host:port of each centre's gRPC."""

    security: str = "127.0.0.1:26011"
    emergency: str = "127.0.0.1:26012"
    identity: str = "127.0.0.1:26013"
    address: str = "127.0.0.1:26014"
    convergence: str = "127.0.0.1:26015"
    credit: str = "127.0.0.1:26016"


class KeyEntry(Settings):
    """One API key in the keys file; only its hash stands there."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: frozenset[str]
    requests_per_minute: int = Field(600, ge=1, le=1_000_000)


class TokenSettings(Settings):
    """Access tokens of the identity centre, beside API keys."""

    audience: str = "sixfold-openapi"
    requests_per_minute: int = Field(600, ge=1, le=1_000_000)
    """Calls a minute of one client."""
    recheck_seconds: float = Field(15.0, ge=0, le=3_600)
    """How often the identity centre is asked whether a token is still good: so late is a revoked one refused."""


class IncubatorSettings(Settings):
    http: HttpSettings = HttpSettings(port=26001)
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    centres: CentreAddresses = CentreAddresses()
    client: ClientSettings = ClientSettings()
    call_timeout: float = Field(5.0, gt=0, le=60)
    """Seconds that a call waits for a centre."""
    keys_file: Path | None = None
    """JSON list of {name, sha256, scopes, requests_per_minute}; without it only GET /v1/health answers."""
    tokens: TokenSettings | None = None
    """Absent: API keys alone."""
    anonymous_per_minute: int = Field(120, ge=1, le=1_000_000)
    """Calls a minute of one address without a valid key."""
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Names under which the door answers; any other Host header is refused."""


def read_keys(file: Path | None) -> list[ApiKey]:
    """The keys of `file`; ConfigError names what is wrong in it."""
    if file is None:
        return []
    try:
        entries = [KeyEntry.model_validate(entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, ValidationError) as error:
        raise ConfigError(f"keys_file {file}: {error}") from error
    for entry in entries:
        if unknown := entry.scopes - SCOPES:
            raise ConfigError(
                f"keys_file {file}: {entry.name} has unknown scopes {', '.join(sorted(unknown))}; "
                f"there are {', '.join(sorted(SCOPES))}"
            )
    return [ApiKey(entry.name, entry.sha256, entry.scopes, entry.requests_per_minute) for entry in entries]
