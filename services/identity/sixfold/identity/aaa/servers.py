"""Access servers: who may ask, from where, under which shared secret, and which gateway stands behind each."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sixfold.identity.config import AccessServerSettings

SHORTEST_SECRET: Final = 16
"""Characters; RFC 2865, section 3 asks for as much as of a password, and MD5 needs more."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AccessServerError(ValueError):
    """The settings name an access server that cannot be one; says which and why."""


@dataclass(frozen=True, slots=True)
class AccessServer:
    name: str
    network: Network
    gateway: str
    secret: bytes
    disconnect_port: int
    is_proxy: bool = False

    @property
    def host(self) -> str:
        """Where disconnections go where the settings name no other place: the first address of the prefix."""
        return str(self.network.network_address)


class AccessServers:
    """A component: the secrets are read at the start. The most specific prefix counts."""

    name = "access-servers"

    def __init__(self, settings: Sequence[AccessServerSettings]) -> None:
        self._settings = settings
        self.all: dict[str, AccessServer] = {}
        self._ordered: list[AccessServer] = []

    async def start(self) -> None:
        """Raises AccessServerError."""
        for one in self._settings:
            if one.name in self.all:
                raise AccessServerError(f"aaa.access_servers: {one.name} stands there twice")
            network = ipaddress.ip_network(one.prefix)
            self.all[one.name] = AccessServer(
                one.name,
                network,
                one.gateway or one.name,
                _secret(one.secret_file),
                one.disconnect_port,
                one.is_proxy,
            )
        self._ordered = sorted(self.all.values(), key=lambda one: -one.network.prefixlen)

    async def stop(self) -> None:
        self.all, self._ordered = {}, []

    def of(self, nas: str) -> AccessServer | None:
        """Of a session's access server, whose name a proxy's precedes: `front/bng-7`."""
        return self.all.get(nas.partition("/")[0])

    def at(self, host: str) -> AccessServer | None:
        address = ipaddress.ip_address(host.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return next((one for one in self._ordered if address in one.network), None)


def _secret(path: Path) -> bytes:
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise AccessServerError(
            f"aaa.access_servers: cannot read {path}: {error.strerror}; write the shared secret into it"
        ) from error
    if len(secret) < SHORTEST_SECRET:
        raise AccessServerError(
            f"{path}: a shared secret of {len(secret)} characters, {SHORTEST_SECRET} at least; "
            "`openssl rand -hex 24` makes one"
        )
    return secret.encode()
