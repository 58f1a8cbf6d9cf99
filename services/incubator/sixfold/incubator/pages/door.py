"""The open API: every call is identified, limited, held to the contract, answered, and correlated."""

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sixfold.incubator.adapters.access_tokens import TokenDoor
from sixfold.incubator.adapters.centres import Centres
from sixfold.incubator.adapters.contract import Contract, Incoming, Operation
from sixfold.incubator.domain.keys import ApiKey, bearer, digest
from sixfold.incubator.domain.limits import Limiter
from sixfold.incubator.handlers import HANDLERS, SCOPE_OF
from sixfold.incubator.ports import ApiError

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]
_CORRELATOR: Final = re.compile(r"[a-zA-Z0-9\-_:;./<>{}]{1,256}")
_MOST_BODY: Final = 64 * 1024
_MOST_CALLERS: Final = 10_000


def correlator(request: Request) -> str:
    """The caller's x-correlator if it is well formed, otherwise one of ours."""
    given = request.headers.get("x-correlator", "")
    return given if _CORRELATOR.fullmatch(given) else str(uuid.uuid4())


def reply(
    request: Request, body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None
) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    fixed = {
        "x-correlator": correlator(request),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(text, status, {**fixed, **(headers or {})}, "application/json")


def failure(request: Request, error: ApiError) -> Response:
    body = {"status": error.status, "code": error.code, "message": error.message[:512]}
    return reply(request, body, error.status, error.headers)


class Door:
    """Turns the contract's operations into routes."""

    def __init__(
        self,
        centres: Centres,
        contract: Contract,
        keys: Mapping[str, ApiKey],
        *,
        tokens: TokenDoor | None = None,
        anonymous_per_minute: int,
        count: Callable[[str, int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._centres, self._contract, self._keys = centres, contract, keys
        self._tokens = tokens
        self._anonymous_per_minute = anonymous_per_minute
        self._count, self._clock = count, clock
        self._limiter = Limiter(most=_MOST_CALLERS)

    def routes(self) -> list[Route]:
        return [
            Route(operation.path, self._endpoint(operation), methods=[operation.method.upper()])
            for operation in self._contract.operations()
        ]

    def _limit(self, caller: str, per_minute: int) -> None:
        if wait := self._limiter.take(caller, per_minute, self._clock()):
            seconds = str(int(wait) + 1)
            message = f"At most {per_minute} calls per minute; try again in {seconds} s."
            raise ApiError(429, "TOO_MANY_REQUESTS", message, {"Retry-After": seconds})

    async def _identify(self, request: Request, operation: Operation) -> ApiKey | None:
        token = bearer(request.headers.get("authorization"))
        key, reason = self._keys.get(digest(token)) if token else None, ""
        if key is None and token and self._tokens is not None and token.count(".") == 2:
            key, reason = await self._tokens.read(token)
        if key is None:
            # wrong keys count against the address that tries them: guessing is limited too
            self._limit(
                f"address {request.client.host if request.client else ''}", self._anonymous_per_minute
            )
            if operation.needs_key:
                message = "Send your API key or access token: Authorization: Bearer …"
                if reason:
                    message = f"The access token proves nothing here: {reason}."
                challenge = 'Bearer error="invalid_token"' if reason else "Bearer"
                raise ApiError(401, "UNAUTHENTICATED", message, {"WWW-Authenticate": challenge})
            return None
        self._limit(f"key {key.name}", key.requests_per_minute)
        scope = SCOPE_OF.get(operation.operation_id)
        if scope is not None and scope not in key.scopes:
            raise ApiError(403, "PERMISSION_DENIED", f"This key or token lacks the scope {scope}.")
        return key

    async def _body(self, request: Request) -> bytes | None:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BODY:
                raise ApiError(400, "INVALID_ARGUMENT", f"A body may have at most {_MOST_BODY} bytes.")
        return body or None

    async def _answer(self, request: Request, operation: Operation) -> Response:
        key = await self._identify(request, operation)
        incoming = Incoming(
            request.url.path,
            operation.method,
            dict(request.query_params),
            # the router has matched headers without regard to case; the contract writes Idempotency-Key
            {
                name.title() if name != "x-correlator" else name: value
                for name, value in request.headers.items()
            },
            request.headers.get("content-type", "").partition(";")[0].strip().lower(),
            await self._body(request),
        )
        checked = self._contract.check(incoming)
        if checked.faults:
            raise ApiError(400, "INVALID_ARGUMENT", " ".join(checked.faults))
        result = await HANDLERS[operation.operation_id](self._centres, checked, key)
        return reply(request, result.body, result.status)

    def _endpoint(self, operation: Operation) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                response = await self._answer(request, operation)
            except ApiError as error:
                response = failure(request, error)
            except Exception:
                log.exception("operation %s failed", operation.operation_id)
                response = failure(
                    request, ApiError(500, "INTERNAL", "This call failed here; the operator has the details.")
                )
            self._count(operation.operation_id, response.status_code)
            return response

        return endpoint
