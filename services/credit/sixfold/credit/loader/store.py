"""The progress of a loader, kept on the bus: who writes it last without having read it first has lost."""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import nats.errors
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from sixfold.chassis.messaging import BusUnavailableError, Messaging

BUCKET = "LOADER"


class FencedError(RuntimeError):
    """Another loader has taken over this partition."""


class Written(Protocol):
    """Progress of a kind of loader."""

    def dump(self) -> bytes: ...


P = TypeVar("P", bound=Written)


class ProgressStore(Generic[P]):
    """Reads and writes one loader's progress with compare-and-set; `load(None)` is the progress of a new loader."""

    def __init__(self, messaging: Messaging, key: str, load: Callable[[bytes | None], P]) -> None:
        self._messaging = messaging
        self._key = key
        self._load = load
        self._revision = 0
        self._bucket: KeyValue | None = None

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            try:
                self._bucket = await self._messaging.js.key_value(BUCKET)
            except BucketNotFoundError:
                config = KeyValueConfig(
                    bucket=BUCKET,
                    description="what the loaders have stored and are about to store",
                    storage=StorageType.FILE,
                    replicas=self._messaging.settings.replicas,
                )
                self._bucket = await self._messaging.js.create_key_value(config)
        return self._bucket

    async def read(self) -> P:
        """The newest progress, which this process may now replace."""
        try:
            bucket = await self._open()
            try:
                entry = await bucket.get(self._key)
            except KeyNotFoundError:
                self._revision = 0
                return self._load(None)
        except (nats.errors.Error, APIError, TimeoutError) as error:
            raise BusUnavailableError(f"progress of {self._key}: {error or type(error).__name__}") from error
        self._revision = entry.revision or 0
        return self._load(entry.value or b"{}")

    async def write(self, progress: P) -> None:
        """Replace what was read or written last. Raises FencedError where another loader wrote in between."""
        data = progress.dump()
        bucket = await self._open()
        while True:
            try:
                self._revision = await bucket.update(self._key, data, last=self._revision)
                return
            except KeyWrongLastSequenceError as error:
                if not await self._is_ours(bucket, data):
                    raise FencedError(f"another loader works on {self._key}") from error
                return
            except (nats.errors.Error, APIError, TimeoutError):
                # Stored or not? A second try answers that, once the bus is back.
                await asyncio.sleep(0.1)

    async def _is_ours(self, bucket: KeyValue, data: bytes) -> bool:
        while True:
            try:
                entry = await bucket.get(self._key)
            except (nats.errors.Error, APIError, TimeoutError):
                await asyncio.sleep(0.1)
                continue
            if entry.value == data:
                self._revision = entry.revision or 0
                return True
            return False
