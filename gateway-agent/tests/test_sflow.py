"""sFlow v5 datagrams written by hand after the specification, whole and broken."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_bytes, address_text
from sixfold.agent.sflow import SflowCollector
from sixfold.api.flow import codec
from sixfold.api.flow.schema import FLOW, INTERFACE_COUNTER

RECEIVED = 1_790_000_000_123


def words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def opaque(data: bytes) -> bytes:
    return words(len(data)) + data + b"\0" * (-len(data) % 4)


def record(tag: int, body: bytes) -> bytes:
    return words(tag, len(body)) + body


def flow_sample(*records: bytes, rate: int = 512, sequence: int = 1, pool: int = 0, drops: int = 0,
                source: int = 7, input_: int = 7, output: int = 8) -> bytes:  # fmt: skip
    body = words(sequence, source, rate, pool, drops, input_, output, len(records)) + b"".join(records)
    return record(1, body)


def datagram(*samples: bytes, sequence: int = 1, agent: str = "192.0.2.1", sub_agent: int = 3) -> bytes:
    packed = address_bytes(agent)
    address = words(1) + packed[12:] if packed[:12] == bytes(10) + b"\xff\xff" else words(2) + packed
    return words(5) + address + words(sub_agent, sequence, 99_000, len(samples)) + b"".join(samples)


def raw(packet: bytes, protocol: int = 1, frame: int | None = None, stripped: int = 4) -> bytes:
    return record(1, words(protocol, (frame or len(packet) + 4), stripped) + opaque(packet))


ETHERNET = bytes(12)
TCP = struct.pack(">HHIIBBHHH", 40_000, 443, 1, 2, 0x50, 0x1B, 1024, 0, 0)
UDP = struct.pack(">HHHH", 5353, 53, 100, 0)


def ipv4(
    payload: bytes, protocol: int = 6, length: int | None = None, fragment: int = 0, tos: int = 0
) -> bytes:
    total = length or 20 + len(payload)
    head = struct.pack(">BBHHHBBH", 0x45, tos, total, 1, fragment, 64, protocol, 0)
    return head + bytes([198, 18, 0, 1]) + bytes([203, 0, 113, 9]) + payload


def ipv6(payload: bytes, next_header: int = 6, length: int | None = None) -> bytes:
    head = struct.pack(">IHBB", 6 << 28 | 0x2E << 20 | 0xABCDE, length or len(payload), next_header, 64)
    return head + address_bytes("2001:db8::1") + address_bytes("2001:db8::2") + payload


def collect(*payloads: bytes) -> tuple[list[dict], dict[str, int], list[dict]]:
    counters = Counters()
    decoded = SflowCollector(counters).decode(
        Datagrams.of([(payload, "198.51.100.7", 6343, RECEIVED) for payload in payloads])
    )
    for columns in decoded.flows:
        codec.record_batch(FLOW, columns)
    for columns in decoded.counters:
        codec.record_batch(INTERFACE_COUNTER, columns)
    return list(decoded.flows), counters.snapshot(), list(decoded.counters)


def one(*payloads: bytes) -> dict[str, object]:
    flows, _, _ = collect(*payloads)
    (columns,) = flows
    assert len(columns["bytes"]) == 1
    return {
        name: address_text(values[0].tobytes()) if values.ndim == 2 else int(values[0])
        for name, values in columns.items()
    }


def test_a_raw_ethernet_header_becomes_a_flow_corrected_for_sampling() -> None:
    flow = one(datagram(flow_sample(raw(ETHERNET + b"\x08\0" + ipv4(TCP, length=1_480), frame=1_498))))
    assert flow["exporter"] == "192.0.2.1"
    assert (flow["src_address"], flow["dst_address"]) == ("198.18.0.1", "203.0.113.9")
    assert (flow["src_port"], flow["dst_port"], flow["protocol"], flow["tcp_flags"]) == (40_000, 443, 6, 0x1B)
    assert (flow["bytes"], flow["packets"], flow["sampling_rate"]) == (1_480 * 512, 512, 512)
    assert (flow["input_interface"], flow["output_interface"], flow["direction"]) == (7, 8, 0)
    assert flow["time_start"] == flow["time_end"] == flow["time_received"] == RECEIVED
    assert flow["observation_domain"] == 3


@pytest.mark.parametrize(
    ("head", "vlan"),
    [
        (ETHERNET + struct.pack(">HHH", 0x8100, 0x2064, 0x0800), 100),
        (ETHERNET + struct.pack(">HHHHH", 0x88A8, 200, 0x8100, 100, 0x0800), 200),
        (ETHERNET + struct.pack(">HII", 0x8847, 16 << 12 | 64, 17 << 12 | 1 << 8 | 64), 0),
        (ETHERNET + struct.pack(">HBBHHH", 0x8864, 0x11, 0, 1, 50, 0x0021), 0),
        (ETHERNET + struct.pack(">H", 60) + b"\xaa\xaa\x03\0\0\0\x08\0", 0),
    ],
    ids=["802.1Q", "QinQ", "MPLS", "PPPoE", "SNAP"],
)
def test_what_lies_between_ethernet_and_ip_is_stepped_over(head: bytes, vlan: int) -> None:
    flow = one(datagram(flow_sample(raw(head + ipv4(TCP), frame=1_500))))
    assert (flow["dst_port"], flow["vlan"], flow["bytes"]) == (443, vlan, 40 * 512)


@pytest.mark.parametrize(
    ("protocol", "packet"),
    [
        (7, b"\xff\x03\x00\x21" + ipv4(TCP)), (7, b"\x21" + ipv4(TCP)), (11, ipv4(TCP)), (12, ipv6(TCP)),
        (13, struct.pack(">I", 1 << 8) + ipv6(TCP)), (14, b"\xff\x03\x00\x57" + ipv6(TCP)),
    ],
)  # fmt: skip
def test_header_protocols_other_than_ethernet(protocol: int, packet: bytes) -> None:
    flow = one(datagram(flow_sample(raw(packet, protocol))))
    assert (flow["src_port"], flow["dst_port"]) == (40_000, 443)


def test_ipv6_extension_headers_are_followed_to_the_transport() -> None:
    chain = bytes([60, 0]) + bytes(6) + bytes([51, 0]) + bytes(6) + bytes([44, 1]) + bytes(10)
    chain += bytes([17, 0, 0, 1]) + bytes(4)
    flow = one(datagram(flow_sample(raw(ETHERNET + b"\x86\xdd" + ipv6(chain + UDP, 0), frame=400))))
    assert (flow["protocol"], flow["src_port"], flow["dst_port"]) == (17, 5353, 53)
    assert (flow["ip_tos"], flow["flow_label"]) == (0x2E, 0xABCDE)
    assert flow["bytes"] == (40 + len(chain) + len(UDP)) * 512


def test_a_later_fragment_has_no_ports() -> None:
    flow = one(datagram(flow_sample(raw(ETHERNET + b"\x08\0" + ipv4(TCP, fragment=185)))))
    assert (flow["src_port"], flow["dst_port"], flow["tcp_flags"], flow["protocol"]) == (0, 0, 0, 6)


def test_sampled_ip_records_stand_in_where_there_is_no_raw_header() -> None:
    four = words(1_000, 17) + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + words(4_000, 53, 0, 184)
    six = words(900, 6) + address_bytes("2001:db8::a") + address_bytes("2001:db8::b") + words(1, 2, 18, 0)
    flow = one(datagram(flow_sample(record(3, four))))
    assert (flow["src_address"], flow["dst_port"], flow["bytes"], flow["ip_tos"]) == (
        "10.0.0.1",
        53,
        512_000,
        184,
    )
    flow = one(datagram(flow_sample(record(4, six))))
    assert (flow["src_address"], flow["tcp_flags"], flow["bytes"]) == ("2001:db8::a", 18, 900 * 512)


def test_extended_router_gateway_and_nat_data() -> None:
    address = words(1) + bytes([192, 0, 2, 254])
    gateway = words(2) + address_bytes("2001:db8::fe") + words(65_000, 65_001, 65_002, 2)
    gateway += words(2, 2, 65_010, 65_011) + words(1, 1, 65_020) + words(0, 100)
    flow = one(
        datagram(
            flow_sample(
                raw(ETHERNET + b"\x08\0" + ipv4(TCP)),
                record(1001, words(30, 0, 40, 0)),
                record(1002, address + words(24, 16)),
                record(1003, gateway),
                record(1007, address + words(2) + address_bytes("2001:db8::99")),
                record(1020, words(1_111, 2_222)),
            )
        )
    )
    assert (flow["vlan"], flow["next_hop"]) == (30, "192.0.2.254")
    assert (flow["src_prefix_length"], flow["dst_prefix_length"]) == (24, 16)
    assert (flow["src_as"], flow["dst_as"]) == (65_001, 65_020)
    assert (flow["post_nat_src_address"], flow["post_nat_dst_address"]) == ("192.0.2.254", "2001:db8::99")
    assert (flow["post_nat_src_port"], flow["post_nat_dst_port"]) == (1_111, 2_222)


def test_expanded_samples_and_a_discarded_packet() -> None:
    body = words(5, 0, 70_000, 100, 0, 0, 0, 70_000, 1, 258, 1) + raw(ETHERNET + b"\x08\0" + ipv4(TCP))
    flow = one(datagram(record(3, body), agent="2001:db8::ee"))
    assert (flow["exporter"], flow["input_interface"], flow["output_interface"]) == (
        "2001:db8::ee",
        70_000,
        0,
    )
    assert (flow["forwarding_status"], flow["direction"]) == (129, 0)


def test_an_unknown_sampling_rate_is_kept_uncorrected_and_counted() -> None:
    payload = datagram(flow_sample(raw(ETHERNET + b"\x08\0" + ipv4(TCP)), rate=0))
    flow = one(payload)
    assert (flow["sampling_rate"], flow["packets"], flow["bytes"]) == (0, 1, 40)
    assert collect(payload)[1]['flows_unknown_sampling{exporter="192.0.2.1"}'] == 1


def test_counter_samples_join_ethernet_to_generic_counters() -> None:
    generic = words(12, 6) + struct.pack(">Q", 10**10) + words(1, 3) + struct.pack(">Q", 2**40)
    generic += words(1, 2, 3, 4, 5, 6) + struct.pack(">Q", 2**41) + words(7, 8, 9, 10, 11, 1)
    sample = words(9, 12, 2) + record(1, generic) + record(2, words(*range(100, 113)))
    _, _, (columns,) = collect(datagram(record(2, sample)))
    got = {name: int(values[0]) for name, values in columns.items() if values.ndim == 1}
    expected = {
        "if_index": 12, "if_speed": 10**10, "in_octets": 2**40, "in_unicast_packets": 1, "in_unknown_protocols": 6,
        "out_octets": 2**41, "out_unicast_packets": 7, "out_errors": 11, "promiscuous": 1, "status": 3,
        "fcs_errors": 101, "late_collisions": 106, "symbol_errors": 112, "sequence": 9, "uptime": 99_000,
    }  # fmt: skip
    assert {name: got[name] for name in expected} == expected


GOOD = flow_sample(raw(ETHERNET + b"\x08\0" + ipv4(TCP)))


@pytest.mark.parametrize(
    ("payload", "counter", "flows"),
    [
        (datagram(GOOD)[:20], 'sflow_malformed{cause="truncated-header"}', 0),
        (b"", 'sflow_malformed{cause="truncated-header"}', 0),
        (words(4) + datagram(GOOD)[4:], 'sflow_malformed{cause="version"}', 0),
        (words(5, 9) + datagram(GOOD)[8:], 'sflow_malformed{cause="agent-address"}', 0),
        (datagram(GOOD, GOOD[:-12]), 'sflow_malformed{cause="sample-length"}', 1),
        (datagram(GOOD, record(1, bytes(5))), 'sflow_malformed{cause="sample-length"}', 1),
        (datagram(GOOD)[:24] + words(7) + datagram(GOOD)[28:], 'sflow_malformed{cause="truncated-samples"}', 1),
        (datagram(GOOD) + bytes(8), 'sflow_malformed{cause="trailing-bytes"}', 1),
        (datagram(record(1, words(1, 2))), 'sflow_malformed{cause="truncated-sample"}', 0),
        (datagram(record(1, words(1, 7, 1, 0, 0, 0, 0, 0xFFFFFFFF))), 'sflow_malformed{cause="record-list"}', 0),
        (
            datagram(flow_sample(record(1, words(1, 60, 4, 4_000) + bytes(20)))),
            'sflow_declined{cause="header-length"}',
            0,
        ),
        (datagram(flow_sample(raw(ipv4(TCP), 4))), 'sflow_declined{cause="header-protocol"}', 0),
        (datagram(flow_sample(raw(ETHERNET + b"\x08\x06" + bytes(28)))), 'sflow_declined{cause="not-ip"}', 0),
        (datagram(flow_sample(raw(ETHERNET + b"\x08\0" + ipv4(TCP)[:12]))), 'sflow_declined{cause="truncated"}', 0),
        (datagram(flow_sample(record(2, words(60, 0, 0, 0, 0, 0x800)))), 'sflow_declined{cause="no-packet"}', 0),
        (datagram(record(5, bytes(40))), 'sflow_declined{cause="sample-type"}', 0),
        (datagram(flow_sample(GOOD[40:], record(1002, words(1)))), 'sflow_declined{cause="record-length"}', 1),
        (datagram(flow_sample(GOOD[40:], record(1_021, bytes(4)))), 'sflow_records_unread{format="flow:1021"}', 1),
    ],
)  # fmt: skip
def test_what_is_broken_is_counted_by_cause_and_the_rest_is_kept(
    payload: bytes, counter: str, flows: int
) -> None:
    found, counters, _ = collect(payload, datagram(GOOD, agent="192.0.2.9"))
    assert counters[counter] == 1
    assert sum(len(columns["bytes"]) for columns in found) == flows + 1


def feed(collector: SflowCollector, *sequences: int, **options: int) -> None:
    collector.decode(
        Datagrams.of(
            [(datagram(flow_sample(GOOD[40:], sequence=number, **options), sequence=number), "::1", 1, RECEIVED)
             for number in sequences]
        )
    )  # fmt: skip


def test_gaps_are_counted_per_agent_and_per_source_also_over_a_restart_of_the_agent() -> None:
    counters = Counters()
    first = SflowCollector(counters)
    feed(first, 10, 11, 14)
    second = SflowCollector(counters)
    second.restore(first.state())
    feed(second, 15, 20, 19)
    labels = '{domain="3",exporter="192.0.2.1"}'
    snapshot = counters.snapshot()
    assert snapshot[f"sequence_gaps{labels}"] == 2
    assert snapshot[f"sequence_lost{labels}"] == 2 + 4
    assert snapshot[f"sequence_late{labels}"] == 1
    assert snapshot['sflow_samples_lost{exporter="192.0.2.1"}'] == 6
    feed(second, 4_000_000_000, 4_000_000_001)
    assert counters.snapshot()[f"sequence_restarts{labels}"] == 1


def test_numbers_kept_over_a_kill_are_newer_than_the_saved_state() -> None:
    first = SflowCollector(Counters())
    feed(first, 1, 2)
    state = first.state()
    feed(first, 3, 4)
    counters = Counters()
    again = SflowCollector(counters)
    again.restore(state)
    again.resume(first.numbers(), 1000)
    feed(again, 7)
    snapshot = counters.snapshot()
    assert snapshot['sequence_lost{domain="3",exporter="192.0.2.1"}'] == 2
    assert snapshot['sflow_samples_lost{exporter="192.0.2.1"}'] == 2
    again.resume(first.numbers()[:-1], 0)
    assert counters.snapshot()['sflow_malformed{cause="state"}'] == 1


def test_a_number_that_wraps_is_no_gap() -> None:
    counters = Counters()
    feed(SflowCollector(counters), 0xFFFFFFFE, 0xFFFFFFFF, 0, 1)
    assert not [name for name in counters.snapshot() if name.startswith("sequence")]


def test_drops_and_the_pool_grow_by_what_the_exporter_adds() -> None:
    counters = Counters()
    collector = SflowCollector(counters)
    feed(collector, 1, drops=5, pool=0xFFFFFF00)
    feed(collector, 2, drops=8, pool=0x100)
    snapshot = counters.snapshot()
    assert snapshot['sflow_samples_dropped{exporter="192.0.2.1"}'] == 3
    assert snapshot['sflow_packets_observed{exporter="192.0.2.1"}'] == 512


def test_spoofed_agents_do_not_grow_the_state() -> None:
    counters = Counters()
    collector = SflowCollector(counters, max_agents=50, max_sources=80)
    for block in range(10):
        collector.decode(
            Datagrams.of(
                [(datagram(GOOD, agent=f"10.{block}.0.{host}"), "::1", 1, RECEIVED) for host in range(100)]
            )
        )
    state = collector.state()
    assert (len(state["agents"]), len(state["datagrams"]), len(state["samples"])) == (50, 50, 80)
    assert counters.snapshot()["sflow_agents_forgotten"] == 950


@pytest.mark.parametrize(
    "state", [{}, {"agents": [["zz", 1]], "datagrams": [], "samples": []}, {"agents": 5}]
)
def test_a_damaged_state_is_left_out(state: dict) -> None:
    counters = Counters()
    SflowCollector(counters).restore(state)
    assert counters.snapshot()['sflow_malformed{cause="state"}'] == 1


RICH = datagram(
    flow_sample(
        raw(ETHERNET + b"\x81\x00\x00\x0a\x86\xdd" + ipv6(bytes([6, 0]) + bytes(6) + TCP, 60)),
        record(1002, words(1, 1, 24, 24)),
        record(1003, words(1, 1, 1, 1, 1, 1, 2, 2, 5, 6, 0, 0)),
        record(1007, words(1, 5, 1, 6)),
    ),
    record(4, words(1, 0, 3, 2) + record(1, bytes(88)) + record(2, bytes(52))),
    record(3, words(1, 0, 3, 10, 0, 0, 0, 3, 0, 4, 1) + record(3, bytes(32))),
)


@given(
    cuts=st.lists(st.tuples(st.integers(0, len(RICH) - 1), st.integers(0, 255)), min_size=0, max_size=12),
    length=st.integers(0, len(RICH)),
)
@settings(deadline=None, max_examples=400)
def test_no_mutation_raises_and_the_columns_always_fit_the_schema(
    cuts: list[tuple[int, int]], length: int
) -> None:
    mutated = bytearray(RICH)
    for place, value in cuts:
        mutated[place] = value
    collect(bytes(mutated), bytes(mutated[:length]), RICH)


@given(st.lists(st.binary(max_size=400), min_size=1, max_size=5))
@settings(deadline=None, max_examples=200)
def test_no_noise_raises(payloads: list[bytes]) -> None:
    collect(*payloads, *(words(5, 1) + payload for payload in payloads))


def test_a_slot_that_is_no_multiple_of_four_is_read_alike() -> None:
    payload = datagram(GOOD)
    data = np.zeros((1, 301), dtype=np.uint8)
    data[0, : len(payload)] = np.frombuffer(payload, dtype=np.uint8)
    whole = Datagrams.of([(payload, "::1", 1, RECEIVED)])
    odd = Datagrams(data, whole.lengths, whole.addresses, whole.ports, whole.received)
    (flow,) = SflowCollector(Counters()).decode(odd).flows
    assert int(flow["dst_port"][0]) == 443
