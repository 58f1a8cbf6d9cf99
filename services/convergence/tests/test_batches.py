"""Taken batches against a set."""

from hypothesis import given
from hypothesis import strategies as st

from sixfold.convergence.domain import batches
from sixfold.convergence.domain.batches import Taken


@given(st.lists(st.integers(0, 60)))
def test_taken_is_a_set(sequences: list[int]) -> None:
    taken = Taken()
    for sequence in sequences:
        taken = taken.add(sequence)
    assert [number for number in range(62) if number in taken] == sorted(set(sequences))
    assert all(
        before[1] + 1 < after[0] for before, after in zip(taken.ranges, taken.ranges[1:], strict=False)
    )


def test_ranges_stay_bounded() -> None:
    taken = Taken()
    for sequence in range(0, 4 * batches.MAX_RANGES, 2):
        taken = taken.add(sequence)
    assert len(taken.ranges) == batches.MAX_RANGES
    assert 4 * batches.MAX_RANGES - 3 not in taken


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8))))
def test_ranges_are_added_like_their_members(spans: list[tuple[int, int]]) -> None:
    taken = Taken()
    for first, more in spans:
        taken = taken.add_range(first, first + more)
    expected = sorted({number for first, more in spans for number in range(first, first + more + 1)})
    assert [number for number in range(70) if number in taken] == expected
    assert all(
        before[1] + 1 < after[0] for before, after in zip(taken.ranges, taken.ranges[1:], strict=False)
    )
