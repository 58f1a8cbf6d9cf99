"""Against forged forms: a token bound to a cookie that others cannot read, and the browser's own word."""

import hmac
import secrets
from hashlib import sha256
from typing import Final

from starlette.requests import Request

COOKIE: Final = "sixfold_form"


class Forms:
    """Issues and checks form tokens; the key lives as long as the process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def visitor(self, request: Request) -> str:
        """The visitor's random mark from the cookie, or a new one to set."""
        known = request.cookies.get(COOKIE, "")
        return known if len(known) == 43 else secrets.token_urlsafe(32)

    def token(self, visitor: str) -> str:
        return hmac.new(self._key, visitor.encode(), sha256).hexdigest()

    def genuine(self, request: Request, token: str) -> bool:
        """True if the form was rendered for this visitor and comes from our own page."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = request.headers.get("origin")
        if origin is not None and origin != f"{request.url.scheme}://{request.headers.get('host', '')}":
            return False
        visitor = request.cookies.get(COOKIE, "")
        return bool(visitor) and hmac.compare_digest(self.token(visitor), token)
