"""UDP sockets of the front: one that relays speak to, and one on each link whose clients speak themselves."""

import asyncio
import errno
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from sixfold.address.dhcpv6.config import Dhcpv6Settings
from sixfold.address.dhcpv6.front import Arrival
from sixfold.address.domain.dhcpv6.codes import SERVERS_AND_RELAYS
from sixfold.address.domain.dhcpv6.parsing import LARGEST

_AT_ONCE: Final = 256
"""Datagrams that are read before others have their turn."""
_FEW: Final = 3
_NAP_SECONDS: Final = 0.002
_IPV6_MULTICAST_ALL: Final = 29
"""Of Linux: whether a socket gets what is sent to groups that others have joined."""
_NO_MATTER: Final = (ConnectionError, BlockingIOError)
Receive = Callable[[Sequence[Arrival]], None]


class SocketError(OSError):
    """A socket cannot be had; says which and why."""


class UdpDoor:
    """One socket; `front.Door`."""

    def __init__(
        self, made: socket.socket, *, interface: str, is_multicast: bool, dropped: Callable[[], None]
    ) -> None:
        self.interface = interface
        self.is_multicast = is_multicast
        self.port: int = made.getsockname()[1]
        self._socket = made
        self._dropped = dropped
        self._nap: asyncio.TimerHandle | None = None

    def open(self, receive: Receive) -> None:
        asyncio.get_running_loop().add_reader(self._socket, self._wake, receive)

    def close(self) -> None:
        if self._nap is not None:
            self._nap.cancel()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def send(self, data: bytes, address: Any) -> None:
        """Not waited for: where the kernel has no room, or no way there, the client asks again."""
        try:
            self._socket.sendto(data, address)
        except OSError:
            self._dropped()

    def _wake(self, receive: Receive) -> None:
        """Where much comes, look again after a nap: fewer wake-ups, and more together."""
        loop = asyncio.get_running_loop()
        busy = self._read(receive) >= _FEW
        if busy:
            if self._nap is None:
                loop.remove_reader(self._socket)
            self._nap = loop.call_later(_NAP_SECONDS, self._wake, receive)
        elif self._nap is not None:
            self._nap = None
            loop.add_reader(self._socket, self._wake, receive)

    def _read(self, receive: Receive) -> int:
        arrivals: list[Arrival] = []
        take = self._socket.recvfrom
        try:
            for _ in range(_AT_ONCE):
                data, address = take(LARGEST + 1)
                arrivals.append(Arrival(data, address, self))
        except _NO_MATTER:
            pass  # nothing more for now, or a complaint about something that was sent
        if arrivals:
            receive(arrivals)
        return len(arrivals)


def relay_door(settings: Dhcpv6Settings, dropped: Callable[[], None]) -> UdpDoor:
    """Raises SocketError."""
    try:
        found = socket.getaddrinfo(
            settings.host,
            settings.port,
            type=socket.SOCK_DGRAM,
            flags=socket.AI_NUMERICHOST | socket.AI_PASSIVE,
        )
        family, *_, address = found[0]
        made = _socket(family, settings)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
        made.bind(address)
    except OSError as error:
        raise SocketError(_why(f"dhcpv6.host {settings.host} port {settings.port}", error)) from error
    return UdpDoor(made, interface="", is_multicast=False, dropped=dropped)


def link_door(settings: Dhcpv6Settings, interface: str, port: int, dropped: Callable[[], None]) -> UdpDoor:
    """Raises SocketError."""
    try:
        number = socket.if_nametoindex(interface)
        made = _socket(socket.AF_INET6, settings)
        made.bind((SERVERS_AND_RELAYS, port, 0, number))
        group = socket.inet_pton(socket.AF_INET6, SERVERS_AND_RELAYS) + number.to_bytes(4, sys.byteorder)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, number)
    except OSError as error:
        raise SocketError(_why(f"dhcpv6.interfaces {interface}", error)) from error
    return UdpDoor(made, interface=interface, is_multicast=True, dropped=dropped)


def _socket(family: int, settings: Dhcpv6Settings) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if settings.interfaces:
        # The sockets of the links have the same port, each at its group's address.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, settings.receive_bytes)
    return made


def _why(what: str, error: OSError) -> str:
    if error.errno == errno.EACCES:
        return f"{what}: not allowed; ports under 1024 need root or CAP_NET_BIND_SERVICE"
    return f"{what}: {error.strerror or error}"


def kernel_drops(port: int) -> int:
    """Datagrams that the kernel had no room for, on all sockets of that port in our network namespace."""
    drops = 0
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                drops += int(fields[-1])
    return drops
