"""Host numbers against a dictionary, dense volumes against rows, and what happens when they are full."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.security.domain.counters import Counters, Prefixes
from sixfold.security.domain.hosts import HostRegister
from sixfold.security.domain.window import View, Window, WindowSettings

HOST = st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1) | st.integers(0, 5), st.integers(0, 40))
SLOT_MS = 1_000
NOW = 1_800_000_000_000


def words(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lane, hi, lo = zip(*rows, strict=True)
    return np.array(lane, np.uint32), np.array(hi, np.uint64), np.array(lo, np.uint64)


@settings(deadline=None)
@given(st.lists(st.lists(HOST, min_size=1, max_size=40), min_size=1, max_size=6))
def test_a_host_keeps_its_number_and_shares_it_with_none(calls: list[list[tuple[int, int, int]]]) -> None:
    register, known = HostRegister(np.random.default_rng(1)), {}
    for call in calls:
        lane, hi, lo = words(call)
        for host, number in zip(call, register.numbers(hi, lo, lane).tolist(), strict=True):
            assert known.setdefault(host, number) == number
            assert (register.lane[number], register.hi[number], register.lo[number]) == host
    assert sorted(known.values()) == list(range(register.size))
    lane, hi, lo = words([*known, (9, 9, 99)])
    assert register.known(hi, lo, lane).tolist() == list(known.values())


def test_a_register_grows_and_finds_everybody() -> None:
    register = HostRegister(np.random.default_rng(2))
    hosts = np.arange(200_000, dtype=np.uint64) << np.uint64(8)
    for first in range(0, len(hosts), 30_000):
        part = hosts[first : first + 30_000]
        register.numbers(part, part)
    assert register.size == len(hosts)
    numbers = register.numbers(hosts, hosts)
    assert sorted(numbers.tolist()) == list(range(len(hosts)))
    assert (register.lo[numbers] == hosts).all()
    assert register.size == len(hosts)
    register.clear()
    assert (register.size, register.numbers(hosts[:1], hosts[:1]).tolist()) == (0, [0])


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 9), st.integers(0, 1_000)), min_size=1, max_size=60
    )
)
def test_volumes_by_slot_and_prefix_are_sums_of_rows(rows: list[tuple[int, int, int]]) -> None:
    counters = Counters(1 << 20, np.random.default_rng(3))
    prefixes = Prefixes(counters.hosts, (24, 64), np.random.default_rng(4))
    host, slot, size = (np.array(column) for column in zip(*rows, strict=True))
    numbers = counters.hosts.numbers(host.astype(np.uint64) // np.uint64(7), host.astype(np.uint64))
    volumes = size.astype(float), size * 2.0, np.ones(len(rows))
    assert counters.add(numbers, slot.astype(np.int64), volumes) == sorted(set(slot.tolist()))
    by_host, by_prefix = defaultdict(float), defaultdict(float)
    for one, at, value in rows:
        if 2 <= at <= 6:
            by_host[one] += value
            by_prefix[one // 7] += value
    sums = counters.sums(2, 6)
    assert {int(lo): value for lo, value in zip(counters.hosts.lo, sums[0], strict=False) if value} == {
        one: value for one, value in by_host.items() if value
    }
    of_prefixes = prefixes.sums(sums)
    assert {
        int(hi): value for hi, value in zip(prefixes.register.hi, of_prefixes[0], strict=False) if value
    } == {one: value for one, value in by_prefix.items() if value}
    peak = counters.peak(2, 6)
    assert peak.total == pytest.approx(sums.sum(axis=1))
    assert (peak.largest >= sums.max(axis=1)).all()


def flows(random: np.random.Generator, hosts: int, rows: int, victim: int) -> dict[str, np.ndarray]:
    """Flows of one byte and packet between random hosts, and as many of a kilobyte to one; few of them are old."""
    address = np.zeros((2, 2 * rows, 16), np.uint8)
    address[:, :, 12:] = (
        random.integers(0, hosts, (2, 2 * rows)).astype(">u4").view(np.uint8).reshape(2, -1, 4)
    )
    address[1, rows:, 12:] = np.frombuffer(np.array([victim], ">u4").tobytes(), np.uint8)
    old = random.random(2 * rows) < 0.05
    end = NOW - np.where(old, random.integers(8_000, 18_000, 2 * rows), random.integers(0, 8_000, 2 * rows))
    size = np.where(np.arange(2 * rows) < rows, 1, 1_000).astype(np.uint64)
    return {
        "src_address": address[0], "dst_address": address[1], "time_start": end, "time_end": end,
        "bytes": size, "packets": np.ones(2 * rows, np.uint64),
    }  # fmt: skip


@pytest.mark.parametrize("cells", [4_096, 1 << 20])
def test_a_victim_is_found_exactly_however_little_room_there_is(cells: int) -> None:
    random = np.random.default_rng(5)
    window = Window(WindowSettings(slot_ms=SLOT_MS, slots=20, cells=cells))
    expected: dict[int, int] = defaultdict(int)
    for _ in range(12):
        batch = flows(random, 2_000, 500, victim=7_777)
        window.add(batch, NOW)
        for end, size, address in zip(batch["time_end"], batch["bytes"], batch["dst_address"], strict=True):
            expected[int(end) // SLOT_MS] += int(size) * (bytes(address[12:]) == (7_777).to_bytes(4, "big"))
    head = NOW // SLOT_MS
    for first in range(head - 18, head):
        over = window.over(View.DESTINATION, first, first + 1, (10_000.0, 1e9, 1e9))
        assert over.select("lo", "bytes").rows() == [(7_777, expected[first] + expected[first + 1])]
        [prefix] = window.over(View.PREFIX, first, first + 1, (10_000.0, 1e9, 1e9)).rows()
        assert prefix[2] >= expected[first] + expected[first + 1]


def test_room_for_many_hosts_is_given_back_for_many_slots() -> None:
    counters = Counters(4 * 4_096, np.random.default_rng(6))

    def add(hosts: int, slots: int) -> None:
        host = np.arange(hosts, dtype=np.uint64)
        numbers = counters.hosts.numbers(host, host)
        if counters.full:
            counters.clear()
            numbers = counters.hosts.numbers(host, host)
        one = np.ones(hosts)
        counters.add(numbers, np.arange(hosts, dtype=np.int64) % slots, (one, one, one))

    add(4_000, 4)
    assert not counters.full
    add(4_000, 16)
    assert counters.full
    for _ in range(2):
        add(1_000, 16)
    assert (counters.hosts.capacity, len(counters.slots), counters.full) == (1_024, 16, False)


def test_what_waits_for_a_slot_counts_before_and_after_it_gets_an_array() -> None:
    counters = Counters(1 << 20, np.random.default_rng(7))
    random = np.random.default_rng(8)
    expected = np.zeros((300, 3))
    names = np.arange(300, dtype=np.uint64)
    numbers = counters.hosts.numbers(names, names)
    for turn in range(40):
        host = random.integers(0, 300, 30)
        slot = np.where(np.arange(30) < 20, 100, 101 + turn % 3)
        size = random.random(30) * 1_000
        counters.add(numbers[host], slot, (size, size / 10, np.ones(30)), enough=15)
        np.add.at(expected, host, np.column_stack([size, size / 10, np.ones(30)]))
        assert counters.sums(100, 103).T[numbers] == pytest.approx(expected)
        assert (counters.peak(100, 103).largest >= expected.max(axis=0) - 1e-6).all()
    counters.add(numbers, np.full(300, 102), (np.zeros(300),) * 3, enough=15)
    assert counters.sums(100, 103).T[numbers] == pytest.approx(expected)
    taken = np.zeros((300, 3))
    for slot in counters.slots:
        host, volumes = counters.take_out(slot)
        taken[host] += volumes.T
    assert taken[numbers] == pytest.approx(expected)
    assert (counters.slots, counters.filled) == ([], 0)
