"""What tshark reads in a capture: every data record, with the few fields that are compared."""

import ipaddress
import json
import re
import struct
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from netflow_cases import Datagram, export_time

_BYTES = ("cflow.octets", "cflow.permanent_octets", "cflow.initiator_octets", "cflow.post_octets")
_PACKETS = ("cflow.packets", "cflow.permanent_packets", "cflow.post_packets")


@dataclass(frozen=True)
class Record:
    """options: of an options template. start, end: ms UTC, None where the record does not tell it absolutely."""

    options: bool
    src: str
    dst: str
    src_port: int
    dst_port: int
    protocol: int
    bytes: int
    packets: int
    start: int | None
    end: int | None
    fields: Mapping[str, Any] = field(compare=False)


@dataclass
class Reading:
    records: list[Record]
    without_template: int
    malformed: int


def write_capture(datagrams: list[Datagram], file: Path) -> None:
    """A pcap of raw IP packets; the capture time is the export time."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)]
    for payload, source, port, to in datagrams:
        udp = struct.pack(">HHHH", port, to, 8 + len(payload), 0) + payload
        address = ipaddress.ip_address(source)
        if address.version == 4:
            packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
            packet += address.packed + bytes((192, 0, 2, 2)) + udp
        else:
            packet = (
                struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + address.packed + bytes(15) + b"\1" + udp
            )
        parts.append(struct.pack("<IIII", export_time(payload) // 1000, 0, len(packet), len(packet)) + packet)
    file.write_bytes(b"".join(parts))


def read(datagrams: list[Datagram], directory: Path) -> Reading:
    capture = directory / "capture.pcap"
    write_capture(datagrams, capture)
    command = ["tshark", "-r", str(capture), "-T", "json", "--no-duplicate-keys"]
    for port in sorted({to for *_, to in datagrams}):
        command += ["-d", f"udp.port=={port},cflow"]
    output = subprocess.run(command, capture_output=True, timeout=300, check=True).stdout
    reading = Reading([], 0, 0)
    options: dict[tuple[str, str, str], bool] = {}
    for packet in json.loads(output):
        layers = packet["_source"]["layers"]
        reading.malformed += "_ws.malformed" in layers
        address = (layers.get("ip") or {}).get("ip.src") or (layers.get("ipv6") or {}).get("ipv6.src")
        flow = layers.get("cflow") or {}
        for message in flow if isinstance(flow, list) else [flow]:
            _message(message, str(address), options, reading)
    return reading


def _message(
    message: Mapping[str, Any], address: str, options: dict[tuple[str, str, str], bool], reading: Reading
) -> None:
    domain = str(message.get("cflow.od_id", message.get("cflow.source_id", "")))
    boot = _boot(message)
    for title, body in message.items():
        if title.startswith("pdu "):
            reading.records.append(_record(body, False, boot))
            continue
        if not re.match(r"(Flow)?Set \d+ \[id=", title):
            continue
        for inner, value in body.items():
            if re.match(r"(Options )?Template \(Id = ", inner):
                number = re.search(r"Id = (\d+)", inner)
                assert number
                options[address, domain, number.group(1)] = inner.startswith("Options")
            elif "no template found" in inner:
                reading.without_template += 1
            elif re.match(r"Flow \d+", inner):
                is_options = options.get((address, domain, str(body["cflow.flowset_id"])), False)
                reading.records += (_record(one, is_options, boot) for one in _each(value))


def _each(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else [value]


def _boot(message: Mapping[str, Any]) -> int | None:
    """When the exporter's uptime was 0, ms UTC; None in IPFIX."""
    if "cflow.sysuptime" not in message:
        return None
    stamp = message["cflow.timestamp_tree"]
    nanoseconds = int(float(stamp.get("cflow.unix_nsecs", 0)))
    uptime = round(float(message["cflow.sysuptime"]) * 1000)
    return int(stamp["cflow.unix_secs"]) * 1000 + nanoseconds // 1_000_000 - uptime


def _first(fields: Mapping[str, Any], *names: str, at: int = 0) -> Any:
    for name in names:
        if name in fields:
            value = fields[name]
            return value[at] if isinstance(value, list) else value
    return None


def _header(fields: Mapping[str, Any], *names: str) -> Any:
    """Of a tunnelled packet, whose protocol occurs several times, that of the innermost header."""
    return _first(fields, *names, at=-1 if isinstance(fields.get("cflow.protocol"), list) else 0)


def _record(fields: Mapping[str, Any], options: bool, boot: int | None) -> Record:
    times = dict(fields)
    tree = fields.get("cflow.timedelta_tree")
    times.update(tree if isinstance(tree, dict) else {})
    src, dst = _address(fields, "src"), _address(fields, "dst")
    return Record(
        options=options,
        src=src,
        dst=dst,
        src_port=int(_header(fields, "cflow.srcport") or 0),
        dst_port=int(_header(fields, "cflow.dstport") or 0),
        protocol=int(_header(fields, "cflow.protocol") or 0),
        bytes=int(_first(fields, *_BYTES) or 0),
        packets=int(_first(fields, *_PACKETS) or 0),
        start=_time(times, "start", boot),
        end=_time(times, "end", boot),
        fields=fields,
    )


def _address(fields: Mapping[str, Any], side: str) -> str:
    """As text; the IPv6 address where there is no IPv4 one or it is zero, empty where there is neither."""
    narrow = _header(fields, f"cflow.{side}addr", f"cflow.{side}prefix")
    wide = _header(fields, f"cflow.{side}addrv6")
    if narrow is not None and (narrow != "0.0.0.0" or wide in (None, "::")):
        return str(narrow)
    return str(wide) if wide is not None else ""


def _time(times: Mapping[str, Any], side: str, boot: int | None) -> int | None:
    absolute = _first(times, f"cflow.abstime{side}")
    if absolute is not None:
        text, _, fraction = str(absolute).removesuffix(" UTC").partition(".")
        moment = datetime.strptime(text, "%b %d, %Y %H:%M:%S").replace(tzinfo=UTC)
        return int(moment.timestamp()) * 1000 + int(fraction[:3] or 0)
    relative = _first(times, f"cflow.time{side}")
    if relative is None or boot is None:
        return None
    return boot + round(float(relative) * 1000)
