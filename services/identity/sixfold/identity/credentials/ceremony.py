"""Making a root and an intermediate: `python -m sixfold.identity.credentials.ceremony DIRECTORY`.

The root's key (`ca-root.key`) signs intermediates and nothing else. Take it off the machine when the ceremony is over:
the centre never reads it.
"""

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ROOT: Final = "ca-root"
INTERMEDIATE: Final = "ca-intermediate"
ROOT_DAYS: Final = 20 * 365
INTERMEDIATE_DAYS: Final = 5 * 365


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    days: int,
    path_length: int,
    now: dt.datetime,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=path_length == 0,  # the intermediate answers OCSP itself
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .sign(issuer_key, SHA384())
    )


def make_authorities(directory: Path, *, name: str = "Sixfold", now: dt.datetime | None = None) -> None:
    """Write `ca-root.pem/.key` and `ca-intermediate.pem/.key`. Raises FileExistsError: nothing is overwritten."""
    now = now or dt.datetime.now(dt.UTC)
    root_key = ec.generate_private_key(ec.SECP384R1())
    key = ec.generate_private_key(ec.SECP256R1())
    root_name, own_name = _name(f"{name} root"), _name(f"{name} terminals")
    root = _authority(root_name, root_key, root_name, root_key, days=ROOT_DAYS, path_length=1, now=now)
    own = _authority(own_name, key, root_name, root_key, days=INTERMEDIATE_DAYS, path_length=0, now=now)
    for stem, private, certificate in ((ROOT, root_key, root), (INTERMEDIATE, key, own)):
        secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(directory / f"{stem}.key", secret)
        _write(directory / f"{stem}.pem", certificate.public_bytes(Encoding.PEM))


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    try:
        make_authorities(Path(sys.argv[1]))
    except OSError as failure:
        raise SystemExit(f"{failure.filename}: {failure.strerror}; nothing is overwritten") from failure
