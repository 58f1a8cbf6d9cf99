"""From the kernel's two entries to one row that says who was behind a public port."""

import ipaddress
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sixfold.agent.conntrack.collector import ConntrackCollector
from sixfold.agent.conntrack.translation import Translation, octets_of_ipv4
from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_text
from sixfold.agent.decoded import Decoded

from .conntrack_wire import ICMP, TCP, UDP, Entry, Tuple, datagrams, message, nat64_session

A = "2001:db8:a:1::10"
TRANSLATION = Translation(
    prefix=bytes.fromhex("20010db8006400000000 0000".replace(" ", "")),
    embedded=(12, 13, 14, 15),
    inner4=int.from_bytes(bytes([100, 127, 0, 0])),
    slots=8_191,
    inner6=bytes.fromhex("fd646978666f6c64000000000000"),
    servers={3: bytes.fromhex("20010db8000500000000000000000080")},
)
Row = dict[str, Any]


class Kernel:
    """The receiver's place, and the table that a dump tells."""

    def __init__(self) -> None:
        self.overrun = False
        self.table: list[Entry] = []
        self.fails = False

    def dump(self) -> Iterator[Datagrams]:
        if self.fails:
            raise OSError(5, "Input/output error")
        if self.table:
            yield datagrams([message(one) for one in self.table])


class Bench:
    def __init__(self, most: int = 1_000, saved: dict[str, int] | None = None) -> None:
        self.counters = Counters()
        self.kernel = Kernel()
        self.collector = ConntrackCollector(
            self.counters, self.kernel, lambda: TRANSLATION, most=most, saved=saved, dump=self.kernel.dump
        )  # type: ignore[arg-type]

    def take(self, *entries: Entry, received: int = 5_000) -> list[Row]:
        return rows(self.collector.decode(datagrams([message(one) for one in entries], received)))

    def tick(self, now: int) -> list[Row]:
        return rows(self.collector.tick(now))


def rows(decoded: Decoded) -> list[Row]:
    found = []
    for columns in decoded.nat_sessions:
        for at in range(len(columns["time"])):
            found.append(
                {
                    name: address_text(values[at].tobytes()) if values.ndim == 2 else int(values[at])
                    for name, values in columns.items()
                }
            )
    return found


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.tick(1_000)
    return made


@pytest.mark.parametrize("protocol", [TCP, UDP, ICMP])
def test_both_sides_become_one_row(bench: Bench, protocol: int) -> None:
    before, after = nat64_session(A, 40_000, inner=1_234, public=2_222, protocol=protocol)
    (created,) = bench.take(before, after)
    dport = 0 if protocol == ICMP else 80
    expected = {
        "event": 6,
        "protocol": protocol,
        "src_address": A,
        "src_port": 40_000,
        "dst_address": "2001:db8:64::c633:640a",
        "dst_port": dport,
        "post_nat_src_address": "203.0.113.1",
        "post_nat_src_port": 2_222,
        "post_nat_dst_address": "198.51.100.10",
        "post_nat_dst_port": dport,
        "exporter": "127.0.0.1",
        "time": 5_000,
        "time_received": 5_000,
        "bytes": 0,
    }
    assert created == expected
    (ended,) = bench.take(before.ended(), after.ended((1_000, 20_000)), received=9_000)
    assert ended == expected | {"event": 7, "time": 9_000, "time_received": 9_000, "bytes": 21_000}
    assert len(bench.collector._sessions._before) == 0


def test_the_subscriber_side_may_end_first_or_last(bench: Bench) -> None:
    before, after = nat64_session(A, 40_000)
    bench.take(before, after)
    assert bench.take(before.ended()) == []
    (ended,) = bench.take(after.ended())
    assert (ended["event"], ended["src_address"]) == (7, A)
    bench.take(before, after)
    (ended,) = bench.take(after.ended())
    assert ended["src_address"] == A
    # The subscriber's side lives on, and the next public side is joined to it.
    (again,) = bench.take(after)
    assert (again["event"], again["src_address"]) == (6, A)


def test_two_subscribers_with_the_same_port_are_told_apart(bench: Bench) -> None:
    first = nat64_session(A, 40_000, slot=1, public=2_000)
    other = nat64_session("2001:db8:b:1::10", 40_000, slot=2, public=9_216)
    found = bench.take(first[0], other[0], other[1], first[1])
    assert {row["post_nat_src_port"]: row["src_address"] for row in found} == {
        2_000: A,
        9_216: "2001:db8:b:1::10",
    }


def test_a_side_that_never_comes_is_waited_for_then_told_and_counted(bench: Bench) -> None:
    before, after = nat64_session(A, 40_000)
    assert bench.take(after) == []
    assert bench.tick(5_500) == []
    (late,) = bench.take(before)
    assert late["src_address"] == A
    _, lonely = nat64_session(A, 50_000)
    bench.take(lonely)
    (told,) = bench.tick(7_000)
    assert told["src_address"] == "100.127.0.1"
    assert bench.counters.snapshot()["conntrack_unjoined"] == 1


def test_the_ipv4_side_comes_to_a_server(bench: Bench) -> None:
    inward = Entry(
        Tuple("198.51.100.10", 5_555, "203.0.113.5", 80, TCP),
        Tuple("100.127.0.3", 8_080, "198.51.100.10", 5_555, TCP),
    )
    (row,) = bench.take(inward)
    assert (row["src_address"], row["dst_address"], row["dst_port"]) == ("198.51.100.10", "203.0.113.5", 80)
    assert (row["post_nat_src_address"], row["post_nat_dst_address"]) == (
        "2001:db8:64::c633:640a",
        "2001:db8:5::80",
    )
    assert (row["post_nat_src_port"], row["post_nat_dst_port"], row["event"]) == (5_555, 8_080, 6)


def test_nat44_is_told_and_what_is_not_translated_is_not(bench: Bench) -> None:
    nat44 = Entry(
        Tuple("10.1.0.10", 1_111, "198.51.100.10", 443, UDP),
        Tuple("198.51.100.10", 443, "203.0.113.2", 2_500, UDP),
    )
    plain = Entry(
        Tuple("10.1.0.10", 1_112, "198.51.100.10", 443, UDP),
        Tuple("198.51.100.10", 443, "10.1.0.10", 1_112, UDP),
    )
    (row,) = bench.take(nat44, plain)
    assert (row["event"], row["src_address"], row["post_nat_src_port"]) == (4, "10.1.0.10", 2_500)
    assert bench.counters.snapshot()["conntrack_untranslated"] == 1


def test_lost_events_are_learned_from_the_table(bench: Bench) -> None:
    old, new, kept = (nat64_session(A, port, public=port) for port in (2_001, 2_002, 2_003))
    bench.take(*old, *kept)
    bench.kernel.overrun = True
    bench.kernel.table = [*kept, *new]
    found = bench.tick(8_000)
    assert [(row["event"], row["src_port"]) for row in found] == [(7, 2_001), (6, 2_002)]
    assert bench.counters.snapshot()['conntrack_repaired{event="create"}'] == 1
    # Their own events come late, and say nothing new.
    assert bench.take(old[0].ended(), old[1].ended(), *new) == []
    assert bench.tick(9_000) == []


def test_a_dump_that_fails_is_tried_again(bench: Bench) -> None:
    bench.kernel.fails = bench.kernel.overrun = True
    bench.kernel.table = list(nat64_session(A, 2_001))
    assert bench.tick(8_000) == []
    bench.kernel.fails = False
    assert [row["event"] for row in bench.tick(9_000)] == [6]
    assert bench.counters.snapshot()["conntrack_dump_errors"] == 1


def test_after_a_restart_only_what_is_new_is_told() -> None:
    bench = Bench(saved={"until": 100_000})

    def started(port: int, at: int) -> tuple[Entry, Entry]:
        before, after = nat64_session(A, port, public=port)
        return (before, Entry(after.original, after.reply, start=at))

    bench.kernel.table = [*started(2_001, 50_000), *started(2_002, 101_000)]
    assert [(row["src_port"], row["time"]) for row in bench.tick(200_000)] == [(2_002, 101_000)]
    # The older one is known all the same: its end has both sides.
    _, after = nat64_session(A, 2_001, public=2_001)
    (ended,) = bench.take(after.ended())
    assert (ended["event"], ended["src_address"]) == (7, A)
    assert bench.collector.state()["until"] == 5_000


@pytest.mark.parametrize(
    ("length", "address"),
    [
        (32, "2001:db8:c000:221::"),
        (40, "2001:db8:1c0:2:21::"),
        (48, "2001:db8:122:c000:2:2100::"),
        (56, "2001:db8:122:3c0:0:221::"),
        (64, "2001:db8:122:344:c0:2:2100::"),
        (96, "2001:db8:122:344::c000:221"),
    ],
)
def test_every_length_of_prefix_is_read(length: int, address: str) -> None:
    """The examples of RFC 6052, 2.4."""
    inside = ipaddress.IPv6Address(address).packed
    octets = octets_of_ipv4(length)
    assert bytes(inside[at] for at in octets) == bytes([192, 0, 2, 33])
    prefix = inside[: length // 8]
    translation = Translation(prefix=prefix, embedded=octets)
    addresses = np.frombuffer(inside, np.uint8).reshape(1, 16)
    assert translation.embeds(addresses).tolist() == [True]
    assert translation.embed(addresses[:, octets]).tobytes() == inside


def test_memory_is_bounded_and_what_is_beyond_is_counted() -> None:
    bench = Bench(most=10)
    bench.tick(1_000)
    told = bench.take(*(side for port in range(3_000, 3_030) for side in nat64_session(A, port, public=port)))
    assert len(told) == 20
    assert len(bench.tick(9_000)) == 10
    counted = bench.counters.snapshot()
    assert counted['conntrack_table_full{table="subscribers"}'] == 20
    assert len(bench.collector._sessions) == 10
