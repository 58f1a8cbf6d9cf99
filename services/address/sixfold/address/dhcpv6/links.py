"""Which pool a message is for: by the relay next to the client, or by the link that the client spoke on."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv6Address
from typing import Final, NamedTuple

from sixfold.address.dhcpv6.config import LinkSettings
from sixfold.address.domain.dhcpv6.parsing import Hop

_MOST: Final = 50_000
"""Places whose link is remembered."""
_NOWHERE: Final = bytes(16)


class Place(NamedTuple):
    """Where a client is: `link` 16 bytes, zeros where no relay gave one."""

    link: bytes
    interface_id: bytes | None
    interface: str


def place_of(hops: Sequence[Hop], interface: str) -> Place:
    """By the relay next to the client; its address may be left out (section 19.1.1), then the next one's counts."""
    if not hops:
        return Place(_NOWHERE, None, interface)
    if len(hops) == 1:
        return Place(hops[0].link, hops[0].interface_id, "")
    link = next((hop.link for hop in reversed(hops) if hop.link != _NOWHERE), _NOWHERE)
    return Place(link, hops[-1].interface_id, "")


class Links:
    def __init__(self, links: Sequence[LinkSettings]) -> None:
        self._links = tuple(links)
        self._known: dict[Place, LinkSettings | None] = {}

    def of(self, place: Place) -> LinkSettings | None:
        if place in self._known:
            return self._known[place]
        found = next((link for link in self._links if fits(link, place)), None)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[place] = found
        return found


def fits(link: LinkSettings, place: Place) -> bool:
    if link.link_addresses:
        address = IPv6Address(place.link)
        if place.link == _NOWHERE or not any(address in network for network in link.link_addresses):
            return False
    if link.interface_ids:
        if place.interface_id is None:
            return False
        names = _names(place.interface_id)
        if not any(fnmatchcase(name, pattern) for name in names for pattern in link.interface_ids):
            return False
    return not link.interfaces or place.interface in link.interfaces


def _names(interface_id: bytes) -> tuple[str, ...]:
    try:
        return interface_id.decode(), interface_id.hex()
    except UnicodeDecodeError:
        return (interface_id.hex(),)
