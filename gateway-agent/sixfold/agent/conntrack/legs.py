"""Groups of conntrack messages to legs of sessions: what each says about a session, packed, and the session's key.

The key is the IPv4 side's original tuple (protocol, source, destination), 13 bytes: the inner IPv4 address stands for
the slot. An IPv6 leg gets the same key, because tayga changes neither ports nor the slot.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.conntrack.messages import NEW, Group
from sixfold.agent.conntrack.translation import Translation

Array = npt.NDArray[Any]
_ICMP, _ICMP6 = 1, 58
NAT44_CREATE, NAT44_DELETE, NAT64_CREATE, NAT64_DELETE = 4, 5, 6, 7
"""natEvent, RFC 8158, 4.1."""

KEY: Final = np.dtype(
    [("protocol", "u1"), ("src", "u1", 4), ("sport", ">u2"), ("dst", "u1", 4), ("dport", ">u2")]
)
BEFORE: Final = np.dtype(
    [("src_address", "u1", 16), ("src_port", "=u2"), ("dst_address", "u1", 16), ("dst_port", "=u2")]
)
AFTER: Final = np.dtype(
    [
        ("post_nat_src_address", "u1", 16),
        ("post_nat_src_port", "=u2"),
        ("post_nat_dst_address", "u1", 16),
        ("post_nat_dst_port", "=u2"),
        ("protocol", "u1"),
        ("event", "u1"),
    ]
)
SESSION: Final = np.dtype([*BEFORE.descr, *AFTER.descr])  # type: ignore[list-item]
EVENT_AT: Final = SESSION.itemsize - 1


class Kind(IntEnum):
    BEFORE = 0
    """The subscriber's side of a NAT64 session."""
    AFTER = 1
    """Its public side."""
    WHOLE = 2
    """A session that one leg tells all of."""


@dataclass(frozen=True, slots=True)
class Leg:
    """row: of the datagrams. packed: BEFORE, SESSION (of AFTER the first half is what is known without the other
    leg), SESSION; the event is that of a creation. time: ms UTC, 0 where the kernel does not tell."""

    row: int
    kind: Kind
    created: bool
    key: bytes
    packed: bytes
    time: int
    octets: int


def legs(group: Group, translation: Translation) -> Iterator[Leg]:
    """In no order."""
    if group.family == socket.AF_INET6:
        slots = translation.slots_of_ipv6(group.reply_dst)
        mine = (slots > 0) & translation.embeds(group.dst)
        if mine.any():
            yield from _before(_select(group, mine), slots[mine], translation)
        return
    slots = translation.slots_of_ipv4(group.src)
    outward = slots > 0
    servers = translation.slots_of_ipv4(group.reply_src)
    inward = ~outward & (servers > 0)
    plain = (
        ~outward & ~inward & ((group.src != group.reply_dst).any(axis=1) | (group.sport != group.reply_dport))
    )
    plain &= (group.protocol != _ICMP) | (group.src != group.reply_dst).any(axis=1)
    if outward.any():
        yield from _outward(_select(group, outward), servers[outward], translation)
    if inward.any():
        yield from _inward(_select(group, inward), servers[inward], translation)
    if plain.any():
        some = _select(group, plain)
        yield from _legs(some, Kind.WHOLE, _key(some), _session(some, NAT44_CREATE))


def _select(group: Group, mask: Array) -> Group:
    if mask.all():
        return group
    values = {
        name: getattr(group, name)[mask]
        for name in Group.__dataclass_fields__
        if name not in ("kind", "family")
    }
    return Group(kind=group.kind, family=group.family, **values)


def _identifier(group: Group, port: Array) -> Array:
    """ICMP has one number for both ends; a session shows it at the source."""
    return np.where((group.protocol == _ICMP) | (group.protocol == _ICMP6), 0, port)


def _post_port(group: Group) -> Array:
    """The source's port, or identifier, after translation: where answers go to."""
    icmp = (group.protocol == _ICMP) | (group.protocol == _ICMP6)
    return np.where(icmp, group.reply_sport, group.reply_dport)


def _before(group: Group, slots: Array, translation: Translation) -> Iterator[Leg]:
    key = np.zeros(len(slots), dtype=KEY)
    key["protocol"] = np.where(group.protocol == _ICMP6, _ICMP, group.protocol)
    key["src"] = translation.inner_ipv4(slots)
    key["sport"] = _post_port(group)
    key["dst"] = group.dst[:, translation.embedded]
    key["dport"] = _identifier(group, group.dport)
    packed = np.zeros(len(slots), dtype=BEFORE)
    packed["src_address"], packed["src_port"] = group.src, group.sport
    packed["dst_address"], packed["dst_port"] = group.dst, _identifier(group, group.dport)
    yield from _legs(group, Kind.BEFORE, key, packed)


def _key(group: Group) -> Array:
    key = np.zeros(len(group.rows), dtype=KEY)
    key["protocol"], key["src"], key["sport"] = group.protocol, group.src, group.sport
    key["dst"], key["dport"] = group.dst, _identifier(group, group.dport)
    return key


def _session(group: Group, event: int) -> Array:
    packed = np.zeros(len(group.rows), dtype=SESSION)
    packed["src_address"], packed["src_port"] = mapped(group.src), group.sport
    packed["dst_address"], packed["dst_port"] = mapped(group.dst), _identifier(group, group.dport)
    packed["post_nat_src_address"], packed["post_nat_src_port"] = mapped(group.reply_dst), _post_port(group)
    packed["post_nat_dst_address"] = mapped(group.reply_src)
    packed["post_nat_dst_port"] = _identifier(group, group.reply_sport)
    packed["protocol"], packed["event"] = group.protocol, event
    return packed


def _outward(group: Group, servers: Array, translation: Translation) -> Iterator[Leg]:
    """A subscriber may reach a server of this gateway by its public address, too."""
    packed = _session(group, NAT64_CREATE)
    _put_servers(packed, servers, translation)
    yield from _legs(group, Kind.AFTER, _key(group), packed)


def _inward(group: Group, slots: Array, translation: Translation) -> Iterator[Leg]:
    """IPv4 clients to IPv6 servers; what the translator does is known from the configuration."""
    packed = _session(group, NAT64_CREATE)
    packed["post_nat_src_address"] = translation.embed(group.reply_dst)
    _put_servers(packed, slots, translation)
    yield from _legs(group, Kind.WHOLE, _key(group), packed)


def _put_servers(packed: Array, slots: Array, translation: Translation) -> None:
    """In the place of an inner address, the server that stands behind it. slots: 0 for none."""
    for slot in np.unique(slots).tolist():
        server = translation.servers.get(slot)
        if server is not None:
            packed["post_nat_dst_address"][slots == slot] = np.frombuffer(server, dtype=np.uint8)


def _legs(group: Group, kind: Kind, key: Array, packed: Array) -> Iterator[Leg]:
    created = group.kind == NEW
    times = (group.started if created else group.stopped).tolist()
    width = packed.dtype.itemsize
    keys, texts = key.tobytes(), packed.tobytes()
    for at, (row, time, octets) in enumerate(
        zip(group.rows.tolist(), times, group.octets.tolist(), strict=True)
    ):
        yield Leg(
            row,
            kind,
            created,
            keys[at * KEY.itemsize : (at + 1) * KEY.itemsize],
            texts[at * width : (at + 1) * width],
            time,
            octets,
        )


def mapped(addresses: Array) -> Array:
    """IPv4 addresses (n, 4) as IPv4-mapped IPv6 (n, 16)."""
    found = np.zeros((len(addresses), 16), dtype=np.uint8)
    found[:, 10:12] = 255
    found[:, 12:] = addresses
    return found
