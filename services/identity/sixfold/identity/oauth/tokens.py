"""What stands in the tokens: access tokens (RFC 9068), ID tokens (OpenID Connect Core), refresh tokens."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sixfold.identity.domain.oauth import Grant, OAuth, SigningKey
from sixfold.identity.domain.oauth_decisions import OAuthError
from sixfold.identity.oauth.keys import TokenKeys, drawn

ACCESS: Final = "at+jwt"
ID: Final = "JWT"
OPENID: Final = "openid"
OFFLINE: Final = "offline_access"
"""Scopes of OpenID Connect: an ID token; a refresh token."""
_REFRESH_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds."""

    access: int
    refresh: int
    device: int


class TokenMaker:
    def __init__(self, keys: TokenKeys, issuer: str, audience: str, lifetimes: Lifetimes) -> None:
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.lifetimes = lifetimes

    def of_client(self, oauth: OAuth, client_id: str, scopes: Sequence[str], now: int) -> dict[str, Any]:
        """The token answer of a client that asks for itself."""
        return self._answer(self._access(oauth, client_id, client_id, scopes, now), scopes)

    def of_grant(self, oauth: OAuth, grant: Grant, now: int) -> dict[str, Any]:
        """The token answer for a terminal's grant; a refresh token goes with `offline_access` alone."""
        subject = self.subject(grant.client_id, grant.terminal)
        access = self._access(oauth, grant.client_id, subject, grant.scopes, now, grant)
        answer = self._answer(access, grant.scopes)
        if OFFLINE in grant.scopes:
            answer["refresh_token"] = self.refresh_token(grant)
        if OPENID in grant.scopes:
            claims = self._claims(subject, grant.client_id, now) | {"sid": grant.grant_id}
            answer["id_token"] = self.keys.signed(self._key(oauth), ID, claims)
        return answer

    def subject(self, client_id: str, terminal: str) -> str:
        """Another one for every client, so that two of them cannot put together what each knows (pairwise)."""
        return "p-" + self.keys.code("subject", client_id, terminal)

    def refresh_token(self, grant: Grant) -> str:
        """Made again whenever it is needed, and kept nowhere."""
        return f"{grant.grant_id}.{grant.number}.{self.keys.code('refresh', grant.grant_id, grant.number)}"

    def read_refresh_token(self, token: str) -> tuple[str, int]:
        """(grant id, number). Raises OAuthError where it is none of ours."""
        parts = token.split(".")
        if len(token) <= 128 and len(parts) == _REFRESH_PARTS and parts[1].isdecimal() and parts[1].isascii():
            grant_id, number, code = parts[0], int(parts[1]), parts[2]
            expected = self.keys.code("refresh", grant_id, number)
            if hmac.compare_digest(expected.encode(), code.encode()):
                return grant_id, number
        raise OAuthError("invalid_grant", "no such refresh token, or what it stood for is over")

    def read_access_token(self, oauth: OAuth, token: str, now: int) -> Mapping[str, Any] | None:
        """Claims of one whose signature, issuer, audience and times are good."""
        claims = self.keys.read(token, oauth.published(now), ACCESS)
        if claims is None or (claims.get("iss"), claims.get("aud")) != (self.issuer, self.audience):
            return None
        expires = claims.get("exp")
        return claims if isinstance(expires, int) and expires * 1000 > now else None

    def _access(
        self,
        oauth: OAuth,
        client_id: str,
        subject: str,
        scopes: Sequence[str],
        now: int,
        grant: Grant | None = None,
    ) -> str:
        claims = self._claims(subject, self.audience, now) | {
            "client_id": client_id,
            "jti": drawn(16),
            "scope": " ".join(scopes),
        }
        if grant is not None:
            claims["sid"] = grant.grant_id
        return self.keys.signed(self._key(oauth), ACCESS, claims)

    def _claims(self, subject: str, audience: str, now: int) -> dict[str, Any]:
        begun = now // 1000
        return {
            "iss": self.issuer,
            "sub": subject,
            "aud": audience,
            "iat": begun,
            "exp": begun + self.lifetimes.access,
        }

    def _answer(self, access: str, scopes: Sequence[str]) -> dict[str, Any]:
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.lifetimes.access,
            "scope": " ".join(scopes),
        }

    def _key(self, oauth: OAuth) -> SigningKey:
        key = oauth.signing_key
        if key is None:
            raise OAuthError("temporarily_unavailable", "no key signs yet; try again in a moment")
        return key
