"""Certificate requests (PKCS #10, RFC 2986): what the CA's policy takes, and why it refuses the rest."""

import binascii
import hashlib
from base64 import b64decode
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from sixfold.identity.domain.values import RefusedError

TerminalKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
RSA_BITS: Final = (2048, 4096)
CURVES: Final = ("secp256r1", "secp384r1")
PEM_HEAD: Final = b"-----BEGIN CERTIFICATE REQUEST-----"


@dataclass(frozen=True, slots=True)
class TerminalRequest:
    """A key that its holder has proven to have. `common_name` is empty where the request named nobody."""

    public_key: TerminalKey
    key_hash: bytes
    common_name: str


def _refused(reason: str, detail: str) -> RefusedError:
    return RefusedError("invalid", reason, detail, "request")


def decoded(body: bytes) -> bytes:
    """DER of a request as EST sends it (base64, RFC 8951), or PEM. Raises RefusedError."""
    text = body.strip()
    if text.startswith(PEM_HEAD):
        text = text.removeprefix(PEM_HEAD).partition(b"-----END")[0]
    try:
        return b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused("CSR_MALFORMED", "the body is no base64 of a PKCS #10 request") from error


def checked(der: bytes) -> TerminalRequest:
    """Signature, key and subject by policy. Raises RefusedError."""
    try:
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
        names = list(request.subject)
        hashed_with = request.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm, TypeError) as error:
        raise _refused("CSR_MALFORMED", "no PKCS #10 request that can be read") from error
    trusted = _trusted_key(key)
    if hashed_with is not None and not isinstance(hashed_with, SHA256 | SHA384 | SHA512):
        raise _refused("SIGNATURE_WEAK", f"signed with {hashed_with.name}; SHA-256 or better is needed")
    try:
        signed = request.is_signature_valid
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        signed = False
    if not signed:
        raise _refused("CSR_FORGED", "the request's signature is not by the key in it")
    others = [name for name in names if name.oid != NameOID.COMMON_NAME]
    common = [str(name.value) for name in names if name.oid == NameOID.COMMON_NAME]
    if others or len(common) > 1:
        # Refused rather than dropped: who sends a name or a place here should learn that it must not travel.
        raise _refused(
            "SUBJECT_NOT_PSEUDONYM", "the subject may hold the pseudonym as common name, nothing else"
        )
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return TerminalRequest(trusted, hashlib.sha256(info).digest(), common[0] if common else "")


def _trusted_key(key: object) -> TerminalKey:
    if isinstance(key, rsa.RSAPublicKey):
        if not RSA_BITS[0] <= key.key_size <= RSA_BITS[1]:
            raise _refused(
                "KEY_WEAK", f"RSA of {key.key_size} bits; {RSA_BITS[0]} to {RSA_BITS[1]} are taken"
            )
        if key.public_numbers().e != 65_537:
            raise _refused("KEY_WEAK", "RSA with an exponent other than 65537")
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in CURVES:
            raise _refused("KEY_WEAK", f"curve {key.curve.name}; P-256 and P-384 are taken")
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise _refused("KEY_UNSUPPORTED", "RSA, ECDSA over P-256 or P-384, or Ed25519")
