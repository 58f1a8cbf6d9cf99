"""Secrets of CPEs, kept under a key of the centre, so that the ledger alone serves no guesser.

What somebody chose is kept as scrypt (RFC 7914): it may be guessable. What was drawn here has 160 bits, which no number
of guesses finds: a keyed hash does, and a hundred thousand CPEs that come back at once cost no hour of scrypt.
"""

import asyncio
import hmac
import os
from collections import OrderedDict
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sixfold.identity.adapters.keys import load_key
from sixfold.identity.domain.credential import HashedSecret

COST: Final = 2**14
AT_ONCE: Final = 2
"""Computations at a time: 16 MiB and some 40 ms of a core each."""
REMEMBERED: Final = 10_000


class Hasher:
    """A component. What was verified is remembered as a keyed hash, so that a CPE that comes often costs no scrypt."""

    name = "secrets"

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._key = b""
        self._run_key = os.urandom(32)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._good: OrderedDict[bytes, None] = OrderedDict()

    async def start(self) -> None:
        self._key = load_key("credential_key_file", self._key_file)

    async def stop(self) -> None:
        self._key = b""
        self._good.clear()

    async def hashed(self, terminal: str, secret: str) -> HashedSecret:
        salt = os.urandom(16)
        async with self._places:
            return HashedSecret(salt, await asyncio.to_thread(self._scrypt, terminal, secret, salt))

    def drawn(self, terminal: str, secret: str) -> HashedSecret:
        """Of a secret drawn at random, 128 bits at least. It has no salt: none is alike."""
        return HashedSecret(b"", self._peppered(terminal, secret))

    async def verify(self, terminal: str, secret: str, kept: HashedSecret | None) -> bool:
        """Whether it is the one that is kept."""
        if kept is None or not kept.salt:
            expected = kept.hash if kept is not None else bytes(32)
            return hmac.compare_digest(self._peppered(terminal, secret), expected)
        seen = hmac.digest(
            self._run_key,
            b"\0".join((terminal.encode(), kept.salt, secret.encode())),
            "sha256",
        )
        if seen in self._good:
            self._good.move_to_end(seen)
            return True
        async with self._places:
            good = await asyncio.to_thread(self._matches, terminal, secret, kept)
        if good:
            self._good[seen] = None
            if len(self._good) > REMEMBERED:
                self._good.popitem(last=False)
        return good

    def _peppered(self, terminal: str, secret: str) -> bytes:
        return hmac.digest(self._key, terminal.encode() + b"\0" + secret.encode(), "sha256")

    def _scrypt(self, terminal: str, secret: str, salt: bytes) -> bytes:
        return Scrypt(salt=salt, length=32, n=COST, r=8, p=1).derive(self._peppered(terminal, secret))

    def _matches(self, terminal: str, secret: str, kept: HashedSecret) -> bool:
        try:
            Scrypt(salt=kept.salt, length=32, n=COST, r=8, p=1).verify(
                self._peppered(terminal, secret), kept.hash
            )
        except InvalidKey:
            return False
        return True
