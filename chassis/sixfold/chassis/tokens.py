"""Access tokens of the identity centre, verified where they are shown (RFC 9068): by its published keys, offline."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

ALGORITHM: Final = "Ed25519"
KIND: Final = "at+jwt"
LONGEST: Final = 4_096
FRESH_SECONDS: Final = 300.0
STALE_SECONDS: Final = 3_600.0
"""So long the last known keys do while the identity centre is away."""
AGAIN_SECONDS: Final = 5.0
"""How often a token of an unknown key may have the keys asked for."""
SKEW_SECONDS: Final = 30
REMEMBERED: Final = 10_000
"""Tokens whose standing is remembered."""
FetchKeySet = Callable[[], Awaitable[tuple[str, str]]]
"""(issuer, JWK set as JSON). Raises KeysUnavailableError."""


class TokenRefusedError(ValueError):
    """The token proves nothing here; says why, without the token."""


class IssuerAwayError(RuntimeError):
    """The identity centre does not answer."""


class KeysUnavailableError(IssuerAwayError):
    """The keys are not known, so nothing can be said about a token."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a good token says. `subject` is the client's id where it asks for itself, and `grant_id` is empty then."""

    client_id: str
    subject: str
    scopes: frozenset[str]
    token_id: str
    grant_id: str
    key_id: str


@dataclass(frozen=True, slots=True)
class _Known:
    issuer: str
    keys: KeySet
    ids: frozenset[str]
    at: float


class TokenVerifier:
    """Keeps the key set, and asks for it again when it is old or a token names a key that is not in it."""

    def __init__(
        self,
        fetch: FetchKeySet,
        audience: str,
        *,
        clock: Callable[[], float] = time.time,
        passed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._audience = audience
        self._clock = clock
        self._passed = passed
        self._known: _Known | None = None
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    async def verify(self, token: str) -> AccessToken:
        """Raises TokenRefusedError, KeysUnavailableError."""
        header = _header(token)
        # Before any key is looked for: what the sender says of algorithms is never believed.
        if header.get("alg") != ALGORITHM or header.get("typ") != KIND:
            raise TokenRefusedError("it is no access token signed with Ed25519")
        key_id = str(header.get("kid", ""))
        known = await self._keys(key_id)
        try:
            claims = jwt.decode(token, known.keys, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError, TypeError) as error:
            raise TokenRefusedError("its signature is not the identity centre's") from error
        return self._read(claims, known.issuer, key_id)

    def _read(self, claims: dict[str, Any], issuer: str, key_id: str) -> AccessToken:
        now = self._clock()
        expires, issued = claims.get("exp"), claims.get("iat")
        audience = claims.get("aud")
        audiences: Any = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != issuer:
            raise TokenRefusedError("another issuer made it")
        if self._audience not in audiences:
            raise TokenRefusedError(f"it is not for {self._audience}")
        if not isinstance(expires, int) or expires <= now:
            raise TokenRefusedError("it has expired")
        if not isinstance(issued, int) or issued > now + SKEW_SECONDS:
            raise TokenRefusedError("it is of the future: are the clocks set?")
        client_id, subject, scope = claims.get("client_id"), claims.get("sub"), claims.get("scope")
        token_id, grant_id = claims.get("jti"), claims.get("sid", "")
        texts = (client_id, subject, scope, token_id, grant_id)
        if not all(isinstance(one, str) for one in texts):
            raise TokenRefusedError("client_id, sub, scope or jti is missing")
        return AccessToken(
            str(client_id), str(subject), frozenset(str(scope).split()), str(token_id), str(grant_id), key_id
        )

    async def _keys(self, key_id: str) -> _Known:
        known = self._known
        if known is not None and key_id in known.ids and self._passed() - known.at < FRESH_SECONDS:
            return known
        async with self._lock:
            known = self._known
            is_fresh = known is not None and self._passed() - known.at < FRESH_SECONDS
            if known is not None and is_fresh and key_id in known.ids:
                return known
            if self._passed() - self._asked >= AGAIN_SECONDS:
                known = await self._renewed(known)
            if known is None:
                raise KeysUnavailableError("the keys of the identity centre are not known yet")
        if key_id not in known.ids:
            raise TokenRefusedError("no key of that name is published")
        return known

    async def _renewed(self, known: _Known | None) -> _Known | None:
        self._asked = self._passed()
        try:
            issuer, text = await self._fetch()
            keys = KeySet.import_key_set(json.loads(text))
        except (KeysUnavailableError, JoseError, ValueError, KeyError, TypeError) as error:
            if known is not None and self._passed() - known.at < STALE_SECONDS:
                return known
            self._known = None
            raise KeysUnavailableError(str(error)) from error
        ids = frozenset(str(one.kid) for one in keys.keys)
        self._known = _Known(issuer, keys, ids, self._passed())
        return self._known


class Standing:
    """Whether tokens that verify are still good, for they may be revoked, and who they speak for suspended.

    The issuer is asked about each at most every `seconds`. While it is away, what was last known holds; a token of
    which nothing is known is then taken, as its signature is good and its end near.
    """

    def __init__(
        self,
        ask: Callable[[AccessToken], Awaitable[bool]],
        *,
        seconds: float,
        passed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` raises IssuerAwayError."""
        self._ask = ask
        self._seconds = seconds
        self._passed = passed
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()
        self._away_until = float("-inf")

    async def is_good(self, token: AccessToken) -> bool:
        now = self._passed()
        at, good = self._known.get(token.token_id, (float("-inf"), True))
        if now - at < self._seconds or now < self._away_until:
            return good
        try:
            good = await self._ask(token)
        except IssuerAwayError:
            self._away_until = self._passed() + AGAIN_SECONDS
            return good
        self._known[token.token_id] = (now, good)
        self._known.move_to_end(token.token_id)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return good


def _header(token: str) -> dict[str, Any]:
    if len(token) > LONGEST or token.count(".") != 2:
        raise TokenRefusedError("it is no JWT")
    try:
        header = json.loads(urlsafe_b64decode(token.partition(".")[0].encode()))
    except (ValueError, RecursionError) as error:
        raise TokenRefusedError("it is no JWT") from error
    if not isinstance(header, dict):
        raise TokenRefusedError("it is no JWT")
    return header  # pyright: ignore[reportUnknownVariableType] - of JSON
