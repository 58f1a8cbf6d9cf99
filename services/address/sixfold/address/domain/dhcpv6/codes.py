"""Numbers of DHCPv6 (RFC 8415, sections 7, 21 and 21.13; RFC 3646, 7598, 8357)."""

from typing import Final

SOLICIT: Final = 1
ADVERTISE: Final = 2
REQUEST: Final = 3
CONFIRM: Final = 4
RENEW: Final = 5
REBIND: Final = 6
REPLY: Final = 7
RELEASE: Final = 8
DECLINE: Final = 9
INFORMATION_REQUEST: Final = 11
RELAY_FORWARD: Final = 12
RELAY_REPLY: Final = 13
KINDS: Final = {
    SOLICIT: "solicit",
    REQUEST: "request",
    CONFIRM: "confirm",
    RENEW: "renew",
    REBIND: "rebind",
    RELEASE: "release",
    DECLINE: "decline",
    INFORMATION_REQUEST: "information-request",
}
"""What a client says to a server."""

CLIENT_ID: Final = 1
SERVER_ID: Final = 2
IA_NA: Final = 3
IA_TA: Final = 4
IA_ADDRESS: Final = 5
OPTION_REQUEST: Final = 6
PREFERENCE: Final = 7
RELAY_MESSAGE: Final = 9
STATUS_CODE: Final = 13
RAPID_COMMIT: Final = 14
INTERFACE_ID: Final = 18
DNS_SERVERS: Final = 23
DOMAIN_LIST: Final = 24
IA_PD: Final = 25
IA_PREFIX: Final = 26
RELAY_PORT: Final = 135

SUCCESS: Final = 0
NO_ADDRESSES: Final = 2
NO_BINDING: Final = 3
NOT_ON_LINK: Final = 4
USE_MULTICAST: Final = 5
NO_PREFIX: Final = 6

INFINITE: Final = 0xFFFFFFFF
CLIENT_PORT: Final = 546
SERVER_PORT: Final = 547
SERVERS_AND_RELAYS: Final = "ff02::1:2"
MOST_HOPS: Final = 8
"""HOP_COUNT_LIMIT (section 7.6)."""
LONGEST_DUID: Final = 130
"""A type of two bytes and at most 128 more (section 11.1)."""
