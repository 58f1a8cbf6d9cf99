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
    return Snapshot({"netflow": mark * 3, "sflow": b""}, lost, 1_000)


def put(file: SequenceFile, sequence: int, mark: bytes, lost: int = 0) -> None:
    """A hand-over of one flow batch with this number."""
    file.write(
        "e",
        {"flow": sequence, "nat-session": 1},
        {"flow": sequence + 1, "nat-session": 1},
        snapshot(mark, lost),
    )


def given(flow: int, nat: int = 1) -> dict[str, int]:
    return {"flow": flow, "nat-session": nat}


def test_nothing_was_kept_at_first(file: SequenceFile) -> None:
    assert file.newest() is None
    assert file.resume("e", given(9)) is None


@pytest.mark.parametrize(
    ("epoch", "next_flow", "expected"),
    [("e", 3, snapshot(b"b", 7)), ("e", 2, snapshot(b"a", 5)), ("e", 1, None), ("another", 9, None)],
)
def test_the_newest_snapshot_whose_batches_are_in_the_spool_is_true(
    file: SequenceFile, epoch: str, next_flow: int, expected: Snapshot | None
) -> None:
    put(file, 1, b"a", 5)
    put(file, 2, b"b", 7)
    assert file.resume(epoch, given(next_flow)) == expected
    put(file, next_flow, b"c")
    assert file.resume("e", given(next_flow + 1)) == snapshot(b"c")


def test_what_was_not_true_at_a_start_never_becomes_true(tmp_path: Path) -> None:
    path = tmp_path / "sequences.bin"
    file = SequenceFile(path, Counters())
    put(file, 1, b"a")
    put(file, 2, b"x")
    file.close()
    for _ in range(3):  # killed again and again before the batch that goes with the slot is kept
        file = SequenceFile(path, Counters())
        assert file.resume("e", given(2)) == snapshot(b"a")
        put(file, 2, b"y")
        file.close()
    file = SequenceFile(path, Counters())
    assert file.resume("e", given(3)) == snapshot(b"y")
    file.close()


@pytest.mark.parametrize("damage", [10, 60, 150])
@pytest.mark.parametrize("place", [0, 1])
def test_a_torn_slot_is_none(tmp_path: Path, place: int, damage: int) -> None:
    path = tmp_path / "sequences.bin"
    file = SequenceFile(path, Counters())
    put(file, 1, b"a")
    put(file, 2, b"b")
    newest = file.newest()
    assert newest is not None
    descriptor = os.open(path, os.O_WRONLY)
    os.pwrite(descriptor, b"\xff", place * SLOT + damage)
    os.close(descriptor)
    assert file.resume("e", given(3)) == snapshot(b"a" if place == newest.place else b"b")
    file.close()


def test_what_no_slot_holds_is_counted(file: SequenceFile) -> None:
    file.write("e", given(1), given(2), Snapshot({"netflow": bytes(SLOT)}, 0, 0))
    assert file.newest() is None


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
