"""Data keys, one for each thing that must be erasable, each wrapped by a master key: erase the key and every copy of
what it sealed, in whatever backup, is noise.

They lie in a stream of their own that allows deletion; the server overwrites a deleted message on disk. Keep this
stream out of backups, or erase there too.
"""

import hashlib
from collections import OrderedDict
from pathlib import Path
from typing import Final

import nacl.exceptions
import nacl.secret
import nacl.utils
import nats.errors
from nats.js.api import DiscardPolicy, RetentionPolicy, StreamConfig
from nats.js.errors import APIError, NotFoundError

from sixfold.chassis.messaging import BusUnavailableError, Messaging, SequenceConflictError
from sixfold.identity.adapters.keys import load_key

KEY_BYTES: Final = nacl.secret.SecretBox.KEY_SIZE


class KeyErasedError(LookupError):
    """There is no such key: it was never made, or it was erased."""


class KeyDamagedError(RuntimeError):
    """A key is there, but the master key does not open it."""


class KeyRing:
    """A component. Names are any text; in the stream stands only their hash. `remember`: keys kept open in memory."""

    def __init__(
        self,
        messaging: Messaging,
        *,
        stream: str,
        prefix: str,
        setting: str,
        key_file: Path,
        remember: int = 0,
    ) -> None:
        self.name = f"keys-{prefix}"
        self._messaging = messaging
        self._stream = stream
        self._prefix = prefix
        self._setting = setting
        self._key_file = key_file
        self._remember = remember
        self._box: nacl.secret.SecretBox | None = None
        self._remembered: OrderedDict[str, bytes] = OrderedDict()

    async def start(self) -> None:
        self._box = nacl.secret.SecretBox(load_key(self._setting, self._key_file))
        await self._messaging.ensure_stream(
            StreamConfig(
                name=self._stream,
                subjects=[f"{self._prefix}.*"],
                description="wrapped data keys; an erased one is overwritten",
                retention=RetentionPolicy.LIMITS,
                discard=DiscardPolicy.NEW,
                max_msgs_per_subject=1,
                allow_direct=False,
            )
        )

    async def stop(self) -> None:
        self._box = None
        self._remembered.clear()

    def _subject(self, name: str) -> str:
        return f"{self._prefix}.{hashlib.sha256(name.encode()).hexdigest()[:32]}"

    async def make(self, name: str) -> bytes:
        """The key of `name`, made where there is none. Raises BusUnavailableError, KeyDamagedError."""
        try:
            return await self.get(name)
        except KeyErasedError:
            pass
        key = nacl.utils.random(KEY_BYTES)
        assert self._box is not None, f"{self.name} is not started"
        headers = {"Nats-Expected-Last-Subject-Sequence": "0"}
        try:
            await self._messaging.publish(
                self._subject(name), bytes(self._box.encrypt(name.encode() + b"\0" + key)), headers=headers
            )
        except SequenceConflictError:
            return await self.get(name)
        return key

    async def get(self, name: str) -> bytes:
        """Raises KeyErasedError, KeyDamagedError, BusUnavailableError."""
        assert self._box is not None, f"{self.name} is not started"
        if name in self._remembered:
            self._remembered.move_to_end(name)
            return self._remembered[name]
        try:
            stored = await self._messaging.js.get_last_msg(self._stream, self._subject(name))
        except NotFoundError as error:
            raise KeyErasedError(name) from error
        except (nats.errors.Error, APIError, TimeoutError) as error:
            raise BusUnavailableError(f"{self.name}: {error or type(error).__name__}") from error
        try:
            told, _, key = self._box.decrypt(stored.data or b"").partition(b"\0")
        except nacl.exceptions.CryptoError as error:
            raise KeyDamagedError(f"{self.name}: {self._setting} does not open a key") from error
        if told != name.encode() or len(key) != KEY_BYTES:
            raise KeyDamagedError(f"{self.name}: a key lies at another's place")
        if self._remember:
            self._remembered[name] = key
            if len(self._remembered) > self._remember:
                self._remembered.popitem(last=False)
        return key

    async def erase(self, name: str) -> bool:
        """Overwrite the key. False where there was none. Raises BusUnavailableError."""
        self._remembered.pop(name, None)
        try:
            stored = await self._messaging.js.get_last_msg(self._stream, self._subject(name))
            await self._messaging.js.delete_msg(self._stream, int(stored.seq or 0))
        except NotFoundError:
            return False
        except (nats.errors.Error, APIError, TimeoutError) as error:
            raise BusUnavailableError(f"{self.name}: {error or type(error).__name__}") from error
        return True
