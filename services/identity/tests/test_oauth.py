"""Grants as they are decided: refresh tokens in any order, codes that end, clients and keys that go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.identity.domain import oauth_decisions as decisions
from sixfold.identity.domain.events import SubscriberEnrolled, TerminalEnrolled
from sixfold.identity.domain.oauth import KEY_LINGERS_MS, Client, DeviceCode, SigningKey
from sixfold.identity.domain.oauth_decisions import LEEWAY_MS, OAuthError
from sixfold.identity.domain.registry import Registry, evolve
from sixfold.identity.oauth import usercodes

CLIENT = Client("c-1", "Smart home", b"", "", ("openid",), ("device_code",), 0)


def applied(registry, decided):
    for event in decided[0]:
        evolve(registry, event)
    return decided[1]


def registry_with_grant(now=1_000, expires=10**12):
    registry = Registry()
    evolve(registry, SubscriberEnrolled("s-1", "person", 0))
    evolve(registry, TerminalEnrolled("t-1", "s-1", "iot", 0))
    applied(registry, decisions.register(registry, CLIENT))
    code = DeviceCode(b"h", "BCDFGHJK", "c-1", ("openid",), now + 600_000)
    applied(registry, decisions.make_code(registry, code, now))
    applied(registry, decisions.decide_code(registry, "BCDFGHJK", "t-1", now, agreed=True))
    applied(registry, decisions.exchange(registry, b"h", "c-1", "g-1", now, expires))
    return registry


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3 * LEEWAY_MS)), max_size=12))
def test_one_refresh_token_is_good_and_an_older_one_ends_the_grant(asked):
    """Whatever is shown when: a number is exchanged once, or again within the leeway; anything older ends it all."""
    registry, now, number, refreshed = registry_with_grant(), 1_000, 0, 0
    for shown, later in asked:
        now += later
        if shown > number or "g-1" not in registry.oauth.grants:
            with pytest.raises(OAuthError, match="over"):
                decisions.refresh(registry, "g-1", shown, "c-1", now, 10**12)
            continue
        grant = applied(registry, decisions.refresh(registry, "g-1", shown, "c-1", now, 10**12))
        if shown == number:
            number, refreshed = number + 1, now
            assert grant.number == number
        elif shown == number - 1 and now - refreshed <= LEEWAY_MS:
            assert grant.number == number
        else:
            assert grant is None
            assert not registry.oauth.grants
            assert not registry.oauth.of_terminal


def test_a_disabled_client_s_grants_are_gone():
    registry = registry_with_grant()
    applied(registry, decisions.disable(registry, "c-1", 2_000))
    assert not registry.oauth.grants
    assert decisions.is_good(registry, "c-1", "j", "", 2_000) is False


def test_codes_that_are_over_are_forgotten_and_their_number_is_bounded():
    registry = registry_with_grant()
    for number in range(decisions.CODES_OF_CLIENT):
        code = DeviceCode(b"%d" % number, f"{number}", "c-1", (), 5_000)
        applied(registry, decisions.make_code(registry, code, 2_000))
    with pytest.raises(OAuthError) as caught:
        decisions.make_code(registry, DeviceCode(b"x", "x", "c-1", (), 5_000), 2_000)
    assert caught.value.reason == "slow_down"
    applied(registry, decisions.make_code(registry, DeviceCode(b"x", "x", "c-1", (), 9_000), 6_000))
    assert list(registry.oauth.codes) == [b"x"]
    assert list(registry.oauth.by_user_code) == ["x"]


def test_a_terminal_s_grants_are_bounded_and_the_oldest_ends():
    registry = registry_with_grant()
    for number in range(decisions.GRANTS_OF_TERMINAL):
        now = 2_000 + number
        code = DeviceCode(b"%d" % number, f"{number}", "c-1", (), now + 600_000)
        applied(registry, decisions.make_code(registry, code, now))
        applied(registry, decisions.decide_code(registry, code.user_code, "t-1", now, agreed=True))
        applied(registry, decisions.exchange(registry, code.code_hash, "c-1", f"g{number}", now, 10**12))
    assert len(registry.oauth.of("t-1")) == decisions.GRANTS_OF_TERMINAL
    assert "g-1" not in registry.oauth.grants


def test_a_key_is_published_until_what_it_signed_is_over():
    registry = Registry()
    for number, made in ((1, 0), (2, 1_000), (3, 2_000 + KEY_LINGERS_MS)):
        key = SigningKey(f"k{number}", b"p", b"s", made)
        applied(registry, decisions.make_key(key, withdraw_others=False))
    assert list(registry.oauth.keys) == ["k2", "k3"]
    assert [one.key_id for one in registry.oauth.published(registry.oauth.keys["k3"].made)] == ["k2", "k3"]
    assert [one.key_id for one in registry.oauth.published(10**12)] == ["k3"]
    applied(registry, decisions.make_key(SigningKey("k4", b"p", b"s", 10**12), withdraw_others=True))
    assert list(registry.oauth.keys) == ["k4"]


@given(st.text(max_size=80))
def test_any_text_is_a_user_code_or_none(text):
    code = usercodes.read(text)
    assert not code or usercodes.read(usercodes.shown(code)) == code


def test_a_drawn_code_is_read_however_it_is_typed():
    code = usercodes.draw_user_code()
    assert usercodes.read(f" {usercodes.shown(code).lower()} ") == code
