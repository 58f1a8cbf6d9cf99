"""The vault: sealed person references in a key-value bucket of their own, each under a data key of its own.

The bucket holds ciphertext by pseudonym; the data keys lie in another stream, wrapped by the vault's master key.
Erasing a person is erasing the data key: what backups still hold of the entry leads nowhere.
"""

import asyncio
from pathlib import Path
from typing import Final

import nacl.exceptions
import nacl.secret
import nats.errors
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError
from nats.js.kv import KeyValue

from sixfold.chassis.messaging import Messaging, MessagingError
from sixfold.identity.adapters.keyring import KeyDamagedError, KeyErasedError, KeyRing
from sixfold.identity.ports import PersonErasedError, VaultError

BUCKET: Final = "IDENTITY_VAULT"
KEYS: Final = "IDENTITY_VAULT_KEYS"
_ERRORS: Final = (nats.errors.Error, APIError, MessagingError, KeyDamagedError, TimeoutError)


class SealedVault:
    """ports.Vault over JetStream; a component. XSalsa20-Poly1305 with a random nonce (libsodium's secretbox).

    The pseudonym stands inside of the seal too, so that an entry that was moved to another pseudonym shows.
    """

    name = "vault"

    def __init__(self, messaging: Messaging, key_file: Path) -> None:
        self._messaging = messaging
        self._keys = KeyRing(
            messaging, stream=KEYS, prefix="vault-key", setting="vault_key_file", key_file=key_file
        )
        self._bucket: KeyValue | None = None

    async def start(self) -> None:
        await self._keys.start()
        try:
            self._bucket = await self._messaging.js.key_value(BUCKET)
        except BucketNotFoundError:
            self._bucket = await self._messaging.js.create_key_value(
                KeyValueConfig(
                    bucket=BUCKET,
                    description="sealed person references by pseudonym",
                    history=1,
                    storage=StorageType.FILE,
                    replicas=self._messaging.settings.replicas,
                )
            )

    async def stop(self) -> None:
        await self._keys.stop()
        self._bucket = None

    async def put(self, pseudonym: str, person_reference: str) -> None:
        if self._bucket is None:
            raise VaultError("the vault is not open")
        try:
            box = nacl.secret.SecretBox(await self._keys.make(pseudonym))
            await self._bucket.put(pseudonym, bytes(box.encrypt(f"{pseudonym}\0{person_reference}".encode())))
        except _ERRORS as error:
            raise VaultError(f"the vault took no entry: {error or type(error).__name__}") from error

    async def open(self, pseudonym: str) -> str:
        if self._bucket is None:
            raise VaultError("the vault is not open")
        try:
            key, entry = await asyncio.gather(self._keys.get(pseudonym), self._bucket.get(pseudonym))
            text = nacl.secret.SecretBox(key).decrypt(entry.value or b"").decode()
        except (KeyErasedError, KeyNotFoundError) as error:
            raise PersonErasedError(f"there is no entry of {pseudonym}, or it was erased") from error
        except (*_ERRORS, nacl.exceptions.CryptoError) as error:
            raise VaultError(f"the vault's entry cannot be read: {error or type(error).__name__}") from error
        told, _, person_reference = text.partition("\0")
        if told != pseudonym:
            raise VaultError("the vault's entry is of another pseudonym")
        return person_reference

    async def erase(self, pseudonym: str) -> bool:
        if self._bucket is None:
            raise VaultError("the vault is not open")
        try:
            erased = await self._keys.erase(pseudonym)
            await self._bucket.purge(pseudonym)
        except _ERRORS as error:
            raise VaultError(f"the vault did not erase: {error or type(error).__name__}") from error
        return erased
