"""Packets and octets by 5-tuple as tshark counts them, and the flows that softflowd makes of a capture."""

import ipaddress
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Key = tuple[str, str, int, int, int]
"""Source, destination, source port, destination port, protocol."""

_FIELDS = (
    "frame.number", "ip.src", "ip.dst", "ip.proto", "ip.len", "ip.frag_offset", "ipv6.src", "ipv6.dst", "ipv6.nxt",
    "ipv6.plen", "ipv6.hopopts.nxt", "ipv6.routing.nxt", "ipv6.fraghdr.nxt", "ipv6.dstopts.nxt", "ah.next_header",
    "ipv6.fraghdr.offset", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport",
)  # fmt: skip
_EXTENSIONS = {0, 43, 44, 51, 60}
_OPTIONS = ("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE")


def tuples(file: Path) -> tuple[Counter[Key], Counter[Key]]:
    """(packets, octets) of each 5-tuple; the first IP header of a packet counts, ICMP quotes and tunnels do not."""
    command = ["tshark", "-n", "-r", str(file), "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;"]
    for option in _OPTIONS:
        command += ["-o", option]
    for name in _FIELDS:
        command += ["-e", name]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    packets: Counter[Key] = Counter()
    octets: Counter[Key] = Counter()
    for line in text.splitlines():
        row = dict(zip(_FIELDS, line.split("\t"), strict=True))
        key, length = _key(row)
        if key is not None:
            packets[key] += 1
            octets[key] += length
    return packets, octets


def _first(row: dict[str, str], name: str) -> str:
    return row[name].split(";", 1)[0]


def _key(row: dict[str, str]) -> tuple[Key | None, int]:
    if row["ip.src"]:
        source, target = _first(row, "ip.src"), _first(row, "ip.dst")
        protocol, length = int(_first(row, "ip.proto")), int(_first(row, "ip.len"))
        later = int(_first(row, "ip.frag_offset") or 0) != 0
    elif row["ipv6.src"]:
        source, target = _first(row, "ipv6.src"), _first(row, "ipv6.dst")
        length = int(_first(row, "ipv6.plen")) + 40
        later = any(int(value, 0) for value in row["ipv6.fraghdr.offset"].split(";") if value)
        protocol = _upper(row)
    else:
        return None, 0
    owner = {6: "tcp", 17: "udp"}.get(protocol)
    if owner is None or later or not row[f"{owner}.srcport"]:
        ports = (0, 0)
    else:
        ports = (int(_first(row, f"{owner}.srcport")), int(_first(row, f"{owner}.dstport")))
    return (str(ipaddress.ip_address(source)), str(ipaddress.ip_address(target)), *ports, protocol), length


def _upper(row: dict[str, str]) -> int:
    """Follow the chain of next headers through the extension headers that tshark shows, each used once in turn."""
    chains = {
        0: row["ipv6.hopopts.nxt"], 43: row["ipv6.routing.nxt"], 44: row["ipv6.fraghdr.nxt"],
        60: row["ipv6.dstopts.nxt"], 51: row["ah.next_header"],
    }  # fmt: skip
    left = {kind: [int(value, 0) for value in text.split(";") if value] for kind, text in chains.items()}
    protocol = int(_first(row, "ipv6.nxt"), 0)
    while protocol in _EXTENSIONS and left[protocol]:
        protocol = left[protocol].pop(0)
    return protocol


@contextmanager
def _listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        channel.bind(("127.0.0.1", 0))
        channel.settimeout(20)
        yield channel


def softflowd(file: Path, directory: Path) -> list[bytes] | None:
    """The IPFIX datagrams that softflowd exports of a capture; None where it is not installed."""
    program = shutil.which("softflowd") or shutil.which("softflowd", path="/usr/sbin:/sbin")
    if program is None:
        return None
    with _listener() as channel:
        port = channel.getsockname()[1]
        arguments = ["-d", "-6", "-r", str(file), "-n", f"127.0.0.1:{port}", "-v", "10", "-m", "200000",
                     "-p", str(directory / "pid"), "-c", "none"]  # fmt: skip
        subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)
        channel.settimeout(0.5)
        received: list[bytes] = []
        # Over loopback everything has arrived when the program has ended.
        while True:
            try:
                received.append(channel.recv(65_535))
            except TimeoutError:
                return received
