import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.incubator.domain.keys import ApiKey, bearer, by_digest, digest
from sixfold.incubator.domain.limits import Limiter
from sixfold.incubator.domain.redaction import victim_network


@pytest.mark.parametrize(
    ("victim", "shown"),
    [
        ("203.0.113.7/32", "203.0.113.0/24"),
        ("203.0.113.7", "203.0.113.0/24"),
        ("198.51.0.0/16", "198.51.0.0/16"),
        ("2001:db8:1:2::1/128", "2001:db8:1::/48"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("somebody", ""),
    ],
)
def test_a_victim_is_shown_as_the_network_around_it(victim: str, shown: str) -> None:
    assert victim_network(victim) == shown


def test_tokens_out_of_headers() -> None:
    assert bearer("Bearer sfk_x") == bearer("bearer  sfk_x") == "sfk_x"
    for header in (None, "", "Bearer", "Bearer ", "Basic sfk_x", "Bearer " + "x" * 5000):
        assert bearer(header) is None


def test_a_key_stands_once() -> None:
    key = ApiKey("app", digest("sfk_x"), frozenset(), 60)
    assert by_digest([key])[digest("sfk_x")] == key
    with pytest.raises(ValueError, match="twice"):
        by_digest([key, ApiKey("app", digest("sfk_y"), frozenset(), 60)])


@given(st.lists(st.floats(0, 5), min_size=1, max_size=300), st.integers(1, 100))
def test_never_more_than_a_full_bucket_and_its_refill(steps: list[float], per_minute: int) -> None:
    limiter, now, passed = Limiter(most=10), 0.0, 0
    for step in steps:
        now += step
        wait = limiter.take("one", per_minute, now)
        passed += wait == 0
        assert wait <= 60 / per_minute + 1e-6
    assert passed <= per_minute + now * per_minute / 60 + 1e-6


def test_callers_are_forgotten_the_longest_unseen_first() -> None:
    limiter = Limiter(most=2)
    for caller in ("a", "b"):
        assert limiter.take(caller, 1, 0.0) == 0
    assert limiter.take("a", 1, 0.0) > 0
    assert limiter.take("c", 1, 0.0) == 0
    assert limiter.take("a", 1, 0.0) > 0, "seen after b, so still known"
    assert limiter.take("b", 1, 0.0) == 0, "forgotten, starts anew"
