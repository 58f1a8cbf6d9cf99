"""What is kept over a kill: the exporters' numbers as of the newest sealed batch, and a line for each batch."""

import os
from pathlib import Path

import pytest

from sixfold.agent.counters import Counters
from sixfold.agent.sealed_log import Line, SealedLog, read_sealed
from sixfold.agent.sequences import SLOT, SequenceFile, Snapshot


@pytest.fixture
def file(tmp_path: Path):
    made = SequenceFile(tmp_path / "sequences.bin", Counters())
    yield made
    made.close()


def snapshot(mark: bytes, lost: int = 0) -> Snapshot:
    return Snapshot({"netflow": mark * 3, "sflow": b""}, lost)


def test_nothing_was_kept_at_first(file: SequenceFile) -> None:
    assert file.read("e", {"flow": 9}) is None


def test_the_newest_snapshot_whose_batches_are_in_the_spool_is_true(file: SequenceFile) -> None:
    file.write("e", {"flow": 2, "nat-session": 1}, snapshot(b"a", 5))
    file.write("e", {"flow": 3, "nat-session": 1}, snapshot(b"b", 7))
    newest = file.read("e", {"flow": 3, "nat-session": 1})
    assert newest is not None
    assert (newest.numbers, newest.lost) == ({"netflow": b"bbb", "sflow": b""}, 7)
    killed_before_its_batch = file.read("e", {"flow": 2, "nat-session": 1})
    assert killed_before_its_batch is not None
    assert killed_before_its_batch.numbers["netflow"] == b"aaa"
    assert file.read("e", {"flow": 1, "nat-session": 1}) is None
    assert file.read("another", {"flow": 9, "nat-session": 9}) is None


def test_a_start_goes_on_with_the_slots(tmp_path: Path) -> None:
    path = tmp_path / "sequences.bin"
    for number in range(1, 6):
        file = SequenceFile(path, Counters())
        file.write("e", {"flow": number + 1}, snapshot(b"%d" % number))
        file.close()
    file = SequenceFile(path, Counters())
    assert [file.read("e", {"flow": given}) is not None for given in (4, 5, 6)] == [False, True, True]
    file.close()


@pytest.mark.parametrize("damage", [10, 60, 150])
def test_a_torn_slot_is_none(tmp_path: Path, damage: int) -> None:
    path = tmp_path / "sequences.bin"
    file = SequenceFile(path, Counters())
    file.write("e", {"flow": 2}, snapshot(b"a"))
    file.write("e", {"flow": 3}, snapshot(b"b"))
    descriptor = os.open(path, os.O_WRONLY)
    os.pwrite(descriptor, b"\xff", damage)
    os.close(descriptor)
    kept = file.read("e", {"flow": 3})
    assert kept is not None
    assert kept.numbers["netflow"] == b"aaa"
    file.close()


def test_what_no_slot_holds_is_counted(tmp_path: Path) -> None:
    counters = Counters()
    file = SequenceFile(tmp_path / "sequences.bin", counters)
    file.write("e", {"flow": 2}, Snapshot({"netflow": bytes(SLOT)}, 0))
    assert file.read("e", {"flow": 2}) is None
    assert counters.total("state_errors") == 1
    file.close()


def line(sequence: int, rows: int = 10, **options) -> Line:
    return Line("flow", "e", sequence, rows, rows * 100, options.get("lost", 0))


def test_each_batch_has_a_line_and_the_later_one_is_true(tmp_path: Path) -> None:
    for lines in ([line(1), line(2)], [line(2, 7), line(3)], [line(3, 0), line(4, 5), line(5, 5, lost=-2)]):
        log = SealedLog(tmp_path, 1 << 20, Counters())
        log.write(lines)
        log.close()
    assert list(read_sealed(tmp_path)) == [line(1), line(2, 7), line(4, 5), line(5, 5, lost=-2)]


def test_a_torn_line_does_not_take_the_next_with_it(tmp_path: Path) -> None:
    (tmp_path / "sealed.log").write_text("2026-01-01T00:00:00.000+00:00\tflow\te\t1\t1")
    log = SealedLog(tmp_path, 1 << 20, Counters())
    log.write([line(1), line(2)])
    log.close()
    assert [one.sequence for one in read_sealed(tmp_path)] == [1, 2]


def test_it_is_bounded(tmp_path: Path) -> None:
    log = SealedLog(tmp_path, 2_000, Counters())
    for number in range(500):
        log.write([line(number)])
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sealed.log", "sealed.log.1"]
    assert all(path.stat().st_size < 2_200 for path in tmp_path.iterdir())
    kept = [one.sequence for one in read_sealed(tmp_path)]
    assert kept == list(range(kept[0], 500))


def test_a_disk_that_takes_nothing_is_counted_and_what_waited_is_written_later(tmp_path: Path) -> None:
    counters = Counters()
    folder = tmp_path / "state"
    log = SealedLog(folder, 1 << 20, counters)
    log.write([line(1)])
    assert counters.total("state_errors") == 1
    folder.mkdir()
    log.write([line(2)])
    log.close()
    assert [one.sequence for one in read_sealed(folder)] == [1, 2]
