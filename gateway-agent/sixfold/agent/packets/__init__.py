"""Packet headers as columns: link layer, IPv4, IPv6, transport, for all packets of a buffer at once.

The sFlow decoder, the packet meter and the capture reader share this parser. It reads headers, no payload.
"""

from sixfold.agent.packets.headers import CAUSES, Headers, dissect
from sixfold.agent.packets.link import LINK_ETHERNET, LINK_TYPES

__all__ = ["CAUSES", "LINK_ETHERNET", "LINK_TYPES", "Headers", "dissect"]
