"""The vault: sealed person references in a key-value bucket of their own."""

from pathlib import Path

import nacl.secret
import nats.errors
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import APIError, BucketNotFoundError
from nats.js.kv import KeyValue

from sixfold.chassis.messaging import Messaging, MessagingError
from sixfold.identity.adapters.keys import load_key
from sixfold.identity.ports import VaultError

BUCKET = "IDENTITY_VAULT"


class SealedVault:
    """ports.Vault over JetStream; a component. XSalsa20-Poly1305 with a random nonce (libsodium's secretbox).

    The pseudonym stands inside of the seal too, so that an entry that was moved to another pseudonym shows.
    """

    name = "vault"

    def __init__(self, messaging: Messaging, key_file: Path) -> None:
        self._messaging = messaging
        self._key_file = key_file
        self._box: nacl.secret.SecretBox | None = None
        self._bucket: KeyValue | None = None

    async def start(self) -> None:
        self._box = nacl.secret.SecretBox(load_key("vault_key_file", self._key_file))
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
        self._box = None

    async def put(self, pseudonym: str, person_reference: str) -> None:
        if self._box is None or self._bucket is None:
            raise VaultError("the vault is not open")
        sealed = bytes(self._box.encrypt(f"{pseudonym}\0{person_reference}".encode()))
        try:
            await self._bucket.put(pseudonym, sealed)
        except (nats.errors.Error, APIError, MessagingError, TimeoutError) as error:
            raise VaultError(f"the vault took no entry: {error or type(error).__name__}") from error
