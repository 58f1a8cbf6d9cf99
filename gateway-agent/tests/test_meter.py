"""The meter's rules: timeouts, ends of connections, its bound, and that batches make no difference."""

import itertools
import os
import socket
import struct
import threading
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_text
from sixfold.agent.export.messages import Exporter
from sixfold.agent.meter import flows as meter_flows
from sixfold.agent.meter.flows import ACTIVE, FINISHED, FORCED, IDLE, NO_ROOM, Ended, Meter, Timeouts
from sixfold.agent.meter.records import SAMPLING, TEMPLATES, export, sampling_record
from sixfold.agent.meter.ring import InterfaceError, open_ring
from sixfold.agent.netflow.collector import Collector
from sixfold.agent.packets import LINK_ETHERNET, Headers, dissect

START = 1_790_000_000 * 10**9


class Packet(NamedTuple):
    time: float
    host: int = 1
    port: int = 80
    protocol: int = 17
    flags: int = 0
    size: int = 100

    def frame(self) -> bytes:
        transport = struct.pack(">HH", 1000, self.port)
        if self.protocol == 6:
            transport += bytes(8) + struct.pack(">H", 0x5000 | self.flags) + bytes(6)
        elif self.protocol == 1:
            transport = bytes([8, 0, 0, 0])
        head = struct.pack(">BBHHHBBH", 0x45, 0, self.size, 1, 0, 64, self.protocol, 0)
        return bytes(12) + b"\x08\0" + head + bytes([10, 0, 0, self.host, 10, 9, 9, 9]) + transport


def headers(packets: Sequence[Packet]) -> tuple[Headers, np.ndarray]:
    frames = [packet.frame() for packet in packets]
    lengths = np.array([len(frame) for frame in frames], dtype=np.int64)
    wire = np.array([packet.size + 14 for packet in packets], dtype=np.int64)
    offsets = np.cumsum(lengths) - lengths
    data = np.frombuffer(b"".join(frames) or b"\0", dtype=np.uint8)
    times = np.array([START + round(packet.time * 1e9) for packet in packets], dtype=np.int64)
    return dissect(data, offsets, lengths, wire, LINK_ETHERNET), times


def run(meter: Meter, packets: Sequence[Packet], cuts: Sequence[int] = ()) -> list[tuple]:
    ended: list[Ended] = []
    edges = [0, *sorted(cuts), len(packets)]
    for first, last in itertools.pairwise(edges):
        ended += meter.feed(*headers(packets[first:last]))
    return flatten([*ended, *meter.flush()])


def flatten(ended: Sequence[Ended]) -> list[tuple]:
    """(host, port, packets, octets, seconds from start, seconds to end, flags, reason) of each flow."""
    return sorted(
        (
            int(group["src_address"][row][15]),
            int(group["dst_port"][row]),
            int(group["packets"][row]),
            int(group["bytes"][row]),
            (int(group["time_start"][row]) - START // 10**6) / 1000,
            (int(group["time_end"][row]) - START // 10**6) / 1000,
            int(group["tcp_flags"][row]),
            int(group["flow_end_reason"][row]),
        )
        for group in ended
        for row in range(len(group["bytes"]))
    )


def test_silence_ends_a_flow() -> None:
    flows = run(Meter(Timeouts(inactive=15)), [Packet(0.5), Packet(15.4), Packet(30.4), Packet(31)])
    assert flows == [
        (1, 80, 2, 200, 0.5, 15.4, 0, IDLE),
        (1, 80, 2, 200, 30.4, 31.0, 0, FORCED),
    ]


def test_a_long_flow_is_exported_in_parts() -> None:
    flows = run(Meter(Timeouts(active=60)), [Packet(second) for second in range(0, 130, 5)])
    assert sorted((flow[2], flow[4], flow[5], flow[7]) for flow in flows) == [
        (2, 120.0, 125.0, FORCED),
        (12, 0.0, 55.0, ACTIVE),
        (12, 60.0, 115.0, ACTIVE),
    ]


def test_fin_and_rst_end_a_connection_after_its_stragglers() -> None:
    talk = [
        Packet(0, flags=2, protocol=6),
        Packet(0.5, flags=0x11, protocol=6),
        Packet(0.9, flags=0x10, protocol=6),
    ]
    flows = run(Meter(), [*talk, Packet(5, host=2), Packet(6, flags=2, protocol=6)])
    assert (1, 80, 3, 300, 0.0, 0.9, 0x13, FINISHED) in flows
    assert (1, 80, 1, 100, 6.0, 6.0, 0x02, FORCED) in flows


def test_icmp_types_are_flows_of_their_own_and_have_no_ports() -> None:
    (group,) = (meter := Meter()).feed(*headers([Packet(0, protocol=1)])) or meter.flush()
    assert (int(group["icmp_type_code"][0]), int(group["dst_port"][0])) == (8 << 8, 0)


PACKETS = st.lists(
    st.builds(
        Packet,
        time=st.floats(0, 200).map(lambda value: round(value, 2)),
        host=st.integers(1, 4),
        port=st.integers(80, 81),
        protocol=st.sampled_from([6, 17]),
        flags=st.sampled_from([2, 0x10, 0x11, 4]),
        size=st.integers(60, 1500),
    ),
    max_size=60,
).map(lambda packets: sorted(packets, key=lambda packet: packet.time))


@given(PACKETS, st.lists(st.integers(0, 60), max_size=6))
@settings(deadline=None, max_examples=150)
def test_batches_make_no_difference_and_nothing_is_lost(packets: list[Packet], cuts: list[int]) -> None:
    whole = run(Meter(), packets)
    assert run(Meter(), packets, [cut for cut in cuts if cut <= len(packets)]) == whole
    assert sum(flow[2] for flow in whole) == len(packets)
    assert sum(flow[3] for flow in whole) == sum(packet.size for packet in packets)


@given(PACKETS)
@settings(deadline=None, max_examples=60)
def test_a_full_table_ends_flows_early_and_loses_no_packet(packets: list[Packet]) -> None:
    meter = Meter(max_flows=3)
    flows = run(meter, packets)
    assert sum(flow[2] for flow in flows) == len(packets)
    assert meter.metered.no_room == sum(flow[7] == NO_ROOM for flow in flows)


def test_the_table_never_holds_more_than_its_bound() -> None:
    meter = Meter(max_flows=100)
    for second in range(20):
        meter.feed(
            *headers([Packet(second / 10, host=host % 250, port=second * 300 + host) for host in range(300)])
        )
        assert len(meter) <= 100
    assert meter.metered.no_room >= 20 * 300 - 200


def test_flows_whose_hashes_are_all_equal_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_flows, "hash_keys", lambda keys, seed: np.zeros(len(keys), dtype=np.uint64))
    packets = [Packet(step / 10, host=step % 7, port=step % 3) for step in range(210)]
    flows = run(Meter(), packets, cuts=[50, 51, 120])
    assert Counter((flow[0], flow[1]) for flow in flows) == {
        (host, port): 1 for host in range(7) for port in range(3)
    }
    assert all(flow[2] == 10 for flow in flows)


def test_a_clock_that_is_set_back_ends_everything_once() -> None:
    meter = Meter()
    flows = run(meter, [Packet(1_000), Packet(1_001), Packet(3), Packet(4)])
    assert [flow[2] for flow in flows] == [2, 2]
    assert meter.metered.clock_steps == 1


def test_time_passes_on_a_quiet_interface() -> None:
    meter = Meter()
    assert meter.feed(*headers([Packet(0)])) == []
    assert meter.tick(START + 10 * 10**9) == []
    (group,) = meter.tick(START + 16 * 10**9)
    assert int(group["flow_end_reason"][0]) == IDLE


def test_what_is_no_ip_is_counted() -> None:
    meter = Meter()
    data = np.frombuffer(bytes(12) + b"\x08\x06" + bytes(28) + bytes(8), dtype=np.uint8)
    found = dissect(data, np.array([0, 42]), np.array([42, 8]), np.array([42, 8]), LINK_ETHERNET)
    meter.feed(found, np.array([START, START]))
    assert meter.metered.declined == {"not-ip": 1, "truncated": 1}
    assert meter.metered.packets == 0


@pytest.mark.parametrize("name", ["active", "inactive", "finished"])
def test_timeouts_below_a_second_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Timeouts(**{name: 0.5})


def test_the_export_decodes_to_the_same_flows() -> None:
    meter = Meter()
    packets = [Packet(step / 50, host=step % 9, protocol=6, flags=2, size=60 + step) for step in range(500)]
    ended = [*meter.feed(*headers(packets)), *meter.flush()]
    exporter, counters = Exporter(7, TEMPLATES), Counters()
    messages = [exporter.definitions(1), *exporter.messages(SAMPLING, sampling_record(7, 1, 0), 1)]
    for group in ended:
        messages += export(exporter, group, 1_790_000_100)
    decoded = Collector(counters).decode(
        Datagrams.of([(message, "127.0.0.1", 4739, START // 10**6) for message in messages])
    )
    back = [dict(group) for group in decoded.flows]
    assert flatten(back) == flatten(ended)
    assert all((group["sampling_rate"] == 1).all() for group in back)
    assert not [name for name in counters.snapshot() if "gap" in name or "malformed" in name]
    assert exporter.sequence == len(flatten(ended)) + 1


def _may_capture() -> bool:
    return hasattr(socket, "AF_PACKET") and os.geteuid() == 0


def test_an_interface_that_is_not_there_is_refused_with_those_that_are() -> None:
    with (
        pytest.raises(InterfaceError, match=r"no interface 'nothere0'; there are: .*lo"),
        open_ring("nothere0"),
    ):
        pass


@pytest.mark.skipif(not _may_capture(), reason="needs Linux and the right to read packets")
def test_packets_of_an_interface_are_metered_exactly() -> None:
    meter, ended = Meter(), []
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender,
        open_ring("lo", frames=8_192) as ring,
    ):
        receiver.bind(("::1", 0))
        port = receiver.getsockname()[1]

        def send() -> None:
            for _ in range(3_000):
                sender.sendto(b"x" * 200, ("::1", port))

        thread = threading.Thread(target=send)
        thread.start()
        seen = 0
        while seen < 3_000:
            caught = ring.catch(wait=5)
            assert caught is not None, f"{seen} of 3000 packets came"
            seen += int(((caught.headers.dst_port == port) & (caught.headers.protocol == 17)).sum())
            ended += meter.feed(caught.headers, caught.time_ns)
        thread.join()
        _, dropped = ring.statistics()
    ours = [
        (
            int(group["packets"][row]),
            int(group["bytes"][row]),
            address_text(group["src_address"][row].tobytes()),
        )
        for group in [*ended, *meter.flush()]
        for row in np.flatnonzero(group["dst_port"] == port)
    ]
    assert dropped == 0
    assert ours == [(3_000, 3_000 * 248, "::1")]
