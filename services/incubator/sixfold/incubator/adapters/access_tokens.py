"""Access tokens of the identity centre as the open API takes them: a client is a caller like the owner of a key."""

from collections.abc import Callable
from typing import Final

import grpc

from sixfold.api.identity.v1.token_pb2 import CheckAccessTokenRequest, GetKeySetRequest
from sixfold.api.identity.v1.token_pb2_grpc import TokenServiceStub
from sixfold.chassis.tokens import (
    AccessToken,
    IssuerAwayError,
    KeysUnavailableError,
    Standing,
    TokenRefusedError,
    TokenVerifier,
)
from sixfold.incubator.config import TokenSettings
from sixfold.incubator.domain.keys import SCOPES, ApiKey
from sixfold.incubator.ports import ApiError

_CHECK_SECONDS: Final = 1.0
"""A call does not wait longer to hear whether its token was revoked."""


class TokenDoor:
    def __init__(
        self,
        identity: grpc.aio.Channel,
        settings: TokenSettings,
        *,
        timeout: float,
        count: Callable[[str], None],
    ) -> None:
        self._stub = TokenServiceStub(identity)
        self._timeout = timeout
        self._per_minute = settings.requests_per_minute
        self._count = count
        self._verifier = TokenVerifier(self._fetch, settings.audience)
        self._standing = Standing(self._is_good, seconds=settings.recheck_seconds)

    async def read(self, token: str) -> tuple[ApiKey | None, str]:
        """Whose it is, or why it is nobody's. Raises ApiError where that cannot be said now."""
        try:
            found = await self._verifier.verify(token)
        except TokenRefusedError as error:
            self._count("refused")
            return None, str(error)
        except KeysUnavailableError as error:
            self._count("unavailable")
            message = "Access tokens cannot be verified now: the identity centre does not answer; try again."
            raise ApiError(503, "UNAVAILABLE", message, {"Retry-After": "5"}) from error
        if not await self._standing.is_good(found):
            self._count("revoked")
            return None, "it was revoked, or whoever it speaks for may not use it now"
        self._count("accepted")
        return ApiKey(found.client_id, "", found.scopes & SCOPES, self._per_minute), ""

    async def _fetch(self) -> tuple[str, str]:
        try:
            answer = await self._stub.GetKeySet(GetKeySetRequest(), timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            raise KeysUnavailableError(str(error.details())) from error
        return answer.issuer, answer.key_set

    async def _is_good(self, token: AccessToken) -> bool:
        asked = CheckAccessTokenRequest(
            client_id=token.client_id, token_id=token.token_id, grant_id=token.grant_id, key_id=token.key_id
        )
        try:
            answer = await self._stub.CheckAccessToken(asked, timeout=min(self._timeout, _CHECK_SECONDS))
        except grpc.aio.AioRpcError as error:
            raise IssuerAwayError(str(error.details())) from error
        return answer.is_good
