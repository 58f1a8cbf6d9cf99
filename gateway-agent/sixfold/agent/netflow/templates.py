"""Template sets and options template sets, read to definitions (RFC 3954, 5.2 and 6.1; RFC 7011, 3.4)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sixfold.agent.netflow.elements import SCOPE, VARIABLE, Element
from sixfold.agent.netflow.messages import IPFIX, V9

MAX_FIELDS = 512


class TemplateRefusedError(ValueError):
    """A template cannot be used. `cause` is a short stable word for the counters."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True)
class Definition:
    """What a template says, without its number. Equal definitions are one layout, whoever exports them.

    scopes: the first so many fields are scope fields; 0 for a template that is no options template.
    options: whether it came in an options template set (an exporter may wrongly leave out the scope).
    fields: (element, length), length 65,535 for variable length.
    """

    version: int
    options: bool
    scopes: int
    fields: tuple[tuple[Element, int], ...]

    @cached_property
    def minimum(self) -> int:
        """The shortest length a record can have, in bytes."""
        return sum(1 if length == VARIABLE else length for _, length in self.fields)

    @cached_property
    def variable(self) -> bool:
        return any(length == VARIABLE for _, length in self.fields)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """RFC 7011, 8.1: forget template `identity`; 2 is all templates, 3 all options templates."""

    identity: int


Entry = tuple[int, Definition] | Withdrawal | TemplateRefusedError


def read_set(version: int, identity: int, body: bytes, max_fields: int = MAX_FIELDS) -> Iterator[Entry]:
    """The templates of one set. What cannot be read is yielded as a refusal; reading stops where it must.

    version: 9 or 10. identity: 0 or 1 (v9), 2 or 3 (IPFIX).
    """
    options = identity in (1, 3)
    at = 0
    while at + 4 <= len(body):
        if not any(body[at : at + 4]) and not any(body[at:]):
            return  # padding
        number, count = struct.unpack_from(">HH", body, at)
        if version == IPFIX and count == 0:
            at += 4
            withdrawable = number >= 256 or number == identity
            yield Withdrawal(number) if withdrawable else TemplateRefusedError("template-number")
            continue
        try:
            definition, at = _read_one(version, options, body, at, max_fields)
        except TemplateRefusedError as error:
            yield error
            return
        if number < 256:
            yield TemplateRefusedError("template-number")
        elif len(definition.fields) > max_fields:
            yield TemplateRefusedError("template-too-many-fields")
        elif definition.minimum == 0:
            yield TemplateRefusedError("template-without-length")
        elif definition.minimum > 65_515:
            yield TemplateRefusedError("template-too-long")
        else:
            yield number, definition


def _read_one(version: int, options: bool, body: bytes, at: int, max_fields: int) -> tuple[Definition, int]:
    _, count = struct.unpack_from(">HH", body, at)
    at += 4
    scopes = 0
    if version == V9 and options:
        if at + 2 > len(body):
            raise TemplateRefusedError("template-truncated")
        scope_bytes, (option_bytes,) = count, struct.unpack_from(">H", body, at)
        if scope_bytes % 4 or option_bytes % 4:
            raise TemplateRefusedError("options-template-length")
        at += 2
        scopes, count = scope_bytes // 4, (scope_bytes + option_bytes) // 4
    elif options:
        if at + 2 > len(body):
            raise TemplateRefusedError("template-truncated")
        (scopes,) = struct.unpack_from(">H", body, at)
        at += 2
        if scopes > count:
            raise TemplateRefusedError("options-template-scope")
    if count == 0:
        raise TemplateRefusedError("template-empty")
    if at + 4 * count > len(body):
        raise TemplateRefusedError("template-too-many-fields" if count > max_fields else "template-truncated")
    fields: list[tuple[Element, int]] = []
    if version == V9:
        pairs = struct.unpack_from(f">{2 * count}H", body, at)
        at += 4 * count
        for index in range(count):
            kind, length = pairs[2 * index], pairs[2 * index + 1]
            fields.append(((SCOPE if index < scopes else 0, kind), length))
        return Definition(version, options, scopes, tuple(fields)), at
    for _ in range(count):
        if at + 4 > len(body):
            raise TemplateRefusedError("template-truncated")
        kind, length = struct.unpack_from(">HH", body, at)
        at += 4
        enterprise = 0
        if kind & 0x8000:
            if at + 4 > len(body):
                raise TemplateRefusedError("template-truncated")
            (enterprise,) = struct.unpack_from(">I", body, at)
            at += 4
            kind &= 0x7FFF
        fields.append(((enterprise, kind), length))
    return Definition(version, options, scopes, tuple(fields)), at
