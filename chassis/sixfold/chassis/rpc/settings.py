"""Where a gRPC server listens, whom it trusts, and what it bounds."""

from pathlib import Path

import grpc
from pydantic import Field

from sixfold.chassis.config import ConfigError, Settings


class TlsSettings(Settings):
    """Mutual TLS: both sides show a certificate that `ca_file` has signed."""

    certificate_file: Path
    key_file: Path
    ca_file: Path

    def read(self) -> tuple[bytes, bytes, bytes]:
        """(certificate chain, private key, CA certificates) in PEM."""
        try:
            return self.certificate_file.read_bytes(), self.key_file.read_bytes(), self.ca_file.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read {error.filename}: {error.strerror}") from error

    def for_server(self) -> grpc.ServerCredentials:
        certificate, key, ca = self.read()
        return grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)

    def for_client(self) -> grpc.ChannelCredentials:
        certificate, key, ca = self.read()
        return grpc.ssl_channel_credentials(ca, key, certificate)


class RpcSettings(Settings):
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free port."""
    tls: TlsSettings | None = None
    allow: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Common names that may call a method (`/package.Service/Method`, or `*`); needs TLS. Empty: every caller."""
    max_message_bytes: int = 16 << 20
    default_deadline: float = 10.0
    """Seconds that a unary call gets whose caller set no deadline."""
    max_concurrent: int = 1_000
    """Calls at once; more are answered RESOURCE_EXHAUSTED."""


class ClientSettings(Settings):
    tls: TlsSettings | None = None
    default_deadline: float = 5.0
    max_message_bytes: int = 16 << 20
