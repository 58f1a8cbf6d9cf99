"""Tokens over HTTP: RFC 6749, 7009, 7662, 8414, 8628 and OpenID Connect Discovery and UserInfo."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sixfold.chassis.ledger import LedgerError
from sixfold.identity.credentials.limits import Limit, TooManyError
from sixfold.identity.credentials.web import basic, body_of, host_of
from sixfold.identity.domain.oauth import Client
from sixfold.identity.domain.oauth_decisions import OAuthError, is_good, proves, require_client
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.oauth.assertions import ALGORITHMS, KIND, Assertions
from sixfold.identity.oauth.desk import TokenDesk, hashed
from sixfold.identity.oauth.keys import ALGORITHM, key_set
from sixfold.identity.oauth.tokens import OFFLINE, OPENID
from sixfold.identity.oauth.usercodes import shown
from sixfold.identity.ports import Meter

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
INTROSPECT: Final = "introspect"
"""Scope of clients that may ask about others' tokens: resource servers."""
_FORM: Final = "application/x-www-form-urlencoded"
_FIELDS: Final = 32
_STATUS: Final[Mapping[str, int]] = {
    "invalid_client": 401,
    "temporarily_unavailable": 503,
    "invalid_token": 401,
}
Form = Mapping[str, str]
Endpoint = Callable[[Request, Form], Awaitable[Response]]


class OAuthDoor:
    """`per_host` limits what is refused, `codes_per_host` the device codes of clients that prove nothing."""

    def __init__(
        self, desk: TokenDesk, assertions: Assertions, meter: Meter, per_host: Limit, codes_per_host: Limit
    ) -> None:
        self._desk = desk
        self._assertions = assertions
        self._meter = meter
        self._per_host = per_host
        self._codes_per_host = codes_per_host

    def routes(self) -> list[Route]:
        posted = {
            "/oauth/token": ("oauth-token", self.token),
            "/oauth/device_authorization": ("oauth-device", self.device_authorization),
            "/oauth/introspect": ("oauth-introspect", self.introspect),
            "/oauth/revoke": ("oauth-revoke", self.revoke),
        }
        return [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/.well-known/oauth-authorization-server", self.discovery),
            Route("/oauth/jwks.json", self.keys),
            Route("/oauth/userinfo", self.userinfo, methods=["GET", "POST"]),
            *(Route(path, self._answering(*one), methods=["POST"]) for path, one in posted.items()),
        ]

    def _answering(self, wish: str, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            host = host_of(request)
            try:
                self._per_host.require(host)
                response = await endpoint(request, await _form(request))
            except TooManyError as error:
                self._meter.answered(wish, error.reason, 1)
                waits = {"retry-after": str(error.retry_after)}
                return _failed("slow_down", error.detail, 429, waits)
            except RefusedError as error:
                self._meter.answered(wish, error.reason, 1)
                if error.reason in ("invalid_client", "invalid_grant"):
                    self._per_host.take(host)
                return _refused(error, uses_basic="authorization" in request.headers)
            except LedgerError:
                self._meter.answered(wish, "unavailable", 1)
                return _failed(
                    "temporarily_unavailable", "nothing can be written now", 503, {"retry-after": "5"}
                )
            self._meter.answered(wish, "ok", 1)
            return response

        return answer

    # --- endpoints

    async def token(self, request: Request, form: Form) -> Response:
        client = self._client(request, form)
        grant_type = form.get("grant_type", "")
        if grant_type == "client_credentials":
            return _answer(self._desk.client_token(client, _scopes(form)))
        if grant_type == DEVICE_GRANT:
            return _answer(await self._desk.device_token(client, _field(form, "device_code")))
        if grant_type == "refresh_token":
            return _answer(await self._desk.refreshed_token(client, _field(form, "refresh_token")))
        if not grant_type:
            raise OAuthError("invalid_request", "grant_type is missing")
        raise OAuthError("unsupported_grant_type", "see /.well-known/oauth-authorization-server")

    async def device_authorization(self, request: Request, form: Form) -> Response:
        client = self._client(request, form)
        host = host_of(request)
        # Anybody may speak for a public client: without this, one host could hold all the codes that it may have.
        if client.is_public:
            self._codes_per_host.require(host)
        device_code, code = await self._desk.device_code(client, _scopes(form))
        if client.is_public:
            self._codes_per_host.take(host)
        page = f"{self._desk.maker.issuer}/oauth/device"
        return _answer(
            {
                "device_code": device_code,
                "user_code": shown(code.user_code),
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={shown(code.user_code)}",
                "expires_in": self._desk.maker.lifetimes.device,
                "interval": self._desk.poll_seconds,
            }
        )

    async def introspect(self, request: Request, form: Form) -> Response:
        client = self._client(request, form)
        if client.is_public:
            raise OAuthError("unauthorized_client", "a client that cannot prove itself is told nothing")
        may_see_all = INTROSPECT in client.scopes
        return _answer(self._desk.introspected(client, _field(form, "token"), may_see_all=may_see_all))

    async def revoke(self, request: Request, form: Form) -> Response:
        await self._desk.revoke(self._client(request, form), _field(form, "token"))
        return Response(status_code=200, headers=_UNKEPT)

    async def userinfo(self, request: Request) -> Response:
        """The subject, and nothing else: who that is stands in the vault."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        desk = self._desk
        claims = None
        if scheme.lower() == "bearer":
            claims = desk.maker.read_access_token(desk.oauth, token.strip(), desk.now())
        if claims is None or not is_good(
            desk.registry,
            str(claims["client_id"]),
            str(claims["jti"]),
            str(claims.get("sid", "")),
            desk.now(),
        ):
            self._meter.answered("oauth-userinfo", "invalid_token", 1)
            return _unauthorized("invalid_token", "no good access token")
        if OPENID not in str(claims["scope"]).split() or "sid" not in claims:
            self._meter.answered("oauth-userinfo", "insufficient_scope", 1)
            return _unauthorized("insufficient_scope", "the token has no scope openid of a terminal", 403)
        self._meter.answered("oauth-userinfo", "ok", 1)
        return _answer({"sub": claims["sub"]})

    async def keys(self, _: Request) -> Response:
        published = self._desk.oauth.published(self._desk.now())
        return JSONResponse(key_set(published), headers={"cache-control": "public, max-age=300"})

    async def discovery(self, _: Request) -> Response:
        issuer = self._desk.maker.issuer
        proofs = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
        return JSONResponse(
            {
                "issuer": issuer,
                "token_endpoint": f"{issuer}/oauth/token",
                "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
                "introspection_endpoint": f"{issuer}/oauth/introspect",
                "revocation_endpoint": f"{issuer}/oauth/revoke",
                "userinfo_endpoint": f"{issuer}/oauth/userinfo",
                "jwks_uri": f"{issuer}/oauth/jwks.json",
                "grant_types_supported": ["client_credentials", DEVICE_GRANT, "refresh_token"],
                "response_types_supported": [],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": [*proofs, "none"],
                "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
                "introspection_endpoint_auth_methods_supported": proofs,
                "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
                "revocation_endpoint_auth_methods_supported": [*proofs, "none"],
                "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
                "scopes_supported": [OPENID, OFFLINE],
                "claims_supported": ["iss", "sub", "aud", "exp", "iat", "sid"],
            },
            headers={"cache-control": "public, max-age=300"},
        )

    # --- who asks

    def _client(self, request: Request, form: Form) -> Client:
        """By exactly one proof (RFC 6749, section 2.3). Raises OAuthError."""
        registry = self._desk.registry
        named = _basic(request)
        told = form.get("client_id", "")
        if (named is not None) + ("client_secret" in form) + ("client_assertion" in form) > 1:
            raise OAuthError("invalid_request", "prove the client in one way, not in two")
        if named is not None:
            client_id, secret = named
            if told not in ("", client_id):
                raise OAuthError("invalid_request", "two different client_ids")
            client = require_client(registry, client_id)
            good = proves(client, hashed(secret))
        elif "client_assertion" in form:
            if form.get("client_assertion_type") != KIND:
                raise OAuthError("invalid_client", f"client_assertion_type has to be {KIND}")
            assertion = form["client_assertion"]
            client_id = self._assertions.client_id(assertion)
            if told not in ("", client_id):
                raise OAuthError("invalid_request", "two different client_ids")
            client = require_client(registry, client_id)
            self._assertions.require(client, assertion)
            good = True
        else:
            client = require_client(registry, told)
            good = client.is_public or proves(client, hashed(form.get("client_secret", "")))
        if not good:
            raise OAuthError("invalid_client", "no such client, or wrong proof")
        return client


def _basic(request: Request) -> tuple[str, str] | None:
    """Of HTTP Basic, each part form-encoded first (RFC 6749, section 2.3.1)."""
    try:
        named = basic(request)
    except RefusedError as error:
        raise OAuthError("invalid_client", error.detail) from error
    return None if named is None else (unquote_plus(named[0]), unquote_plus(named[1]))


async def _form(request: Request) -> Form:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"the body has to be {_FORM}")
    try:
        text = (await body_of(request)).decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except RefusedError as error:
        raise OAuthError("invalid_request", error.detail) from error
    except ValueError as error:
        raise OAuthError("invalid_request", "the form cannot be read") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "a parameter stands twice")
    return form


def _field(form: Form, name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise OAuthError("invalid_request", f"{name} is missing")
    return value


def _scopes(form: Form) -> Sequence[str]:
    return form.get("scope", "").split()


_UNKEPT: Final = {"cache-control": "no-store", "pragma": "no-cache"}


def _answer(body: Mapping[str, Any]) -> Response:
    return JSONResponse(dict(body), headers=_UNKEPT)


def _failed(error: str, detail: str, status: int, more: Mapping[str, str] | None = None) -> Response:
    body = {"error": error, "error_description": _printable(detail)}
    return JSONResponse(body, status, {**_UNKEPT, **(more or {})})


def _refused(refusal: RefusedError, *, uses_basic: bool) -> Response:
    if not isinstance(refusal, OAuthError):
        return _failed("invalid_request", refusal.detail, 400)
    status = _STATUS.get(refusal.reason, 400)
    challenge = {"www-authenticate": 'Basic realm="sixfold"'} if status == 401 and uses_basic else {}
    return _failed(refusal.reason, refusal.detail, status, challenge)


def _unauthorized(error: str, detail: str, status: int = 401) -> Response:
    """RFC 6750, section 3."""
    challenge = {"www-authenticate": f'Bearer realm="sixfold", error="{error}"'}
    return _failed(error, detail, status, challenge)


def _printable(text: str) -> str:
    """What an error_description may hold (RFC 6749, section 5.2)."""
    return "".join(one if " " <= one <= "~" and one not in '"\\' else "'" for one in text)[:300]
