"""Identity-bearing interface identifiers: issued to networks that have opted in, read by the desk alone.

A subscriber's number of 40 bits is drawn once and kept; an identifier is that number, a coarse time and check bits
under FF1, with a key of its prefix and epoch. The epoch's master key lies wrapped in the desk's key ring: once it is
erased, no address of that epoch can be read any more, by anybody.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable
from ipaddress import IPv6Network
from typing import Any, Final

import nats.errors
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from sixfold.api.addressing.ff1 import BlockFunction
from sixfold.api.addressing.trusted_iid import DEFAULT_LAYOUT, derive_key, make_iid, resolve_iid
from sixfold.chassis.messaging import BusUnavailableError, Messaging
from sixfold.identity.adapters.keyring import KeyErasedError, KeyRing
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import RefusedError

BUCKET: Final = "TRACE_NUMBERS"
CACHED: Final = 100_000
UNUSABLE: Final = (0, 0x02005EFFFE)
"""Numbers that no identifier can carry."""
_ATTEMPTS: Final = 16
_ERRORS: Final = (nats.errors.Error, APIError, TimeoutError)


class TrustedIdentifiers:
    """ports.Identifiers; a component. `lifetime`: seconds that an issued address may be used."""

    name = "identifiers"

    def __init__(
        self,
        messaging: Messaging,
        keys: KeyRing,
        *,
        networks: Iterable[str],
        lifetime: int,
        registry: Callable[[], Registry],
        clock: Callable[[], int],
    ) -> None:
        self._messaging = messaging
        self._keys = keys
        self._networks = tuple(IPv6Network(network) for network in networks)
        self._lifetime = lifetime
        self._registry = registry
        self._clock = clock
        self._bucket: KeyValue | None = None
        self._masters: dict[int, bytes | None] = {}
        self._blocks: OrderedDict[tuple[IPv6Network, int], BlockFunction] = OrderedDict()
        self._subscribers: OrderedDict[int, str] = OrderedDict()

    async def start(self) -> None:
        await self._keys.start()
        try:
            self._bucket = await self._messaging.js.key_value(BUCKET)
        except BucketNotFoundError:
            self._bucket = await self._messaging.js.create_key_value(
                KeyValueConfig(
                    bucket=BUCKET,
                    description="subscribers' pseudonyms by the number in their interface identifiers",
                    history=1,
                    storage=StorageType.FILE,
                    replicas=self._messaging.settings.replicas,
                )
            )

    async def stop(self) -> None:
        await self._keys.stop()
        self._bucket = None
        self._masters.clear()
        self._blocks.clear()

    async def issue(self, network: str, pseudonym: str) -> tuple[str, int, int]:
        """(address, interface identifier, end of its use in UTC milliseconds). Raises RefusedError."""
        try:
            prefix = IPv6Network(network)
        except ValueError as error:
            raise RefusedError("invalid", "ADDRESS_MALFORMED", str(error)[:200], "network") from error
        if prefix.prefixlen != 64:
            raise RefusedError("invalid", "ADDRESS_MALFORMED", f"{prefix} is no /64", "network")
        if not self._opted_in(prefix):
            raise RefusedError(
                "precondition", "NETWORK_NOT_OPTED_IN", f"{prefix} has not opted in", "network"
            )
        registry = self._registry()
        terminal = registry.terminals.get(pseudonym)
        subscriber = pseudonym if terminal is None else terminal.subscriber
        if subscriber not in registry.subscribers:
            raise RefusedError("unknown", "PSEUDONYM_UNKNOWN", "there is no such pseudonym", "pseudonym")
        number, now = await self._number(subscriber), self._clock()
        block = await self._block(prefix, DEFAULT_LAYOUT.epoch_of(now), make=True)
        assert block is not None
        identifier = make_iid(block, prefix, number, now)
        return str(prefix[identifier]), identifier, now + 1000 * self._lifetime

    async def subscriber(self, address: int, start: int, end: int) -> str | None:
        prefix = IPv6Network((address >> 64 << 64, 64))
        if not self._opted_in(prefix):
            return None
        epochs = {epoch for time in (start, end) for epoch in DEFAULT_LAYOUT.epochs_for(time, self._lifetime)}
        blocks = {epoch: await self._block(prefix, epoch, make=False) for epoch in epochs}
        for time in (end, start):
            said = resolve_iid(
                blocks.get, prefix, address & ((1 << 64) - 1), time, lifetime_seconds=self._lifetime
            )
            if said is not None:
                return await self._named(said.pseudonym)
        return None

    async def erase_before(self, time: int) -> list[int]:
        """Erase the master keys of the epochs whose last address went out of use before `time`; which ones."""
        oldest = DEFAULT_LAYOUT.epoch_of(max(0, time - 1000 * self._lifetime))
        # Epochs last most of a year; those of the last decades are all that there can be.
        erased = [
            epoch for epoch in range(max(0, oldest - 64), oldest) if await self._keys.erase(f"epoch.{epoch}")
        ]
        if erased:
            self._masters.clear()
            self._blocks.clear()
        return erased

    def _opted_in(self, prefix: IPv6Network) -> bool:
        return any(prefix.subnet_of(network) for network in self._networks)

    async def _block(self, prefix: IPv6Network, epoch: int, *, make: bool) -> BlockFunction | None:
        known = self._blocks.get((prefix, epoch))
        if known is not None:
            return known
        master = await self._master(epoch, make=make)
        if master is None:
            return None
        encryptor = Cipher(algorithms.AES(derive_key(master, prefix, epoch)), modes.ECB()).encryptor()  # noqa: S305 - one block, under FF1
        self._blocks[prefix, epoch] = encryptor.update
        if len(self._blocks) > CACHED:
            self._blocks.popitem(last=False)
        return encryptor.update

    async def _master(self, epoch: int, *, make: bool) -> bytes | None:
        master = self._masters.get(epoch)
        if master is not None:
            return master
        try:
            master = await (self._keys.make if make else self._keys.get)(f"epoch.{epoch}")
        except KeyErasedError:
            return None
        self._masters[epoch] = master
        return master

    async def _number(self, subscriber: str) -> int:
        """The subscriber's number: a keyed hash, or the next one where two would have the same."""
        key = await self._keys.make("numbers")
        for attempt in range(_ATTEMPTS):
            digest = hmac.digest(key, f"{attempt} {subscriber}".encode(), hashlib.sha256)
            number = int.from_bytes(digest[:5])
            known = await self._named(number)
            if known == subscriber:
                return number
            if known is None and number not in UNUSABLE and await self._claim(number, subscriber):
                return number
        raise RefusedError("precondition", "SPACE_EXHAUSTED", "no number is free", "pseudonym")

    async def _claim(self, number: int, subscriber: str) -> bool:
        try:
            await self._opened.create(f"{number:010x}", subscriber.encode())
        except KeyWrongLastSequenceError:
            return await self._named(number) == subscriber
        except _ERRORS as error:
            raise BusUnavailableError(f"{self.name}: {error or type(error).__name__}") from error
        return True

    async def _named(self, number: int) -> str | None:
        known = self._subscribers.get(number)
        if known is not None:
            return known
        try:
            entry: Any = await self._opened.get(f"{number:010x}")
        except KeyNotFoundError:
            return None
        except _ERRORS as error:
            raise BusUnavailableError(f"{self.name}: {error or type(error).__name__}") from error
        self._subscribers[number] = (entry.value or b"").decode()
        if len(self._subscribers) > CACHED:
            self._subscribers.popitem(last=False)
        return self._subscribers[number]

    @property
    def _opened(self) -> KeyValue:
        if self._bucket is None:
            raise BusUnavailableError("the identifiers are not open")
        return self._bucket
