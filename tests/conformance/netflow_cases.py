"""Captures of NetFlow and IPFIX that others made, as cases: files that belong together, in order."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sixfold.agent.capture.udp import udp_datagrams
from sixfold.agent.datagrams import Datagrams, address_text

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "netflow"
EXPORTER, PORT = "192.0.2.1", 40_000

Datagram = tuple[bytes, str, int, int]
"""Payload, exporter address, its port, port that it was sent to."""


@dataclass(frozen=True)
class Case:
    name: str
    files: tuple[Path, ...]
    vendor: str

    def datagrams(self) -> list[Datagram]:
        return [datagram for file in self.files for datagram in read(file)]


def read(file: Path) -> Iterator[Datagram]:
    if file.suffix == ".dat":
        yield file.read_bytes(), EXPORTER, PORT, 2055
        return
    for udp in udp_datagrams(file):
        for row in range(len(udp)):
            payload = bytes(udp.payload(row))
            if payload[:2] in (b"\0\5", b"\0\x09", b"\0\x0a"):
                source = address_text(udp.src_address[row].tobytes())
                yield payload, source, int(udp.src_port[row]), int(udp.dst_port[row])


def export_time(payload: bytes) -> int:
    """The export time in a message's header, ms UTC."""
    at = 4 if payload[1] == 10 else 8
    return struct.unpack_from(">I", payload, at)[0] * 1000 if len(payload) >= at + 4 else 0


def received_at_export(datagrams: list[Datagram]) -> Datagrams:
    """As if each had arrived when it was sent, so that old captures have no wrong clocks."""
    return Datagrams.of(
        [(payload, address, port, export_time(payload)) for payload, address, port, _ in datagrams]
    )


def cases() -> list[Case]:
    """Every capture of the index once; a .dat with the template files that its note names before it."""
    rows = [line.split("\t") for line in (SHARED / "index.tsv").read_text().splitlines()[1:]]
    found: list[Case] = []
    for source, file, _, vendor, versions, *rest in rows:
        if not re.search(r"v5|v9|ipfix", versions):
            continue
        names = [file]
        if named := re.match(r"case: (?:.*) = (\S+)$", rest[-1]):
            names = named.group(1).split(",")
        elif extra := re.match(r"with (\S+)$", rest[-1]):
            names = [extra.group(1), file]
        found.append(Case(f"{source}/{file}", tuple(SHARED / source / name for name in names), vendor))
    return found
