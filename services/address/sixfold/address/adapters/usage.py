"""The history of every pool's use on the bus: one value a pool, so that a forecast outlives the process."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Final

import nats.errors
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError
from nats.js.kv import KeyValue

from sixfold.address.domain.history import Sample
from sixfold.chassis.messaging import BusUnavailableError, Messaging

BUCKET: Final = "ADDRESS_USAGE"
_TROUBLE: Final = (nats.errors.Error, APIError, TimeoutError)


class UsageStore:
    """Raises BusUnavailableError where the bus is away."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging
        self._bucket: KeyValue | None = None

    async def read(self, pool_ids: Sequence[str]) -> dict[str, tuple[Sample, ...]]:
        found: dict[str, tuple[Sample, ...]] = {}
        try:
            bucket = await self._open()
            for pool_id in pool_ids:
                try:
                    entry = await bucket.get(pool_id)
                except KeyNotFoundError:
                    continue
                rows = json.loads(zlib.decompress(entry.value)) if entry.value else []
                found[pool_id] = tuple(Sample(*row) for row in rows)
        except _TROUBLE as error:
            raise BusUnavailableError(f"history of pools: {error or type(error).__name__}") from error
        return found

    async def write(self, histories: Mapping[str, Sequence[Sample]]) -> None:
        try:
            bucket = await self._open()
            for pool_id, samples in histories.items():
                await bucket.put(
                    pool_id, zlib.compress(json.dumps([astuple(one) for one in samples]).encode(), 1)
                )
        except _TROUBLE as error:
            raise BusUnavailableError(f"history of pools: {error or type(error).__name__}") from error

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            try:
                self._bucket = await self._messaging.js.key_value(BUCKET)
            except BucketNotFoundError:
                self._bucket = await self._messaging.js.create_key_value(
                    KeyValueConfig(
                        bucket=BUCKET,
                        description="how full pools were over time",
                        storage=StorageType.FILE,
                        replicas=self._messaging.settings.replicas,
                    )
                )
        return self._bucket
