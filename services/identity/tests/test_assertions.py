"""Client assertions: each once, however time goes; what is remembered is bounded by time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from sixfold.identity.domain.oauth import Client
from sixfold.identity.domain.oauth_decisions import OAuthError
from sixfold.identity.oauth.assertions import LONGEST_SECONDS, SKEW_SECONDS, TAKEN_SECONDS, Assertions

ISSUER = "https://identity.example"
BEGUN = 1_000_000
KEY = OKPKey.generate_key("Ed25519", auto_kid=True)
CLIENT = Client("c-1", "Meter", b"", json.dumps(KeySet([KEY]).as_dict(private=False)), (), (), 0)


class Door:
    def __init__(self):
        self.now = BEGUN
        self.assertions = Assertions(ISSUER, lambda: self.now * 1000)

    def takes(self, number, issued, **more):
        told = {"iss": "c-1", "sub": "c-1", "aud": ISSUER, "iat": issued, "exp": issued + 3_600, **more}
        header = {"alg": "Ed25519", "kid": KEY.kid}
        made = jwt.encode(header, {**told, "jti": number}, KEY, algorithms=["Ed25519"])
        try:
            self.assertions.require(CLIENT, made)
        except OAuthError:
            return False
        return True


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 2 * TAKEN_SECONDS),
            st.integers(-2 * TAKEN_SECONDS, SKEW_SECONDS),
        ),
        max_size=20,
    )
)
def test_no_assertion_is_taken_twice(steps):
    door = Door()
    made = {}
    taken = set()
    for number, passes, offset in steps:
        door.now += passes
        issued = made.setdefault(number, door.now + offset)
        if door.takes(str(number), issued):
            assert number not in taken
            assert issued >= BEGUN
            assert door.now - issued <= TAKEN_SECONDS
            taken.add(number)


@pytest.mark.parametrize(
    ("number", "issued", "more", "taken"),
    [
        ("1", BEGUN, {}, True),
        ("2", BEGUN, {"exp": BEGUN + LONGEST_SECONDS + SKEW_SECONDS + 1}, False),
        ("3", BEGUN, {"exp": BEGUN}, False),
        ("4", BEGUN - 1, {}, False),  # another process may have taken it
        ("5", BEGUN + SKEW_SECONDS + 1, {}, False),
        ("6", BEGUN, {"aud": ["https://elsewhere.example", f"{ISSUER}/oauth/token"]}, True),
        ("7", BEGUN, {"aud": {}}, False),
        ("8", True, {}, False),
        ("", BEGUN, {}, False),
    ],
)
def test_what_is_taken(number, issued, more, taken):
    assert Door().takes(number, issued, **more) is taken


def test_what_is_over_is_forgotten():
    door = Door()
    for number in range(5):
        assert door.takes(str(number), door.now)
        door.now += TAKEN_SECONDS
    assert len(door.assertions._used) <= 2
