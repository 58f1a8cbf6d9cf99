"""pcap and pcapng files as batches of packet positions; the file stays mapped, packets are not copied.

`CaptureError` is raised for a file that is no capture (it says what it is) and for one whose head is damaged. A
damaged or cut-off tail ends the reading: what came before it is good, and `tally` counts `damaged-tail`.
"""

import codecs
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sixfold.agent.capture.pcapng import pcapng_records

MAX_CAPTURED: Final = 262_144  # tcpdump's own MAXIMUM_SNAPLEN
_PCAP: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1_000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1_000, 24),  # Kuznetzov's patched libpcap
    b"\xa1\xb2\xcd\x34": (">", 1_000, 24),
}
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
_OTHERS: Final = (
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"BZh", "a bzip2 file: unpack it first"),
    (b"\xfd7zXZ", "an xz file: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file: unpack it first"),
    (b"PK\x03\x04", "a zip file: unpack it first"),
    (b"\x0c\xa5", "an nfdump file: read it with nfdump"),
    (b"\xa5\x0c", "an nfdump file: read it with nfdump"),
    (b"snoop\x00", "a snoop capture: convert it with editcap"),
    (b"\x7fELF", "a program"),
)


class CaptureError(ValueError):
    """A file cannot be read as a capture. `cause` is a short stable word."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


class Record(NamedTuple):
    """One packet in the file: where its bytes lie, how many, how many on the wire, when, over which link."""

    offset: int
    captured: int
    wire: int
    time_ns: int
    link_type: int


@dataclass(frozen=True, slots=True)
class PacketBatch:
    """Packets of one link type. data: flat uint8, the whole file. The others (n,): int64, time in ns UTC."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    captured: npt.NDArray[np.int64]
    wire: npt.NDArray[np.int64]
    time_ns: npt.NDArray[np.int64]
    link_type: int

    def __len__(self) -> int:
        return len(self.offsets)


def _text(head: bytes) -> str | None:
    """`head` as text, if it can be that; its last character may be cut."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None
    return text if text.strip() and all(c.isprintable() or c in "\t\r\n" for c in text) else None


def _what_it_is(head: bytes) -> str:
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return name
    text = _text(head)
    if text is not None:
        return f"text that begins with {text.strip().splitlines()[0][:40]!r}"
    return f"something that begins with {head[:8].hex(' ')}"


def map_file(path: Path) -> npt.NDArray[np.uint8]:
    """The bytes of a file, mapped read-only. CaptureError if it is absent, no file, or empty."""
    try:
        if path.is_dir():
            raise CaptureError("not-a-file", f"{path} is a directory")
        if path.stat().st_size == 0:
            raise CaptureError("empty", f"{path} is empty")
        return np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    except OSError as error:
        raise CaptureError("unreadable", f"{path}: {error.strerror or error}") from error


def is_capture(data: npt.NDArray[np.uint8]) -> bool:
    magic = data[:4].tobytes()
    return magic in _PCAP or magic == _PCAPNG


def not_a_capture(path: Path, data: npt.NDArray[np.uint8]) -> CaptureError:
    return CaptureError(
        "no-capture", f"{path} is no pcap or pcapng capture; it is {_what_it_is(data[:64].tobytes())}"
    )


def _pcap_records(data: npt.NDArray[np.uint8], tally: Counter[str]) -> Iterator[Record]:
    order, unit, header = _PCAP[data[:4].tobytes()]
    if len(data) < 24:
        raise CaptureError("head", "a pcap file of less than its 24-byte header")
    link_type = struct.unpack_from(order + "I", data.data, 20)[0] & 0xFFFF  # the upper half tells of the FCS
    record = struct.Struct(order + "IIII")
    at, length = 24, len(data)
    view = data.data
    while at + header <= length:
        seconds, fraction, captured, wire = record.unpack_from(view, at)
        at += header
        if captured > MAX_CAPTURED or at + captured > length:
            tally["damaged-tail"] += 1
            return
        yield Record(at, captured, max(wire, captured), seconds * 1_000_000_000 + fraction * unit, link_type)
        at += captured
    if at != length:
        tally["damaged-tail"] += 1


def packets(path: Path, *, tally: Counter[str] | None = None, batch: int = 65_536) -> Iterator[PacketBatch]:
    """The packets of a capture in file order, at most `batch` at a time, each batch of one link type."""
    data = map_file(path)
    tally = Counter() if tally is None else tally
    magic = data[:4].tobytes()
    if magic in _PCAP:
        records = _pcap_records(data, tally)
    elif magic == _PCAPNG:
        records = (Record(*record) for record in pcapng_records(data, tally, MAX_CAPTURED))
    else:
        raise not_a_capture(path, data)
    held: list[Record] = []
    for record in records:
        if held and (len(held) >= batch or record.link_type != held[0].link_type):
            yield _batch(data, held)
            held = []
        held.append(record)
    if held:
        yield _batch(data, held)


def _batch(data: npt.NDArray[np.uint8], held: list[Record]) -> PacketBatch:
    table = np.array(held, dtype=np.int64)
    return PacketBatch(data, table[:, 0], table[:, 1], table[:, 2], table[:, 3], held[0].link_type)
