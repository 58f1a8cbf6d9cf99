"""The client's and the relay's side of DHCPv6, written apart from the server's codec (RFC 8415, RFC 3633)."""

import ipaddress
from dataclasses import dataclass, field

SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE = range(1, 10)
INFORMATION, RELAY_FORWARD, RELAY_REPLY = 11, 12, 13
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, ORO, PREFERENCE, STATUS, RAPID, INTERFACE_ID = (
    1,
    2,
    3,
    5,
    6,
    7,
    13,
    14,
    18,
)
DNS, DOMAINS, IA_PD, IA_PREFIX, RELAY_PORT = 23, 24, 25, 26, 135
NO_ADDRESSES, NO_BINDING, NOT_ON_LINK, USE_MULTICAST, NO_PREFIX = 2, 3, 4, 5, 6


def option(code, body=b""):
    return code.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def options(data):
    """Pairs of (code, content); raises where the lengths do not add up."""
    found = []
    while data:
        code, size = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        assert len(data) >= 4 + size, "an option is cut"
        found.append((code, data[4 : 4 + size]))
        data = data[4 + size :]
    return found


def prefix_option(prefix, preferred=0, valid=0):
    network = ipaddress.IPv6Network(prefix)
    times = preferred.to_bytes(4, "big") + valid.to_bytes(4, "big")
    return option(IA_PREFIX, times + bytes([network.prefixlen]) + network.network_address.packed)


def association(*prefixes, iaid=1):
    """An IA_PD; prefixes are text."""
    return option(IA_PD, iaid.to_bytes(4, "big") + bytes(8) + b"".join(map(prefix_option, prefixes)))


def addresses(*texts, iaid=1):
    """An IA_NA."""
    inside = b"".join(option(IA_ADDRESS, ipaddress.IPv6Address(text).packed + bytes(8)) for text in texts)
    return option(IA_NA, iaid.to_bytes(4, "big") + bytes(8) + inside)


def status_of(body):
    return next((int.from_bytes(inside[:2], "big") for code, inside in options(body) if code == STATUS), 0)


@dataclass
class Told:
    """What a server said. `prefixes` of each IAID: (prefix, preferred, valid); `statuses` of each IAID."""

    kind: int
    transaction: int
    options: dict = field(default_factory=dict)
    prefixes: dict = field(default_factory=dict)
    statuses: dict = field(default_factory=dict)
    times: dict = field(default_factory=dict)
    status: int | None = None

    @property
    def prefix(self):
        """The one prefix that is the client's."""
        (found,) = [prefix for told in self.prefixes.values() for prefix, _, valid in told if valid]
        return found

    @property
    def server(self):
        return self.options[SERVER_ID][0]


def read(data):
    told = Told(data[0], int.from_bytes(data[1:4], "big"))
    for code, body in options(data[4:]):
        told.options.setdefault(code, []).append(body)
        if code == STATUS:
            told.status = int.from_bytes(body[:2], "big")
        if code != IA_PD:
            continue
        iaid = int.from_bytes(body[:4], "big")
        told.times[iaid] = int.from_bytes(body[4:8], "big"), int.from_bytes(body[8:12], "big")
        told.statuses[iaid] = status_of(body[12:])
        told.prefixes[iaid] = [
            (
                str(ipaddress.IPv6Network((inside[9:25], inside[8]))),
                int.from_bytes(inside[:4], "big"),
                int.from_bytes(inside[4:8], "big"),
            )
            for inner, inside in options(body[12:])
            if inner == IA_PREFIX
        ]
    return told


class Edge:
    """One client."""

    def __init__(self, number=1):
        self.duid = bytes.fromhex("0003000102000000") + number.to_bytes(2, "big")
        self.transaction = number << 8

    def message(self, kind, *parts, server=None, wanted=(DNS, DOMAINS), same=False, identified=True):
        """`same`: a retransmission of the one before."""
        if not same:
            self.transaction = (self.transaction + 1) & 0xFFFFFF
        head = bytes([kind]) + self.transaction.to_bytes(3, "big")
        own = option(CLIENT_ID, self.duid) if identified else b""
        to = option(SERVER_ID, server) if server is not None else b""
        asked = option(ORO, b"".join(code.to_bytes(2, "big") for code in wanted))
        return b"".join((head, own, to, asked, option(8, bytes(2)), *parts))

    def solicit(self, *prefixes, **more):
        return self.message(SOLICIT, association(*prefixes), **more)

    def request(self, told, **more):
        return self.message(REQUEST, association(told.prefix), server=told.server, **more)

    def renew(self, told, **more):
        return self.message(RENEW, association(told.prefix), server=told.server, **more)

    def release(self, told, **more):
        return self.message(RELEASE, association(told.prefix), server=told.server, **more)

    def rebind(self, *prefixes, **more):
        return self.message(REBIND, association(*prefixes), **more)


def through_relay(message, link="::", peer="fe80::1", interface_id=None, hops=0, port=None):
    head = bytes([RELAY_FORWARD, hops])
    head += ipaddress.IPv6Address(link).packed + ipaddress.IPv6Address(peer).packed
    more = option(INTERFACE_ID, interface_id) if interface_id is not None else b""
    more += option(RELAY_PORT, port.to_bytes(2, "big")) if port is not None else b""
    return head + more + option(9, message)


def from_relay(data):
    """(hop count, link, peer, interface-id, message)"""
    assert data[0] == RELAY_REPLY
    found = dict(options(data[34:]))
    link, peer = (str(ipaddress.IPv6Address(data[at : at + 16])) for at in (2, 18))
    return data[1], link, peer, found.get(INTERFACE_ID), found[9]
