"""The intermediate CA: its keys from files, terminal certificates, CRL (RFC 5280) and OCSP answers (RFC 6960)."""

import datetime as dt
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs7,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from sixfold.identity.credentials.requests import TerminalRequest
from sixfold.identity.domain.credential import Certificate, Credentials

SKEW: Final = dt.timedelta(minutes=5)
"""Terminals' clocks may be this much behind."""
NONCE_BYTES: Final = range(1, 33)
"""RFC 8954."""


class AuthorityError(ValueError):
    """The CA cannot be used; says which file and why."""


def instant(milliseconds: int) -> dt.datetime:
    """Whole seconds, as certificates hold them."""
    return dt.datetime.fromtimestamp(milliseconds // 1000, dt.UTC)


class Authority:
    """A component: reads and checks its files when it starts; holds no state besides. The root's key is never here."""

    name = "authority"

    def __init__(self, *, root_file: Path, certificate_file: Path, key_file: Path, url: str) -> None:
        self._files = (root_file, certificate_file, key_file)
        self._url = url
        self._key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None
        self.root: x509.Certificate
        self.certificate: x509.Certificate

    async def start(self) -> None:
        root_file, certificate_file, key_file = self._files
        self.root = _certificate("ca.root_file", root_file)
        self.certificate = _certificate("ca.certificate_file", certificate_file)
        self._key = _private_key(key_file)
        self._require_sound(certificate_file, key_file)

    async def stop(self) -> None:
        self._key = None

    def _require_sound(self, certificate_file: Path, key_file: Path) -> None:
        if _info(self._signer.public_key()) != _info(self.certificate.public_key()):
            raise AuthorityError(f"ca.key_file {key_file} is not the key of {certificate_file}")
        try:
            self.certificate.verify_directly_issued_by(self.root)
            constraints = self.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
            raise AuthorityError(
                f"ca.certificate_file {certificate_file} is not the root's: {error}"
            ) from error
        if not constraints.ca:
            raise AuthorityError(f"ca.certificate_file {certificate_file} is of no authority")
        if self.certificate.not_valid_after_utc <= dt.datetime.now(dt.UTC):
            raise AuthorityError(
                f"ca.certificate_file {certificate_file} expired; sign a new one with the root"
            )

    @property
    def _signer(self) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
        if self._key is None:
            raise AuthorityError("the CA is not started")
        return self._key

    def not_after(self, wanted: int) -> int:
        """`wanted` in UTC milliseconds, or when the CA's own certificate ends, whichever is sooner."""
        return min(wanted, int(self.certificate.not_valid_after_utc.timestamp()) * 1000)

    def issue(self, request: TerminalRequest, granted: Certificate) -> x509.Certificate:
        """The subject is the pseudonym and nothing else, whatever the request asked for."""
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        issuer_key = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        points = x509.CRLDistributionPoints(
            [
                x509.DistributionPoint(
                    [x509.UniformResourceIdentifier(f"{self._url}/ca/crl")], None, None, None
                )
            ]
        )
        access = [
            x509.AccessDescription(method, x509.UniformResourceIdentifier(self._url + path))
            for method, path in (
                (AuthorityInformationAccessOID.OCSP, "/ocsp"),
                (AuthorityInformationAccessOID.CA_ISSUERS, "/ca/intermediate.der"),
            )
        ]
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, granted.terminal)]))
            .issuer_name(self.certificate.subject)
            .public_key(request.public_key)
            .serial_number(int(granted.serial, 16))
            .not_valid_before(instant(granted.not_before))
            .not_valid_after(instant(granted.not_after))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key), critical=False
            )
            .add_extension(points, critical=False)
            .add_extension(x509.AuthorityInformationAccess(access), critical=False)
            .sign(self._signer, SHA256())
        )

    def chain(self) -> bytes:
        """Certs-only PKCS #7 of the intermediate and the root, DER."""
        return pkcs7.serialize_certificates([self.certificate, self.root], Encoding.DER)

    def revocation_list(self, credentials: Credentials, *, number: int, now: int, next_update: int) -> bytes:
        """DER, numbered, of what is revoked or on hold and has not expired."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(instant(now))
            .next_update(instant(next_update))
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._signer.public_key()), critical=False
            )
        )
        entries: list[x509.RevokedCertificate] = []
        for serial, revocation in credentials.revoked.items():
            if credentials.certificates[serial].not_after <= now:
                continue
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16))
            entry = entry.revocation_date(instant(revocation.time))
            if revocation.reason != "unspecified":  # RFC 5280, 5.3.1: left out rather than said
                reason = x509.CRLReason(x509.ReasonFlags(revocation.reason))
                entry = entry.add_extension(reason, critical=False)
            entries.append(entry.build())
        for entry in entries:
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self._signer, SHA256()).public_bytes(Encoding.DER)

    def status(
        self, der: bytes, credentials: Credentials, *, now: int, next_update: int
    ) -> tuple[bytes, str]:
        """DER of the OCSP answer, and its outcome in a word."""
        try:
            request = ocsp.load_der_ocsp_request(der)
            algorithm = request.hash_algorithm
            serial = f"{request.serial_number:032x}"
            nonce = [one.value for one in request.extensions if isinstance(one.value, x509.OCSPNonce)]
        except (ValueError, UnsupportedAlgorithm, NotImplementedError, TypeError, OverflowError):
            return _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST), "malformed"
        if nonce and len(nonce[0].nonce) not in NONCE_BYTES:
            return _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST), "malformed"
        if (request.issuer_name_hash, request.issuer_key_hash) != self._hashes(algorithm):
            return _unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED), "other-issuer"
        status, outcome = ocsp.OCSPCertStatus.UNKNOWN, "unknown"
        revocation = None
        if serial in credentials.certificates:
            revocation = credentials.revoked.get(serial)
            status, outcome = ocsp.OCSPCertStatus.GOOD, "good"
            if revocation is not None:
                status, outcome = ocsp.OCSPCertStatus.REVOKED, "revoked"
        reason = revocation.reason if revocation is not None else "unspecified"
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=request.issuer_name_hash,
            issuer_key_hash=request.issuer_key_hash,
            serial_number=request.serial_number,
            algorithm=algorithm,
            cert_status=status,
            this_update=instant(now),
            next_update=instant(next_update),
            revocation_time=instant(revocation.time) if revocation is not None else None,
            revocation_reason=x509.ReasonFlags(reason) if reason != "unspecified" else None,
        )
        # The certificate goes with it: FreeRADIUS looks for the signer in the answer alone.
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
        builder = builder.certificates([self.certificate])
        for one in nonce:
            builder = builder.add_extension(one, critical=False)
        answer = builder.sign(self._signer, SHA256())
        return answer.public_bytes(Encoding.DER), outcome

    def _hashes(self, algorithm: Any) -> tuple[bytes, bytes]:
        name, key = Hash(algorithm), Hash(algorithm)
        name.update(self.certificate.subject.public_bytes())
        key.update(_key_bits(self.certificate))
        return name.finalize(), key.finalize()

    def holder(self, certificate: x509.Certificate) -> str:
        """The pseudonym in a certificate of ours; raises AuthorityError where another signed it."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise AuthorityError("the certificate is not of this CA") from error
        return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def certificates_only(certificate: x509.Certificate) -> bytes:
    return pkcs7.serialize_certificates([certificate], Encoding.DER)


def _unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The BIT STRING of the key, without its algorithm: what RFC 6960 hashes."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert isinstance(key, rsa.RSAPublicKey)
    return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)


def _info(key: Any) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuthorityError(f"{setting} {path} cannot be read: {error.strerror}") from error


def _certificate(setting: str, path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(setting, path))
    except ValueError as error:
        if isinstance(error, AuthorityError):
            raise
        raise AuthorityError(f"{setting} {path} holds no PEM certificate") from error


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(_read("ca.key_file", path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if isinstance(error, AuthorityError):
            raise
        raise AuthorityError(f"ca.key_file {path} holds no unencrypted PEM key") from None
    if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    kind = "Ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else type(key).__name__
    raise AuthorityError(f"ca.key_file {path}: {kind} is no key for a CA here; ECDSA or RSA")
