"""The UDP doors: who asks, whether it was asked before, and the answer; nothing that comes in ends them."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sixfold.identity.aaa.metering import AaaMeter
from sixfold.identity.aaa.packets import PacketRefusedError
from sixfold.identity.aaa.replies import Replies
from sixfold.identity.aaa.servers import AccessServer, AccessServers
from sixfold.identity.ports import Clock

log = logging.getLogger(__name__)
AT_ONCE: Final = 2_000
"""Requests under way at each door."""
Answer = Callable[[bytes, AccessServer], Awaitable[tuple[bytes, str]]]


class Door(asyncio.DatagramProtocol):
    """A component: one socket. `port` is known once it is started."""

    def __init__(
        self,
        name: str,
        answer: Answer,
        *,
        servers: AccessServers,
        meter: AaaMeter,
        clock: Clock,
        host: str,
        port: int,
        receive_bytes: int,
    ) -> None:
        self.name = f"radius-{name}"
        self.port = port
        self._door = name
        self._answer = answer
        self._servers = servers
        self._meter = meter
        self._clock = clock
        self._host = host
        self._receive_bytes = receive_bytes
        self._replies = Replies()
        self._under_way: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Raises OSError with the host and port that cannot be had."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
            made.bind((self._host, self.port))
        except OSError as error:
            made.close()
            raise OSError(f"aaa: {self._host} port {self.port}: {error.strerror or error}") from error
        self.port = made.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=made)

    async def stop(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        server = self._servers.at(addr[0])
        if server is None:
            self._meter.dropped(self._door, "access-server-unknown")
            return
        if len(data) < 20:
            self._meter.dropped(self._door, "malformed")
            return
        if len(self._under_way) >= AT_ONCE:
            self._meter.dropped(self._door, "too-many-waiting")
            return
        mark = (addr[0], addr[1], data[1], data[4:20])
        known = self._replies.begun(mark, self._clock())
        if known is True:
            task = asyncio.get_running_loop().create_task(self._serve(data, server, addr, mark))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        elif isinstance(known, bytes):
            self._meter.answered(self._door, "repeated")
            self._send(known, addr)
        else:
            self._meter.dropped(self._door, "under-way")

    async def _serve(self, data: bytes, server: AccessServer, addr: Any, mark: Any) -> None:
        try:
            reply, outcome = await self._answer(data, server)
        except PacketRefusedError as error:
            self._replies.forget(mark)
            self._meter.dropped(self._door, error.cause)
            log.debug("%s: a request of %s is not answered: %s", self.name, server.name, error)
        except Exception:
            self._replies.forget(mark)
            self._meter.dropped(self._door, "failed")
            log.exception("%s: a request of %s failed", self.name, server.name)
        else:
            self._replies.answered(mark, reply)
            self._meter.answered(self._door, outcome)
            self._send(reply, addr)

    def _send(self, reply: bytes, addr: Any) -> None:
        if self._transport is not None:
            self._transport.sendto(reply, addr)
