"""Access tokens verified by published keys: what is taken, what is refused, when the keys are asked for again."""

import json

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey

from sixfold.chassis.tokens import (
    REMEMBERED,
    AccessToken,
    IssuerAwayError,
    KeysUnavailableError,
    Standing,
    TokenRefusedError,
    TokenVerifier,
)

ISSUER, AUDIENCE = "https://identity.example", "sixfold-openapi"


class Issuer:
    """Keys, and how often they were asked for."""

    def __init__(self):
        self.keys = [OKPKey.generate_key("Ed25519", auto_kid=True)]
        self.asked = 0
        self.is_away = False
        self.now = 1_000.0

    async def fetch(self):
        self.asked += 1
        if self.is_away:
            raise KeysUnavailableError("away")
        return ISSUER, json.dumps(KeySet(self.keys).as_dict(private=False))

    def verifier(self):
        return TokenVerifier(self.fetch, AUDIENCE, clock=lambda: self.now, passed=lambda: self.now)

    def token(self, key=None, algorithm="Ed25519", kind="at+jwt", **more):
        key = key or self.keys[-1]
        told = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "c-1",
            "client_id": "c-1",
            "scope": "a b",
            "jti": "1",
            "iat": int(self.now),
            "exp": int(self.now) + 600,
            **more,
        }
        header = {"alg": algorithm, "kid": self.keys[-1].kid, "typ": kind}
        return jwt.encode(header, told, key, algorithms=[algorithm])


async def test_a_good_token_says_who_and_what():
    issuer = Issuer()
    verifier = issuer.verifier()
    for _ in range(3):
        found = await verifier.verify(issuer.token())
    assert (found.client_id, found.scopes) == ("c-1", {"a", "b"})
    assert (await verifier.verify(issuer.token(aud=["x", AUDIENCE]))).subject == "c-1"
    assert issuer.asked == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"exp": 999}, "expired"),
        ({"exp": None}, "expired"),
        ({"iat": 5_000}, "future"),
        ({"aud": "another"}, "not for"),
        ({"iss": "https://elsewhere.example"}, "issuer"),
        ({"scope": None}, "missing"),
        ({"jti": None}, "missing"),
        ({"sid": 5}, "missing"),
        ({"kind": "JWT"}, "no access token"),
        ({"key": OKPKey.generate_key("Ed25519")}, "signature"),
        ({"key": OctKey.generate_key(256), "algorithm": "HS256"}, "no access token"),
    ],
)
async def test_others_are_refused_with_the_reason(more, said):
    issuer = Issuer()
    with pytest.raises(TokenRefusedError, match=said):
        await issuer.verifier().verify(issuer.token(**more))


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c", "e30.e30.e30", "W10.e30.", "x" * 5_000 + "..", "é.é.é"]
)
async def test_what_is_no_token_is_refused_before_any_key_is_asked_for(token):
    issuer = Issuer()
    with pytest.raises(TokenRefusedError):
        await issuer.verifier().verify(token)
    assert issuer.asked == 0


async def test_new_keys_are_found_and_unknown_ones_asked_for_seldom():
    issuer = Issuer()
    verifier = issuer.verifier()
    await verifier.verify(issuer.token())
    stranger = Issuer()
    for _ in range(10):
        with pytest.raises(TokenRefusedError, match="no key"):
            await verifier.verify(stranger.token())
    assert issuer.asked == 1
    issuer.now += 6
    issuer.keys.append(OKPKey.generate_key("Ed25519", auto_kid=True))
    await verifier.verify(issuer.token())
    assert issuer.asked == 2
    # withdrawn keys are out once the set is old
    issuer.keys.pop(0)
    old = issuer.token()
    issuer.keys = [OKPKey.generate_key("Ed25519", auto_kid=True)]
    issuer.now += 301
    with pytest.raises(TokenRefusedError):
        await verifier.verify(old)


async def test_known_keys_do_while_the_issuer_is_away_but_not_for_ever():
    issuer = Issuer()
    issuer.is_away = True
    verifier = issuer.verifier()
    with pytest.raises(KeysUnavailableError):
        await verifier.verify(issuer.token())
    issuer.is_away, issuer.now = False, issuer.now + 10
    await verifier.verify(issuer.token())
    issuer.is_away, issuer.now = True, issuer.now + 400
    assert (await verifier.verify(issuer.token())).client_id == "c-1"
    issuer.now += 3_600
    with pytest.raises(KeysUnavailableError):
        await verifier.verify(issuer.token())


async def test_standing_is_asked_for_now_and_then_and_holds_while_the_issuer_is_away():
    asked, now = [], 0.0
    said: bool | None = True

    async def ask(token):
        asked.append(token.token_id)
        if said is None:
            raise IssuerAwayError("away")
        return said

    def token(number):
        return AccessToken("c-1", "p-1", frozenset(), number, "g-1", "k-1")

    standing = Standing(ask, seconds=15, passed=lambda: now)
    assert await standing.is_good(token("1"))
    said, now = False, 14.0
    assert await standing.is_good(token("1"))
    assert asked == ["1"]
    now = 15.0
    assert not await standing.is_good(token("1"))
    # away: what was known holds, of others nothing is known, and the issuer is left alone for a while
    said, now = None, 40.0
    assert not await standing.is_good(token("1"))
    assert await standing.is_good(token("2"))
    assert len(asked) == 3
    said, now = True, 46.0
    assert await standing.is_good(token("1"))
    for number in range(REMEMBERED + 5):
        await standing.is_good(token(f"n{number}"))
    assert len(standing._known) == REMEMBERED
