"""Which port is whose: fixed offsets from one base, so that two platforms can run beside each other."""

import errno
import socket
from dataclasses import dataclass
from typing import Final, Literal

from sixfold.local.errors import LocalError

Protocol = Literal["tcp", "udp"]
HOST: Final = "127.0.0.1"
DEFAULT_BASE: Final = 26000

_TCP: Final = {
    "console": 0,
    "openapi": 1,
    "clickhouse_http": 2,
    "nats": 3,
    "nats.monitor": 4,
    "centres.health": 5,
    "agent.health": 6,
    "grpc.security": 11,
    "grpc.emergency": 12,
    "grpc.identity": 13,
    "grpc.address": 14,
    "grpc.convergence": 15,
    "grpc.credit": 16,
    "identity": 23,
    "taxii": 24,
}
_UDP: Final = {
    "agent.netflow": 7,
    "agent.ipfix": 8,
    "agent.sflow": 9,
    "radius.authentication": 20,
    "radius.accounting": 21,
    "dhcpv6": 22,
}
_DISCONNECT: Final = 25
_SPAN: Final = 30


@dataclass(frozen=True)
class Ports:
    """The ports of one platform."""

    base: int

    def __post_init__(self) -> None:
        if not 1024 <= self.base <= 65536 - _SPAN:
            raise LocalError(
                f"--port-base {self.base} does not fit: choose 1024 to {65536 - _SPAN}, for example 26000."
            )

    def __getitem__(self, name: str) -> int:
        return self.base + (_TCP[name] if name in _TCP else _UDP[name])

    def address(self, name: str) -> str:
        return f"{HOST}:{self[name]}"

    @property
    def dhcpv6(self) -> str:
        """Where the address centre hears DHCPv6."""
        host = loopback()
        return f"[{host}]:{self['dhcpv6']}" if ":" in host else f"{host}:{self['dhcpv6']}"

    @property
    def radius_disconnect(self) -> int:
        """Where an access server on this machine takes Disconnect-Requests (UDP): its port, not the platform's."""
        return self.base + _DISCONNECT

    def named(self) -> list[tuple[str, int, Protocol]]:
        tcp: list[tuple[str, int, Protocol]] = [(name, self[name], "tcp") for name in _TCP]
        return tcp + [(name, self[name], "udp") for name in _UDP]


def loopback() -> str:
    """Of IPv6, where this machine has it; DHCPv6 is spoken there."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return HOST
    return "::1"


def _bindable(port: int, protocol: Protocol) -> bool:
    hosts = {HOST, loopback()} if protocol == "udp" else {HOST}
    return all(_bindable_at(host, port, protocol) for host in hosts)


def _bindable_at(host: str, port: int, protocol: Protocol) -> bool:
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
        if protocol == "tcp":
            # a listener that has just stopped leaves connections in TIME_WAIT: those are no obstacle
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            if protocol == "tcp":
                probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def taken(ports: Ports) -> list[tuple[str, int, Protocol]]:
    """The ports of `ports` that another process holds."""
    return [entry for entry in ports.named() if not _bindable(entry[1], entry[2])]


def require_free(ports: Ports) -> None:
    """Raise LocalError naming every port in use and what to do about it."""
    if used := taken(ports):
        names = ", ".join(f"{port}/{protocol} ({name})" for name, port, protocol in used)
        flag = "-lunp" if all(protocol == "udp" for _, _, protocol in used) else "-ltunp"
        raise LocalError(
            f"In use by another process: port {names}. See whose with `ss {flag} 'sport = :{used[0][1]}'`, "
            f"or start on other ports with `sixfold up --port-base {free_base(ports.base + 100)}`."
        )


def free_base(start: int = DEFAULT_BASE) -> int:
    """The first base from `start` on, in steps of 100, whose ports are all free."""
    for base in range(max(start, 1024), 65536 - _SPAN, 100):
        if not taken(Ports(base)):
            return base
    raise LocalError("No free range of ports was found: stop something, or choose one with --port-base.")
