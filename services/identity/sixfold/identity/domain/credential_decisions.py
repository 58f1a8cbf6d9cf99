"""Decisions on credentials: from the register and a wish to the events that it takes, or a refusal."""

import hmac
from collections.abc import Sequence
from typing import Final

from sixfold.identity.domain.credential import HOLD, Certificate
from sixfold.identity.domain.decisions import terminal_of
from sixfold.identity.domain.events import (
    CertificateIssued,
    CertificateRevoked,
    CpeSecretSet,
    EnrolmentTokenMade,
    Event,
)
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import Lifecycle, RefusedError, Terminal

CERTIFICATES_HELD: Final = 8
"""Valid ones of one terminal: enough to renew and to change keys, not to hoard."""
REASONS: Final = (
    "unspecified",
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
)


def active_terminal(registry: Registry, pseudonym: str) -> Terminal:
    terminal = terminal_of(registry, pseudonym)
    state = registry.state_of(terminal)
    if state is not Lifecycle.ACTIVE:
        detail = f"terminal {pseudonym} or its subscriber is {state.word}"
        raise RefusedError("precondition", "TERMINAL_NOT_ACTIVE", detail, "terminal")
    return terminal


def require_token(registry: Registry, terminal: str, token_hash: bytes, now: int) -> None:
    """That this is the terminal's one-time token, unused and unexpired."""
    token = registry.credentials.tokens.get(terminal)
    if token is None or not hmac.compare_digest(token.token_hash, token_hash):
        raise RefusedError("forbidden", "TOKEN_WRONG", "no such token, or it was used before")
    if token.expires <= now:
        raise RefusedError("forbidden", "TOKEN_EXPIRED", "the token has expired; have a new one issued")


def issue(
    registry: Registry, wanted: Certificate, now: int, *, token_hash: bytes | None = None
) -> tuple[Sequence[Event], Certificate]:
    """`token_hash`: of the one-time token that pays for it; None where something else proved the terminal."""
    active_terminal(registry, wanted.terminal)
    if token_hash is not None:
        require_token(registry, wanted.terminal, token_hash, now)
    credentials = registry.credentials
    if len(credentials.valid(wanted.terminal, now)) >= CERTIFICATES_HELD:
        detail = f"{wanted.terminal} holds {CERTIFICATES_HELD} valid certificates; revoke one first"
        raise RefusedError("precondition", "CERTIFICATES_TOO_MANY", detail, "terminal")
    owner = credentials.of_key.get(wanted.key_hash)
    if owner is not None and owner != wanted.terminal:
        raise RefusedError("precondition", "KEY_REUSED", "this key is another terminal's", "request")
    compromised = [
        one.serial
        for one in credentials.of(wanted.terminal)
        if one.key_hash == wanted.key_hash
        and one.serial in credentials.revoked
        and credentials.revoked[one.serial].reason == "keyCompromise"
    ]
    if compromised:
        raise RefusedError(
            "precondition", "KEY_COMPROMISED", "this key was told to be compromised", "request"
        )
    event = CertificateIssued(
        wanted.serial,
        wanted.terminal,
        wanted.key_hash,
        wanted.not_before,
        wanted.not_after,
        now,
        token_hash is not None,
    )
    return [event], wanted


def revoke(registry: Registry, serial: str, reason: str, now: int) -> tuple[Sequence[Event], Certificate]:
    """For good, also where it is on hold."""
    reason = reason or REASONS[0]
    if reason not in REASONS:
        raise RefusedError("invalid", "REASON_UNKNOWN", f"one of {', '.join(REASONS)}", "reason")
    found = registry.credentials.certificates.get(serial.lower())
    if found is None:
        raise RefusedError("unknown", "SERIAL_UNKNOWN", f"no certificate {serial[:64]!r} is kept", "serial")
    known = registry.credentials.revoked.get(found.serial)
    if known is not None and known.reason != HOLD:
        raise RefusedError("precondition", "ALREADY_REVOKED", f"revoked as {known.reason}", "serial")
    return [CertificateRevoked(found.serial, reason, now)], found


def set_secret(
    registry: Registry, terminal: str, salt: bytes, hashed: bytes, now: int
) -> tuple[Sequence[Event], None]:
    active_terminal(registry, terminal)
    return [CpeSecretSet(terminal, salt, hashed, now)], None


def make_token(
    registry: Registry, terminal: str, token_hash: bytes, expires: int, now: int
) -> tuple[Sequence[Event], None]:
    active_terminal(registry, terminal)
    return [EnrolmentTokenMade(terminal, token_hash, expires, now)], None
