"""IPFIX messages: header, sets, sequence numbers, template refresh (RFC 7011, 3 and 8.4)."""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.export.templates import Template

MESSAGE_HEADER, SET_HEADER = 16, 4
DEFAULT_MTU: Final = 1_432
"""UDP payload that fits an Ethernet frame over IPv6 (RFC 7011, 10.3.3), eight bytes to spare."""


class Exporter:
    """The state of one observation domain: its templates and how many data records it has sent."""

    def __init__(self, domain: int, templates: Sequence[Template], *, mtu: int = DEFAULT_MTU) -> None:
        if mtu < MESSAGE_HEADER + SET_HEADER + max(t.dtype.itemsize for t in templates):
            raise ValueError(f"an MTU of {mtu} holds no record")
        self.domain = domain
        self.templates = tuple(templates)
        self.mtu = mtu
        self.sequence = 0

    def definitions(self, time: int) -> bytes:
        """A message with all templates; it does not count in the sequence. `time` is in seconds."""
        sets = b""
        for set_id in (2, 3):
            bodies = b"".join(t.definition() for t in self.templates if t.set_id == set_id)
            if bodies:
                bodies += b"\x00" * (-len(bodies) % 4)
                sets += struct.pack(">HH", set_id, SET_HEADER + len(bodies)) + bodies
        header = struct.pack(
            ">HHIII", 10, MESSAGE_HEADER + len(sets), time & 0xFFFFFFFF, self.sequence, self.domain
        )
        return header + sets

    def messages(self, template: Template, records: npt.NDArray[Any], time: int) -> list[bytes]:
        """Data records as messages of at most the MTU, in order; the sequence goes on by their number."""
        if not len(records):
            return []
        size = template.dtype.itemsize
        per_message = (self.mtu - MESSAGE_HEADER - SET_HEADER) // size
        full = len(records) // per_message
        body = np.ascontiguousarray(records).view(np.uint8).reshape(len(records), size)
        result: list[bytes] = []
        if full:
            whole = self._fill(template, body[: full * per_message].reshape(full, -1), per_message, time)
            result.extend(row.tobytes() for row in whole)
        if rest := len(records) - full * per_message:
            result.append(self._fill(template, body[-rest:].reshape(1, -1), rest, time)[0].tobytes())
        return result

    def _fill(
        self, template: Template, bodies: npt.NDArray[np.uint8], count: int, time: int
    ) -> npt.NDArray[np.uint8]:
        rows, length = bodies.shape
        out = np.empty((rows, MESSAGE_HEADER + SET_HEADER + length), dtype=np.uint8)
        head = np.zeros(
            rows,
            dtype=[
                ("version", ">u2"),
                ("length", ">u2"),
                ("time", ">u4"),
                ("sequence", ">u4"),
                ("domain", ">u4"),
                ("set", ">u2"),
                ("set_length", ">u2"),
            ],
        )
        head["version"] = 10
        head["length"] = out.shape[1]
        head["time"] = time & 0xFFFFFFFF
        head["sequence"] = (self.sequence + np.arange(rows, dtype=np.uint64) * count) & 0xFFFFFFFF
        head["domain"] = self.domain
        head["set"] = template.number
        head["set_length"] = SET_HEADER + length
        out[:, : MESSAGE_HEADER + SET_HEADER] = head.view(np.uint8).reshape(rows, -1)
        out[:, MESSAGE_HEADER + SET_HEADER :] = bodies
        self.sequence = (self.sequence + rows * count) & 0xFFFFFFFF
        return out
