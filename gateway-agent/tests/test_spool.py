"""The spool: in order, bounded, and killed at any byte it gives back a whole number of records."""

import errno
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixfold.agent.config import SpoolSettings
from sixfold.agent.counters import Counters
from sixfold.agent.spool import Log, Record, Spool

KINDS = ("flow", "nat-session")


def spool(folder: Path, *, boot: str = "boot-1", **options) -> tuple[Spool, Counters]:
    counters = Counters()
    chosen = {"max_bytes": 1 << 30, "segment_bytes": 1 << 16} | options
    return Spool(folder, SpoolSettings(**chosen), counters, kinds=KINDS, boot=boot), counters


def read_all(log: Log) -> list[Record]:
    return list(iter(log.read, None))


def numbers(records: list[Record]) -> list[int]:
    return [record.meta["n"] for record in records]


def sequences(records: list[Record]) -> list[int]:
    return [record.meta["sequence"] for record in records]


def fill(made: Spool, count: int, size: int = 1000, start: int = 0, kind: str = "flow") -> None:
    for number in range(start, start + count):
        made.append(kind, {"n": number}, bytes([number % 256]) * size, 10)


def test_records_come_in_order_numbered_and_their_space_is_used_again(tmp_path: Path) -> None:
    made, _ = spool(tmp_path)
    log = made.logs["flow"]
    for round_ in range(20):
        fill(made, 200, start=200 * round_)
        records = read_all(log)
        assert numbers(records) == list(range(200 * round_, 200 * round_ + 200))
        assert sequences(records) == list(range(200 * round_ + 1, 200 * round_ + 201))
        assert {record.data[0] for record in records} == {n % 256 for n in numbers(records)}
        assert log.read() is None
        for record in records:
            log.acknowledge(record.position)
        assert made.status().batches == made.status().bytes == 0
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 600_000


def test_after_a_restart_what_was_not_acknowledged_comes_again_under_its_number(tmp_path: Path) -> None:
    made, _ = spool(tmp_path)
    fill(made, 100)
    before = read_all(made.logs["flow"])
    for record in before[:70]:
        made.logs["flow"].acknowledge(record.position)
    again, counters = spool(tmp_path)
    fill(again, 3, start=100)
    after = read_all(again.logs["flow"])
    assert numbers(after) == list(range(70, 103))
    assert sequences(after) == list(range(71, 104))
    assert {record.meta["epoch"] for record in (*before, *after)} == {made.epoch} == {again.epoch}
    assert counters.snapshot() == {}


def test_what_is_acknowledged_out_of_turn_holds_the_floor_back(tmp_path: Path) -> None:
    made, _ = spool(tmp_path)
    log = made.logs["flow"]
    assert log.floor(made.epoch) == 1
    fill(made, 5)
    records = read_all(log)
    for at in (1, 2, 4):
        log.acknowledge(records[at].position)
    assert (log.floor(made.epoch), log.waiting) == (1, 2)
    log.acknowledge(records[0].position)
    assert log.floor(made.epoch) == 4
    log.acknowledge(records[3].position)
    assert log.floor(made.epoch) == 6


def test_a_kind_has_numbers_of_its_own(tmp_path: Path) -> None:
    made, _ = spool(tmp_path)
    fill(made, 3)
    fill(made, 2, kind="nat-session")
    assert sequences(read_all(made.logs["nat-session"])) == [1, 2]
    assert sequences(read_all(made.logs["flow"])) == [1, 2, 3]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[Path, list[int], int]]:
    """A spool whose newest segment, in a file used before, is cut to what a killed writer had written of it."""
    original = tmp_path_factory.mktemp("spool") / "original"
    made, _ = spool(original)
    log = made.logs["flow"]
    for start in range(0, 300, 50):
        fill(made, 50, start=start)
        for record in read_all(log):
            log.acknowledge(record.position)
    before = {path.name: path.read_bytes() for path in (original / "flow").glob("*")}
    fill(made, 90, start=300)
    segment = log._segments[-1]
    borders = [*segment.offsets, segment.size]
    first = 390 - len(segment)
    copies = itertools.count()

    def kill(cut: int) -> tuple[Path, list[int], int]:
        """(folder, numbers that must come back, bytes of a record that was cut)."""
        cut = min(cut, segment.size)
        folder = original.with_name(f"killed-{next(copies)}")
        shutil.copytree(original, folder)
        path = folder / "flow" / segment.path.name
        stale = next((data for data in before.values() if len(data) > 60_000), b"")
        path.write_bytes(path.read_bytes()[:cut] + stale[cut:])
        whole = sum(border <= cut for border in borders[1:])
        kept = list(range(300, first + whole)) if cut >= borders[0] else list(range(300, first))
        return folder, kept, cut - max((border for border in borders if border <= cut), default=cut)

    return kill


@given(cut=st.integers(0, 70_000))
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
def test_killed_at_any_byte_the_whole_records_before_it_come_back(killed, cut: int) -> None:
    folder, kept, part = killed(cut)
    again, counters = spool(folder)
    fill(again, 1, start=1000)
    back = read_all(again.logs["flow"])
    assert numbers(back) == [*kept, 1000]
    # No number is given twice: what was cut had never been published.
    assert sequences(back) == [*(n + 1 for n in kept), (kept[-1] + 2) if kept else 301]
    torn = counters.snapshot().get('spool_records_damaged{cause="torn"}', 0)
    assert torn == (part >= 32)
    shutil.rmtree(folder)


def test_a_flipped_byte_is_found_counted_and_stepped_over(tmp_path: Path) -> None:
    made, counters = spool(tmp_path, memory_bytes=0)
    fill(made, 3)
    segment = made.logs["flow"]._segments[0]
    with segment.path.open("r+b") as file:
        file.seek(segment.offsets[1] + 300)
        file.write(b"\xff\xff\xff")
    assert numbers(read_all(made.logs["flow"])) == [0, 2]
    assert counters.snapshot() == {
        'spool_records_damaged{cause="unreadable"}': 1,
        'batches_lost{cause="damaged"}': 1,
        'rows_lost{cause="damaged"}': 10,
    }


def test_past_its_bound_the_kind_that_holds_most_gives_up_its_oldest(tmp_path: Path) -> None:
    made, counters = spool(tmp_path, max_bytes=1 << 20)
    fill(made, 20, kind="nat-session")
    fill(made, 3000)
    kept = numbers(read_all(made.logs["flow"]))
    assert kept == list(range(3000 - len(kept), 3000))
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.log")) <= (1 << 20) + (1 << 16)
    assert counters.snapshot()['batches_lost{cause="spool-full"}'] == 3000 - len(kept)
    assert made.status().dropped_rows == 10 * (3000 - len(kept))
    assert made.logs["flow"].floor(made.epoch) == kept[0] + 1
    assert numbers(read_all(made.logs["nat-session"])) == list(range(20))


def test_a_full_disk_is_survived_in_memory_under_an_epoch_that_ends_with_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, counters = spool(tmp_path, memory_bytes=50_000)
    log = made.logs["flow"]
    fill(made, 2)
    pwritev = os.pwritev

    def full(file: int, parts: list[bytes], offset: int) -> int:
        pwritev(file, [parts[0]], offset)
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "pwritev", full)
    fill(made, 100, start=2)
    assert made.status().held_batches == 50
    monkeypatch.setattr(os, "pwritev", pwritev)
    fill(made, 1, start=102)
    records = read_all(log)
    assert numbers(records) == [0, 1, 102, *range(52, 102)]
    volatile = {record.meta["epoch"] for record in records[3:]}
    assert len(volatile) == 1
    assert volatile != {made.epoch}
    assert sequences(records) == [1, 2, 3, *range(51, 101)]
    assert log.floor(volatile.pop()) == 51
    for record in records:
        log.acknowledge(record.position)
    assert made.status().batches == made.status().held_batches == 0
    assert counters.snapshot()['spool_write_errors{error="ENOSPC"}'] == 100
    assert counters.snapshot()['batches_lost{cause="disk-full"}'] == 50


def test_the_epoch_ends_with_a_loss_of_power_and_not_with_the_process(tmp_path: Path) -> None:
    made, _ = spool(tmp_path)
    fill(made, 3)
    killed, _ = spool(tmp_path)
    assert killed.epoch == made.epoch
    killed.close()
    stopped, _ = spool(tmp_path, boot="boot-2")
    assert stopped.epoch == made.epoch
    fill(stopped, 1, start=3)
    without_power, _ = spool(tmp_path, boot="boot-3")
    assert without_power.epoch != made.epoch
    fill(without_power, 1, start=4)
    records = read_all(without_power.logs["flow"])
    assert numbers(records) == [0, 1, 2, 3, 4]
    assert sequences(records) == [1, 2, 3, 4, 1]
    assert without_power.logs["flow"].floor(made.epoch) == 1


def test_the_epoch_ends_where_a_log_is_gone_or_its_file_unreadable(tmp_path: Path) -> None:
    made, _ = spool(tmp_path)
    fill(made, 1)
    shutil.rmtree(tmp_path / "flow")
    bereft, _ = spool(tmp_path)
    assert bereft.epoch != made.epoch
    (tmp_path / "epoch.json").write_text("{")
    unread, counters = spool(tmp_path)
    assert unread.epoch not in (made.epoch, bereft.epoch)
    assert counters.snapshot() == {'spool_records_damaged{cause="epoch"}': 1}


def test_what_is_hidden_is_read_once_it_is_whole(tmp_path: Path) -> None:
    made, _ = spool(tmp_path)
    log = made.logs["flow"]
    fill(made, 3)
    log.hide()
    fill(made, 2, start=3)
    assert numbers(read_all(log)) == [0, 1, 2]
    assert log.next_is_fresh()
    log.show()
    assert numbers(read_all(log)) == [3, 4]


@pytest.mark.parametrize("keep", [1, 40, 100])
def test_what_was_kept_in_part_is_taken_back_for_good(tmp_path: Path, keep: int) -> None:
    made, _ = spool(tmp_path)
    fill(made, 100, size=2000)
    assert made.logs["flow"].segments == 4
    again, _ = spool(tmp_path)
    again.logs["flow"].forget_from(keep)
    assert again.logs["flow"].next_sequence == keep
    fill(again, 2, start=500)
    third, counters = spool(tmp_path)
    found = read_all(third.logs["flow"])
    assert numbers(found) == [*range(keep - 1), 500, 501]
    assert sequences(found) == list(range(1, keep + 2))
    assert counters.snapshot() == {}
