"""What terminals prove themselves with, as the ledger's events add up: certificates, secrets, one-time tokens.

Changed in place, like the register that holds it. A certificate's status follows its terminal: on hold while that is
suspended, revoked for good once it is retired.
"""

from dataclasses import dataclass, field
from typing import Final, assert_never

from sixfold.identity.domain.events import (
    CertificateIssued,
    CertificateRevoked,
    CpeSecretSet,
    CredentialEvent,
    EnrolmentTokenMade,
)
from sixfold.identity.domain.values import Lifecycle

HOLD: Final = "certificateHold"
RETIRED: Final = "cessationOfOperation"


@dataclass(frozen=True, slots=True)
class Certificate:
    """`serial` is 32 hexadecimal digits; times are UTC milliseconds; `key_hash` SHA-256 of the public key's info."""

    serial: str
    terminal: str
    key_hash: bytes
    not_before: int
    not_after: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """`reason` as RFC 5280, 5.3.1 names it."""

    reason: str
    time: int


@dataclass(frozen=True, slots=True)
class HashedSecret:
    """`salt` is empty where the secret was drawn: then it is a keyed hash, else scrypt."""

    salt: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class EnrolmentToken:
    token_hash: bytes
    expires: int


@dataclass(slots=True)
class Credentials:
    """`revision` grows with every change of a revocation: another CRL is due."""

    certificates: dict[str, Certificate] = field(default_factory=dict[str, Certificate])
    of_terminal: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    of_key: dict[bytes, str] = field(default_factory=dict[bytes, str])
    revoked: dict[str, Revocation] = field(default_factory=dict[str, Revocation])
    secrets: dict[str, HashedSecret] = field(default_factory=dict[str, HashedSecret])
    tokens: dict[str, EnrolmentToken] = field(default_factory=dict[str, EnrolmentToken])
    revision: int = 0

    def of(self, terminal: str) -> list[Certificate]:
        return [self.certificates[serial] for serial in self.of_terminal.get(terminal, ())]

    def valid(self, terminal: str, now: int) -> list[Certificate]:
        """Neither expired nor revoked; those on hold count."""
        return [
            one
            for one in self.of(terminal)
            if one.not_after > now
            and (one.serial not in self.revoked or self.revoked[one.serial].reason == HOLD)
        ]


def evolve_credentials(credentials: Credentials, event: CredentialEvent) -> None:
    match event:
        case CertificateIssued():
            _forget_expired(credentials, event.terminal, event.time)
            credentials.certificates[event.serial] = Certificate(
                event.serial, event.terminal, event.key_hash, event.not_before, event.not_after
            )
            held = credentials.of_terminal.get(event.terminal, ())
            credentials.of_terminal[event.terminal] = (*held, event.serial)
            credentials.of_key[event.key_hash] = event.terminal
            if event.token_used:
                credentials.tokens.pop(event.terminal, None)
        case CertificateRevoked():
            credentials.revoked[event.serial] = Revocation(event.reason, event.time)
            credentials.revision += 1
        case CpeSecretSet():
            credentials.secrets[event.terminal] = HashedSecret(event.salt, event.hash)
        case EnrolmentTokenMade():
            credentials.tokens[event.terminal] = EnrolmentToken(event.token_hash, event.expires)
        case _:
            assert_never(event)


def follow_lifecycle(credentials: Credentials, terminal: str, state: Lifecycle, time: int) -> None:
    """What a change of `terminal` to `state` means for its certificates, secret and token."""
    for serial in credentials.of_terminal.get(terminal, ()):
        known = credentials.revoked.get(serial)
        if known is not None and known.reason != HOLD:
            continue
        if state is Lifecycle.ACTIVE:
            credentials.revoked.pop(serial, None)
        elif state is Lifecycle.RETIRED:
            credentials.revoked[serial] = Revocation(RETIRED, time)
        elif known is None:
            credentials.revoked[serial] = Revocation(HOLD, time)
        credentials.revision += 1
    if state is Lifecycle.RETIRED:
        credentials.secrets.pop(terminal, None)
        credentials.tokens.pop(terminal, None)


def _forget_expired(credentials: Credentials, terminal: str, now: int) -> None:
    """An expired certificate proves nothing, and no CRL needs to name it (RFC 5280, 3.3)."""
    left: list[str] = []
    for one in credentials.of(terminal):
        if one.not_after > now:
            left.append(one.serial)
            continue
        del credentials.certificates[one.serial]
        credentials.of_key.pop(one.key_hash, None)
        credentials.revoked.pop(one.serial, None)
    for serial in left:
        credentials.of_key[credentials.certificates[serial].key_hash] = terminal
    if left:
        credentials.of_terminal[terminal] = tuple(left)
    else:
        credentials.of_terminal.pop(terminal, None)
