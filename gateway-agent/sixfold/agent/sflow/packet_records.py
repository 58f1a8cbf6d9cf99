"""What was sampled: a raw header, or an IPv4 or IPv6 record, as columns of one row per flow sample."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.packets import CAUSES, dissect
from sixfold.agent.packets.link import LINK_ETHERNET, LINK_IPV4, LINK_IPV6, LINK_MPLS, LINK_PPP, LINK_PPP_HDLC
from sixfold.agent.sflow.words import Index, Items, Words

RAW_HEADER, ETHERNET, IPV4, IPV6 = 1, 2, 3, 4
_LINKS: Final = {
    1: LINK_ETHERNET,
    7: LINK_PPP,
    11: LINK_IPV4,
    12: LINK_IPV6,
    13: LINK_MPLS,
    14: LINK_PPP_HDLC,
}
"""header_protocol of the specification to a link type. Token ring, FDDI, frame relay, X.25, SMDS, AAL5 and
802.11 carry no IP that this decoder reads: such samples are declined as `header-protocol`."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One row per flow sample; `known` says whether an IP packet was read for it."""

    known: npt.NDArray[np.bool_]
    columns: dict[str, npt.NDArray[Any]]
    length: npt.NDArray[np.uint64]
    vlan: npt.NDArray[np.uint16]


def _blank(rows: int) -> Sampled:
    columns: dict[str, npt.NDArray[Any]] = {
        "src_address": np.zeros((rows, 16), dtype=np.uint8),
        "dst_address": np.zeros((rows, 16), dtype=np.uint8),
        "src_port": np.zeros(rows, dtype=np.uint16),
        "dst_port": np.zeros(rows, dtype=np.uint16),
        "protocol": np.zeros(rows, dtype=np.uint8),
        "tcp_flags": np.zeros(rows, dtype=np.uint16),
        "ip_tos": np.zeros(rows, dtype=np.uint8),
        "icmp_type_code": np.zeros(rows, dtype=np.uint16),
        "flow_label": np.zeros(rows, dtype=np.uint32),
    }
    return Sampled(
        np.zeros(rows, dtype=bool), columns, np.zeros(rows, dtype=np.uint64), np.zeros(rows, dtype=np.uint16)
    )


def read_packets(words: Words, records: Items, samples: int, declined: Counter[str]) -> Sampled:
    """The packet of each of `samples` flow samples; `declined` counts records that gave none, by cause.

    The raw header tells most and goes first; the other records stand in where it is absent or no IP.
    """
    sampled = _blank(samples)
    _raw_headers(words, records.having(RAW_HEADER), sampled, declined)
    _ip_records(words, records.having(IPV4), sampled, declined, address_words=1)
    _ip_records(words, records.having(IPV6), sampled, declined, address_words=4)
    return sampled


def _first_of_each(owner: Index, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Rows of the first record of each sample that has no packet yet; owners are in ascending order."""
    if not len(owner):
        return np.zeros(0, dtype=np.intp)
    first = np.concatenate([[True], owner[1:] != owner[:-1]])
    return np.flatnonzero(first & ~known[owner])


def _raw_headers(words: Words, records: Items, sampled: Sampled, declined: Counter[str]) -> None:
    at = records.starts
    size = words.signed(at + 3)
    room = (records.ends - at - 4) * 4
    sound = (room >= 0) & (size <= room)
    if lying := int(np.count_nonzero(~sound)):
        declined["header-length"] += lying
    protocol = words.signed(at)
    known_link = np.isin(protocol, list(_LINKS))
    if foreign := int(np.count_nonzero(sound & ~known_link)):
        declined["header-protocol"] += foreign
    for number, link_type in _LINKS.items():
        rows = np.flatnonzero(sound & (protocol == number))
        rows = rows[_first_of_each(records.owner[rows], sampled.known)]
        if not len(rows):
            continue
        captured = size[rows]
        wire = np.maximum(words.signed(at[rows] + 1) - words.signed(at[rows] + 2), captured)
        headers = dissect(words.octets, (at[rows] + 4) * 4, captured, wire, link_type)
        for code, count in enumerate(np.bincount(headers.cause, minlength=len(CAUSES))):
            if code and count:
                declined[CAUSES[code]] += int(count)
        good = headers.cause == 0
        owner = records.owner[rows]
        sampled.vlan[owner] = headers.vlan
        owner = owner[good]
        for name, column in sampled.columns.items():
            column[owner] = getattr(headers, name)[good]
        sampled.length[owner] = headers.ip_length[good].astype(np.uint64)
        sampled.known[owner] = True


def _ip_records(
    words: Words, records: Items, sampled: Sampled, declined: Counter[str], *, address_words: int
) -> None:
    """sampled_ipv4 (3) and sampled_ipv6 (4): length, protocol, addresses, ports, TCP flags, type of service."""
    need = 6 + 2 * address_words
    sound = records.ends - records.starts >= need
    if short := int(np.count_nonzero(~sound)):
        declined["record-length"] += short
    rows = np.flatnonzero(sound)
    rows = rows[_first_of_each(records.owner[rows], sampled.known)]
    if not len(rows):
        return
    at, owner = records.starts[rows], records.owner[rows]
    after = at + 2 + 2 * address_words
    columns = sampled.columns
    protocol = words.at(at + 1)
    columns["src_address"][owner] = words.bytes16(at + 2, address_words)
    columns["dst_address"][owner] = words.bytes16(at + 2 + address_words, address_words)
    columns["protocol"][owner] = protocol & 0xFF
    columns["src_port"][owner] = words.at(after) & 0xFFFF
    columns["dst_port"][owner] = words.at(after + 1) & 0xFFFF
    columns["tcp_flags"][owner] = words.at(after + 2) & 0x1FF
    columns["ip_tos"][owner] = words.at(after + 3) & 0xFF
    sampled.length[owner] = words.at(at)
    sampled.known[owner] = True
