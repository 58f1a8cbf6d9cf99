"""Certificates, secrets and one-time tokens: each wish proven, decided on the ledger, counted by its outcome."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from sixfold.identity.credentials.authority import SKEW, Authority, AuthorityError
from sixfold.identity.credentials.limits import Limit
from sixfold.identity.credentials.requests import TerminalRequest, checked, decoded
from sixfold.identity.credentials.secrets import Hasher
from sixfold.identity.domain import credential_decisions as decisions
from sixfold.identity.domain.credential import Certificate
from sixfold.identity.domain.decisions import terminal_of
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.ports import Clock, Meter, RegistryLedger

TOKEN_PREFIX: Final = "et_"  # noqa: S105 - tells a token from a secret, opens nothing
SECRET_BYTES: Final = range(12, 129)
TOKEN_SECONDS: Final = 3_600
LONGEST_TOKEN_SECONDS: Final = 7 * 24 * 3_600


@dataclass(frozen=True, slots=True)
class Proof:
    """Who a terminal has shown itself to be; `token_hash`: by a one-time token, which is yet to be spent."""

    terminal: str
    token_hash: bytes | None = None


class CredentialDesk:
    """The one door to credentials, behind EST, OAuth, RADIUS and gRPC alike."""

    def __init__(
        self,
        *,
        ledger: RegistryLedger,
        authority: Authority,
        hasher: Hasher,
        meter: Meter,
        clock: Clock,
        certificate_seconds: int,
        crl_seconds: int,
        attempts: Limit,
    ) -> None:
        self._ledger = ledger
        self.authority = authority
        self._hasher = hasher
        self._meter = meter
        self._clock = clock
        self._certificate_seconds = certificate_seconds
        self._crl_seconds = crl_seconds
        self._attempts = attempts
        self._list: tuple[int, int, int, bytes] = (-1, 0, 0, b"")

    @property
    def registry(self) -> Registry:
        return self._ledger.state

    # --- who is it

    async def verify_secret(self, terminal: str, secret: str) -> bool:
        """Raises TooManyError after too many wrong ones; a right one costs no attempt."""
        async with self._counted("verify-secret") as outcome:
            self._attempts.require(terminal)
            kept = self.registry.credentials.secrets.get(terminal)
            good = await self._hasher.verify(terminal, secret, kept)
            if not good:
                self._attempts.take(terminal)
                outcome("SECRET_WRONG")
                return False
            try:
                decisions.active_terminal(self.registry, terminal)
            except RefusedError as refusal:
                outcome(refusal.reason)
                return False
            return True

    async def prove(self, terminal: str, secret: str) -> Proof:
        """By the CPE secret or a one-time token. Raises RefusedError."""
        if not secret.startswith(TOKEN_PREFIX):
            if await self.verify_secret(terminal, secret):
                return Proof(terminal)
            raise RefusedError("forbidden", "SECRET_WRONG", "wrong terminal or secret")
        self._attempts.require(terminal)
        hashed = hashlib.sha256(secret.encode()).digest()
        try:
            decisions.require_token(self.registry, terminal, hashed, self._clock())
        except RefusedError:
            self._attempts.take(terminal)
            raise
        return Proof(terminal, hashed)

    def prove_by_certificate(self, pem: bytes) -> Proof:
        """By a certificate whose key the TLS terminator has seen used. Raises RefusedError."""
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            terminal = self.authority.holder(certificate)
        except (ValueError, AuthorityError) as error:
            detail = "no certificate of this CA"
            raise RefusedError("forbidden", "CERTIFICATE_FOREIGN", detail) from error
        if int(certificate.not_valid_after_utc.timestamp()) * 1000 <= self._clock():
            raise RefusedError("forbidden", "CERTIFICATE_EXPIRED", "enrol anew with a secret or a token")
        serial = f"{certificate.serial_number:032x}"
        credentials = self.registry.credentials
        if serial not in credentials.certificates or serial in credentials.revoked:
            raise RefusedError("forbidden", "CERTIFICATE_REVOKED", "revoked, on hold, or not known here")
        return Proof(terminal)

    # --- certificates

    async def enrol(self, body: bytes, proof: Proof, *, wish: str) -> x509.Certificate:
        """`body`: a PKCS #10 request as EST sends it. Raises RefusedError."""
        async with self._counted(wish):
            request = checked(decoded(body))
            if request.common_name not in ("", proof.terminal):
                detail = "the common name is another than the pseudonym that was proven"
                raise RefusedError("invalid", "SUBJECT_MISMATCH", detail, "request")
            return await self._issue(request, proof)

    async def _issue(self, request: TerminalRequest, proof: Proof) -> x509.Certificate:
        now = self._clock()
        wanted = Certificate(
            # Positive in 16 bytes: RFC 5280 allows 20.
            serial=f"{secrets.randbits(127):032x}",
            terminal=proof.terminal,
            key_hash=request.key_hash,
            not_before=now - int(SKEW.total_seconds()) * 1000,
            not_after=self.authority.not_after(now + self._certificate_seconds * 1000),
        )
        # On the ledger before it is signed: there is no certificate that cannot be revoked.
        granted = await self._ledger.transact(
            lambda registry: decisions.issue(registry, wanted, now, token_hash=proof.token_hash)
        )
        return self.authority.issue(request, granted)

    def certificates(self, terminal: str) -> list[Certificate]:
        terminal_of(self.registry, terminal)
        return self.registry.credentials.of(terminal)

    async def revoke(self, serial: str, reason: str) -> Certificate:
        now = self._clock()
        async with self._counted("revoke-certificate"):
            return await self._ledger.transact(
                lambda registry: decisions.revoke(registry, serial, reason, now)
            )

    def revocation_list(self) -> tuple[bytes, int]:
        """DER and until when it is good, in UTC milliseconds; made anew after a change and at half of its life."""
        now = self._clock()
        revision, made, _, data = self._list
        if (
            revision != self.registry.credentials.revision
            or now - made >= self._crl_seconds * 500
            or now < made
        ):
            # Numbered by time: grows over restarts, and over replicas that take turns.
            number = max(now, made + 1)
            data = self.authority.revocation_list(
                self.registry.credentials,
                number=number,
                now=now,
                next_update=now + self._crl_seconds * 1000,
            )
            self._list = (self.registry.credentials.revision, now, number, data)
            self._meter.answered("crl", "made", 1)
        return data, self._list[1] + self._crl_seconds * 1000

    def status(self, request: bytes) -> bytes:
        """An OCSP answer; outcomes that are no status are answers as well."""
        now = self._clock()
        data, outcome = self.authority.status(
            request, self.registry.credentials, now=now, next_update=now + self._crl_seconds * 500
        )
        self._meter.answered("ocsp", outcome, 1)
        return data

    # --- secrets and one-time tokens

    async def set_secret(self, terminal: str, secret: str) -> str:
        """The secret that was drawn, where none was given. Raises RefusedError."""
        async with self._counted("set-secret"):
            drawn = "" if secret else _drawn_secret()
            chosen = secret or drawn
            if len(chosen.encode()) not in SECRET_BYTES or len(set(chosen)) < 6:
                detail = f"{SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes, six of them different"
                raise RefusedError("invalid", "SECRET_TOO_WEAK", detail, "secret")
            if chosen.startswith(TOKEN_PREFIX):
                raise RefusedError("invalid", "SECRET_TOO_WEAK", f"{TOKEN_PREFIX} begins a token", "secret")
            decisions.active_terminal(self.registry, terminal)
            if drawn:
                kept = self._hasher.drawn(terminal, drawn)
            else:
                kept = await self._hasher.hashed(terminal, chosen)
            now = self._clock()
            await self._ledger.transact(
                lambda registry: decisions.set_secret(registry, terminal, kept.salt, kept.hash, now)
            )
            return drawn

    async def make_token(self, terminal: str, seconds: int) -> tuple[str, int]:
        """A one-time token and when it expires. Raises RefusedError."""
        async with self._counted("make-enrolment-token"):
            if seconds > LONGEST_TOKEN_SECONDS:
                detail = f"at most {LONGEST_TOKEN_SECONDS}"
                raise RefusedError("invalid", "LIFETIME_TOO_LONG", detail, "valid_seconds")
            now = self._clock()
            expires = now + (seconds or TOKEN_SECONDS) * 1000
            token = TOKEN_PREFIX + secrets.token_urlsafe(32)
            hashed = hashlib.sha256(token.encode()).digest()
            await self._ledger.transact(
                lambda registry: decisions.make_token(registry, terminal, hashed, expires, now)
            )
            return token, expires

    @asynccontextmanager
    async def _counted(self, wish: str) -> AsyncIterator[Callable[[str], None]]:
        outcome = "done"

        def tell(word: str) -> None:
            nonlocal outcome
            outcome = word

        try:
            yield tell
        except RefusedError as refusal:
            outcome = refusal.reason
            raise
        except BaseException:
            outcome = "failed"
            raise
        finally:
            self._meter.answered(wish, outcome, 1)


def _drawn_secret() -> str:
    """160 random bits that are not taken for a token."""
    while (drawn := secrets.token_urlsafe(20)).startswith(TOKEN_PREFIX):
        pass
    return drawn
