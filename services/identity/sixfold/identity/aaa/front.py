"""The folder that the FreeRADIUS in front reads: its configuration, the authorities, and a certificate of its own."""

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sixfold.identity.aaa.freeradius import Front, render

CERTIFICATE: Final = "server.pem"
KEY: Final = "server.key"
_DAYS: Final = 730


def write_front(front: Front, authorities: Sequence[Path]) -> bool:
    """Write `front.folder`; what stood there is written anew, only a certificate that is there is kept.

    `authorities`: PEM files of root and intermediate. Whether a certificate was made. Raises FrontError, OSError.
    """
    texts = render(front)
    front.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in texts.items():
        _write(front.folder / name, text.encode())
    _write(front.folder / "ca.pem", b"".join(path.read_bytes() for path in authorities))
    if (front.folder / CERTIFICATE).exists() and (front.folder / KEY).exists():
        return False
    key, certificate = _self_signed(front.name)
    _write(front.folder / KEY, key)
    _write(front.folder / CERTIFICATE, certificate)
    return True


def _self_signed(name: str) -> tuple[bytes, bytes]:
    """Terminals hold it as the one they trust: none but the front can show it."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)


def _write(path: Path, data: bytes) -> None:
    """Readable by its owner alone: there are shared secrets in it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
