"""What the agent has put on the bus, as rows that a test can read."""

import ipaddress
from dataclasses import dataclass

from sixfold.agent.datagrams import address_text
from sixfold.api.flow.codec import decode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.chassis.messaging import Messaging

CREATE, DELETE = 6, 7


@dataclass(frozen=True)
class Session:
    """A NAT event. Addresses are text; time is ms UTC."""

    time: int
    event: int
    protocol: int
    src: str
    src_port: int
    dst: str
    dst_port: int
    post_src: str
    post_src_port: int
    post_dst: str
    post_dst_port: int
    octets: int


async def columns(messaging: Messaging, stream: str) -> list[dict]:
    info = await messaging.js.stream_info(stream)
    if not info.state.messages:
        return []
    found = []
    for sequence in range(info.state.first_seq, info.state.last_seq + 1):
        message = await messaging.js.get_msg(stream, sequence)
        found.append(decode(BatchHeaders.from_nats(message.headers).schema, message.data or b""))
    return found


_COLUMNS = (
    "time", "event", "protocol", "src_address", "src_port", "dst_address", "dst_port", "post_nat_src_address",
    "post_nat_src_port", "post_nat_dst_address", "post_nat_dst_port", "bytes",
)  # fmt: skip


async def sessions(messaging: Messaging) -> list[Session]:
    """All NAT events, in the order of the stream."""
    found = []
    for batch in await columns(messaging, "NAT"):
        for row in zip(*(batch[name] for name in _COLUMNS), strict=True):
            values = (address_text(one.tobytes()) if getattr(one, "shape", ()) else int(one) for one in row)
            found.append(Session(*values))
    return found


def holder(found: list[Session], address: str, port: int, time: int) -> set[str]:
    """Who had this public address and port at that time (ms UTC), by the events."""
    live: dict[tuple[int, str, int, str, int], str] = {}
    for one in sorted(found, key=lambda one: (one.time, one.event)):
        if one.time <= time and (one.post_src, one.post_src_port) == (address, port):
            key = (one.protocol, one.post_dst, one.post_dst_port, one.src, one.src_port)
            if one.event == CREATE:
                live[key] = one.src
            else:
                live.pop(key, None)
    return set(live.values())


def embedded(prefix: str, address: str) -> str:
    """RFC 6052, /96."""
    network = ipaddress.IPv6Network(prefix)
    return str(network.network_address + int(ipaddress.IPv4Address(address)))
