"""Captures of every form, written by hand: what is read, what is left out, and what is refused and why."""

import contextlib
import struct
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixfold.agent.capture import CaptureError, datagrams, export_protocol, packets, udp_datagrams
from sixfold.agent.datagrams import address_bytes, address_text

PAYLOAD = struct.pack(">HHIII", 10, 16, 0, 0, 1)
TIME = 1_790_000_000


def udp(payload: bytes = PAYLOAD, length: int | None = None) -> bytes:
    return struct.pack(">HHHH", 40_000, 4739, 8 + len(payload) if length is None else length, 0) + payload


def ipv4(transport: bytes, protocol: int = 17, fragment: int = 0) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(transport), 1, fragment, 64, protocol, 0)
    return head + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + transport


def ipv6(transport: bytes, next_header: int = 17) -> bytes:
    head = struct.pack(">IHBB", 6 << 28, len(transport), next_header, 64)
    return head + address_bytes("2001:db8::1") + address_bytes("2001:db8::2") + transport


def ethernet(packet: bytes, kind: int = 0x0800) -> bytes:
    return bytes(12) + struct.pack(">H", kind) + packet


def pcap(
    *frames: bytes, order: str = "<", magic: int = 0xA1B2C3D4, link: int = 1, fraction: int = 250_000
) -> bytes:
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_535, link)
    for frame in frames:
        out += struct.pack(order + "IIII", TIME, fraction, len(frame), len(frame)) + frame
    return out


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int, order: str = "<", resolution: int | None = None) -> bytes:
    options = b"" if resolution is None else struct.pack(order + "HHBxxx", 9, 1, resolution) + bytes(4)
    return block(1, struct.pack(order + "HHI", link, 0, 0) + options, order)


def packet(index: int, ticks: int, frame: bytes, order: str = "<") -> bytes:
    head = struct.pack(order + "IIIII", index, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, head + frame + bytes(-len(frame) % 4), order)


def write(directory: Path, data: bytes, name: str = "file.pcap") -> Path:
    path = directory / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 250_000), (0xA1B23C4D, 250_000_000)])
def test_pcap_of_either_byte_order_in_micro_and_nanoseconds(
    tmp_path: Path, order: str, magic: int, fraction: int
) -> None:
    path = write(tmp_path, pcap(ethernet(ipv4(udp())), order=order, magic=magic, fraction=fraction))
    (found,) = udp_datagrams(path)
    assert bytes(found.payload(0)) == PAYLOAD
    assert int(found.time_ns[0]) == TIME * 10**9 + 250_000_000
    assert (int(found.src_port[0]), int(found.dst_port[0])) == (40_000, 4739)
    assert address_text(found.src_address[0].tobytes()) == "192.0.2.1"


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ethernet(struct.pack(">HH", 7, 0x0800) + ipv4(udp()), 0x8100)),
        (1, ethernet(ipv6(bytes([17, 0]) + bytes(6) + udp(), 0), 0x86DD)),
        (113, bytes(14) + b"\x86\xdd" + ipv6(udp())),
        (276, b"\x08\x00" + bytes(18) + ipv4(udp())),
        (101, ipv6(udp())),
        (228, ipv4(udp())),
        (0, b"\x02\0\0\0" + ipv4(udp())),
        (9, b"\xff\x03\x00\x57" + ipv6(udp())),
    ],
    ids=["VLAN", "IPv6 options", "cooked", "cooked v2", "raw", "IPv4", "loopback", "PPP"],
)
def test_link_layers(tmp_path: Path, link: int, frame: bytes) -> None:
    (found,) = udp_datagrams(write(tmp_path, pcap(frame, link=link)))
    assert [bytes(found.payload(row)) for row in range(len(found))] == [PAYLOAD]


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_with_interfaces_of_differing_links_and_clocks(tmp_path: Path, order: str) -> None:
    data = section(order) + interface(1, order) + interface(101, order, 9) + interface(113, order, 0x80 | 10)
    data += packet(0, TIME * 10**6, ethernet(ipv4(udp(b"\0\5a"))), order)
    data += packet(1, TIME * 10**9 + 5, ipv6(udp(b"\0\5b")), order)
    data += packet(2, TIME << 10, bytes(14) + b"\x08\0" + ipv4(udp(b"\0\5c")), order)
    data += block(3, struct.pack(order + "I", 45) + ethernet(ipv4(udp(b"\0\5d"))) + bytes(3), order)
    data += section(order) + packet(0, 0, b"of no interface", order)
    tally: Counter[str] = Counter()
    found = list(udp_datagrams(write(tmp_path, data), tally=tally))
    assert [bytes(batch.payload(0)) for batch in found] == [b"\0\5a", b"\0\5b", b"\0\5c", b"\0\5d"]
    assert [int(batch.time_ns[0]) - TIME * 10**9 for batch in found] == [0, 5, 0, 0]
    assert tally == {"unknown-interface": 1}


def test_what_is_left_out_is_counted_by_cause(tmp_path: Path) -> None:
    frames = (
        ethernet(ipv4(udp())),
        ethernet(ipv4(udp(), fragment=0x2000)),
        ethernet(ipv4(udp(), fragment=10)),
        ethernet(ipv6(bytes([17, 0, 0, 1]) + bytes(4) + udp(), 44), 0x86DD),
        ethernet(ipv4(bytes(20), protocol=6)),
        ethernet(ipv4(udp(length=4))),
        ethernet(ipv4(udp(length=400))),
        ethernet(bytes(28), 0x0806),
        ethernet(ipv4(udp()))[:30],
        ethernet(b"\x4f" + ipv4(udp())[1:21]),
    )
    tally: Counter[str] = Counter()
    (found,) = udp_datagrams(write(tmp_path, pcap(*frames)), tally=tally)
    assert len(found) == 1
    assert tally == {
        "fragment": 3, "not-udp": 1, "malformed-udp": 1, "cut-short": 1, "not-ip": 1, "truncated": 1,
        "malformed-ip": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "cause", "words"),
    [
        (b"", "empty", "is empty"),
        (b"\x1f\x8b\x08\x00 and so on", "no-capture", "gzip"),
        (b"time,src,dst\n1,2,3\n", "no-capture", "text that begins with 'time,src,dst'"),
        (b"\x0c\xa5\x01\x00more", "no-capture", "nfdump"),
        (b"\x7fELF\x02", "no-capture", "a program"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "head", "24-byte header"),
        (bytes([0xFE] * 90), "no-capture", "fe fe fe"),
    ],
)
def test_a_file_that_is_no_capture_is_refused_with_what_it_is(
    tmp_path: Path, data: bytes, cause: str, words: str
) -> None:
    with pytest.raises(CaptureError, match=words) as refused:
        list(udp_datagrams(write(tmp_path, data)))
    assert refused.value.cause == cause


def test_a_directory_and_an_absent_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="is a directory"):
        list(udp_datagrams(tmp_path))
    with pytest.raises(CaptureError, match="No such file"):
        list(udp_datagrams(tmp_path / "absent.pcap"))


def test_what_came_before_a_damaged_tail_is_good(tmp_path: Path) -> None:
    frame = ethernet(ipv4(udp()))
    for data in (pcap(frame, frame)[:-3], pcap(frame) + b"\xff" * 40, pcap(frame) + b"123"):
        tally: Counter[str] = Counter()
        assert sum(len(batch) for batch in packets(write(tmp_path, data), tally=tally)) == 1
        assert tally == {"damaged-tail": 1}


def test_a_raw_datagram_is_read_as_one(tmp_path: Path) -> None:
    found = datagrams(write(tmp_path, PAYLOAD, "ipfix.dat"))
    assert (len(found), int(found.lengths[0])) == (1, len(PAYLOAD))


@pytest.mark.parametrize(
    ("payload", "protocol"),
    [
        (b"\0\5\0\1", "netflow"), (b"\0\x09\0\1", "netflow"), (b"\0\x0a\0\x10", "ipfix"), (b"\0\0\0\5", "sflow"),
        (b"\0\0\0\4", None), (b"\0\7\0\1", None), (b"\0\5", None), (b"GET ", None),
    ],
)  # fmt: skip
def test_the_version_tells_the_protocol(payload: bytes, protocol: str | None) -> None:
    assert export_protocol(payload) == protocol


WHOLE = section() + interface(1, resolution=9) + packet(0, 5, ethernet(ipv6(udp(), 17), 0x86DD))


@given(
    data=st.sampled_from([WHOLE, pcap(ethernet(ipv4(udp())), ethernet(ipv6(udp()), 0x86DD))]),
    changes=st.lists(st.tuples(st.integers(4, 200), st.integers(0, 255)), max_size=8),
    length=st.integers(0, 300),
)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_raises_anything_but_a_capture_error(
    tmp_path: Path, data: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    mutated = bytearray(data)
    for place, value in changes:
        if place < len(mutated):
            mutated[place] = value
    with contextlib.suppress(CaptureError):
        list(udp_datagrams(write(tmp_path, bytes(mutated[:length]))))
