"""Clients, signing keys and what terminals have granted, as the ledger's events add up (RFC 6749, RFC 8628).

Changed in place, like the register that holds it. What is over is forgotten when the next of its kind comes.
"""

from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from sixfold.identity.domain.events import (
    AccessTokenRevoked,
    ClientDisabled,
    ClientRegistered,
    ClientSecretChanged,
    DeviceCodeDecided,
    DeviceCodeMade,
    GrantEnded,
    OAuthEvent,
    SigningKeyMade,
    TokensGranted,
    TokensRefreshed,
)
from sixfold.identity.domain.values import Lifecycle

CLIENT_CREDENTIALS: Final = "client_credentials"
DEVICE_CODE: Final = "device_code"
KEY_LINGERS_MS: Final = 86_400_000
"""How long a key that no longer signs is published: longer than any token that it signed lives."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Times are UTC milliseconds."""

    key_id: str
    public_key: bytes
    sealed_key: bytes
    made: int


@dataclass(frozen=True, slots=True)
class Client:
    """`secret_hash` is SHA-256 of a secret of 256 random bits. Neither that nor a `key_set`: it is public."""

    client_id: str
    name: str
    secret_hash: bytes
    key_set: str
    scopes: tuple[str, ...]
    grant_types: tuple[str, ...]
    registered: int
    is_disabled: bool = False

    @property
    def is_public(self) -> bool:
        return not self.secret_hash and not self.key_set


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """`terminal` is empty until somebody has agreed."""

    code_hash: bytes
    user_code: str
    client_id: str
    scopes: tuple[str, ...]
    expires: int
    is_decided: bool = False
    terminal: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """`number` is that of the refresh token that is good now; `refreshed` when it became so."""

    grant_id: str
    client_id: str
    terminal: str
    scopes: tuple[str, ...]
    since: int
    expires: int
    number: int = 0
    refreshed: int = 0


@dataclass(slots=True)
class OAuth:
    """`keys` in the order of their making: the last one signs."""

    keys: dict[str, SigningKey] = field(default_factory=dict[str, SigningKey])
    clients: dict[str, Client] = field(default_factory=dict[str, Client])
    codes: dict[bytes, DeviceCode] = field(default_factory=dict[bytes, DeviceCode])
    by_user_code: dict[str, bytes] = field(default_factory=dict[str, bytes])
    grants: dict[str, Grant] = field(default_factory=dict[str, Grant])
    of_terminal: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    revoked: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def signing_key(self) -> SigningKey | None:
        return next(reversed(self.keys.values()), None)

    def published(self, now: int) -> list[SigningKey]:
        """Keys that tokens which are good now may be signed with."""
        keys = list(self.keys.values())
        return [
            one
            for one, following in zip(keys, [*keys[1:], None], strict=True)
            if following is None or following.made + KEY_LINGERS_MS > now
        ]

    def of(self, terminal: str) -> list[Grant]:
        return [self.grants[one] for one in self.of_terminal.get(terminal, ())]

    def code_of(self, user_code: str) -> DeviceCode | None:
        code_hash = self.by_user_code.get(user_code)
        return self.codes[code_hash] if code_hash is not None else None


def evolve_oauth(oauth: OAuth, event: OAuthEvent) -> None:
    match event:
        case SigningKeyMade():
            if event.withdraws_others:
                oauth.keys.clear()
            oauth.keys[event.key_id] = SigningKey(
                event.key_id, event.public_key, event.sealed_key, event.time
            )
            lasting = {one.key_id for one in oauth.published(event.time)}
            for key_id in [one for one in oauth.keys if one not in lasting]:
                del oauth.keys[key_id]
        case ClientRegistered():
            oauth.clients[event.client_id] = Client(
                event.client_id,
                event.name,
                event.secret_hash,
                event.key_set,
                tuple(event.scopes),
                tuple(event.grant_types),
                event.time,
            )
        case ClientSecretChanged():
            client = oauth.clients[event.client_id]
            oauth.clients[event.client_id] = replace(client, secret_hash=event.secret_hash)
        case ClientDisabled():
            oauth.clients[event.client_id] = replace(oauth.clients[event.client_id], is_disabled=True)
            for grant in [one for one in oauth.grants.values() if one.client_id == event.client_id]:
                _end(oauth, grant.grant_id)
        case DeviceCodeMade():
            _forget_codes(oauth, event.time)
            oauth.codes[event.code_hash] = DeviceCode(
                event.code_hash, event.user_code, event.client_id, tuple(event.scopes), event.expires
            )
            oauth.by_user_code[event.user_code] = event.code_hash
        case DeviceCodeDecided():
            code = oauth.codes[event.code_hash]
            oauth.codes[event.code_hash] = replace(code, is_decided=True, terminal=event.terminal)
        case TokensGranted():
            _forget_code(oauth, event.code_hash)
            _forget_grants(oauth, event.terminal, event.time)
            oauth.grants[event.grant_id] = Grant(
                event.grant_id,
                event.client_id,
                event.terminal,
                tuple(event.scopes),
                event.time,
                event.expires,
            )
            oauth.of_terminal.setdefault(event.terminal, {})[event.grant_id] = None
        case TokensRefreshed():
            grant = oauth.grants[event.grant_id]
            oauth.grants[event.grant_id] = replace(
                grant, number=event.number, expires=event.expires, refreshed=event.time
            )
        case GrantEnded():
            _end(oauth, event.grant_id)
        case AccessTokenRevoked():
            for token_id in [one for one, expires in oauth.revoked.items() if expires <= event.time]:
                del oauth.revoked[token_id]
            oauth.revoked[event.token_id] = event.expires
        case _:
            assert_never(event)


def end_of_terminal(oauth: OAuth, terminal: str, state: Lifecycle) -> None:
    """A terminal that is retired has granted nothing; one that is suspended has it back when it is resumed."""
    if state is Lifecycle.RETIRED:
        for grant in oauth.of(terminal):
            _end(oauth, grant.grant_id)


def _end(oauth: OAuth, grant_id: str) -> None:
    grant = oauth.grants.pop(grant_id, None)
    if grant is None:
        return
    of_terminal = oauth.of_terminal[grant.terminal]
    del of_terminal[grant_id]
    if not of_terminal:
        del oauth.of_terminal[grant.terminal]


def _forget_grants(oauth: OAuth, terminal: str, now: int) -> None:
    for grant in oauth.of(terminal):
        if grant.expires <= now:
            _end(oauth, grant.grant_id)


def _forget_codes(oauth: OAuth, now: int) -> None:
    """The oldest first: they expire in the order of their making."""
    for code in list(oauth.codes.values()):
        if code.expires > now:
            break
        _forget_code(oauth, code.code_hash)


def _forget_code(oauth: OAuth, code_hash: bytes) -> None:
    code = oauth.codes.pop(code_hash, None)
    if code is not None:
        oauth.by_user_code.pop(code.user_code, None)
