"""The web application: routes, languages, the live region, the headers that keep strangers' scripts out."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sixfold.console.adapters.centres import Centres
from sixfold.console.pages import chart, language
from sixfold.console.pages.addresses import addresses
from sixfold.console.pages.alerts import alerts, read_form, send_test_alert
from sixfold.console.pages.forgery import COOKIE as FORM_COOKIE
from sixfold.console.pages.forgery import Forms
from sixfold.console.pages.overview import overview
from sixfold.console.pages.security import security
from sixfold.console.pages.terminals import terminals
from sixfold.console.pages.traffic import traffic

log = logging.getLogger(__name__)

View = Callable[[Centres, Request], Awaitable[dict[str, Any]]]
VIEWS: Final[Mapping[str, tuple[str, View]]] = {
    "overview": ("/", overview),
    "security": ("/security", security),
    "alerts": ("/alerts", alerts),
    "addresses": ("/addresses", addresses),
    "terminals": ("/terminals", terminals),
    "traffic": ("/traffic", traffic),
}
_FORM_BYTES: Final = 8192
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class SecurityHeaders:
    """Adds the headers to every answer, errors and static files too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    *((name.encode(), value.encode()) for name, value in _HEADERS.items()),
                ]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def environment() -> Environment:
    """The templates; an unknown variable is an error rather than an empty place."""
    templates = Environment(
        loader=PackageLoader("sixfold.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(short=chart.short, byte_count=chart.byte_count, percent=chart.percent)
    templates.globals["p"] = templates.get_template("parts.html").module
    templates.globals["pages"] = [(name, path) for name, (path, _) in VIEWS.items()]
    return templates


class Pages:
    """Renders the pages; one per application."""

    def __init__(self, centres: Centres, *, refresh_seconds: int) -> None:
        self._centres = centres
        self._templates = environment()
        self._catalogues = language.load_all()
        self._forms = Forms()
        self._every = refresh_seconds

    def _catalogue(self, request: Request) -> language.Catalogue:
        asked = request.query_params.get("lang")
        cookie, accept = request.cookies.get(language.COOKIE), request.headers.get("accept-language", "")
        return self._catalogues[language.choose(asked, cookie, accept)]

    def render(
        self,
        request: Request,
        page: str,
        context: Mapping[str, Any],
        *,
        template: str = "",
        status: int = 200,
    ) -> Response:
        t = self._catalogue(request)
        source = self._templates.get_template(f"{template or page}.html")
        visitor = self._forms.visitor(request)

        def switch(code: str) -> str:
            kept = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
            return f"{request.url.path}?{urlencode([*kept, ('lang', code)])}"

        values = {
            "t": t,
            "page": page,
            "every": self._every,
            "switch": switch,
            "form_token": self._forms.token(visitor),
            **context,
        }
        if request.headers.get("sixfold-fragment") == "live":
            text = "".join(source.blocks["live"](source.new_context(values)))
        else:
            text = source.render(values)
        response = Response(
            text, status, {"cache-control": "no-store", "content-language": t.language}, "text/html"
        )
        if request.query_params.get("lang") == t.language:
            response.set_cookie(
                language.COOKIE, t.language, max_age=31_536_000, httponly=True, samesite="lax"
            )
        if request.cookies.get(FORM_COOKIE) != visitor:
            response.set_cookie(FORM_COOKIE, visitor, httponly=True, samesite="strict")
        return response

    def endpoint(self, page: str, view: View) -> Callable[[Request], Awaitable[Response]]:
        async def show(request: Request) -> Response:
            told = {"told": "", "told_bad": False, "form": None}
            if page == "alerts" and request.query_params.get("sent") == "1":
                told["told"] = self._catalogue(request)("alerts.sent")
            return self.render(request, page, {**told, **await view(self._centres, request)})

        return show

    async def test_alert(self, request: Request) -> Response:
        t = self._catalogue(request)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _FORM_BYTES:
                raise HTTPException(413)
        fields = dict(parse_qsl(body.decode("utf-8", errors="replace"), max_num_fields=10))
        if not self._forms.genuine(request, fields.get("token", "")):
            return await self._alerts_again(request, t("site.bad_form"), None, 403)
        form = read_form(fields)
        if form.problem:
            return await self._alerts_again(request, t(form.problem), form, 422)
        answer = await send_test_alert(self._centres, form, t.language)
        if answer.value is None:
            return await self._alerts_again(request, f"{t('alerts.refused')} {answer.trouble}", form, 502)
        return RedirectResponse("/alerts?sent=1", 303)

    async def _alerts_again(self, request: Request, told: str, form: Any, status: int) -> Response:
        context = {"told": told, "told_bad": True, "form": form, **await alerts(self._centres, request)}
        return self.render(request, "alerts", context, status=status)

    async def not_shown(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 500:
            log.error("page %s failed", request.url.path, exc_info=error)
        key = "site.not_found" if status == 404 else "site.failed"
        return self.render(request, "overview", {"text_key": key}, template="error", status=status)


def application(centres: Centres, *, refresh_seconds: int, allowed_hosts: tuple[str, ...]) -> ASGIApp:
    """The ASGI application. `allowed_hosts` keeps the names of others from leading here (DNS rebinding)."""
    pages = Pages(centres, refresh_seconds=refresh_seconds)
    routes = [Route(path, pages.endpoint(name, view), name=name) for name, (path, view) in VIEWS.items()]
    app = Starlette(
        routes=[
            *routes,
            Route("/alerts", pages.test_alert, methods=["POST"]),
            Mount("/static", StaticFiles(packages=[("sixfold.console", "static")])),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts), www_redirect=False),
        ],
        exception_handlers={HTTPException: pages.not_shown, Exception: pages.not_shown},
    )
    return SecurityHeaders(app)  # outside of Starlette's own error page
