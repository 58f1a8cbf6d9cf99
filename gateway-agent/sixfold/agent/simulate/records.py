"""The simulator's rows as IPFIX records: flows in four templates, NAT events (RFC 8158) in three, sampling in one."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.export.templates import Template
from sixfold.agent.simulate.region import PORTS_PER_SUBSCRIBER, ipv4_bytes
from sixfold.agent.simulate.rows import IPV4, IPV6, NAT44, NAT64, Rows

_FLOW: Final = (
    "flowStartMilliseconds",
    "flowEndMilliseconds",
    "octetDeltaCount",
    "packetDeltaCount",
    "ingressInterface",
    "egressInterface",
    "sourceTransportPort",
    "destinationTransportPort",
    "tcpControlBits",
    "protocolIdentifier",
    "ipClassOfService",
    "flowEndReason",
    "flowDirection",
)
_SIX: Final = ("sourceIPv6Address", "destinationIPv6Address")
_FOUR: Final = ("sourceIPv4Address", "destinationIPv4Address")
_AFTER: Final = (
    "postNATSourceIPv4Address",
    "postNATDestinationIPv4Address",
    "postNAPTSourceTransportPort",
    "postNAPTDestinationTransportPort",
)
_EVENT: Final = ("observationTimeMilliseconds", "natEvent", "protocolIdentifier")
_PORTS: Final = ("sourceTransportPort", "destinationTransportPort")

FLOWS: Final = {
    IPV6: Template.of(256, *_SIX, *_FLOW, "icmpTypeCodeIPv6", "flowLabelIPv6"),
    IPV4: Template.of(257, *_FOUR, *_FLOW, "icmpTypeCodeIPv4"),
    NAT64: Template.of(258, *_SIX, *_FLOW, *_AFTER, "icmpTypeCodeIPv6", "flowLabelIPv6"),
    NAT44: Template.of(259, *_FOUR, *_FLOW, *_AFTER, "icmpTypeCodeIPv4"),
}
SESSIONS: Final = {
    NAT64: Template.of(260, *_EVENT, *_SIX, *_PORTS, *_AFTER),
    NAT44: Template.of(261, *_EVENT, *_FOUR, *_PORTS, *_AFTER),
}
BLOCKS: Final = {
    NAT64: Template.of(
        262, *_EVENT[:2], "sourceIPv6Address", "postNATSourceIPv4Address", "portRangeStart", "portRangeEnd"
    ),
    NAT44: Template.of(
        263, *_EVENT[:2], "sourceIPv4Address", "postNATSourceIPv4Address", "portRangeStart", "portRangeEnd"
    ),
}
SAMPLING: Final = Template.of(
    264,
    "observationDomainId",
    "selectorAlgorithm",
    "samplingPacketInterval",
    "samplingPacketSpace",
    scope=1,
)
TEMPLATES: Final = (*FLOWS.values(), *SESSIONS.values(), *BLOCKS.values(), SAMPLING)

CREATE, DELETE = True, False
_SESSION_EVENT: Final = {(NAT44, CREATE): 4, (NAT44, DELETE): 5, (NAT64, CREATE): 6, (NAT64, DELETE): 7}
_BLOCK_ALLOCATED: Final = 16
_TCP: Final = 6
_INSIDE, _OUTSIDE = 10, 20
"""SNMP indices of the gateways' two sides."""


def flow_records(kind: int, rows: Rows) -> npt.NDArray[Any]:
    """Rows of one kind as records of its template."""
    records = np.zeros(len(rows), dtype=FLOWS[kind].dtype)
    records["flowStartMilliseconds"], records["flowEndMilliseconds"] = rows["start"], rows["end"]
    records["octetDeltaCount"], records["packetDeltaCount"] = rows["octets"], rows["packets"]
    out = rows["egress"] == 1
    records["ingressInterface"] = np.where(out, _OUTSIDE, _INSIDE)
    records["egressInterface"] = np.where(out, _INSIDE, _OUTSIDE)
    records["sourceTransportPort"], records["destinationTransportPort"] = rows["sport"], rows["dport"]
    records["tcpControlBits"], records["protocolIdentifier"] = rows["flags"], rows["protocol"]
    records["ipClassOfService"], records["flowDirection"] = rows["tos"], rows["egress"]
    ended = (rows["protocol"] == _TCP) & (rows["flags"] & 0x05 != 0)
    long = rows["end"] - rows["start"] >= 59_000
    records["flowEndReason"] = np.where(ended, 3, np.where(long, 2, 1))
    _endpoints(kind, records, rows)
    if kind in (NAT64, NAT44):
        _translation(records, rows)
    if kind in (IPV6, NAT64):
        records["icmpTypeCodeIPv6"], records["flowLabelIPv6"] = rows["icmp"], rows["label"]
    else:
        records["icmpTypeCodeIPv4"] = rows["icmp"]
    return records


def session_records(kind: int, rows: Rows, *, create: bool) -> npt.NDArray[Any]:
    """A create event at each row's start, or a delete event at its end (RFC 8158, 4.1)."""
    records = np.zeros(len(rows), dtype=SESSIONS[kind].dtype)
    records["observationTimeMilliseconds"] = rows["start"] if create else rows["end"]
    records["natEvent"] = _SESSION_EVENT[kind, create]
    records["protocolIdentifier"] = rows["protocol"]
    records["sourceTransportPort"], records["destinationTransportPort"] = rows["sport"], rows["dport"]
    _endpoints(kind, records, rows)
    _translation(records, rows)
    return records


def block_records(kind: int, rows: Rows, first_port: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """A port block allocated to the subscriber of each row, at the row's start."""
    records = np.zeros(len(rows), dtype=BLOCKS[kind].dtype)
    records["observationTimeMilliseconds"] = rows["start"]
    records["natEvent"] = _BLOCK_ALLOCATED
    if kind == NAT64:
        records["sourceIPv6Address"] = rows["src"]
    else:
        records["sourceIPv4Address"] = rows["src"][:, 12:]
    records["postNATSourceIPv4Address"] = ipv4_bytes(rows["public"])
    records["portRangeStart"] = first_port
    records["portRangeEnd"] = first_port + PORTS_PER_SUBSCRIBER - 1
    return records


def sampling_record(domain: int, rate: int) -> npt.NDArray[Any]:
    """Systematic count-based: one packet, then `rate` - 1 left out (RFC 5477)."""
    record = np.zeros(1, dtype=SAMPLING.dtype)
    record["observationDomainId"] = domain
    record["selectorAlgorithm"] = 1
    record["samplingPacketInterval"] = 1
    record["samplingPacketSpace"] = rate - 1
    return record


def _endpoints(kind: int, records: npt.NDArray[Any], rows: Rows) -> None:
    if kind in (IPV6, NAT64):
        records["sourceIPv6Address"], records["destinationIPv6Address"] = rows["src"], rows["dst"]
    else:
        records["sourceIPv4Address"] = rows["src"][:, 12:]
        records["destinationIPv4Address"] = rows["dst"][:, 12:]


def _translation(records: npt.NDArray[Any], rows: Rows) -> None:
    records["postNATSourceIPv4Address"] = ipv4_bytes(rows["public"])
    records["postNATDestinationIPv4Address"] = ipv4_bytes(rows["peer"])
    records["postNAPTSourceTransportPort"] = rows["public_port"]
    records["postNAPTDestinationTransportPort"] = rows["dport"]
