"""Clients that prove themselves by a signed assertion: private_key_jwt (RFC 7523, section 2.2)."""

import json
from collections import OrderedDict
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from sixfold.identity.domain.oauth import Client
from sixfold.identity.domain.oauth_decisions import OAuthError
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.ports import Clock

KIND: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ("Ed25519", "ES256", "ES384", "PS256", "RS256")
"""Asymmetric ones alone: a public key is never taken for a shared secret."""
TAKEN_SECONDS: Final = 300
"""How old one may be. Each is remembered for as long, so that none is taken twice."""
LONGEST_SECONDS: Final = 3_600
"""Libraries let theirs last an hour; what one is good for here ends with TAKEN_SECONDS."""
SKEW_SECONDS: Final = 30
REMEMBERED: Final = 100_000
LARGEST_SET: Final = 8_192
KEYS: Final = 8
_LONGEST: Final = 4_096
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "k")


class Assertions:
    """Takes each once; one from before this process began is not known to be new, so it is not taken."""

    def __init__(self, issuer: str, clock: Clock) -> None:
        self._audiences = (issuer, f"{issuer}/oauth/token")
        self._clock = clock
        self._begun = clock() // 1000
        self._used: OrderedDict[tuple[str, str], int] = OrderedDict()

    @staticmethod
    def client_id(assertion: str) -> str:
        """Whom it speaks of, unproven. Raises OAuthError."""
        try:
            claims = json.loads(_part(assertion.split(".")[1]))
        except (IndexError, ValueError, RecursionError):
            raise OAuthError("invalid_client", "the client assertion is no JWT") from None
        subject = claims.get("sub") if isinstance(claims, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if not isinstance(subject, str):
            raise OAuthError("invalid_client", "the client assertion has no sub")
        return subject

    def require(self, client: Client, assertion: str) -> None:
        """Raises OAuthError: why it proves nothing."""
        if not client.key_set:
            raise OAuthError("invalid_client", "no such client, or wrong proof")
        if len(assertion) > _LONGEST:
            raise OAuthError("invalid_client", "the client assertion is too long")
        try:
            keys = KeySet.import_key_set(json.loads(client.key_set))
            claims = jwt.decode(assertion, keys, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, TypeError) as error:
            raise OAuthError("invalid_client", f"the client assertion does not verify: {error}") from error
        self._require_claims(client, claims)

    def _require_claims(self, client: Client, claims: dict[str, Any]) -> None:
        now = self._clock() // 1000
        audience = claims.get("aud")
        audiences: Any = audience if isinstance(audience, list) else [audience]
        expires, issued, number = claims.get("exp"), claims.get("iat"), claims.get("jti")
        if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
            raise OAuthError("invalid_client", "iss and sub have to be the client_id")
        if not any(one in self._audiences for one in audiences):
            raise OAuthError("invalid_client", f"aud has to be {self._audiences[0]}")
        if not isinstance(expires, int) or not now < expires <= now + LONGEST_SECONDS + SKEW_SECONDS:
            raise OAuthError("invalid_client", f"exp has to lie within the next {LONGEST_SECONDS} s")
        earliest = max(self._begun, now - TAKEN_SECONDS)
        if not isinstance(issued, int) or not earliest <= issued <= now + SKEW_SECONDS:
            raise OAuthError("invalid_client", "iat has to be now; make a new assertion")
        if not isinstance(number, str) or not 0 < len(number) <= 128:
            raise OAuthError("invalid_client", "jti is missing")
        self._take(client.client_id, number, now)

    def _take(self, client_id: str, number: str, now: int) -> None:
        used = self._used
        # `iat` may lie ahead by the skew.
        while used and next(iter(used.values())) < now - TAKEN_SECONDS - SKEW_SECONDS:
            used.popitem(last=False)
        if (client_id, number) in used:
            raise OAuthError("invalid_client", "this client assertion was used before")
        if len(used) >= REMEMBERED:
            raise OAuthError("temporarily_unavailable", "too many client assertions at once; try again")
        used[client_id, number] = now


def checked_key_set(text: str) -> str:
    """A set of public keys that assertions can be verified with, written tersely. Raises RefusedError."""
    try:
        told = json.loads(text) if len(text) <= LARGEST_SET else None
        members: Any = told["keys"] if isinstance(told, dict) else []
        if not isinstance(members, list) or not 0 < len(members) <= KEYS:
            raise ValueError(f"1 to {KEYS} keys")
        if any(name in one for one in members for name in _PRIVATE):
            raise ValueError("it has a private or a symmetric key in it; keep that, and send the public part")
        set_ = KeySet.import_key_set({"keys": members})
    except (JoseError, KeyError, ValueError, TypeError, RecursionError) as error:
        detail = f"a JWK set (RFC 7517) of public keys is wanted: {error}"[:300]
        raise RefusedError("invalid", "KEY_SET_MALFORMED", detail, "key_set") from error
    return json.dumps(set_.as_dict(private=False), separators=(",", ":"), sort_keys=True)


def _part(text: str) -> bytes:
    return urlsafe_b64decode(text.encode())
