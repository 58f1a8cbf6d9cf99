"""Templates whose records are packed numpy structures, so that a set of records is written in one copy."""

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

TEMPLATE_SET, OPTIONS_SET = 2, 3


class Element(NamedTuple):
    """An information element (IANA registry) in the width it is exported with."""

    number: int
    width: int


ELEMENTS: Final[dict[str, Element]] = {
    "octetDeltaCount": Element(1, 8),
    "packetDeltaCount": Element(2, 8),
    "protocolIdentifier": Element(4, 1),
    "ipClassOfService": Element(5, 1),
    "tcpControlBits": Element(6, 2),
    "sourceTransportPort": Element(7, 2),
    "sourceIPv4Address": Element(8, 4),
    "ingressInterface": Element(10, 4),
    "destinationTransportPort": Element(11, 2),
    "destinationIPv4Address": Element(12, 4),
    "egressInterface": Element(14, 4),
    "sourceIPv6Address": Element(27, 16),
    "destinationIPv6Address": Element(28, 16),
    "flowLabelIPv6": Element(31, 4),
    "icmpTypeCodeIPv4": Element(32, 2),
    "vlanId": Element(58, 2),
    "flowDirection": Element(61, 1),
    "flowEndReason": Element(136, 1),
    "icmpTypeCodeIPv6": Element(139, 2),
    "observationDomainId": Element(149, 4),
    "flowStartMilliseconds": Element(152, 8),
    "flowEndMilliseconds": Element(153, 8),
    "postNATSourceIPv4Address": Element(225, 4),
    "postNATDestinationIPv4Address": Element(226, 4),
    "postNAPTSourceTransportPort": Element(227, 2),
    "postNAPTDestinationTransportPort": Element(228, 2),
    "natEvent": Element(230, 1),
    "selectorAlgorithm": Element(304, 2),
    "samplingPacketInterval": Element(305, 4),
    "samplingPacketSpace": Element(306, 4),
    "observationTimeMilliseconds": Element(323, 8),
    "portRangeStart": Element(361, 2),
    "portRangeEnd": Element(362, 2),
}


@dataclass(frozen=True)
class Field:
    """One field of a template. Addresses are (n, width) uint8 in the record, numbers big-endian unsigned."""

    name: str

    @property
    def element(self) -> Element:
        return ELEMENTS[self.name]

    @property
    def dtype(self) -> Any:
        width = self.element.width
        return ("u1", (width,)) if "Address" in self.name else f">u{width}"


@dataclass(frozen=True)
class Template:
    """A template, or with `scope` fields in front an options template."""

    number: int
    fields: tuple[Field, ...]
    scope: int = 0

    @classmethod
    def of(cls, number: int, *names: str, scope: int = 0) -> "Template":
        return cls(number, tuple(Field(name) for name in names), scope)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Packed record; its fields carry the information elements' names."""
        return np.dtype([(field.name, *_as_tuple(field.dtype)) for field in self.fields])

    @property
    def set_id(self) -> int:
        return OPTIONS_SET if self.scope else TEMPLATE_SET

    def definition(self) -> bytes:
        """The template record (RFC 7011, 3.4.1 and 3.4.2.2)."""
        head = (
            struct.pack(">HHH", self.number, len(self.fields), self.scope)
            if self.scope
            else struct.pack(">HH", self.number, len(self.fields))
        )
        return head + b"".join(struct.pack(">HH", *field.element) for field in self.fields)


def _as_tuple(dtype: Any) -> tuple[Any, ...]:
    return dtype if isinstance(dtype, tuple) else (dtype,)
