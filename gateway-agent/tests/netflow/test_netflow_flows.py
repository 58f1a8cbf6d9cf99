"""Records to columns: versions, encodings, times, biflows, tunnels."""

import struct
from typing import Any

import pytest
from netflow_wire import (
    NOW,
    V4,
    V6,
    Spec,
    Station,
    address,
    data_set,
    flow,
    ipfix,
    options_template,
    template,
    uint,
    v5,
    v5_record,
    v9,
)

from sixfold.api.flow.codec import encode
from sixfold.api.flow.schema import FLOW

MS = NOW * 1000


def one(specs: list[Spec], record: bytes, **message: Any) -> dict[str, Any]:
    (row,) = Station.open().flows(ipfix(template(256, specs), data_set(256, record), **message))
    return row


def test_v5_record() -> None:
    (row,) = Station.open().flows(v5(v5_record(), engine=0x0102))
    assert row | {"time_received": 0} == {
        "time_start": MS - 5000, "time_end": MS - 1000, "time_received": 0, "exporter": "192.0.2.1",
        "src_address": "10.0.0.1", "dst_address": "10.0.0.2", "src_port": 1000, "dst_port": 443, "protocol": 6,
        "bytes": 1500, "packets": 3, "sampling_rate": 1, "observation_domain": 0x0102, "tcp_flags": 0x1B,
        "ip_tos": 8, "input_interface": 1, "output_interface": 2, "direction": 255, "src_as": 64500,
        "dst_as": 64501, "src_prefix_length": 24, "dst_prefix_length": 16, "next_hop": "10.0.0.254",
    }  # fmt: skip


def test_v5_sampling_of_the_header_is_corrected() -> None:
    (row,) = Station.open().flows(v5(v5_record(), sampling=0x4000 | 100))
    assert (row["bytes"], row["packets"], row["sampling_rate"]) == (150_000, 300, 100)


def test_v5_that_states_more_records_than_it_has() -> None:
    station = Station.open()
    assert len(station.flows(v5(v5_record(), v5_record(), count=30))) == 2
    assert len(station.flows(v5(v5_record(), v5_record(), count=1))) == 1
    assert station.count('netflow_malformed{cause="v5-count"}') == 1
    assert station.count('netflow_malformed{cause="trailing-bytes"}') == 1


def test_uptime_that_wrapped_between_first_and_export() -> None:
    (row,) = Station.open().flows(v5(v5_record(first=(1 << 32) - 1000, last=500), uptime=2000))
    assert (row["time_start"], row["time_end"]) == (MS - 3000, MS - 1500)


def test_v9_with_uptime_times() -> None:
    specs: list[Spec] = [(8, 4), (12, 4), (21, 4), (22, 4), (1, 4), (2, 4)]
    record = address("10.0.0.1") + address("10.0.0.2") + struct.pack(">IIII", 99_000, 95_000, 10, 1)
    (row,) = Station.open().flows(v9(template(300, specs, 9), data_set(300, record, padding=2)))
    assert (row["time_start"], row["time_end"], row["bytes"]) == (MS - 5000, MS - 1000, 10)


def test_ipfix_both_families_are_valid_batches() -> None:
    station = Station.open()
    decoded = station.feed(
        ipfix(
            template(256, V4), template(257, V6), data_set(256, flow(), flow()),
            data_set(257, flow("2001:db8::1", "2001:db8::2"), padding=3),
        )
    )  # fmt: skip
    assert sorted(len(columns["bytes"]) for columns in decoded.flows) == [1, 2]
    for columns in decoded.flows:
        assert encode(FLOW, columns)
    assert station.count('netflow_records{kind="flow"}') == 3


NTP = 2_208_988_800


@pytest.mark.parametrize(
    ("specs", "values", "expected"),
    [
        ([(150, 4), (151, 4)], struct.pack(">II", NOW - 5, NOW - 1), (5000, 1000)),
        ([(152, 8), (153, 8)], struct.pack(">QQ", MS - 5000, MS - 1000), (5000, 1000)),
        (
            [(154, 8), (155, 8)],
            struct.pack(">IIII", NOW - 5 + NTP, 1 << 31, NOW - 1 + NTP, 0),
            (4500, 1000),
        ),
        ([(156, 8), (157, 8)], struct.pack(">IIII", NOW - 5 + NTP, 0, NOW - 1 + NTP, 0), (5000, 1000)),
        ([(158, 4), (159, 4)], struct.pack(">II", 5_000_000, 1_000_000), (5000, 1000)),
        ([(22, 4), (21, 4), (160, 8)], struct.pack(">IIQ", 95_000, 99_000, MS - 100_000), (5000, 1000)),
        ([(22, 4), (21, 4)], struct.pack(">II", 95_000, 99_000), (0, 0)),
        ([(152, 8), (161, 4)], struct.pack(">QI", MS - 5000, 4000), (5000, 1000)),
        ([(153, 8), (162, 4)], struct.pack(">QI", MS - 1000, 4_000_000), (5000, 1000)),
        ([(323, 8)], struct.pack(">Q", MS - 2000), (2000, 2000)),
        ([(61, 1)], b"\0", (0, 0)),
    ],
    ids=[
        "s",
        "ms",
        "us",
        "ns",
        "delta-us",
        "uptime",
        "uptime-without-base",
        "duration-ms",
        "duration-us",
        "moment",
        "none",
    ],
)
def test_ways_to_tell_the_time(specs: list[Spec], values: bytes, expected: tuple[int, int]) -> None:
    record = address("10.0.0.1") + address("10.0.0.2") + values
    row = one([(8, 4), (12, 4), *specs], record)
    assert (MS - row["time_start"], MS - row["time_end"]) == expected


def test_system_init_time_from_options_data() -> None:
    specs: list[Spec] = [(8, 4), (12, 4), (22, 4), (21, 4)]
    record = address("10.0.0.1") + address("10.0.0.2") + struct.pack(">II", 95_000, 99_000)
    (row,) = Station.open().flows(
        ipfix(
            options_template(258, [(143, 4)], [(160, 8)]), data_set(258, struct.pack(">IQ", 1, MS - 100_000))
        ),
        ipfix(template(256, specs), data_set(256, record)),
    )
    assert (row["time_start"], row["time_end"]) == (MS - 5000, MS - 1000)


def test_a_clock_fifty_years_off_moves_with_its_durations() -> None:
    station = Station.open()
    off = NOW - 50 * 365 * 86_400
    record = flow(start=off * 1000 - 5000, end=off * 1000 - 1000)
    (row,) = station.flows(ipfix(template(256, V4), data_set(256, record), export=off))
    assert (row["time_start"], row["time_end"]) == (MS - 5000, MS - 1000)
    assert station.count('netflow_times{cause="clock-moved"}') == 1


@pytest.mark.parametrize(
    ("start", "end", "expected", "cause"),
    [
        (0, MS - 1000, (MS - 1000, MS - 1000), "clamped"),
        (MS - 1000, (1 << 64) - 1, (MS - 1000, MS - 1000), "clamped"),
        (0, 0, (MS, MS), "clamped"),
        (MS - 1000, MS - 5000, (MS - 5000, MS - 5000), "start-after-end"),
    ],
)
def test_impossible_times(start: int, end: int, expected: tuple[int, int], cause: str) -> None:
    station = Station.open()
    (row,) = station.flows(ipfix(template(256, V4), data_set(256, flow(start=start, end=end))))
    assert (row["time_start"], row["time_end"]) == expected
    assert station.count(f'netflow_times{{cause="{cause}"}}') == 1


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 8])
def test_reduced_size_encoding(length: int) -> None:
    row = one(
        [(8, 4), (12, 4), (1, length), (2, 8)], address("10.0.0.1") * 2 + uint(200, length) + uint(3, 8)
    )
    assert (row["bytes"], row["packets"]) == (200, 3)


def test_a_number_too_great_for_its_column_is_the_greatest() -> None:
    row = one(
        [(8, 4), (12, 4), (7, 4), (10, 8)], address("10.0.0.1") * 2 + uint(70_000, 4) + uint(1 << 40, 8)
    )
    assert (row["src_port"], row["input_interface"]) == (0xFFFF, 0xFFFFFFFF)


@pytest.mark.parametrize("text", [b"", b"abc", b"x" * 254, b"y" * 255, b"z" * 3000])
def test_variable_length_fields(text: bytes) -> None:
    short = bytes([len(text)]) if len(text) < 255 else b"\xff" + uint(len(text), 2)
    specs: list[Spec] = [(8, 4), (96, 65535), (12, 4), (7, 2), ((9, 12_000), 65535), (1, 8), (2, 4)]
    records = [
        address("10.0.0.1")
        + short
        + text
        + address("10.0.0.2")
        + uint(n, 2)
        + b"\3abc"
        + uint(10 * n, 8)
        + uint(n, 4)
        for n in range(1, 8)
    ]
    station = Station.open()
    found = station.flows(ipfix(template(256, specs), data_set(256, *records, padding=2)))
    assert [(row["src_port"], row["bytes"], row["packets"]) for row in found] == [
        (n, 10 * n, n) for n in range(1, 8)
    ]
    assert {row["dst_address"] for row in found} == {"10.0.0.2"}
    many = [ipfix(data_set(256, *records[: 1 + n % 7])) for n in range(40)]
    assert len(station.flows(*many)) == sum(1 + n % 7 for n in range(40))


def test_variable_length_that_lies() -> None:
    station = Station.open()
    specs: list[Spec] = [(8, 4), (12, 4), (96, 65535), (1, 4)]
    good = address("10.0.0.1") * 2 + b"\2ab" + uint(7, 4)
    for bad in (b"\xff\xff\xff" + bytes(40), b"\xfe" + bytes(30), b"\xff" + bytes(3)):
        found = station.flows(ipfix(template(256, specs), data_set(256, good, address("10.0.0.9") * 2 + bad)))
        assert [row["bytes"] for row in found][:1] == [7]
    assert station.count('netflow_malformed{cause="record-truncated"}') >= 2


def test_enterprise_and_zero_length_fields_are_passed_over() -> None:
    row = one(
        [((2011, 8), 4), (8, 4), (0, 0), (12, 4), ((0x7FFF, 1), 3), (1, 4)],
        address("10.9.9.9") + address("10.0.0.1") + address("10.0.0.2") + b"abc" + uint(5, 4),
    )
    assert (row["src_address"], row["dst_address"], row["bytes"]) == ("10.0.0.1", "10.0.0.2", 5)


def test_an_address_of_a_wrong_length_is_no_address() -> None:
    station = Station.open()
    assert station.flows(ipfix(template(256, [(8, 3), (1, 4)]), data_set(256, bytes(7)))) == []
    assert station.count('netflow_declined{reason="no-addresses"}') == 1


@pytest.mark.parametrize(
    ("narrow", "wide", "version", "expected"),
    [
        ("10.0.0.1", "::", None, "10.0.0.1"),
        ("0.0.0.0", "2001:db8::1", None, "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", 6, "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", 4, "10.0.0.1"),
        ("0.0.0.0", "::", None, "0.0.0.0"),
    ],
)
def test_both_families_in_one_template(narrow: str, wide: str, version: int | None, expected: str) -> None:
    specs: list[Spec] = [(8, 4), (27, 16), (1, 4), *([(60, 1)] if version else [])]
    record = address(narrow) + address(wide) + uint(1, 4) + (bytes([version]) if version else b"")
    assert one(specs, record)["src_address"] == expected


def test_biflow_becomes_two_rows() -> None:
    reverse: list[Spec] = [((29305, 1), 4), ((29305, 2), 4), ((29305, 6), 1), (10, 4), (14, 4), (6, 1)]
    tail = struct.pack(">IIBIIB", 900, 9, 0x12, 1, 2, 0x02)
    station = Station.open()
    forward, back = station.flows(ipfix(template(256, [*V4, *reverse]), data_set(256, flow() + tail)))
    assert (forward["bytes"], forward["packets"], forward["direction"], forward["tcp_flags"]) == (
        1500,
        3,
        255,
        2,
    )
    assert (back["bytes"], back["packets"], back["direction"], back["tcp_flags"]) == (900, 9, 2, 0x12)
    assert (back["src_address"], back["dst_address"]) == ("10.0.0.2", "10.0.0.1")
    assert (back["src_port"], back["dst_port"]) == (443, 1000)
    assert (back["input_interface"], back["output_interface"]) == (2, 1)
    assert station.count("netflow_reverse_flows") == 1
    silent = struct.pack(">IIBIIB", 0, 0, 0, 1, 2, 2)
    assert len(station.flows(ipfix(data_set(256, flow() + silent)))) == 1


def test_a_tunnel_gives_the_innermost_packet() -> None:
    specs: list[Spec] = [
        (27, 16),
        (28, 16),
        (7, 2),
        (11, 2),
        (4, 1),
        (1, 4),
        (8, 4),
        (12, 4),
        (7, 2),
        (11, 2),
        (4, 1),
    ]
    record = address("2001:db8::1") + address("2001:db8::2") + struct.pack(">HHBI", 0, 0, 4, 99)
    row = one(specs, record + address("10.0.0.1") + address("10.0.0.2") + struct.pack(">HHB", 1111, 2222, 17))
    assert (row["src_address"], row["src_port"], row["dst_port"], row["protocol"]) == (
        "10.0.0.1",
        1111,
        2222,
        17,
    )


def test_several_sources_of_a_column() -> None:
    row = one(
        [(8, 4), (12, 4), (176, 1), (177, 1), (243, 2), (31, 4), (89, 4), (61, 1), (85, 8), (86, 8)],
        address("10.0.0.1") * 2 + struct.pack(">BBHIIBQQ", 3, 1, 77, 0xFFF12345, 0x40 << 24, 9, 10, 1),
    )
    assert (row["icmp_type_code"], row["vlan"], row["flow_label"]) == (0x301, 77, 0x12345)
    assert (row["forwarding_status"], row["direction"], row["bytes"], row["packets"]) == (0x40, 255, 10, 1)


def test_initiator_and_responder_are_two_directions() -> None:
    specs: list[Spec] = [(8, 4), (12, 4), (231, 4), (232, 4), (298, 4), (299, 4)]
    forward, back = Station.open().flows(
        ipfix(
            template(256, specs),
            data_set(256, address("10.0.0.1") + address("10.0.0.2") + struct.pack(">IIII", 10, 20, 1, 2)),
        )
    )
    assert (forward["bytes"], forward["packets"], back["bytes"], back["packets"]) == (10, 1, 20, 2)
    assert back["src_address"] == "10.0.0.2"


@pytest.mark.parametrize("counts", [(2, 3, 1), (2, 1, 3, 2), (1, 1, 1), (3, 1, 2, 3, 1)])
def test_datagrams_at_even_distances_with_uneven_numbers_of_records(counts: tuple[int, ...]) -> None:
    """As the receive buffer holds them; also where they have as many records together as the first times all."""
    station = Station.open()
    station.feed(ipfix(template(256, V4)))
    ports = iter(range(1, 100))
    messages = [
        ipfix(data_set(256, *(flow(sport=next(ports)) for _ in range(count))), sequence=sum(counts[:at]))
        for at, count in enumerate(counts)
    ]
    found = station.flows(*messages)
    assert [row["src_port"] for row in found] == list(range(1, sum(counts) + 1))
    assert {row["bytes"] for row in found} == {1500}
