"""Settings of the identity centre."""

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.messaging import NatsSettings
from sixfold.chassis.rpc import ClientSettings, RpcSettings
from sixfold.chassis.telemetry import TelemetrySettings


class OfficerSettings(Settings):
    name: str = Field(pattern=r"[A-Za-z0-9._-]{1,64}")
    public_key: str = Field(pattern=r"[0-9a-f]{64}")
    """Ed25519, 32 bytes in hexadecimal."""
    roles: tuple[
        Literal["requester", "approver", "person-requester", "person-approver", "auditor", "eraser"], ...
    ]


class TraceSettings(Settings):
    """The trace desk. Its keys, the vault's key and the pseudonym key should have different keepers."""

    origin: str = Field(default="sixfold/audit", pattern=r"[^+\s]{1,128}")
    """Name of the audit log, in every checkpoint."""
    audit_key_file: Path
    """Seed of the Ed25519 key that signs the checkpoints: 32 random bytes in hexadecimal."""
    case_key_file: Path
    """32 random bytes in hexadecimal: what the keys of case records and identifiers are wrapped with."""
    officers: tuple[OfficerSettings, ...] = ()
    credit: str = "127.0.0.1:50051"
    """host:port of the credit centre, which keeps the logs."""
    address: str = "127.0.0.1:50051"
    """host:port of the address centre, which keeps the translation rules."""
    client: ClientSettings = ClientSettings()
    statement_seconds: int = Field(default=300, ge=10, le=3_600)
    """How old an officer's signed statement may be."""
    lookback_hours: int = Field(default=48, ge=1, le=24 * 30)
    """How long a NAT session or port block may last whose end was never told."""
    identifier_networks: tuple[str, ...] = ()
    """IPv6 prefixes whose /64 networks have opted in to identity-bearing interface identifiers."""
    identifier_hours: int = Field(default=48, ge=1, le=24 * 30)
    """How long an address with such an identifier may be used."""
    log_days: int = Field(default=190, ge=1)
    """Days that binding logs and NAT sessions are kept; not less than the warehouse's own setting."""
    person_days: int = Field(default=190, ge=0)
    """Days after which the vault entry of a retired subscriber is erased."""
    case_days: int = Field(default=3 * 365 + 1, ge=1)
    """Days after its expiry that a case's records are kept."""
    retention_hours: float = Field(default=24.0, gt=0)
    """Hours between two runs of the erasure."""


class CaSettings(Settings):
    """The intermediate CA: PEM files, as `python -m sixfold.identity.credentials.ceremony` makes them."""

    root_file: Path = Path("ca-root.pem")
    """The root's certificate. Its key is no business of the centre's."""
    certificate_file: Path = Path("ca-intermediate.pem")
    key_file: Path = Path("ca-intermediate.key")
    certificate_days: int = Field(default=90, ge=1, le=825)
    crl_hours: int = Field(default=24, ge=1, le=24 * 14)


class CredentialSettings(Settings):
    """Certificates, CPE secrets, tokens."""

    ca: CaSettings = CaSettings()
    key_file: Path = Path("identity-credential.key")
    """32 random bytes in hexadecimal: under which the secrets of CPEs are hashed."""
    http: HttpSettings = HttpSettings()
    url: str = Field(default="http://127.0.0.1:8081", pattern=r"https?://[^\s/]+(/[^\s]*)?")
    """Where terminals reach `http`; stands in certificates and tokens."""
    forwarded_certificate_header: str = ""
    """Header in which the TLS terminator hands on the client's certificate, URL-encoded PEM; it must remove what
    clients send under that name. Empty: renewal is by secret alone."""
    wrong_attempts: int = Field(default=10, ge=1)
    """Wrong secrets of one terminal at once; one more every `wrong_seconds`."""
    wrong_seconds: float = Field(default=30.0, gt=0)
    host_attempts: int = Field(default=200, ge=1)
    """Refused attempts of one host at once; one more every second."""


class AccessServerSettings(Settings):
    """A BNG, Wi-Fi controller or RADIUS proxy that asks."""

    name: str = Field(pattern=r"[A-Za-z0-9_-]{1,64}")
    prefix: str
    """Addresses that it asks from, such as `192.0.2.7/32`."""
    secret_file: Path
    """The shared secret, 16 characters at least."""
    gateway: str = Field(default="", pattern=r"[A-Za-z0-9_-]{0,64}")
    """Gateway that its subscribers are behind; empty: its own name."""
    is_proxy: bool = False
    """It hands on what access servers ask (FreeRADIUS, radsecproxy): their NAS-Identifier or NAS address tells them
    apart."""
    disconnect_port: int = Field(default=3799, ge=1, le=65_535)
    """Where it takes Disconnect-Requests (RFC 5176), at the first address of `prefix`."""

    @field_validator("prefix")
    @classmethod
    def _is_prefix(cls, value: str) -> str:
        return str(ipaddress.ip_network(value))


class AaaSettings(Settings):
    """RADIUS for the access network. Needs `credentials`."""

    host: str = "127.0.0.1"
    authentication_port: int = Field(default=1812, ge=0, le=65_535)
    accounting_port: int = Field(default=1813, ge=0, le=65_535)
    access_servers: tuple[AccessServerSettings, ...] = ()
    session_seconds: int = Field(default=86_400, ge=0)
    """Session-Timeout; 0: none is told."""
    interim_seconds: int = Field(default=600, ge=60, le=86_400)
    """Acct-Interim-Interval."""
    gather_seconds: float = Field(default=0.002, ge=0, le=0.1)
    """While several records wait, how long those are waited for that still come."""
    receive_bytes: int = Field(default=4 << 20, ge=4096)


class OAuthSettings(Settings):
    """Tokens (OAuth 2.0, OpenID Connect), at the HTTP door of `credentials`."""

    issuer: str = Field(default="", pattern=r"(https?://[^\s?#]+[^\s?#/])?")
    """URL that clients find the door under, and that stands in tokens; empty: `credentials.url`."""
    audience: str = Field(default="sixfold-openapi", min_length=1, max_length=128)
    """Who takes the access tokens."""
    access_seconds: int = Field(default=600, ge=10, le=3_600)
    refresh_days: float = Field(default=30.0, gt=0, le=365)
    """A refresh token that is not used for so long is over."""
    device_seconds: int = Field(default=600, ge=10, le=1_800)
    """How long a device code waits for somebody to agree."""
    device_codes_per_host: int = Field(default=100, ge=1, le=1_000)
    """Device codes for one host at once, and again in `device_seconds`, of a client that has no secret."""
    poll_seconds: int = Field(default=5, ge=1, le=60)
    """How often a device may ask whether somebody has."""
    rotation_days: float = Field(default=30.0, gt=0, le=365)
    """How long a key signs."""


class SourceSettings(Settings):
    """Valid sources, told to the gateways that look at them."""

    signing_seed_file: Path = Path("sources-issuer.nk")
    """NKey seed that they are signed with; agents have its public key in `translation.sources_from`."""
    address: str = "127.0.0.1:50051"
    """host:port of the address centre, which knows over which interface a gateway reaches whom."""
    client: ClientSettings = ClientSettings()
    linger_seconds: float = Field(default=1.0, gt=0, le=60)
    """How long changes are gathered for."""
    command_seconds: int = Field(default=600, ge=10, le=86_400)
    """How long a command waits for its agent; an agent that comes later is sent a new one."""


class IdentitySettings(Settings):
    nats: NatsSettings = NatsSettings()
    rpc: RpcSettings = RpcSettings()
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    pseudonym_key_file: Path = Path("identity-pseudonym.key")
    """32 random bytes in hexadecimal: what pseudonyms are made with. Another key makes other pseudonyms."""
    vault_key_file: Path = Path("identity-vault.key")
    """32 random bytes in hexadecimal: what person references are sealed with. Keep it apart from the first."""
    trace: TraceSettings | None = None
    """Absent: there is no trace desk, and no audit trail."""
    credentials: CredentialSettings | None = None
    """Absent: neither certificates nor secrets nor tokens."""
    aaa: AaaSettings | None = None
    """Absent: no RADIUS."""
    oauth: OAuthSettings | None = None
    """Absent: no tokens."""
    sources: SourceSettings | None = None
    """Absent: no gateway is told which sources are genuine."""
    nat_sessions: bool = True
    """Whether live NAT sessions are held against the bindings."""
    index_seconds: float = Field(1.0, gt=0, le=60)
    """How old the compiled bindings may be that NAT sessions are held against."""

    @model_validator(mode="after")
    def _has_credentials(self) -> "IdentitySettings":
        for name, group in (("aaa", self.aaa), ("oauth", self.oauth)):
            if group is not None and self.credentials is None:
                raise ValueError(f"{name} needs credentials: what terminals prove themselves with")
        return self
