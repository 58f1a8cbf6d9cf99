"""The window against brute force over rows."""

import ipaddress
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.security.domain import addresses, checkpoint
from sixfold.security.domain.batches import TakenBatches
from sixfold.security.domain.spread import spread
from sixfold.security.domain.table import SlotTable, grouped
from sixfold.security.domain.window import Lanes, View, Window, WindowSettings

NOW = 1_800_000_000_000
EXACT = WindowSettings(slot_ms=1_000, slots=20, light_bytes=0)


def packed(*texts: str) -> np.ndarray:
    values = []
    for text in texts:
        address = ipaddress.ip_address(text)
        mapped = address if address.version == 6 else ipaddress.IPv6Address(f"::ffff:{address}")
        values.append(list(mapped.packed))
    return np.array(values, dtype=np.uint8).reshape(-1, 16)


def flows(rows: list[tuple[str, str, int, int, int, int]], exporters: list[str] | None = None) -> dict:
    """Rows of (src, dst, start, end, bytes, packets), times relative to NOW."""
    return {
        "src_address": packed(*(row[0] for row in rows)),
        "dst_address": packed(*(row[1] for row in rows)),
        "exporter": packed(*(exporters or ["192.0.2.1"] * len(rows))),
        "time_start": np.array([NOW + row[2] for row in rows], dtype=np.int64),
        "time_end": np.array([NOW + row[3] for row in rows], dtype=np.int64),
        "bytes": np.array([row[4] for row in rows], dtype=np.uint64),
        "packets": np.array([row[5] for row in rows], dtype=np.uint64),
    }


HOSTS = st.sampled_from(
    ["192.0.2.7", "198.51.100.9", "198.51.100.200", "2001:db8::1", "2001:db8:0:1::2", "2001:db8::3"]
)
FLOW = st.tuples(
    HOSTS,
    HOSTS,
    st.integers(-40_000, 0),
    st.integers(-25_000, 0),
    st.integers(0, 10**12),
    st.integers(0, 10**6),
)


def brute(rows: list, first: int, last: int, key: int) -> dict[str, list[float]]:
    """Bytes, packets, flows by host over the slots, one flow and one slot at a time."""
    head = max((NOW + row[3]) // 1_000 for row in rows)
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for row in rows:
        end = NOW + row[3]
        start = min(NOW + row[2], end)
        for slot in range(max(first, head - 19), last + 1):
            if start == end or start // 1_000 == end // 1_000:
                share = float(slot == end // 1_000)
            else:
                share = max(0, min(end, (slot + 1) * 1_000) - max(start, slot * 1_000)) / (end - start)
            for index, value in enumerate((row[4], row[5], 1)):
                sums[row[key]][index] += value * share
    return {host: values for host, values in sums.items() if any(values)}


def by_text(frame) -> dict[str, list[float]]:
    return {
        addresses.address_text(hi, lo): list(values) for hi, lo, *values in frame.iter_rows() if any(values)
    }


def assert_close(found: dict, expected: dict) -> None:
    for host in found.keys() | expected.keys():
        pairs = zip(found.get(host, [0.0] * 3), expected.get(host, [0.0] * 3), strict=True)
        assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in pairs), host


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(FLOW, min_size=1, max_size=12), min_size=1, max_size=4))
def test_volumes_equal_brute_force_in_any_order_of_batches(batches: list[list]) -> None:
    window = Window(EXACT)
    for rows in batches:
        window.add(flows(rows), NOW)
    rows = [row for batch in batches for row in batch]
    head = NOW // 1_000
    for first, last in ((head - 19, head), (head - 7, head - 3)):
        assert_close(by_text(window.volumes(View.SOURCE, first, last)), brute(rows, first, last, 0))
        assert_close(by_text(window.volumes(View.DESTINATION, first, last)), brute(rows, first, last, 1))


@settings(max_examples=40, deadline=None)
@given(st.lists(FLOW, min_size=1, max_size=30), st.integers(1, 10**12))
def test_over_gives_exactly_the_hosts_that_reach_a_floor(rows: list, floor: int) -> None:
    window = Window(EXACT)
    for row in rows:
        window.add(flows([row]), NOW)
    head = NOW // 1_000
    floors = (float(floor), 5e5, 3.0)
    expected = {
        host: values
        for host, values in brute(rows, head - 3, head, 1).items()
        if any(value >= limit for value, limit in zip(values, floors, strict=True))
    }
    found = by_text(window.over(View.DESTINATION, head - 3, head, floors))
    borderline = {
        host
        for host, values in {**expected, **found}.items()
        if any(math.isclose(v, f, rel_tol=1e-9) for v, f in zip(values, floors, strict=True))
    }
    assert found.keys() - borderline == expected.keys() - borderline


def test_prefix_volumes_are_sums_of_their_hosts() -> None:
    window = Window(EXACT)
    window.add(
        flows(
            [
                ("192.0.2.7", "198.51.100.9", 0, 0, 100, 1),
                ("192.0.2.7", "198.51.100.200", 0, 0, 50, 1),
                ("192.0.2.7", "198.51.101.1", 0, 0, 7, 1),
                ("192.0.2.7", "2001:db8::1", 0, 0, 10, 1),
                ("192.0.2.7", "2001:db8::ffff:3", 0, 0, 20, 1),
                ("192.0.2.7", "2001:db8:0:1::2", 0, 0, 40, 1),
            ]
        ),
        NOW,
    )
    head = NOW // 1_000
    found = {host: values[0] for host, values in by_text(window.volumes(View.PREFIX, head, head)).items()}
    assert found == {"198.51.100.0": 150, "198.51.101.0": 7, "2001:db8::": 30, "2001:db8:0:1::": 40}


def test_implausible_clocks_are_counted_and_in_no_window() -> None:
    window = Window(EXACT)
    fifty_years = 50 * 365 * 86_400_000
    added = window.add(
        flows(
            [
                ("192.0.2.7", "198.51.100.9", fifty_years, fifty_years, 100, 1),
                ("192.0.2.7", "198.51.100.9", -fifty_years, -fifty_years, 100, 1),
                ("192.0.2.7", "198.51.100.9", -fifty_years, 0, 100, 1),
            ]
        ),
        NOW,
    )
    assert (added.flows, added.implausible) == (3, 2)
    assert window.head == NOW // 1_000
    assert (
        0.99 < added.late < 1.0
    )  # the fifty-year flow keeps its rate: nearly all of it lies before the window


def test_a_gap_in_time_forgets_what_is_out() -> None:
    window = Window(EXACT)
    window.add(flows([("192.0.2.7", "198.51.100.9", -3_600_000, -3_600_000, 100, 1)]), NOW)
    assert window.hosts == 2
    window.add(flows([("192.0.2.7", "198.51.100.9", 0, 0, 1, 1)]), NOW)
    assert window.hosts == 2


def test_duplicate_export_counts_once_and_other_exporters_add_up() -> None:
    window = Window(EXACT, Lanes([["192.0.2.1", "192.0.2.2"]]))
    row = ("203.0.113.1", "198.51.100.9", 0, 0, 100, 2)
    window.add(flows([row] * 3, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]), NOW)
    head = NOW // 1_000
    assert by_text(window.volumes(View.DESTINATION, head, head)) == {"198.51.100.9": [200.0, 4.0, 2.0]}
    assert len(window.over(View.DESTINATION, head, head, (200.0, 1e9, 1e9))) == 1


def test_light_flows_keep_the_rate_within_the_stated_error() -> None:
    window = Window(WindowSettings(slot_ms=1_000, slots=60, light_bytes=1_001, light_packets=10))
    rows = [("203.0.113.1", "198.51.100.9", -20_000, 0, 1_000, 1)] * 20_000
    window.add(flows(rows), NOW)
    head = NOW // 1_000
    for slot in range(head - 19, head):
        [values] = by_text(window.volumes(View.DESTINATION, slot, slot)).values()
        assert abs(values[0] - 1_000_000) < 6 * math.sqrt(1_000 * 1_000_000)


def test_pruning_understates_by_at_most_the_error() -> None:
    random = np.random.default_rng(5)
    table, rows = SlotTable(300), []
    for _ in range(40):
        size = 200
        hosts = random.integers(0, 3_000, size) ** 2 // 3_000
        columns = {
            "lane": np.zeros(size, np.uint32),
            "hi": np.zeros(size, np.uint64),
            "lo": hosts.astype(np.uint64),
            "bytes": random.pareto(1.2, size) * 100,
            "packets": random.pareto(1.2, size),
            "flows": np.ones(size),
        }
        rows.append(grouped(_frame(columns), "lane", "hi", "lo"))
        table.add(rows[-1])
        table.merge()
        assert table.hosts <= 600
    exact = {row[2]: row[3:] for row in grouped(_concat(rows), "lane", "hi", "lo").iter_rows()}
    kept = {row[2]: row[3:] for row in table.merge().iter_rows()}
    assert table.error.min() > 0
    for host, values in exact.items():
        for value, found, error in zip(values, kept.get(host, (0, 0, 0)), table.error, strict=True):
            assert found <= value + 1e-6
            assert value - found <= error + 1e-6


def _frame(columns: dict):
    import polars as pl

    return pl.DataFrame(columns)


def _concat(frames: list):
    import polars as pl

    return pl.concat(frames)


def test_a_checkpoint_goes_on_where_the_window_was() -> None:
    window, taken = Window(EXACT), TakenBatches()
    rows = [("203.0.113.1", f"198.51.{i // 250}.{i % 250}", -5_000, 0, 100 + i, 2) for i in range(400)]
    window.add(flows(rows), NOW)
    taken.add("gw-1", "e", 7)
    data = checkpoint.dump(window, taken, 300)
    other, known = Window(EXACT), TakenBatches()
    checkpoint.restore(data, other, known)
    head = NOW // 1_000
    assert other.head == window.head
    assert ("gw-1", "e", 7) in known
    assert by_text(other.volumes(View.SOURCE, head - 5, head)) == by_text(
        window.volumes(View.SOURCE, head - 5, head)
    )
    found, error = other.talkers(View.DESTINATION, "bytes", head - 5, head, 100)
    exact, _ = window.talkers(View.DESTINATION, "bytes", head - 5, head, 100)
    assert found.rows() == exact.rows()
    assert 0 < error < 500
    for damaged in (b"", data[:50], data[: len(data) // 2], b"\0\0\0\2{}"):
        with pytest.raises(checkpoint.CheckpointUnusableError):
            checkpoint.restore(damaged, other, known)
    with pytest.raises(checkpoint.CheckpointUnusableError):
        checkpoint.restore(data, Window(WindowSettings()), known)
    assert other.head == window.head


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), min_size=1, max_size=50))
def test_spread_conserves_every_flow(spans: list[tuple[int, int]]) -> None:
    start, end = (np.array(column, dtype=np.int64) for column in zip(*spans, strict=True))
    laid = spread(start, end, slot_ms=700, first_slot=4, last_slot=100)
    assert sum(one.share.sum() for one in laid.shares) + laid.late == pytest.approx(len(spans))


@pytest.mark.parametrize("text", ["192.0.2.7/32", "192.0.2.0/24", "2001:db8::/32", "::/0", "2001:db8::1/128"])
def test_networks_as_words_and_back(text: str) -> None:
    assert addresses.network_text(*addresses.parse_network(text)) == text
