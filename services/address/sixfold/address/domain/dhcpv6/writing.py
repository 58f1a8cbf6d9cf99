"""From answers to datagrams (RFC 8415, sections 8, 9 and 21)."""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import NamedTuple

from sixfold.address.domain.dhcpv6 import codes
from sixfold.address.domain.dhcpv6.parsing import AddressAssociation, Hop, Message

_OPTION = Struct("!HH")
_PD_HEAD = Struct("!HH4sII")
_PREFIX = Struct("!HHIIB16s")
_PD_OF_ONE = Struct("!HH4sIIHHIIB16s")
_HOP = Struct("!BB16s16s")
_pack_pd = _PD_HEAD.pack
_pack_prefix = _PREFIX.pack
_pack_pd_of_one = _PD_OF_ONE.pack


class Lease(NamedTuple):
    """Seconds from now; `valid` 0: no longer the client's."""

    network: int
    length: int
    preferred: int
    valid: int


def option(code: int, body: bytes) -> bytes:
    return _OPTION.pack(code, len(body)) + body


def status(code: int, text: str = "") -> bytes:
    return option(codes.STATUS_CODE, code.to_bytes(2, "big") + text.encode()[:200])


def delegation_option(iaid: bytes, leases: Sequence[Lease], said: bytes = b"") -> bytes:
    """An IA_PD. T1 and T2 are half and four fifths of the shortest preferred lifetime (section 21.21); `said` is a
    status option."""
    living = [lease.preferred for lease in leases if lease.preferred]
    shortest = min(living, default=0)
    first, second = (
        (codes.INFINITE, codes.INFINITE) if shortest == codes.INFINITE else (shortest // 2, shortest * 4 // 5)
    )
    body = b"".join(
        _pack_prefix(
            codes.IA_PREFIX, 25, lease.preferred, lease.valid, lease.length, lease.network.to_bytes(16, "big")
        )
        for lease in leases
    )
    size = 12 + len(body) + len(said)
    return _pack_pd(codes.IA_PD, size, iaid, first, second) + body + said


def one_prefix_option(iaid: bytes, lease: Lease) -> bytes:
    """`delegation_option` of one that lives: what nearly all of them are."""
    network, length, preferred, valid = lease
    first, second = (
        (preferred, preferred) if preferred == codes.INFINITE else (preferred // 2, preferred * 4 // 5)
    )
    return _pack_pd_of_one(
        *(codes.IA_PD, 41, iaid, first, second),
        *(codes.IA_PREFIX, 25, preferred, valid, length, network.to_bytes(16, "big")),
    )


def refused_addresses(association: AddressAssociation, said: bytes) -> bytes:
    """An IA_NA or IA_TA without addresses."""
    times = bytes(8) if association.option == codes.IA_NA else b""
    return option(association.option, association.iaid + times + said)


def reply(kind: int, asked: Message, server: bytes, parts: Iterable[bytes]) -> bytes:
    """A message of the server to the client; `server` is its DUID as an option."""
    head = bytes((kind,)) + asked.transaction
    client = _OPTION.pack(codes.CLIENT_ID, len(asked.client)) + asked.client if asked.client else b""
    return b"".join((head, client, server, *parts))


def relayed(message: bytes, hops: Sequence[Hop]) -> bytes:
    """Wrapped for each relay on the way back; its interface-id goes back as it came (section 19.3)."""
    for hop in reversed(hops):
        head = _HOP.pack(codes.RELAY_REPLY, hop.distance, hop.link, hop.peer)
        if hop.interface_id is not None:
            head += option(codes.INTERFACE_ID, hop.interface_id)
        if hop.port is not None:
            head += option(codes.RELAY_PORT, hop.port.to_bytes(2, "big"))
        message = head + _OPTION.pack(codes.RELAY_MESSAGE, len(message)) + message
    return message


def dns_servers(addresses: Sequence[bytes]) -> bytes:
    """RFC 3646, section 3; addresses of 16 bytes."""
    return option(codes.DNS_SERVERS, b"".join(addresses))


def domain_list(names: Sequence[str]) -> bytes:
    """RFC 3646, section 4."""
    body = b""
    for name in names:
        labels = [label.encode("idna") for label in name.strip(".").split(".")]
        body += b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    return option(codes.DOMAIN_LIST, body)
