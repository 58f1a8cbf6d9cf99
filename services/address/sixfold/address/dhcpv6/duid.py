"""The server's own DUID: drawn once, and kept on the bus, so that clients know every replica as the same server."""

import asyncio
import uuid
from typing import Final

import nats.errors
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from sixfold.chassis.messaging import BusUnavailableError, Messaging

BUCKET: Final = "ADDRESS_DHCPV6"
_KEY: Final = "duid"
_UUID: Final = b"\x00\x04"
"""DUID-UUID (RFC 6355)."""
_TROUBLE: Final = (nats.errors.Error, APIError, TimeoutError)
_PATIENCE: Final = 30.0


async def server_duid(messaging: Messaging) -> bytes:
    """The one that is kept; the first who asks draws it. Raises BusUnavailableError after half a minute."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while True:
        try:
            bucket = await _bucket(messaging)
            return await _kept(bucket) or await _draw(bucket)
        except _TROUBLE as error:
            if asyncio.get_running_loop().time() > deadline:
                raise BusUnavailableError(f"DUID of the server: {error or type(error).__name__}") from error
            await asyncio.sleep(0.2)


async def _kept(bucket: KeyValue) -> bytes | None:
    try:
        return (await bucket.get(_KEY)).value
    except KeyNotFoundError:
        return None


async def _draw(bucket: KeyValue) -> bytes:
    drawn = _UUID + uuid.uuid4().bytes
    try:
        await bucket.create(_KEY, drawn)
    except KeyWrongLastSequenceError:
        return await _kept(bucket) or drawn
    return drawn


async def _bucket(messaging: Messaging) -> KeyValue:
    try:
        return await messaging.js.key_value(BUCKET)
    except BucketNotFoundError:
        return await messaging.js.create_key_value(
            KeyValueConfig(
                bucket=BUCKET,
                description="what the DHCPv6 front must remember",
                storage=StorageType.FILE,
                replicas=messaging.settings.replicas,
            )
        )
