"""A definition compiled once: where each wanted field lies, and what a record of it is."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Final

import numpy as np

from sixfold.agent.netflow import elements as ie
from sixfold.agent.netflow.elements import Element
from sixfold.agent.netflow.messages import V5, V9
from sixfold.agent.netflow.templates import Definition


class Kind(Enum):
    """What the data records of a layout are. `docs/operators/conformance.md` explains the rule."""

    FLOW = "flow"
    NAT = "nat"
    FIREWALL = "firewall"
    """ASA NSEL: by its event a record is a NAT session, a flow, both or neither."""
    OPTIONS = "options"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a layout. offset: from the record's start, -1 where a variable field lies before it."""

    index: int
    element: Element
    offset: int
    length: int


@dataclass(frozen=True, eq=False)
class Layout:
    """length: of a record; its minimum where `variable`. Identity is the object: layouts are interned."""

    definition: Definition
    fields: tuple[Field, ...]
    kind: Kind
    reason: str

    @property
    def length(self) -> int:
        return self.definition.minimum

    @property
    def variable(self) -> bool:
        return self.definition.variable

    @cached_property
    def by_element(self) -> dict[Element, Field]:
        """Fields that can be read: addresses of their right length, numbers of at most eight bytes.

        Of an element that occurs several times it is the first. But where the protocol occurs several times the
        record is of a tunnelled packet, outermost header first (RFC 7011, 8): then the elements of packet headers
        are the last ones, so that the flow is that of the innermost packet and not that of the tunnel.
        """
        tunnel = sum(field.element == (0, 4) for field in self.fields) > 1
        usable: dict[Element, Field] = {}
        for field in self.fields:
            if _usable(field) and (field.element not in usable or (tunnel and field.element in ie.HEADERS)):
                usable[field.element] = field
        return usable

    def first(self, candidates: tuple[Element, ...]) -> Field | None:
        """The field of the first candidate that the layout has."""
        for element in candidates:
            field = self.by_element.get(element)
            if field is not None:
                return field
        return None

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """A fixed-length record as numpy sees it: the usable fields by their index, big-endian.

        Addresses are words in memory order (`f<i>`, or `f<i>` and `f<i>l` for the halves of sixteen bytes).
        """
        names: list[str] = []
        formats: list[Any] = []
        offsets: list[int] = []
        for field in self.by_element.values():
            for name, form, extra in _formats(field):
                names.append(name)
                formats.append(form)
                offsets.append(field.offset + extra)
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": self.length})


def _usable(field: Field) -> bool:
    if field.element not in ie.USED or field.length == 0:
        return False
    right = ie.ADDRESS_LENGTHS.get(field.element)
    return field.length <= 8 if right is None else field.length == right


_NUMBER_FORMATS: Final = {1: "u1", 2: ">u2", 4: ">u4", 8: ">u8"}


def _formats(field: Field) -> list[tuple[str, Any, int]]:
    name = f"f{field.index}"
    if ie.ADDRESS_LENGTHS.get(field.element) == 4:
        return [(name, "=u4", 0)]
    if field.length == 16:
        return [(name, "=u8", 0), (f"{name}l", "=u8", 8)]
    form = _NUMBER_FORMATS.get(field.length)
    return [(name, form if form is not None else ("u1", (field.length,)), 0)]


def _kind(definition: Definition, has: frozenset[Element]) -> tuple[Kind, str]:
    if definition.options:
        return Kind.OPTIONS, ""
    if ie.NAT_EVENT in has:
        return Kind.NAT, ""
    if not has.isdisjoint(ie.FIREWALL_EVENT):
        return Kind.FIREWALL, ""
    addresses = (*ie.SRC_V4, *ie.DST_V4, *ie.SRC_V6, *ie.DST_V6)
    if has.isdisjoint(addresses):
        return Kind.DECLINED, "no-addresses"
    return Kind.FLOW, ""


def compile_layout(definition: Definition) -> Layout:
    fields: list[Field] = []
    offset = 0
    for index, (element, length) in enumerate(definition.fields):
        fields.append(Field(index, element, offset, length))
        if definition.variable and length == ie.VARIABLE:
            offset = -1
        elif offset >= 0:
            offset += length
    kind, reason = _kind(definition, frozenset(field.element for field in fields if _usable(field)))
    return Layout(definition, tuple(fields), kind, reason)


def _v5() -> Definition:
    numbers = ((8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2))
    flags = ((210, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (210, 2))
    return Definition(V5, False, 0, tuple(((0, number), length) for number, length in (*numbers, *flags)))


V5_LAYOUT: Final = compile_layout(_v5())
"""The fixed record of v5; element 210 is paddingOctets."""
VERSIONS_WITH_UPTIME: Final = (V5, V9)
