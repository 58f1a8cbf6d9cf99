"""Watermarks: whatever the order, each batch is done once, and the memory stays small."""

from hypothesis import given
from hypothesis import strategies as st

from sixfold.credit.domain.progress import BatchId, Progress
from sixfold.credit.domain.watermark import MAX_EPOCHS, Done, Watermark


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
def test_a_floor_closes_the_holes_below_it(sequences: list[int], floor: int) -> None:
    mark = Watermark()
    for sequence in sequences:
        mark = mark.with_done(sequence)
    mark = mark.with_done(50, floor)
    assert mark.contiguous >= floor - 1
    assert all(number > mark.contiguous for number in mark.above)
    assert all(mark.is_done(sequence) for sequence in sequences)


def test_a_progress_goes_there_and_back() -> None:
    progress = Progress().intending("loader-flow-0", [4, 7, 9])
    progress = progress.completed([BatchId("gw", "e", 1, 1), BatchId("gw", "e", 3, 1)]).intending(
        "loader-flow-0", [11]
    )
    assert Progress.load(progress.dump()) == progress
    assert progress.intent is not None
    assert progress.intent.token == "loader-flow-0:2:11"
    assert progress.done.is_done("gw", "e", 3)
    assert not progress.done.is_done("gw", "e", 2)


def test_old_epochs_are_forgotten() -> None:
    done = Done()
    for number in range(MAX_EPOCHS + 10):
        done = done.with_done("gw", f"e{number}", 1, 1)
    done = done.with_done("other", "e", 1, 1)
    assert len(done.marks) == MAX_EPOCHS + 1
    assert done.is_done("gw", f"e{MAX_EPOCHS + 9}", 1)
    assert not done.is_done("gw", "e0", 1)
