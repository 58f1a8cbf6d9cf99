"""Plans of meaning: what is found wrong before anybody lives by it, and codes to prefixes and back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.address.domain.plan import Level, Plan, drawn, explained, judged, pools, prefix_of
from sixfold.address.domain.prefix import PrefixError

PLAN = Plan(
    "2001:db8::/32",
    (
        Level("province", 4, {"north": 1, "south": 2}),
        Level("operator", 4, {"telecom": 1, "mobile": 2, "unicom": 3}),
        Level("service", 4, {"fixed": 0, "lte": 1, "iot": 2}),
    ),
    56,
)


def reasons(plan: Plan) -> set[str]:
    return {finding.reason for finding in judged(plan)}


def test_a_good_plan_has_nothing_found() -> None:
    assert judged(PLAN) == []


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        (Level("city", 4, {"a": 16}), "CODE_OUT_OF_RANGE"),
        (Level("city", 4, {"a": 1, "b": 1}), "CODE_REPEATED"),
        (Level("city", 0, {}), "BITS_OUT_OF_RANGE"),
        (Level("city", 3, {"a": 1}), "NOT_ON_A_NIBBLE"),
        (Level("city", 4, {str(n): n for n in range(13)}), "NO_ROOM_TO_GROW"),
        (Level("city", 8, {"a": 1}), "BITS_TO_SPARE"),
        (Level("province", 4, {"a": 1}), "LEVEL_REPEATED"),
        (Level("city", 16, {}), "LEVELS_TOO_LONG"),
    ],
)
def test_what_is_wrong_is_found(level: Level, reason: str) -> None:
    assert reason in reasons(replace(PLAN, levels=(*PLAN.levels, level)))


@pytest.mark.parametrize(
    ("root", "delegated", "reason"),
    [
        ("2001:db8::/129", 56, "PREFIX_MALFORMED"),
        ("192.0.2.0/24", 56, "FAMILY_UNSUPPORTED"),
        ("2001:db8::/32", 65, "LENGTH_OUT_OF_RANGE"),
        ("2001:db8::/32", 48, "FEW_DELEGATIONS"),
    ],
)
def test_a_bad_root_or_end_is_found(root: str, delegated: int, reason: str) -> None:
    assert reason in reasons(replace(PLAN, root=root, delegated=delegated))


def test_codes_make_a_prefix_and_an_address_tells_them_again() -> None:
    prefix = prefix_of(PLAN, {"province": "south", "operator": "unicom"})
    assert str(prefix) == "2001:db8:2300::/40"
    assert explained(PLAN, "2001:db8:2310::1") == {
        "province": "south",
        "operator": "unicom",
        "service": "lte",
    }
    assert explained(PLAN, "2001:db8:f310::1")["province"] == "unassigned (0xf)"
    for codes in ({"operator": "telecom"}, {"province": "west"}, {"planet": "earth"}):
        with pytest.raises(PrefixError):
            prefix_of(PLAN, codes)
    with pytest.raises(PrefixError):
        explained(PLAN, "2001:db9::1")


def test_it_is_drawn() -> None:
    lines = drawn(PLAN).splitlines()
    assert lines[2].startswith("province  " + "." * 32 + "####")
    assert "bits 32-35" in lines[2]
    assert lines[-2].strip().startswith("customer")
    assert "4,096 delegations of /56" in lines[-2]


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4).flatmap(
        lambda bits: st.tuples(
            st.just(bits),
            st.tuples(*(st.sets(st.integers(0, (1 << n) - 1), min_size=1, max_size=5) for n in bits)),
        )
    )
)
def test_every_named_prefix_tells_its_codes(made: tuple[list[int], tuple[set[int], ...]]) -> None:
    bits, values = made
    levels = tuple(
        Level(f"l{at}", width, {f"c{value}": value for value in found})
        for at, (width, found) in enumerate(zip(bits, values, strict=True))
    )
    plan = Plan("2001:db8::/32", levels, 64)
    named = pools(plan)
    assert len({prefix for _, prefix in named}) == len(named)
    for path, prefix in named:
        told = explained(plan, str(prefix).partition("/")[0])
        assert tuple(told.values())[: len(path)] == path
        assert prefix_of(plan, dict(zip(told, path, strict=False))) == prefix
