"""Trends with intervals, and the advice that follows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.address.domain.advice import PoolUse, advise
from sixfold.address.domain.forecast import DAY, FEWEST, forecast
from sixfold.address.domain.utilisation import Density


def test_a_straight_line_is_followed_to_its_end() -> None:
    times = [day * DAY for day in range(60)]
    found = forecast(times, [0.2 + 0.005 * day for day in range(60)], 30)
    assert found is not None
    assert found.growth_per_day == pytest.approx(0.005)
    assert found.expected == pytest.approx(0.495 + 0.15)
    assert found.full_in_days == pytest.approx((1 - 0.495) / 0.005, abs=0.2)
    assert found.low <= found.expected <= found.high


def test_one_clean_up_does_not_turn_the_trend() -> None:
    share = [0.2 + 0.004 * day for day in range(60)]
    share[40:] = [one - 0.1 for one in share[40:]]
    found = forecast([day * DAY for day in range(60)], share, 30)
    assert found is not None
    assert found.growth_per_day > 0.001
    assert found.full_earliest is not None
    assert found.full_in_days is not None
    assert found.full_earliest <= found.full_in_days


def test_too_few_points_are_no_forecast() -> None:
    assert forecast([day * DAY for day in range(FEWEST - 1)], [0.1] * (FEWEST - 1), 30) is None
    assert forecast(list(range(100)), [0.1] * 100, 30) is None


def test_a_pool_that_shrinks_is_never_full() -> None:
    found = forecast([day * DAY for day in range(30)], [0.6 - 0.01 * day for day in range(30)], 30)
    assert found is not None
    assert found.full_in_days is None
    assert 0 <= found.low <= found.high <= 1


def test_four_of_five_walks_end_in_the_interval() -> None:
    random = np.random.default_rng(7)
    inside = 0
    for _ in range(200):
        walk = 0.3 + np.cumsum(random.normal(0.001, 0.002, 90))
        found = forecast([day * DAY for day in range(60)], walk[:60].tolist(), 30)
        assert found is not None
        inside += found.low <= min(max(walk[89], 0), 1) <= found.high
    assert inside >= 150


@given(st.lists(st.floats(0, 1), min_size=FEWEST, max_size=600), st.floats(0, 365))
def test_any_history_gives_shares(share: list[float], horizon: float) -> None:
    found = forecast([at * DAY for at in range(len(share))], share, horizon)
    assert found is not None
    assert 0 <= found.low <= found.expected <= found.high <= 1


def use(**changed: object) -> PoolUse:
    plain = {
        "pool_id": "p", "delegations": 100, "used_share": 0.5, "resting_share": 0.0, "free_share": 0.5,
        "largest_free_share": 0.9, "density": Density(0.8), "shortest_fits": True,
    }  # fmt: skip
    return PoolUse(**(plain | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"free_share": 0.0, "used_share": 1.0}, "POOL_FULL"),
        ({"free_share": 0.0, "used_share": 1.0, "child_share": 0.9}, "POOL_FULL"),
        ({"density": Density(0.95, 12_000, 10_000)}, "HD_RATIO_REACHED"),
        ({"shortest_fits": False}, "SHORTEST_DOES_NOT_FIT"),
        ({"largest_free_share": 0.1}, "FRAGMENTED"),
        ({"resting_share": 0.3}, "QUARANTINE_HEAVY"),
        ({"top_holder": "t-1", "top_holder_share": 0.6}, "ONE_HOLDER"),
    ],
)
def test_each_trouble_has_its_advice(changed: dict[str, object], reason: str) -> None:
    assert [one.reason for one in advise(use(**changed), None)] == [reason]


def test_a_pool_that_fills_is_told_with_its_days() -> None:
    outlook = forecast([day * DAY for day in range(30)], [0.5 + 0.015 * day for day in range(30)], 30)
    found = [one for one in advise(use(), outlook) if one.reason == "POOL_FILLS"]
    assert len(found) == 1
    assert found[0].urgency == "now"
    assert advise(use(), None) == []


def test_a_pool_that_has_gone_to_pools_below_is_not_full() -> None:
    assert advise(use(free_share=0.0, used_share=1.0, child_share=1.0), None) == []
