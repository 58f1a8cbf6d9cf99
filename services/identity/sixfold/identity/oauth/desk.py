"""What is asked of the tokens, decided on the ledger. Raises OAuthError, RefusedError, LedgerError."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sixfold.identity.credentials.desk import CredentialDesk
from sixfold.identity.domain import oauth_decisions as decisions
from sixfold.identity.domain.events import Event
from sixfold.identity.domain.oauth import CLIENT_CREDENTIALS, Client, DeviceCode, Grant, OAuth
from sixfold.identity.domain.oauth_decisions import OAuthError
from sixfold.identity.domain.registry import Registry
from sixfold.identity.oauth.assertions import checked_key_set
from sixfold.identity.oauth.keys import drawn
from sixfold.identity.oauth.tokens import TokenMaker
from sixfold.identity.oauth.usercodes import draw_user_code
from sixfold.identity.ports import Clock, RegistryLedger

Result = TypeVar("Result")
_DRAWS: Final = 5
_POLLS: Final = 100_000


class TokenDesk:
    def __init__(
        self,
        ledger: RegistryLedger,
        credentials: CredentialDesk,
        maker: TokenMaker,
        clock: Clock,
        *,
        poll_seconds: int,
    ) -> None:
        self._ledger = ledger
        self._credentials = credentials
        self.maker = maker
        self._clock = clock
        self.poll_seconds = poll_seconds
        self._polled: dict[bytes, int] = {}

    @property
    def registry(self) -> Registry:
        return self._ledger.state

    @property
    def oauth(self) -> OAuth:
        return self._ledger.state.oauth

    def now(self) -> int:
        return self._clock()

    # --- clients and keys

    async def register(
        self, name: str, scopes: Sequence[str], grant_types: Sequence[str], key_set: str, *, is_public: bool
    ) -> tuple[Client, str]:
        """The client and the secret that was drawn for it, if any."""
        secret = "" if key_set or is_public else drawn()
        client = Client(
            f"c-{drawn(12)}",
            name,
            hashed(secret) if secret else b"",
            checked_key_set(key_set) if key_set else "",
            tuple(dict.fromkeys(scopes)),
            tuple(dict.fromkeys(grant_types)),
            self._clock(),
        )
        return await self._decided(lambda registry: decisions.register(registry, client)), secret

    async def change_secret(self, client_id: str) -> str:
        secret, now = drawn(), self._clock()
        await self._decided(
            lambda registry: decisions.change_secret(registry, client_id, hashed(secret), now)
        )
        return secret

    async def disable(self, client_id: str) -> Client:
        now = self._clock()
        return await self._decided(lambda registry: decisions.disable(registry, client_id, now))

    async def rotate(self, *, withdraw_others: bool = False) -> str:
        key = self.maker.keys.draw(self._clock())
        return await self._decided(lambda registry: decisions.make_key(key, withdraw_others=withdraw_others))

    async def end_all(self, terminal: str) -> int:
        now = self._clock()
        return await self._decided(lambda registry: decisions.end_all(registry, terminal, now))

    # --- the token endpoint

    def client_token(self, client: Client, scopes: Sequence[str]) -> dict[str, Any]:
        decisions.require_grant_type(client, CLIENT_CREDENTIALS)
        granted = decisions.scopes_of(client, scopes)
        return self.maker.of_client(self.oauth, client.client_id, granted, self._clock())

    async def device_token(self, client: Client, device_code: str) -> dict[str, Any]:
        code_hash, now = hashed(device_code), self._clock()
        self._require_patience(code_hash, now)
        expires = now + self.maker.lifetimes.refresh * 1000
        grant_id = drawn(12)
        grant = await self._decided(
            lambda registry: decisions.exchange(registry, code_hash, client.client_id, grant_id, now, expires)
        )
        self._polled.pop(code_hash, None)
        return self.maker.of_grant(self.oauth, grant, now)

    async def refreshed_token(self, client: Client, token: str) -> dict[str, Any]:
        grant_id, number = self.maker.read_refresh_token(token)
        now = self._clock()
        expires = now + self.maker.lifetimes.refresh * 1000
        grant: Grant | None = await self._decided(
            lambda registry: decisions.refresh(registry, grant_id, number, client.client_id, now, expires)
        )
        if grant is None:
            raise OAuthError("invalid_grant", "the refresh token was used before: what it stood for is over")
        return self.maker.of_grant(self.oauth, grant, now)

    def _require_patience(self, code_hash: bytes, now: int) -> None:
        """RFC 8628, section 3.5: who asks sooner than told is told to slow down."""
        if code_hash not in self.oauth.codes:
            return
        last = self._polled.get(code_hash, 0)
        self._polled[code_hash] = now
        if len(self._polled) > _POLLS:
            self._polled = {one: at for one, at in self._polled.items() if one in self.oauth.codes}
        if now - last < self.poll_seconds * 1000:
            raise OAuthError("slow_down", f"ask every {self.poll_seconds} s at most")

    # --- device codes

    async def device_code(self, client: Client, scopes: Sequence[str]) -> tuple[str, DeviceCode]:
        """(device code, what waits)."""
        granted = decisions.scopes_of(client, scopes)
        secret, now = drawn(), self._clock()
        expires = now + self.maker.lifetimes.device * 1000
        for draw in range(_DRAWS):
            code = DeviceCode(hashed(secret), draw_user_code(), client.client_id, granted, expires)
            if code.user_code in self.oauth.by_user_code and draw < _DRAWS - 1:
                continue
            await self._decided(lambda registry, code=code: decisions.make_code(registry, code, now))
            return secret, code
        raise AssertionError

    def waiting(self, user_code: str) -> tuple[DeviceCode, Client]:
        code = decisions.waiting_code(self.registry, user_code, self._clock())
        return code, decisions.require_client(self.registry, code.client_id)

    async def decide(self, user_code: str, terminal: str, secret: str, *, agreed: bool) -> bool:
        """Whether the terminal's secret was right. Raises TooManyError, RefusedError."""
        decisions.waiting_code(self.registry, user_code, self._clock())
        if not await self._credentials.verify_secret(terminal, secret):
            return False
        now = self._clock()
        await self._decided(
            lambda registry: decisions.decide_code(registry, user_code, terminal, now, agreed=agreed)
        )
        return True

    # --- what becomes of tokens

    def introspected(self, client: Client, token: str, *, may_see_all: bool) -> dict[str, Any]:
        """RFC 7662: of a token that is good, what it says; of any other, or one that is none of the client's, no more
        than that."""
        now = self._clock()
        claims = self.maker.read_access_token(self.oauth, token, now)
        if claims is not None:
            owner = str(claims["client_id"])
            good = decisions.is_good(
                self.registry, owner, str(claims["jti"]), str(claims.get("sid", "")), now
            )
            if good and (may_see_all or owner == client.client_id):
                return {"active": True, "token_type": "Bearer", **claims}
            return {"active": False}
        try:
            grant_id, number = self.maker.read_refresh_token(token)
        except OAuthError:
            return {"active": False}
        grant = self.oauth.grants.get(grant_id)
        owned = grant is not None and grant.client_id == client.client_id
        if grant is None or not owned or number != grant.number or grant.expires <= now:
            return {"active": False}
        if not decisions.is_good(self.registry, grant.client_id, "", grant_id, now):
            return {"active": False}
        subject = self.maker.subject(grant.client_id, grant.terminal)
        return {
            "active": True,
            "client_id": grant.client_id,
            "sub": subject,
            "scope": " ".join(grant.scopes),
            "exp": grant.expires // 1000,
        }

    async def revoke(self, client: Client, token: str) -> None:
        """RFC 7009: a refresh token ends its grant; of another's token, or none, nothing is said."""
        now = self._clock()
        claims = self.maker.read_access_token(self.oauth, token, now)
        if claims is not None:
            if claims["client_id"] == client.client_id:
                token_id, expires = str(claims["jti"]), int(claims["exp"]) * 1000
                await self._decided(
                    lambda registry: decisions.revoke_access(registry, token_id, expires, now)
                )
            return
        try:
            grant_id, _ = self.maker.read_refresh_token(token)
        except OAuthError:
            return
        grant = self.oauth.grants.get(grant_id)
        if grant is not None and grant.client_id == client.client_id:
            await self._decided(lambda registry: decisions.end(registry, grant_id, now))

    async def _decided(self, decide: Callable[[Registry], tuple[Sequence[Event], Result]]) -> Result:
        return await self._ledger.transact(decide)


def hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
