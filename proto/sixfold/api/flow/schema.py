"""Columns of a flow batch, of a NAT-session batch and of an interface-counter batch.

The version rule. A schema has a major and a minor number. A new minor only adds optional columns:
a reader ignores columns it does not know and takes the default of a column that is absent, so an old
agent works with a new centre and the other way round. Anything else is a new major, which a reader that
does not know it refuses whole, with its cause.

In Python a batch is `Columns`: one numpy array per column, all of one length. Addresses are
`(n, 16) uint8`, IPv4 as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2). Times are UTC, int64 milliseconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

type_address: Final = pa.binary(16)
Columns = Mapping[str, npt.NDArray[Any]]

ADDRESS: Final = "address"
TIME: Final = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `kind` is a numpy type name, `address` (16 bytes) or `time` (int64 ms, UTC)."""

    name: str
    kind: str
    required: bool
    comment: str

    @property
    def arrow_type(self) -> pa.DataType:
        if self.kind == ADDRESS:
            return type_address
        if self.kind == TIME:
            return pa.timestamp("ms", tz="UTC")
        return pa.from_numpy_dtype(self.dtype)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of one element; for an address, of one byte of its sixteen."""
        if self.kind == ADDRESS:
            return np.dtype(np.uint8)
        if self.kind == TIME:
            return np.dtype(np.int64)
        return np.dtype(self.kind)


@dataclass(frozen=True, slots=True)
class BatchSchema:
    """A named, versioned set of columns; `name/major.minor` stands in the header `Sixfold-Schema`."""

    name: str
    major: int
    minor: int
    columns: tuple[Column, ...]

    @property
    def version(self) -> str:
        return f"{self.name}/{self.major}.{self.minor}"

    def column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)


_R, _O = True, False

FLOW: Final = BatchSchema(
    "flow",
    1,
    0,
    (
        Column("time_start", TIME, _R, "first packet of the flow, by the exporter's clock"),
        Column("time_end", TIME, _R, "last packet of the flow, by the exporter's clock"),
        Column("time_received", TIME, _R, "arrival of the datagram, by the agent's clock"),
        Column("exporter", ADDRESS, _R, "address the datagram came from (sFlow: the agent address in it)"),
        Column("src_address", ADDRESS, _R, "source address, IPv4 as ::ffff:a.b.c.d"),
        Column("dst_address", ADDRESS, _R, "destination address, IPv4 as ::ffff:a.b.c.d"),
        Column("src_port", "uint16", _R, "source port, 0 where the protocol has none"),
        Column("dst_port", "uint16", _R, "destination port, 0 where the protocol has none"),
        Column("protocol", "uint8", _R, "IP protocol number"),
        Column("bytes", "uint64", _R, "octets of the flow, corrected for sampling"),
        Column("packets", "uint64", _R, "packets of the flow, corrected for sampling"),
        Column(
            "sampling_rate", "uint32", _R, "1 in N packets was sampled; 1 unsampled, 0 unknown (uncorrected)"
        ),
        Column("observation_domain", "uint32", _O, "observation domain, source id or engine of the exporter"),
        Column("tcp_flags", "uint16", _O, "union of the TCP flags seen"),
        Column("ip_tos", "uint8", _O, "type of service / traffic class"),
        Column("icmp_type_code", "uint16", _O, "ICMP type * 256 + code"),
        Column("input_interface", "uint32", _O, "SNMP index of the ingress interface"),
        Column("output_interface", "uint32", _O, "SNMP index of the egress interface"),
        Column(
            "direction",
            "uint8",
            _O,
            "0 ingress, 1 egress, 2 reverse half of a biflow (RFC 5103), 255 unknown",
        ),
        Column("src_as", "uint32", _O, "BGP AS of the source"),
        Column("dst_as", "uint32", _O, "BGP AS of the destination"),
        Column("src_prefix_length", "uint8", _O, "prefix length of the route to the source"),
        Column("dst_prefix_length", "uint8", _O, "prefix length of the route to the destination"),
        Column("next_hop", ADDRESS, _O, "address of the next hop"),
        Column("vlan", "uint16", _O, "VLAN id at the ingress"),
        Column("flow_end_reason", "uint8", _O, "flowEndReason, IE 136"),
        Column("forwarding_status", "uint8", _O, "forwardingStatus, IE 89"),
        Column("flow_label", "uint32", _O, "IPv6 flow label"),
        Column("post_nat_src_address", ADDRESS, _O, "source address after translation, IE 225/281"),
        Column("post_nat_dst_address", ADDRESS, _O, "destination address after translation, IE 226/282"),
        Column("post_nat_src_port", "uint16", _O, "source port after translation, IE 227"),
        Column("post_nat_dst_port", "uint16", _O, "destination port after translation, IE 228"),
    ),
)

NAT_SESSION: Final = BatchSchema(
    "nat-session",
    1,
    0,
    (
        Column("time", TIME, _R, "when the event happened, by the exporter's clock"),
        Column("time_received", TIME, _R, "arrival of the datagram, by the agent's clock"),
        Column("exporter", ADDRESS, _R, "address the datagram came from"),
        Column(
            "event",
            "uint8",
            _R,
            "natEvent, RFC 8158 4.1 (1 create and 2 delete of a session where unspecific)",
        ),
        Column("protocol", "uint8", _R, "IP protocol number"),
        Column("src_address", ADDRESS, _R, "source address before translation: the subscriber's side"),
        Column("src_port", "uint16", _R, "source port before translation"),
        Column("post_nat_src_address", ADDRESS, _R, "source address after translation: the public side"),
        Column("post_nat_src_port", "uint16", _R, "source port after translation"),
        Column("dst_address", ADDRESS, _O, "destination address before translation"),
        Column("dst_port", "uint16", _O, "destination port before translation"),
        Column("post_nat_dst_address", ADDRESS, _O, "destination address after translation"),
        Column("post_nat_dst_port", "uint16", _O, "destination port after translation"),
        Column("port_block_start", "uint16", _O, "first port of an allocated block, IE 361"),
        Column("port_block_end", "uint16", _O, "last port of an allocated block, IE 362"),
        Column("observation_domain", "uint32", _O, "observation domain or source id of the exporter"),
        Column("ingress_vrf", "uint32", _O, "ingressVRFID, IE 234"),
        Column("egress_vrf", "uint32", _O, "egressVRFID, IE 235"),
        Column("firewall_event", "uint8", _O, "firewallEvent, IE 233 (ASA NSEL)"),
        Column("nat_instance", "uint32", _O, "natInstanceID, IE 463, or natPoolId, IE 283"),
        Column("bytes", "uint64", _O, "octets of the session, both directions, where the exporter tells"),
    ),
)

INTERFACE_COUNTER: Final = BatchSchema(
    "interface-counter",
    1,
    0,
    (
        Column("time_received", TIME, _R, "arrival of the datagram, by the agent's clock"),
        Column("exporter", ADDRESS, _R, "the agent address in the sFlow datagram"),
        Column("source_index", "uint32", _R, "index of the data source that the sample is from"),
        Column("if_index", "uint32", _R, "SNMP index of the interface, 0 where the sample does not tell"),
        Column("in_octets", "uint64", _R, "octets received, a running total"),
        Column("out_octets", "uint64", _R, "octets sent, a running total"),
        Column("observation_domain", "uint32", _O, "sFlow sub-agent id"),
        Column("source_class", "uint8", _O, "class of the data source: 0 ifIndex, 1 VLAN, 2 entPhysical"),
        Column("sequence", "uint32", _O, "sequence number of the sample at its source"),
        Column("uptime", "uint32", _O, "milliseconds since the exporter started"),
        Column("if_type", "uint32", _O, "ifType (IANAifType): 6 Ethernet"),
        Column("if_speed", "uint64", _O, "bits per second"),
        Column("if_direction", "uint8", _O, "0 unknown, 1 full duplex, 2 half duplex, 3 in, 4 out"),
        Column("status", "uint8", _O, "bit 0 administratively up, bit 1 operationally up"),
        Column("promiscuous", "uint8", _O, "1 if the interface is in promiscuous mode"),
        Column("in_unicast_packets", "uint32", _O, "unicast packets received, a running total"),
        Column("in_multicast_packets", "uint32", _O, "multicast packets received, a running total"),
        Column("in_broadcast_packets", "uint32", _O, "broadcast packets received, a running total"),
        Column("in_discards", "uint32", _O, "packets received and discarded, a running total"),
        Column("in_errors", "uint32", _O, "packets received with errors, a running total"),
        Column("in_unknown_protocols", "uint32", _O, "packets of unknown protocol, a running total"),
        Column("out_unicast_packets", "uint32", _O, "unicast packets sent, a running total"),
        Column("out_multicast_packets", "uint32", _O, "multicast packets sent, a running total"),
        Column("out_broadcast_packets", "uint32", _O, "broadcast packets sent, a running total"),
        Column("out_discards", "uint32", _O, "packets to send that were discarded, a running total"),
        Column("out_errors", "uint32", _O, "packets that could not be sent, a running total"),
        Column("alignment_errors", "uint32", _O, "dot3StatsAlignmentErrors, a running total"),
        Column("fcs_errors", "uint32", _O, "dot3StatsFCSErrors, a running total"),
        Column("late_collisions", "uint32", _O, "dot3StatsLateCollisions, a running total"),
        Column("carrier_errors", "uint32", _O, "dot3StatsCarrierSenseErrors, a running total"),
        Column("frame_too_long", "uint32", _O, "dot3StatsFrameTooLongs, a running total"),
        Column("symbol_errors", "uint32", _O, "dot3StatsSymbolErrors, a running total"),
    ),
)
"""One row per sFlow counter sample with interface counters; its subject is `counter_subject(gateway)`."""

SCHEMAS: Final[Mapping[str, BatchSchema]] = {
    schema.name: schema for schema in (FLOW, NAT_SESSION, INTERFACE_COUNTER)
}
