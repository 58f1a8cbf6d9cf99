"""UDP datagrams out of captures: whole ones only. What is left out is counted by cause."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from sixfold.agent.capture.files import (
    CaptureError,
    PacketBatch,
    is_capture,
    map_file,
    not_a_capture,
    packets,
)
from sixfold.agent.datagrams import Datagrams
from sixfold.agent.packets import CAUSES, dissect
from sixfold.agent.packets.gather import be16, padded
from sixfold.agent.packets.headers import FIRST_FRAGMENT, LATER_FRAGMENT, UDP

ExportProtocol = Literal["netflow", "ipfix", "sflow"]
MAX_PAYLOAD: Final = 65_535
_LOOPBACK: Final = np.array([0] * 10 + [255, 255, 127, 0, 0, 1], dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Udp:
    """Datagrams in file order. data: flat uint8; a payload is data[offset : offset + length].

    src_address, dst_address: (n, 16) uint8, IPv4-mapped. time_ns: int64, ns UTC.
    """

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    src_address: npt.NDArray[np.uint8]
    dst_address: npt.NDArray[np.uint8]
    src_port: npt.NDArray[np.uint16]
    dst_port: npt.NDArray[np.uint16]
    time_ns: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets)

    def payload(self, row: int) -> memoryview:
        start = int(self.offsets[row])
        return self.data.data[start : start + int(self.lengths[row])]


def export_protocol(payload: bytes | memoryview) -> ExportProtocol | None:
    """Which flow export a datagram is, by its version field; None for anything else."""
    if len(payload) < 4:
        return None
    version = payload[0] << 8 | payload[1]
    if version == 0:
        return "sflow" if payload[2] == 0 and payload[3] == 5 else None
    if version in (5, 9):
        return "netflow"
    return "ipfix" if version == 10 else None


def _of_batch(batch: PacketBatch, tally: Counter[str]) -> Udp:
    headers = dissect(batch.data, batch.offsets, batch.captured, batch.wire, batch.link_type)
    data = padded(batch.data)
    for code, count in enumerate(np.bincount(headers.cause, minlength=len(CAUSES))):
        if code and count:
            tally[CAUSES[code]] += int(count)
    udp = (headers.cause == 0) & (headers.protocol == UDP)
    _count(tally, "not-udp", (headers.cause == 0) & ~udp)
    fragment = udp & (headers.fragment != 0)
    _count(
        tally,
        "fragment",
        fragment & ((headers.fragment == FIRST_FRAGMENT) | (headers.fragment == LATER_FRAGMENT)),
    )
    udp &= ~fragment
    room = headers.end - headers.transport
    length = be16(data, headers.transport + 4).astype(np.int64)
    malformed = udp & (room >= 8) & (length < 8)
    cut = udp & ~malformed & ((room < 8) | (length > room))
    _count(tally, "malformed-udp", malformed)
    _count(tally, "cut-short", cut)
    rows = np.flatnonzero(udp & ~malformed & ~cut)
    return Udp(
        data=batch.data,
        offsets=headers.transport[rows] + 8,
        lengths=length[rows] - 8,
        src_address=headers.src_address[rows],
        dst_address=headers.dst_address[rows],
        src_port=headers.src_port[rows],
        dst_port=headers.dst_port[rows],
        time_ns=batch.time_ns[rows],
    )


def _count(tally: Counter[str], cause: str, mask: npt.NDArray[np.bool_]) -> None:
    if count := int(np.count_nonzero(mask)):
        tally[cause] += count


def _raw(path: Path, data: npt.NDArray[np.uint8]) -> Udp:
    """A file that is one flow-export datagram's payload."""
    if len(data) > MAX_PAYLOAD or export_protocol(data[:4].tobytes()) is None:
        raise not_a_capture(path, data)
    return Udp(
        data=data,
        offsets=np.zeros(1, dtype=np.int64),
        lengths=np.array([len(data)], dtype=np.int64),
        src_address=_LOOPBACK[None, :],
        dst_address=_LOOPBACK[None, :],
        src_port=np.zeros(1, dtype=np.uint16),
        dst_port=np.zeros(1, dtype=np.uint16),
        time_ns=np.zeros(1, dtype=np.int64),
    )


def udp_datagrams(path: Path, *, tally: Counter[str] | None = None) -> Iterator[Udp]:
    """The UDP datagrams of a pcap, a pcapng, or a raw payload (.dat), in batches. CaptureError if it is none.

    Causes counted: not-udp, fragment (not put together again), cut-short (the capture holds a part only),
    malformed-udp, damaged-tail, unknown-interface, and those of `sixfold.agent.packets.CAUSES`.
    """
    tally = Counter() if tally is None else tally
    data = map_file(path)
    if not is_capture(data):
        yield _raw(path, data)
        return
    for batch in packets(path, tally=tally):
        yield _of_batch(batch, tally)


def datagrams(path: Path, *, tally: Counter[str] | None = None) -> Datagrams:
    """All UDP datagrams of a file as the receiver would hand them over; received is the capture's time."""
    rows: list[tuple[bytes, bytes, int, int]] = []
    for udp in udp_datagrams(path, tally=tally):
        for row in range(len(udp)):
            source = udp.src_address[row].tobytes()
            rows.append(
                (bytes(udp.payload(row)), source, int(udp.src_port[row]), int(udp.time_ns[row]) // 1_000_000)
            )
    slot = max(64, max((len(payload) for payload, *_ in rows), default=0) + 15 & ~15)
    data = np.zeros((len(rows), slot), dtype=np.uint8)
    for index, (payload, *_) in enumerate(rows):
        data[index, : len(payload)] = np.frombuffer(payload, dtype=np.uint8)
    return Datagrams(
        data=data,
        lengths=np.array([len(payload) for payload, *_ in rows], dtype=np.int32),
        addresses=np.frombuffer(b"".join(source for _, source, *_ in rows), dtype=np.uint8).reshape(-1, 16),
        ports=np.array([port for *_, port, _ in rows], dtype=np.uint16),
        received=np.array([received for *_, received in rows], dtype=np.int64),
    )


__all__ = ["CaptureError", "ExportProtocol", "Udp", "datagrams", "export_protocol", "udp_datagrams"]
