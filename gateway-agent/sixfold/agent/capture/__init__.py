"""Capture files: pcap, pcapng, and raw datagrams saved as files.

Own reader rather than a library: packets are wanted as offsets into the mapped file, so that they are parsed as
columns, and pcapng with several interfaces of differing link types and clocks must be right (dpkt 1.9.8 makes an
object per packet, knows the first interface only and drops the length on the wire).
"""

from sixfold.agent.capture.files import CaptureError, PacketBatch, packets
from sixfold.agent.capture.udp import Udp, datagrams, export_protocol, udp_datagrams

__all__ = [
    "CaptureError",
    "PacketBatch",
    "Udp",
    "datagrams",
    "export_protocol",
    "packets",
    "udp_datagrams",
]
