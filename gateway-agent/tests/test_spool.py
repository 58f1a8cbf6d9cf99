"""The spool: in order, bounded, and whatever is cut off a whole number of records comes back."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixfold.agent.config import SpoolSettings
from sixfold.agent.counters import Counters
from sixfold.agent.spool import Record, Spool


def spool(folder: Path, **options) -> tuple[Spool, Counters]:
    counters = Counters()
    chosen = {"max_bytes": 1 << 30, "segment_bytes": 1 << 16} | options
    return Spool(folder, SpoolSettings(**chosen), counters), counters


def read_all(log: Spool) -> list[Record]:
    found = []
    while (record := log.read()) is not None:
        found.append(record)
    return found


def fill(log: Spool, count: int, size: int = 1000, start: int = 0) -> None:
    for number in range(start, start + count):
        log.append({"n": number}, bytes([number % 256]) * size, 10)


def test_records_come_in_order_and_are_forgotten_when_acknowledged(tmp_path: Path) -> None:
    log, _ = spool(tmp_path)
    fill(log, 200)
    records = read_all(log)
    assert [record.meta["n"] for record in records] == list(range(200))
    assert log.read() is None
    for record in records:
        log.acknowledge(record.position)
    assert log.status().batches == 0
    fill(log, 5, start=200)
    assert [record.meta["n"] for record in read_all(log)] == list(range(200, 205))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.log")) < 100_000


def test_after_a_restart_what_was_not_acknowledged_comes_again(tmp_path: Path) -> None:
    log, _ = spool(tmp_path)
    fill(log, 100)
    for record in read_all(log)[:70:2]:
        log.acknowledge(record.position)
    log.close()
    again, counters = spool(tmp_path)
    expected = [number for number in range(100) if number >= 70 or number % 2]
    fill(again, 3, start=100)
    assert [record.meta["n"] for record in read_all(again)] == [*expected, 100, 101, 102]
    assert counters.snapshot() == {}


@given(cut=st.integers(0, 30_000))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_killed_at_any_byte_the_whole_records_before_it_come_back(tmp_path: Path, cut: int) -> None:
    folder = tmp_path / str(cut)
    log, _ = spool(folder)
    fill(log, 20)
    log.close()
    path = next(folder.glob("*.log"))
    size = path.stat().st_size
    os.truncate(path, min(cut, size))
    again, counters = spool(folder)
    back = [record.meta["n"] for record in read_all(again)]
    assert back == list(range(len(back)))
    assert len(back) == min(cut, size) * 20 // size or abs(len(back) - min(cut, size) * 20 / size) < 1
    torn = counters.snapshot().get('spool_records_damaged{cause="torn"}', 0)
    assert torn == (0 if cut >= size or _on_a_border(log, min(cut, size)) else 1)


def _on_a_border(log: Spool, cut: int) -> bool:
    segment = log._segments[0]
    return cut in (*segment.offsets, segment.size)


def test_a_flipped_byte_is_found_counted_and_stepped_over(tmp_path: Path) -> None:
    log, counters = spool(tmp_path)
    fill(log, 3)
    segment = log._segments[0]
    with segment.path.open("r+b") as file:
        file.seek(segment.offsets[1] + 40)
        file.write(b"\xff\xff\xff")
    assert [record.meta["n"] for record in read_all(log)] == [0, 2]
    assert counters.total("spool_records_damaged") == 1
    assert counters.snapshot()['rows_lost{cause="damaged"}'] == 10


def test_past_its_bound_the_oldest_is_given_up_and_counted(tmp_path: Path) -> None:
    log, counters = spool(tmp_path, max_bytes=1 << 20)
    fill(log, 3000)
    kept = [record.meta["n"] for record in read_all(log)]
    assert kept == list(range(3000 - len(kept), 3000))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.log")) <= (1 << 20) + (1 << 16)
    assert counters.snapshot()['batches_lost{cause="spool-full"}'] == 3000 - len(kept)
    assert log.status().dropped_rows == 10 * (3000 - len(kept))


def test_a_full_disk_is_survived_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, counters = spool(tmp_path, memory_bytes=50_000)
    fill(log, 2)
    writev = os.writev

    def full(file: int, parts: list[bytes]) -> int:
        writev(file, [parts[0]])
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "writev", full)
    fill(log, 100, start=2)
    monkeypatch.setattr(os, "writev", writev)
    fill(log, 1, start=102)
    numbers = [record.meta["n"] for record in read_all(log)]
    assert numbers == [0, 1, 102, *range(52, 102)]
    assert counters.snapshot()['spool_write_errors{error="ENOSPC"}'] == 100
    assert counters.snapshot()['batches_lost{cause="disk-full"}'] == 50
