"""What the identity centre's HTTP doors share: bounded bodies, HTTP Basic, refusals as answers."""

import binascii
from base64 import b64decode
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sixfold.identity.credentials.limits import TooManyError
from sixfold.identity.domain.values import RefusedError

LARGEST_BODY = 16 * 1024
STATUS: Mapping[str, int] = {
    "invalid": 400,
    "unknown": 404,
    "exists": 409,
    "precondition": 409,
    "forbidden": 401,
}
CHALLENGE = 'Basic realm="sixfold", charset="UTF-8"'


async def body_of(request: Request) -> bytes:
    """Raises RefusedError past 16 KiB, before more is read."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise RefusedError("invalid", "BODY_TOO_LARGE", f"more than {LARGEST_BODY} bytes")
    return bytes(body)


def basic(request: Request) -> tuple[str, str] | None:
    """Name and password of HTTP Basic (RFC 7617); None where there is none. Raises RefusedError."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, found, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise RefusedError("forbidden", "AUTHORIZATION_MALFORMED", "no base64 of name:password") from error
    if not found:
        raise RefusedError("forbidden", "AUTHORIZATION_MALFORMED", "no base64 of name:password")
    return name, password


def host_of(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def refused(refusal: RefusedError) -> Response:
    """JSON of reason and detail, with the status that fits."""
    status = STATUS[refusal.kind]
    headers: dict[str, str] = {"cache-control": "no-store"}
    if isinstance(refusal, TooManyError):
        status, headers["retry-after"] = 429, str(refusal.retry_after)
    elif refusal.reason == "BODY_TOO_LARGE":
        status = 413
    elif status == 401:
        headers["www-authenticate"] = CHALLENGE
    return JSONResponse({"reason": refusal.reason, "detail": refusal.detail}, status, headers)
