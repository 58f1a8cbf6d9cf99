"""Message headers of NetFlow v5, v9 and IPFIX, parsed for all datagrams at once, and the walk over their sets.

Everything is an array over messages or over sets; a position is an index into the flat receive buffer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.datagrams import Datagrams

V5: Final = 5
V9: Final = 9
IPFIX: Final = 10
V5_SET: Final = 0x10005
"""The identity that stands for the records of a v5 message: no set id of v9 or IPFIX can be equal to it."""
MAX_SETS: Final = 1024
"""Sets of one message that are looked at; the rest of such a message is refused."""
_V5_RECORD: Final = 48
_HEADERS: Final = np.zeros(65_536, dtype=np.int64)
_HEADERS[[V5, V9, IPFIX]] = 24, 20, 16

Array = npt.NDArray[Any]
Count = Callable[[str, int], None]
"""Counts `n` of something by its cause."""


@dataclass(frozen=True, slots=True)
class Messages:
    """The accepted messages, in order of arrival; all arrays int64.

    row: the datagram. version: 5, 9 or 10. start, end: positions of the first set and past the last byte.
    sequence, domain: as in the header (v5: engine type * 256 + engine id). export, received: ms UTC.
    uptime: ms since the exporter started, 0 in IPFIX. v5_sampling: the sampling word of a v5 header, else 0.
    """

    row: Array
    version: Array
    start: Array
    end: Array
    sequence: Array
    domain: Array
    export: Array
    uptime: Array
    received: Array
    v5_sampling: Array

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class Sets:
    """Sets in order of arrival. message: index into Messages. identity: the set id (v5: V5_SET).

    position, length: of the body, without the set header.
    """

    message: Array
    identity: Array
    position: Array
    length: Array

    def __len__(self) -> int:
        return len(self.message)

    def take(self, which: Array | slice) -> "Sets":
        return Sets(self.message[which], self.identity[which], self.position[which], self.length[which])


def flat_buffer(datagrams: Datagrams) -> tuple[npt.NDArray[np.uint8], int]:
    """The datagrams as one contiguous array, and the distance between two of them."""
    data = datagrams.data
    if data.shape[1] < 64:
        wide = np.zeros((len(data), 64), dtype=np.uint8)
        wide[:, : data.shape[1]] = data
        data = wide
    data = np.ascontiguousarray(data)
    return data.reshape(-1), data.shape[1]


def parse_messages(datagrams: Datagrams, flat: Array, slot: int, malformed: Count) -> Messages:
    """Headers of all datagrams; what is no message of a known version, or shorter than its header, is counted.

    A message that states another length than its datagram has is read as far as both go.
    """
    half = np.ascontiguousarray(flat.reshape(-1, slot)[:, :24]).view(">u2").astype(np.int64)
    length = np.minimum(datagrams.lengths.astype(np.int64), slot)
    header = _HEADERS[half[:, 0]]
    good = (header > 0) & (length >= header)
    row = np.arange(len(length))
    if not good.all():
        short = (length < 16) | (length < header)
        malformed("short-header", int(short.sum()))
        malformed("unknown-version", int((~short & (header == 0)).sum()))
        good &= ~short
        row = np.flatnonzero(good)
        half, length, header = half[row], length[row], header[row]
    version = half[:, 0]
    word = (half[:, 0::2] << 16) | half[:, 1::2]
    ipfix, v5 = version == IPFIX, version == V5
    end = length
    lies = ipfix & (half[:, 1] != length)
    if lies.any():
        malformed("message-length", int((lies & (half[:, 1] > length)).sum()))
        malformed("trailing-bytes", int((lies & (half[:, 1] < length)).sum()))
        end = np.where(lies, np.maximum(np.minimum(half[:, 1], length), 16), length)
    if v5.any():
        stated = half[:, 1] * _V5_RECORD + 24
        malformed("v5-count", int((v5 & (stated > length)).sum()))
        malformed("trailing-bytes", int((v5 & (stated < length)).sum()))
        whole = 24 + (length - 24) // _V5_RECORD * _V5_RECORD
        end = np.where(v5, np.minimum(stated, whole), end)
    base = row * slot
    return Messages(
        row=row,
        version=version,
        start=base + header,
        end=base + end,
        sequence=np.where(ipfix, word[:, 2], np.where(v5, word[:, 4], word[:, 3])),
        domain=np.where(ipfix, word[:, 3], np.where(v5, half[:, 10], word[:, 4])),
        export=np.where(ipfix, word[:, 1], word[:, 2]) * 1000 + np.where(v5, word[:, 3] // 1_000_000, 0),
        uptime=np.where(ipfix, 0, word[:, 1]),
        received=datagrams.received[row],
        v5_sampling=np.where(v5, half[:, 11], 0),
    )


def walk_sets(messages: Messages, flat: Array, malformed: Count) -> Sets:
    """All sets of all messages, by walking them side by side: as many steps as the fullest message has sets.

    A set shorter than its header, or longer than its message, ends the walk of that message and is counted.
    A set header of zeros, as in a zero-filled datagram, ends it silently (counted `zero-fill`).
    """
    v5 = messages.version == V5
    here = np.flatnonzero(~v5)
    position, end = messages.start[here], messages.end[here]
    steps: list[tuple[Array, Array, Array, Array]] = []
    if v5.any():
        which = np.flatnonzero(v5 & (messages.end > messages.start))
        start = messages.start[which]
        steps.append((which, np.full(len(which), V5_SET), start, messages.end[which] - start))
    for _ in range(MAX_SETS):
        enough = position + 4 <= end
        if not enough.all():
            malformed("trailing-bytes", int((position[~enough] < end[~enough]).sum()))
            here, position, end = here[enough], position[enough], end[enough]
        if not len(here):
            break
        identity = (flat[position].astype(np.int64) << 8) | flat[position + 1]
        length = (flat[position + 2].astype(np.int64) << 8) | flat[position + 3]
        good = (length >= 4) & (position + length <= end)
        if not good.all():
            zero = (length == 0) & (identity == 0)
            malformed("zero-fill", int(zero.sum()))
            malformed("set-length", int(((length < 4) & ~zero).sum()))
            malformed("set-truncated", int((position + length > end).sum()))
            here, position, end = here[good], position[good], end[good]
            identity, length = identity[good], length[good]
        steps.append((here, identity, position + 4, length - 4))
        position = position + length
    else:
        malformed("too-many-sets", len(here))
    if len(steps) == 1:
        return Sets(*steps[0])
    if not steps:
        nothing = np.zeros(0, dtype=np.int64)
        return Sets(nothing, nothing, nothing, nothing)
    message, identity, at, size = (np.concatenate(part) for part in zip(*steps, strict=True))
    order = np.argsort(at, kind="stable")
    return Sets(message[order], identity[order], at[order], size[order])
