"""The web application of the public door."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response

from sixfold.incubator.adapters.contract import Contract
from sixfold.incubator.pages import portal
from sixfold.incubator.pages.door import Door, failure
from sixfold.incubator.ports import ApiError


async def _not_there(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    code, message = {
        404: ("NOT_FOUND", "There is nothing under this address; the calls are listed at /docs."),
        405: ("METHOD_NOT_ALLOWED", "This method is not offered here; see /docs."),
    }.get(status, ("INTERNAL", "This call failed here; the operator has the details."))
    return failure(request, ApiError(status, code, message, headers))


def application(contract: Contract, door: Door, *, allowed_hosts: tuple[str, ...]) -> Starlette:
    """The open API under /v1, the portal and its reference beside it."""
    return Starlette(
        routes=[*door.routes(), *portal.routes(contract)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts), www_redirect=False)],
        exception_handlers={HTTPException: _not_there, Exception: _not_there},
    )
