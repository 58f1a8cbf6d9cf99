"""A pool's history is bounded, and what is out of the ordinary in it is told."""

from hypothesis import given
from hypothesis import strategies as st

from sixfold.address.domain.history import DAY, FINE_DAYS, MOST_DAYS, MOST_FINE, Sample, anomalies, kept

QUIET = [Sample(at * 900_000, 0.3 + at * 1e-4, 10 + at % 3, 9 + at % 2, 0.1, "t-1") for at in range(100)]


def kinds(now: Sample) -> list[str]:
    return [one.kind for one in anomalies(QUIET, now)]


def sample(**changed: object) -> Sample:
    plain = {
        "time": 100 * 900_000,
        "used": 0.31,
        "made": 11,
        "ended": 9,
        "top_share": 0.1,
        "top_holder": "t-1",
    }
    return Sample(**(plain | changed))  # type: ignore[arg-type]


def test_an_ordinary_interval_is_none() -> None:
    assert kinds(sample()) == []


def test_each_kind_is_told() -> None:
    assert kinds(sample(made=500, ended=480)) == ["churn"]
    assert kinds(sample(used=0.5, made=40, ended=0)) == ["leak"]
    assert kinds(sample(used=0.35, made=400, ended=350, top_share=0.9)) == ["churn", "hoarding"]


def test_a_young_pool_has_no_usual() -> None:
    assert list(anomalies(QUIET[:10], sample(made=5000, ended=5000))) == []


@given(st.lists(st.integers(1, 600 * DAY), min_size=1, max_size=3_000, unique=True))
def test_history_is_bounded_and_keeps_the_newest(times: list[int]) -> None:
    samples = [Sample(time, 0.5, 0, 0) for time in sorted(times)]
    found = kept(samples)
    assert found[-1] == samples[-1]
    assert len(found) <= MOST_FINE + MOST_DAYS
    assert list(found) == sorted(found, key=lambda one: one.time)
    assert kept(found) == found
    last = samples[-1].time
    assert {one for one in samples if one.time > last - FINE_DAYS * DAY} <= set(found)
