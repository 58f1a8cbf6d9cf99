"""Taken batches against a set."""

from hypothesis import given
from hypothesis import strategies as st

from sixfold.security.domain import batches
from sixfold.security.domain.batches import Taken, TakenBatches


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


def test_epochs_and_gateways_are_apart() -> None:
    taken = TakenBatches()
    taken.add("gw-1", "a", 1)
    assert ("gw-1", "a", 1) in taken
    assert ("gw-1", "b", 1) not in taken
    assert ("gw-2", "a", 1) not in taken
