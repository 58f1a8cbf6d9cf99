"""Live NAT sessions, held against the bindings: how many have an inside address that a terminal holds."""

import asyncio
import time
from collections.abc import Callable, Sequence

from sixfold.api.flow.codec import BatchError, decode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.chassis.messaging import Inbound, Poison
from sixfold.identity.domain.attribution import BoundNetworks, attributed, compile_networks
from sixfold.identity.domain.registry import Registry
from sixfold.identity.ports import Meter


class SessionCounter:
    """The handler of the consumer on NAT. The compiled bindings are made again at most every `index_seconds`."""

    def __init__(self, registry: Callable[[], Registry], meter: Meter, *, index_seconds: float) -> None:
        self._registry = registry
        self._meter = meter
        self._index_seconds = index_seconds
        self._compiled: tuple[BoundNetworks, ...] = ()
        self._revision = -1
        self._made = 0.0

    async def handle(self, messages: Sequence[Inbound]) -> None:
        bound = self._index()
        for message in messages:
            await asyncio.to_thread(self._count, message, bound)

    def _index(self) -> tuple[BoundNetworks, ...]:
        registry, now = self._registry(), time.monotonic()
        if registry.revision != self._revision and now - self._made >= self._index_seconds:
            self._compiled = compile_networks(registry.holders)
            self._revision, self._made = registry.revision, now
        return self._compiled

    def _count(self, message: Inbound, bound: tuple[BoundNetworks, ...]) -> None:
        try:
            headers = BatchHeaders.from_nats(message.headers)
            columns = decode(headers.schema, message.data)
        except BatchError as error:
            raise Poison(error.cause, str(error), message) from error
        addresses = columns["src_address"]
        found = int(attributed(addresses, bound).sum())
        self._meter.sessions(headers.gateway, found, len(addresses) - found)
