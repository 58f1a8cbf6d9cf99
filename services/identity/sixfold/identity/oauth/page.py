"""Where a subscriber agrees that a device acts for a terminal (RFC 8628, 3.3); English and Chinese, no scripts."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sixfold.chassis.language import LANGUAGES, language_of
from sixfold.chassis.ledger import LedgerError
from sixfold.identity.credentials.limits import Limit, TooManyError
from sixfold.identity.credentials.web import body_of, host_of
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.oauth import usercodes
from sixfold.identity.oauth.desk import TokenDesk
from sixfold.identity.ports import Meter

PATH: Final = "/oauth/device"
_WISH: Final = "oauth-decision"
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class VerificationPage:
    def __init__(self, desk: TokenDesk, meter: Meter, per_host: Limit) -> None:
        self._desk = desk
        self._meter = meter
        self._per_host = per_host
        loader = PackageLoader("sixfold.identity.oauth")
        self._page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template(
            "device.html"
        )
        self._texts = {language: _texts(language) for language in LANGUAGES}
        self._style = files("sixfold.identity.oauth").joinpath("templates/device.css").read_text("utf-8")

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.ask, methods=["GET"]),
            Route(PATH, self.decide, methods=["POST"]),
            Route(f"{PATH}.css", self.style),
        ]

    async def style(self, _: Request) -> Response:
        return Response(self._style, media_type="text/css", headers={"cache-control": "public, max-age=3600"})

    async def ask(self, request: Request) -> Response:
        typed = request.query_params.get("user_code", "")
        if not typed:
            return self._shown(request, {})
        return self._asked(request, usercodes.read(typed), {})

    async def decide(self, request: Request) -> Response:
        t = self._texts[language_of(request)]
        try:
            form = dict(parse_qsl((await body_of(request)).decode(errors="replace"), max_num_fields=16))
        except (RefusedError, ValueError):
            return self._shown(request, {}, 400)
        user_code, terminal = usercodes.read(form.get("user_code", "")), form.get("terminal", "").strip()
        agreed = form.get("decision") == "agree"
        try:
            self._per_host.require(host_of(request))
            good = await self._desk.decide(user_code, terminal, form.get("secret", ""), agreed=agreed)
        except TooManyError as error:
            self._meter.answered(_WISH, error.reason, 1)
            waits = {"message": t["wait"].format(seconds=error.retry_after)}
            return self._shown(request, waits, 429, {"retry-after": str(error.retry_after)})
        except RefusedError as error:
            self._meter.answered(_WISH, error.reason, 1)
            return self._asked(request, user_code, {"terminal": terminal})
        except LedgerError:
            self._meter.answered(_WISH, "unavailable", 1)
            return self._shown(request, {"message": t["unavailable"]}, 503, {"retry-after": "5"})
        if not good:
            self._meter.answered(_WISH, "SECRET_WRONG", 1)
            self._per_host.take(host_of(request))
            return self._asked(request, user_code, {"terminal": terminal, "message": t["wrong"]}, 403)
        self._meter.answered(_WISH, "agreed" if agreed else "denied", 1)
        return self._shown(request, {"done": True, "message": t["agreed" if agreed else "denied"]})

    def _asked(
        self, request: Request, user_code: str, more: Mapping[str, Any], status: int = 200
    ) -> Response:
        """What a code stands for; who tries many that stand for nothing has to wait."""
        t = self._texts[language_of(request)]
        host = host_of(request)
        try:
            self._per_host.require(host)
            code, client = self._desk.waiting(user_code)
        except TooManyError as error:
            self._meter.answered(_WISH, error.reason, 1)
            waits = {"message": t["wait"].format(seconds=error.retry_after)}
            return self._shown(request, waits, 429, {"retry-after": str(error.retry_after)})
        except RefusedError as error:
            self._meter.answered(_WISH, error.reason, 1)
            self._per_host.take(host)
            return self._shown(request, {"message": t["unknown"]}, 404)
        told = {"user_code": usercodes.shown(code.user_code), "client": client.name, "scopes": code.scopes}
        return self._shown(request, {**told, **more}, status)

    def _shown(
        self,
        request: Request,
        told: Mapping[str, Any],
        status: int = 200,
        more: Mapping[str, str] | None = None,
    ) -> Response:
        language = language_of(request)
        empty = {"user_code": "", "client": "", "scopes": (), "terminal": "", "message": "", "done": False}
        text = self._page.render(t=self._texts[language], language=language, **{**empty, **told})
        headers = {**_HEADERS, "content-language": language, "vary": "accept-language", **(more or {})}
        return Response(text, status, headers, "text/html")


def _texts(language: str) -> dict[str, str]:
    file = files("sixfold.identity.oauth").joinpath(f"locale/{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
