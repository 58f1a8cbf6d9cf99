"""Where datagrams are sent: this machine, unless the operator says otherwise."""

import errno
import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_SOCKETS: Final = 512
_SEND_BUFFER: Final = 4 << 20


class TargetError(ValueError):
    """A target that is no address and port, or that is not this machine and was not allowed."""


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_target(text: str, *, default_port: int, allow_remote: bool = False) -> Target:
    """`host`, `host:port`, `[v6]:port` or a bare IPv6 address. Names are resolved. TargetError otherwise."""
    host, port = text, default_port
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        if rest:
            port = _port(text, rest.removeprefix(":"))
    elif text.count(":") == 1:
        host, _, digits = text.partition(":")
        port = _port(text, digits)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise TargetError(f"{host!r} is no address and cannot be resolved: {error.strerror}") from error
        address = ipaddress.ip_address(str(found[0][4][0]).partition("%")[0])
    if not address.is_loopback and not allow_remote:
        raise TargetError(
            f"{address} is not this machine: datagrams go to loopback only, unless --allow-remote is given"
        )
    return Target(str(address), port)


def _port(text: str, digits: str) -> int:
    if not digits.isdigit() or not 0 < int(digits) < 65_536:
        raise TargetError(f"{text!r}: the port must be 1 to 65535")
    return int(digits)


class Sender:
    """Sends datagrams; each source (a key) has a socket of its own, the one idle longest is closed past the bound.

    A source may be bound to an address of 127.0.0.0/8, so that exporters on one machine stay apart.
    """

    def __init__(self, *, rate: float = 0.0) -> None:
        """rate: datagrams a second at most, 0 for as fast as the kernel takes them."""
        self.sent = 0
        self.sent_bytes = 0
        self.refused = 0
        """Datagrams that the kernel could not deliver: nobody listens at the target, or its buffers are full."""
        self._sockets: OrderedDict[tuple[Target, str], socket.socket] = OrderedDict()
        self._rate = rate
        self._next = 0.0

    def send(self, target: Target, datagrams: Iterable[bytes | memoryview], source: str = "") -> None:
        channel = self._socket(target, source)
        for datagram in datagrams:
            if self._rate:
                self._wait()
            if self._deliver(channel, datagram):
                self.sent += 1
                self.sent_bytes += len(datagram)

    def _deliver(self, channel: socket.socket, datagram: bytes | memoryview) -> bool:
        for _ in range(2):
            try:
                channel.send(datagram)
            except OSError as error:
                if error.errno not in (errno.ECONNREFUSED, errno.ENOBUFS, errno.EPERM, errno.EMSGSIZE):
                    raise
                self.refused += 1
                if error.errno == errno.ECONNREFUSED:
                    continue  # it tells of an earlier datagram, in place of sending this one
                return False
            else:
                return True
        return False

    def _wait(self) -> None:
        """Keep to the rate, 16 datagrams at a time: sleeping for each one would cost more than sending it."""
        now = time.monotonic()
        self._next = max(self._next, now - 0.01) + 1 / self._rate
        if self._next - now > 16 / self._rate:
            time.sleep(self._next - now)

    def _socket(self, target: Target, source: str) -> socket.socket:
        key = (target, source)
        if key in self._sockets:
            self._sockets.move_to_end(key)
            return self._sockets[key]
        channel = socket.socket(target.family, socket.SOCK_DGRAM)
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        if source and target.host.startswith("127."):
            channel.bind((source, 0))
        channel.connect((target.host, target.port))
        self._sockets[key] = channel
        if len(self._sockets) > MAX_SOCKETS:
            self._sockets.popitem(last=False)[1].close()
        return channel

    def close(self) -> None:
        while self._sockets:
            self._sockets.popitem()[1].close()
