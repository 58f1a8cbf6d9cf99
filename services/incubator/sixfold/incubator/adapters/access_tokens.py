"""Access tokens of the identity centre as the open API takes them: a client is a caller like the owner of a key."""

from collections.abc import Callable

import grpc

from sixfold.api.identity.v1.token_pb2 import GetKeySetRequest
from sixfold.api.identity.v1.token_pb2_grpc import TokenServiceStub
from sixfold.chassis.tokens import KeysUnavailableError, TokenRefusedError, TokenVerifier
from sixfold.incubator.config import TokenSettings
from sixfold.incubator.domain.keys import SCOPES, ApiKey
from sixfold.incubator.ports import ApiError


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
        self._count("accepted")
        return ApiKey(found.client_id, "", found.scopes & SCOPES, self._per_minute), ""

    async def _fetch(self) -> tuple[str, str]:
        try:
            answer = await self._stub.GetKeySet(GetKeySetRequest(), timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            raise KeysUnavailableError(str(error.details())) from error
        return answer.issuer, answer.key_set
