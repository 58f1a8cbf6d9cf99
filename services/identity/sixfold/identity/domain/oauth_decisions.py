"""Decisions on clients and grants: from the register and a wish to the events that it takes, or a refusal.

Refusals of the token endpoint are `OAuthError`, named as RFC 6749, section 5.2 and RFC 8628, section 3.5 name them.
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sixfold.identity.domain.credential_decisions import active_terminal
from sixfold.identity.domain.decisions import terminal_of
from sixfold.identity.domain.events import (
    AccessTokenRevoked,
    ClientDisabled,
    ClientRegistered,
    ClientSecretChanged,
    DeviceCodeDecided,
    DeviceCodeMade,
    Event,
    GrantEnded,
    SigningKeyMade,
    TokensGranted,
    TokensRefreshed,
)
from sixfold.identity.domain.oauth import (
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    Client,
    DeviceCode,
    Grant,
    SigningKey,
)
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import Lifecycle, RefusedError

GRANT_TYPES: Final = (CLIENT_CREDENTIALS, DEVICE_CODE)
CLIENTS: Final = 10_000
SCOPES: Final = 32
GRANTS_OF_TERMINAL: Final = 64
CODES_OF_CLIENT: Final = 1_000
CODES: Final = 100_000
LEEWAY_MS: Final = 10_000
"""For so long the refresh token before the newest gives the newest again: its answer may have been lost."""
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,64}")


class OAuthError(RefusedError):
    """`reason` is the `error` of the answer."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__("forbidden" if error == "invalid_client" else "invalid", error, detail)


def make_key(key: SigningKey, *, withdraw_others: bool) -> tuple[Sequence[Event], str]:
    event = SigningKeyMade(key.key_id, key.public_key, key.sealed_key, withdraw_others, key.made)
    return [event], key.key_id


def register(registry: Registry, client: Client) -> tuple[Sequence[Event], Client]:
    """Raises RefusedError where it cannot be told to whoever is asked, or could never ask for anything."""
    if not _NAME.fullmatch(client.name) or client.name.strip() != client.name:
        raise RefusedError("invalid", "NAME_MALFORMED", "1 to 80 characters that can be shown", "name")
    if len(client.scopes) > SCOPES or not all(_SCOPE.fullmatch(one) for one in client.scopes):
        detail = f"at most {SCOPES} scopes of 64 characters, without spaces and quotes (RFC 6749, 3.3)"
        raise RefusedError("invalid", "SCOPE_MALFORMED", detail, "scopes")
    unknown = set(client.grant_types) - set(GRANT_TYPES)
    if unknown or not client.grant_types:
        raise RefusedError(
            "invalid", "GRANT_UNKNOWN", f"one or more of {', '.join(GRANT_TYPES)}", "grant_types"
        )
    if client.is_public and CLIENT_CREDENTIALS in client.grant_types:
        detail = "a public client cannot prove itself, so it cannot have client_credentials"
        raise RefusedError("invalid", "GRANT_UNKNOWN", detail, "grant_types")
    if len(registry.oauth.clients) >= CLIENTS:
        raise RefusedError("precondition", "CLIENTS_TOO_MANY", f"there are {CLIENTS} clients")
    event = ClientRegistered(
        client.client_id,
        client.name,
        client.secret_hash,
        client.key_set,
        client.scopes,
        client.grant_types,
        client.registered,
    )
    return [event], client


def client_of(registry: Registry, client_id: str) -> Client:
    client = registry.oauth.clients.get(client_id)
    if client is None:
        raise RefusedError("unknown", "CLIENT_UNKNOWN", f"no client {client_id[:64]!r}", "client_id")
    return client


def change_secret(
    registry: Registry, client_id: str, secret_hash: bytes, now: int
) -> tuple[Sequence[Event], None]:
    client = client_of(registry, client_id)
    if client.is_disabled:
        raise RefusedError("precondition", "CLIENT_DISABLED", f"{client.name} is disabled", "client_id")
    if not client.secret_hash:
        detail = f"{client.name} has keys of its own, or is public: no secret proves it"
        raise RefusedError("precondition", "CLIENT_HAS_NO_SECRET", detail, "client_id")
    return [ClientSecretChanged(client_id, secret_hash, now)], None


def disable(registry: Registry, client_id: str, now: int) -> tuple[Sequence[Event], Client]:
    client = client_of(registry, client_id)
    if client.is_disabled:
        return [], client
    return [ClientDisabled(client_id, now)], replace(client, is_disabled=True)


def require_client(registry: Registry, client_id: str) -> Client:
    """A client that may still ask."""
    client = registry.oauth.clients.get(client_id)
    if client is None or client.is_disabled:
        raise OAuthError("invalid_client", "no such client, or wrong proof")
    return client


def scopes_of(client: Client, asked: Sequence[str]) -> tuple[str, ...]:
    """What is asked for, or all that the client may have."""
    beyond = [one for one in asked if one not in client.scopes]
    if beyond:
        raise OAuthError("invalid_scope", f"{client.name} may not have {' '.join(beyond)[:200]}")
    return tuple(dict.fromkeys(asked)) or client.scopes


def require_grant_type(client: Client, grant_type: str) -> None:
    if grant_type not in client.grant_types:
        raise OAuthError("unauthorized_client", f"{client.name} is not registered for {grant_type}")


# --- device codes


def make_code(registry: Registry, code: DeviceCode, now: int) -> tuple[Sequence[Event], DeviceCode]:
    oauth = registry.oauth
    client = require_client(registry, code.client_id)
    require_grant_type(client, DEVICE_CODE)
    waiting = [one for one in oauth.codes.values() if one.expires > now]
    of_client = sum(one.client_id == code.client_id for one in waiting)
    if len(waiting) >= CODES or of_client >= CODES_OF_CLIENT or code.user_code in oauth.by_user_code:
        raise OAuthError("slow_down", "too many device codes wait; try again later")
    event = DeviceCodeMade(code.code_hash, code.user_code, code.client_id, code.scopes, code.expires, now)
    return [event], code


def waiting_code(registry: Registry, user_code: str, now: int) -> DeviceCode:
    """One that nobody has decided on yet. Raises RefusedError."""
    code = registry.oauth.code_of(user_code)
    if code is None or code.expires <= now or code.is_decided:
        raise RefusedError("unknown", "USER_CODE_UNKNOWN", "no such code waits: it may be over")
    return code


def decide_code(
    registry: Registry, user_code: str, terminal: str, now: int, *, agreed: bool
) -> tuple[Sequence[Event], DeviceCode]:
    code = waiting_code(registry, user_code, now)
    active_terminal(registry, terminal)
    decided = replace(code, is_decided=True, terminal=terminal if agreed else "")
    return [DeviceCodeDecided(code.code_hash, decided.terminal, now)], decided


def exchange(
    registry: Registry, code_hash: bytes, client_id: str, grant_id: str, now: int, expires: int
) -> tuple[Sequence[Event], Grant]:
    """A device code that was agreed to, for a grant. Raises OAuthError (RFC 8628, section 3.5)."""
    client = require_client(registry, client_id)
    require_grant_type(client, DEVICE_CODE)
    code = registry.oauth.codes.get(code_hash)
    if code is None or code.client_id != client_id:
        raise OAuthError("invalid_grant", "no such device code, or it was used before")
    if code.expires <= now:
        raise OAuthError("expired_token", "nobody agreed in time; ask for another device code")
    if not code.is_decided:
        raise OAuthError("authorization_pending", "nobody has agreed yet")
    if not code.terminal:
        raise OAuthError("access_denied", "it was denied")
    _require_active(registry, code.terminal)
    events: list[Event] = []
    held = sorted(registry.oauth.of(code.terminal), key=lambda one: one.since)
    events += [
        GrantEnded(one.grant_id, "ended", now) for one in held[: max(0, len(held) + 1 - GRANTS_OF_TERMINAL)]
    ]
    events.append(TokensGranted(grant_id, code_hash, client_id, code.terminal, code.scopes, expires, now))
    return events, Grant(grant_id, client_id, code.terminal, code.scopes, now, expires)


# --- grants


def refresh(
    registry: Registry, grant_id: str, number: int, client_id: str, now: int, expires: int
) -> tuple[Sequence[Event], Grant | None]:
    """The grant with its next number. None: the token was used before, by somebody else perhaps: the grant ends."""
    require_client(registry, client_id)
    grant = registry.oauth.grants.get(grant_id)
    if grant is None or grant.client_id != client_id or number > grant.number:
        raise OAuthError("invalid_grant", "no such refresh token, or what it stood for is over")
    if grant.expires <= now:
        raise OAuthError("invalid_grant", "the refresh token has expired")
    _require_active(registry, grant.terminal)
    if number == grant.number:
        following = replace(grant, number=number + 1, expires=expires, refreshed=now)
        return [TokensRefreshed(grant_id, following.number, expires, now)], following
    if number == grant.number - 1 and now - grant.refreshed <= LEEWAY_MS:
        return [], grant
    return [GrantEnded(grant_id, "reused", now)], None


def end(registry: Registry, grant_id: str, now: int) -> tuple[Sequence[Event], bool]:
    """Whether there was something to end."""
    if grant_id not in registry.oauth.grants:
        return [], False
    return [GrantEnded(grant_id, "revoked", now)], True


def end_all(registry: Registry, terminal: str, now: int) -> tuple[Sequence[Event], int]:
    terminal_of(registry, terminal)
    grants = registry.oauth.of(terminal)
    return [GrantEnded(one.grant_id, "ended", now) for one in grants], len(grants)


def revoke_access(registry: Registry, token_id: str, expires: int, now: int) -> tuple[Sequence[Event], None]:
    if expires <= now or token_id in registry.oauth.revoked:
        return [], None
    return [AccessTokenRevoked(token_id, expires, now)], None


def is_good(registry: Registry, client_id: str, token_id: str, grant_id: str, now: int) -> Grant | bool:
    """Of an access token whose signature and times are good: its grant, True where it is a client's own, or False."""
    client = registry.oauth.clients.get(client_id)
    if client is None or client.is_disabled or token_id in registry.oauth.revoked:
        return False
    if not grant_id:
        return True
    grant = registry.oauth.grants.get(grant_id)
    if grant is None or grant.client_id != client_id or not _is_active(registry, grant.terminal):
        return False
    return grant


def proves(client: Client, secret_hash: bytes) -> bool:
    return bool(client.secret_hash) and hmac.compare_digest(client.secret_hash, secret_hash)


def _is_active(registry: Registry, terminal: str) -> bool:
    known = registry.terminals.get(terminal)
    return known is not None and registry.state_of(known) is Lifecycle.ACTIVE


def _require_active(registry: Registry, terminal: str) -> None:
    if not _is_active(registry, terminal):
        raise OAuthError("invalid_grant", "the terminal or its subscriber is not active")
