"""The keys of the tokens: made here, kept sealed on the ledger, published as a JWK set; JWS with Ed25519 (RFC 9864)."""

import hashlib
import hmac
import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import nacl.exceptions
import nacl.secret
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.util import urlsafe_b64decode

from sixfold.identity.adapters.keys import load_key
from sixfold.identity.domain.oauth import SigningKey

ALGORITHM: Final = "Ed25519"
LONGEST: Final = 4096
_OPENED: Final = 4


class KeyUnreadableError(RuntimeError):
    """The sealed key does not open: `credentials.key_file` is another one than it was made under."""


class TokenKeys:
    """A component. Signs with keys of the ledger; makes the codes that only this centre can make."""

    name = "oauth-keys"

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._key = b""
        self._opened: dict[str, OKPKey] = {}

    async def start(self) -> None:
        self._key = load_key("credential_key_file", self._key_file)

    async def stop(self) -> None:
        self._key = b""
        self._opened.clear()

    def draw(self, now: int) -> SigningKey:
        key = OKPKey.generate_key("Ed25519", private=True, auto_kid=True)
        private = key.as_dict(private=True)
        sealed = self._box().encrypt(_bytes(str(private["d"])))
        return SigningKey(str(key.kid), _bytes(str(private["x"])), bytes(sealed), now)

    def signed(self, key: SigningKey, kind: str, claims: Mapping[str, Any]) -> str:
        """A JWS in compact form. Raises KeyUnreadableError."""
        header = {"alg": ALGORITHM, "kid": key.key_id, "typ": kind}
        return jwt.encode(header, dict(claims), self._private(key), algorithms=[ALGORITHM])

    def read(self, token: str, keys: Sequence[SigningKey], kind: str) -> Mapping[str, Any] | None:
        """The claims of a token of ours; None where another signed it, or it is of another kind."""
        if not token or len(token) > LONGEST:
            return None
        try:
            found = jwt.decode(token, KeySet([_public(one) for one in keys]), algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError):
            return None
        return found.claims if found.header.get("typ") == kind else None

    def code(self, purpose: str, *parts: object) -> str:
        """22 characters that nobody else can make for these parts."""
        text = "\0".join((purpose, *map(str, parts)))
        return _text(hmac.digest(self._derived(b"codes"), text.encode(), "sha256")[:16])

    def _private(self, key: SigningKey) -> OKPKey:
        opened = self._opened.get(key.key_id)
        if opened is None:
            try:
                private = self._box().decrypt(key.sealed_key)
            except nacl.exceptions.CryptoError as error:
                raise KeyUnreadableError(f"{self._key_file} does not open the signing key") from error
            opened = OKPKey.import_key(
                {"kty": "OKP", "crv": "Ed25519", "x": _text(key.public_key), "d": _text(private)}
            )
            if len(self._opened) >= _OPENED:
                self._opened.clear()
            self._opened[key.key_id] = opened
        return opened

    def _box(self) -> nacl.secret.SecretBox:
        return nacl.secret.SecretBox(self._derived(b"signing-keys"))

    def _derived(self, purpose: bytes) -> bytes:
        return hashlib.blake2b(purpose, key=self._key, digest_size=32, person=b"sixfold-oauth").digest()


def key_set(keys: Sequence[SigningKey]) -> dict[str, Any]:
    """RFC 7517; the newest first."""
    return {"keys": [_public_members(one) for one in reversed(keys)]}


def drawn(length: int = 32) -> str:
    """A random secret of so many bytes, as text."""
    return _text(os.urandom(length))


def _public_members(key: SigningKey) -> dict[str, str | list[str]]:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _text(key.public_key),
        "kid": key.key_id,
        "alg": ALGORITHM,
        "use": "sig",
    }


def _public(key: SigningKey) -> OKPKey:
    return OKPKey.import_key(_public_members(key))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.encode())
