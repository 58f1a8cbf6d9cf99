"""From a datagram to what a client asks, and through which relays (RFC 8415, sections 8, 9 and 21).

Nothing in a datagram is believed: every length is checked against what holds it, and numbers of options, of
associations and of relays are bounded. What is wrong is a `MalformedError` with a stable word.
"""

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from sixfold.address.domain.dhcpv6 import codes

LARGEST: Final = 4_096
"""Bytes of a datagram that is looked at."""
_MOST_OPTIONS: Final = 64
_MOST_ASSOCIATIONS: Final = 8
_MOST_PREFIXES: Final = 8
_OPTION = Struct("!HH")
_OPTION_AT = _OPTION.unpack_from


class MalformedError(ValueError):
    """Not a message that a server answers; `cause` is a stable word."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Hop(NamedTuple):
    """One relay agent: its RELAY-FORW without the message that it carries. `distance` is its hop count;
    `interface_id` and `port` as it gave them, None where it did not."""

    distance: int
    link: bytes
    peer: bytes
    interface_id: bytes | None
    port: int | None


class Association(NamedTuple):
    """An IA_PD: prefixes are (first address as a number, length), a hint where nothing was delegated yet."""

    iaid: bytes
    prefixes: tuple[tuple[int, int], ...]


class AddressAssociation(NamedTuple):
    """An IA_NA or IA_TA with the addresses in it, of 16 bytes each."""

    option: int
    iaid: bytes
    addresses: tuple[bytes, ...]


@dataclass(slots=True)
class Message:
    """`transaction` has 3 bytes, `client` and `server` are DUIDs, `wanted` are the codes of the option request."""

    kind: int
    transaction: bytes
    client: bytes = b""
    server: bytes = b""
    prefixes: list[Association] | tuple[()] = ()
    addresses: list[AddressAssociation] | tuple[()] = ()
    wanted: tuple[int, ...] = ()
    rapid: bool = False


class Packet(NamedTuple):
    """`hops` from the relay that spoke to us to the one next to the client; empty: the client itself spoke."""

    message: Message
    hops: tuple[Hop, ...]


def parse(data: bytes) -> Packet:
    """Raises MalformedError."""
    size = len(data)
    if size > LARGEST:
        raise MalformedError("too-large")
    if size < 4:
        raise MalformedError("truncated")
    if data[0] != codes.RELAY_FORWARD:
        return Packet(_message(data, 0, size), ())
    hops: list[Hop] = []
    start, end = 0, size
    while start < end and data[start] == codes.RELAY_FORWARD:
        if len(hops) == codes.MOST_HOPS:
            raise MalformedError("too-many-relays")
        hop, start, end = _hop(data, start, end)
        hops.append(hop)
    if end - start < 4:
        raise MalformedError("truncated")
    return Packet(_message(data, start, end), tuple(hops))


def _hop(data: bytes, start: int, end: int) -> tuple[Hop, int, int]:
    """The relay's part, and from where to where its message lies."""
    if end - start < 34:
        raise MalformedError("truncated")
    interface_id: bytes | None = None
    port: int | None = None
    inner: tuple[int, int] | None = None
    at, number = start + 34, 0
    while at < end:
        code, size, body = _option(data, at, end)
        number += 1
        if number > _MOST_OPTIONS:
            raise MalformedError("too-many-options")
        if code == codes.RELAY_MESSAGE:
            if inner is not None:
                raise MalformedError("two-relay-messages")
            inner = body, body + size
        elif code == codes.INTERFACE_ID:
            interface_id = data[body : body + size]
        elif code == codes.RELAY_PORT:
            if size != 2:
                raise MalformedError("bad-relay-port")
            port = int.from_bytes(data[body : body + 2], "big")
        at = body + size
    if inner is None:
        raise MalformedError("no-relay-message")
    link, peer = data[start + 2 : start + 18], data[start + 18 : start + 34]
    return Hop(data[start + 1], link, peer, interface_id, port), *inner


def _option(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """(code, length, where its content starts)"""
    if end - at < 4:
        raise MalformedError("truncated")
    code, size = _OPTION_AT(data, at)
    if size > end - at - 4:
        raise MalformedError("truncated")
    return code, size, at + 4


def _message(data: bytes, start: int, end: int) -> Message:
    kind = data[start]
    if kind not in codes.KINDS:
        raise MalformedError("unexpected-kind")
    message = Message(kind, data[start + 1 : start + 4])
    prefixes: list[Association] = []
    addresses: list[AddressAssociation] = []
    at, number = start + 4, 0
    while at < end:
        # As `_option`, in place: this is where a server's time goes.
        if end - at < 4:
            raise MalformedError("truncated")
        code, size = _OPTION_AT(data, at)
        at += 4
        if size > end - at:
            raise MalformedError("truncated")
        number += 1
        if number > _MOST_OPTIONS:
            raise MalformedError("too-many-options")
        if code == codes.CLIENT_ID:
            if message.client:
                raise MalformedError("two-client-ids")
            message.client = _duid(data, at, size)
        elif code == codes.IA_PD:
            prefixes.append(_association(data, at, at + size))
        elif code == codes.SERVER_ID:
            if message.server:
                raise MalformedError("two-server-ids")
            message.server = _duid(data, at, size)
        elif code == codes.OPTION_REQUEST:
            if size % 2:
                raise MalformedError("bad-option-request")
            message.wanted = _codes(data[at : at + size]) if size < 256 else ()
        elif code in (codes.IA_NA, codes.IA_TA):
            addresses.append(_address_association(data, code, at, at + size))
        elif code == codes.RAPID_COMMIT:
            message.rapid = True
        at += size
    if len(prefixes) + len(addresses) > _MOST_ASSOCIATIONS:
        raise MalformedError("too-many-associations")
    message.prefixes, message.addresses = prefixes, addresses
    return message


@lru_cache(maxsize=1_024)
def _codes(request: bytes) -> tuple[int, ...]:
    """Of an option request; there are as many as there are makes of clients."""
    return Struct(f"!{len(request) // 2}H").unpack(request)


def _duid(data: bytes, at: int, size: int) -> bytes:
    if not 3 <= size <= codes.LONGEST_DUID:
        raise MalformedError("bad-duid")
    return data[at : at + size]


def _association(data: bytes, start: int, end: int) -> Association:
    if end - start < 12:
        raise MalformedError("bad-association")
    prefixes: list[tuple[int, int]] = []
    at = start + 12
    while at < end:
        code, size, body = _option(data, at, end)
        if code == codes.IA_PREFIX:
            if size < 25:
                raise MalformedError("bad-prefix")
            length = data[body + 8]
            if length > 128 or len(prefixes) == _MOST_PREFIXES:
                raise MalformedError("bad-prefix")
            network = int.from_bytes(data[body + 9 : body + 25], "big")
            prefixes.append((network >> (128 - length) << (128 - length), length))
        at = body + size
    return Association(data[start : start + 4], tuple(prefixes))


def _address_association(data: bytes, option: int, start: int, end: int) -> AddressAssociation:
    head = 12 if option == codes.IA_NA else 4
    if end - start < head:
        raise MalformedError("bad-association")
    addresses: list[bytes] = []
    at = start + head
    while at < end:
        code, size, body = _option(data, at, end)
        if code == codes.IA_ADDRESS:
            if size < 24 or len(addresses) == _MOST_PREFIXES:
                raise MalformedError("bad-address")
            addresses.append(data[body : body + 16])
        at = body + size
    return AddressAssociation(option, data[start : start + 4], tuple(addresses))
