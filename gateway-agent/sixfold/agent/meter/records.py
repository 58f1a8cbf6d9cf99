"""Metered flows as IPFIX records."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.export.messages import Exporter
from sixfold.agent.export.templates import Template
from sixfold.agent.meter.flows import Ended

_COMMON: Final = (
    "flowStartMilliseconds",
    "flowEndMilliseconds",
    "octetDeltaCount",
    "packetDeltaCount",
    "sourceTransportPort",
    "destinationTransportPort",
    "protocolIdentifier",
    "ipClassOfService",
    "tcpControlBits",
    "vlanId",
    "flowEndReason",
)
IPV4: Final = Template.of(256, "sourceIPv4Address", "destinationIPv4Address", *_COMMON, "icmpTypeCodeIPv4")
IPV6: Final = Template.of(
    257, "sourceIPv6Address", "destinationIPv6Address", *_COMMON, "icmpTypeCodeIPv6", "flowLabelIPv6"
)
SAMPLING: Final = Template.of(
    258,
    "observationDomainId",
    "selectorAlgorithm",
    "samplingPacketInterval",
    "samplingPacketSpace",
    scope=1,
)
"""Systematic count-based sampling (RFC 5477); interval 1 and space 0 is every packet."""
TEMPLATES: Final = (IPV4, IPV6, SAMPLING)
_COLUMNS: Final = {
    "flowStartMilliseconds": "time_start",
    "flowEndMilliseconds": "time_end",
    "octetDeltaCount": "bytes",
    "packetDeltaCount": "packets",
    "sourceTransportPort": "src_port",
    "destinationTransportPort": "dst_port",
    "protocolIdentifier": "protocol",
    "ipClassOfService": "ip_tos",
    "tcpControlBits": "tcp_flags",
    "vlanId": "vlan",
    "flowEndReason": "flow_end_reason",
}


def sampling_record(domain: int, interval: int, space: int) -> npt.NDArray[Any]:
    """One options record: of each interval + space packets, `interval` are counted."""
    record = np.zeros(1, dtype=SAMPLING.dtype)
    record["observationDomainId"] = domain
    record["selectorAlgorithm"] = 1
    record["samplingPacketInterval"] = interval
    record["samplingPacketSpace"] = space
    return record


def export(exporter: Exporter, ended: Ended, time: int) -> Iterator[bytes]:
    """Messages with the flows of `ended`, IPv4 and IPv6 in sets of their own. `time` is in seconds."""
    is_ipv4 = (ended["src_address"][:, :10] == 0).all(axis=1) & (ended["src_address"][:, 10:12] == 0xFF).all(
        axis=1
    )
    for template, mask in ((IPV4, is_ipv4), (IPV6, ~is_ipv4)):
        rows = np.flatnonzero(mask)
        if not len(rows):
            continue
        records = np.zeros(len(rows), dtype=template.dtype)
        for name, column in _COLUMNS.items():
            records[name] = ended[column][rows]
        if template is IPV4:
            records["sourceIPv4Address"] = ended["src_address"][rows, 12:]
            records["destinationIPv4Address"] = ended["dst_address"][rows, 12:]
            records["icmpTypeCodeIPv4"] = ended["icmp_type_code"][rows]
        else:
            records["sourceIPv6Address"] = ended["src_address"][rows]
            records["destinationIPv6Address"] = ended["dst_address"][rows]
            records["icmpTypeCodeIPv6"] = ended["icmp_type_code"][rows]
            records["flowLabelIPv6"] = ended["flow_label"][rows]
        yield from exporter.messages(template, records, time)
