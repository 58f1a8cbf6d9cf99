"""Watermarks: whatever the order, each batch is done once, and the memory stays small."""

from hypothesis import given
from hypothesis import strategies as st

from sixfold.credit.domain.progress import Progress
from sixfold.credit.domain.watermark import MAX_ABOVE, MAX_EPOCHS, MAX_OWED, BatchId, Done, Watermark


def batch(sequence: int, floor: int = 1, at: int = 0, gateway: str = "gw", epoch: str = "e") -> BatchId:
    return BatchId(gateway, epoch, sequence, floor, at)


@given(st.permutations(range(1, 60)))
def test_any_order_ends_contiguous(order: list[int]) -> None:
    mark = Watermark()
    for number, sequence in enumerate(order, 1):
        assert not mark.is_done(sequence)
        mark = mark.with_done(sequence)
        assert mark.is_done(sequence)
        assert mark.contiguous + len(mark.above) == number
    assert mark == Watermark(59)


@given(st.lists(st.integers(1, 50)), st.integers(1, 50))
def test_a_floor_closes_the_holes_below_it_once_the_stream_is_acknowledged(
    sequences: list[int], floor: int
) -> None:
    mark = Watermark()
    for sequence in sequences:
        mark = mark.with_done(sequence)
    open_before = {number for number in range(1, 50) if not mark.is_done(number)}
    mark = mark.with_done(50, floor, at=7)
    assert {number for number in range(1, 50) if not mark.is_done(number)} == open_before
    assert mark.settled(6) == mark
    mark = mark.settled(7)
    assert mark.contiguous >= floor - 1
    assert all(number > mark.contiguous for number in mark.above)
    assert all(mark.is_done(sequence) for sequence in sequences)
    assert mark.promise is None


def test_a_batch_below_the_floor_that_is_still_to_come_is_not_done() -> None:
    """A loader fetched 1 and died; the next one meets 2, whose floor says that nothing below 2 is sent any more."""
    mark = Watermark().with_done(2, floor=2, at=11)
    assert not mark.is_done(1)
    mark = mark.settled(9)
    assert not mark.is_done(1)
    assert mark.with_done(1) == Watermark(2)


def test_dead_letters_are_owed_until_they_come_again() -> None:
    mark = Watermark().with_done(1).with_owed(2).with_done(3, floor=3, at=5).settled(5)
    assert mark.contiguous == 3
    assert not mark.is_done(2)
    assert mark.with_done(2) == Watermark(3)
    assert Watermark(5).with_owed(4) == Watermark(5), "what is stored is not owed"
    for sequence in range(1, MAX_OWED + 10):
        mark = mark.with_owed(sequence * 2 + 10)
    assert len(mark.owed) == MAX_OWED


def test_endless_holes_are_bounded() -> None:
    mark = Watermark(0, frozenset(range(2, MAX_ABOVE + 2)))
    assert not mark.has_room(MAX_ABOVE * 2)
    assert mark.has_room(1)


def test_a_progress_goes_there_and_back() -> None:
    progress = Progress().intending("loader-flow-0", [4, 7, 9], "a1").completed([batch(1), batch(3)])
    progress = progress.owing(batch(5)).completed([batch(9, 8, 12)])
    progress = progress.intending("loader-flow-0", [11], "b2")
    assert Progress.load(progress.dump()) == progress
    assert progress.intent is not None
    assert progress.intent.token == "loader-flow-0:2:11:b2"
    assert progress.done.is_waiting
    assert progress.done.is_done(batch(3))
    assert not progress.done.is_done(batch(2))
    assert not progress.done.is_done(batch(5))
    settled = progress.settled(12)
    assert settled.done.is_done(batch(2))
    assert not settled.done.is_done(batch(5))
    assert not settled.done.is_waiting


def test_progress_as_it_was_first_written_is_read() -> None:
    old = b'{"done": [["gw", "e", 3, [5]]], "intent": null, "blocks": 7}'
    assert Progress.load(old) == Progress(Done({("gw", "e"): Watermark(3, frozenset({5}))}), None, 7)


def test_old_epochs_are_forgotten() -> None:
    done = Done().with_done(batch(1, epoch=f"e{number}") for number in range(MAX_EPOCHS + 10))
    done = done.with_done([batch(1, gateway="other")])
    assert len(done.marks) == MAX_EPOCHS + 1
    assert done.is_done(batch(1, epoch=f"e{MAX_EPOCHS + 9}"))
    assert not done.is_done(batch(1, epoch="e0"))
