"""TAXII 2.1 server (OASIS standard of 10 June 2021): one API root, one collection, read only."""

import base64
import binascii
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sixfold.security.domain.exchange.catalogue import Catalogue, Entry, Page, Wanted, described, stamp

MEDIA: Final = "application/taxii+json;version=2.1"
_ACCEPTED: Final = frozenset({"application/taxii+json", "application/*", "*/*"})
COLLECTION: Final = str(uuid.uuid5(uuid.UUID("0d2f8f5a-6c5a-5f0e-9a44-1c6b7f6f9a01"), "incidents"))
LARGEST_PAGE: Final = 500
MOST_VALUES: Final = 100
"""Of one filter."""


class _RefusedError(Exception):
    def __init__(self, status: int, title: str, detail: str = "") -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail


def app(
    catalogue: Catalogue,
    refresh: Callable[[], None],
    *,
    title: str,
    username: str = "",
    password: str = "",
    count: Callable[[str, int], None],
) -> Starlette:
    """The server. `refresh` brings the catalogue up to date; `count(resource, status)` counts requests. With a
    `username` HTTP Basic is asked for.
    """

    def discovery(request: Request) -> Response:
        root = str(request.url_for("api_root"))
        return _answer(
            {
                "title": title,
                "description": "Incidents of the security centre",
                "default": root,
                "api_roots": [root],
            }
        )

    def api_root(_: Request) -> Response:
        return _answer({"title": title, "versions": [MEDIA], "max_content_length": 1})

    def collections(_: Request) -> Response:
        return _answer({"collections": [_collection()]})

    def collection(request: Request) -> Response:
        _known(request)
        return _answer(_collection())

    def page(request: Request, **fixed: Any) -> Page:
        _known(request)
        refresh()
        wanted, after, limit = _asked(request, **fixed)
        return catalogue.page(wanted, after, limit)

    def manifest(request: Request) -> Response:
        return _paged(page(request), lambda entry: described(entry))

    def objects(request: Request) -> Response:
        return _paged(page(request), lambda entry: entry.content)

    def one_object(request: Request) -> Response:
        found = page(request, ids=frozenset({request.path_params["object_id"]}))
        if not found.entries and not request.query_params:
            raise _RefusedError(404, "No such object")
        return _paged(found, lambda entry: entry.content)

    def versions(request: Request) -> Response:
        found = page(request, ids=frozenset({request.path_params["object_id"]}))
        if not found.entries and not request.query_params:
            raise _RefusedError(404, "No such object")
        answer = _paged(found, lambda entry: entry.version, "versions")
        return answer

    def status(_: Request) -> Response:
        raise _RefusedError(404, "No such status", "this server takes nothing in")

    def guarded(resource: str, handle: Callable[[Request], Response]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            try:
                _authorise(request, username, password)
                if request.method not in ("GET", "HEAD"):
                    raise _RefusedError(403, "Read only", f"{request.method} changes something")
                _acceptable(request)
                made = handle(request)
            except _RefusedError as error:
                made = _error(error)
            count(resource, made.status_code)
            return made

        return answer

    base, held = "/taxii2/security", "/taxii2/security/collections/{collection_id}"
    routes = [
        ("discovery", "/taxii2/", discovery),
        ("api_root", f"{base}/", api_root),
        ("status", f"{base}/status/{{status_id}}/", status),
        ("collections", f"{base}/collections/", collections),
        ("collection", f"{held}/", collection),
        ("manifest", f"{held}/manifest/", manifest),
        ("objects", f"{held}/objects/", objects),
        ("object", f"{held}/objects/{{object_id}}/", one_object),
        ("versions", f"{held}/objects/{{object_id}}/versions/", versions),
    ]
    methods = ["GET", "POST", "DELETE", "PUT", "PATCH"]
    made = Starlette(
        routes=[
            Route(path, guarded(name, handle), name=name, methods=methods) for name, path, handle in routes
        ]
    )

    async def unknown(request: Request, error: Exception) -> Response:
        del request, error
        count("unknown", 404)
        return _error(_RefusedError(404, "No such resource"))

    made.add_exception_handler(404, unknown)
    return made


def _authorise(request: Request, username: str, password: str) -> None:
    if not username:
        return
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    try:
        said = base64.b64decode(credentials, validate=True) if kind.lower() == "basic" else b""
    except binascii.Error:
        said = b""
    if not hmac.compare_digest(said, f"{username}:{password}".encode()):
        raise _RefusedError(401, "Unauthorized")


def _acceptable(request: Request) -> None:
    """The client has to accept TAXII 2.1."""
    for offer in request.headers.get("accept", "*/*").split(","):
        kind, *parameters = (part.strip().lower() for part in offer.split(";"))
        versions = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("version")]
        if kind in _ACCEPTED and (not versions or versions == ["2.1"]):
            return
    raise _RefusedError(406, "Not acceptable", f"this server speaks {MEDIA}")


def _known(request: Request) -> None:
    if request.path_params["collection_id"] != COLLECTION:
        raise _RefusedError(404, "No such collection")


def _collection() -> dict[str, Any]:
    return {
        "id": COLLECTION,
        "title": "Incidents",
        "description": "The newest incidents with their indicators, sightings and courses of action",
        "alias": "incidents",
        "can_read": True,
        "can_write": False,
        "media_types": ["application/stix+json;version=2.1"],
    }


def _asked(
    request: Request, ids: frozenset[str] = frozenset()
) -> tuple[Wanted, tuple[datetime, str] | None, int]:
    query = request.query_params
    limit = LARGEST_PAGE
    if "limit" in query:
        text = query["limit"]
        if not text.isascii() or not text.isdigit() or not int(text[:10]) > 0:
            raise _RefusedError(400, "limit is no number above 0")
        limit = min(int(text[:10]), LARGEST_PAGE)
    after = _place(query["next"]) if "next" in query else None
    wanted = Wanted(
        ids=ids or _values(query.get("match[id]", "")),
        types=_values(query.get("match[type]", "")),
        versions=_values(query.get("match[version]", "")),
        spec_versions=_values(query.get("match[spec_version]", "")),
        added_after=_moment(query["added_after"]) if "added_after" in query else None,
    )
    return wanted, after, limit


def _values(text: str) -> frozenset[str]:
    values = frozenset(one.strip() for one in text.split(",") if one.strip())
    if len(values) > MOST_VALUES:
        raise _RefusedError(400, f"a filter has at most {MOST_VALUES} values")
    return values


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _RefusedError(400, "added_after is no timestamp") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _next(entry: Entry) -> str:
    return base64.urlsafe_b64encode(json.dumps([entry.added.isoformat(), entry.object_id]).encode()).decode()


def _place(token: str) -> tuple[datetime, str]:
    try:
        added, object_id = json.loads(base64.urlsafe_b64decode(token))
        return datetime.fromisoformat(added).astimezone(UTC), str(object_id)
    except (ValueError, TypeError) as error:
        raise _RefusedError(400, "next is none that this server gave") from error


def _paged(page: Page, shown: Callable[[Entry], Any], name: str = "objects") -> Response:
    body: dict[str, Any] = {}
    if page.more:
        body |= {"more": True, "next": _next(page.entries[-1])}
    headers: dict[str, str] = {}
    if page.entries:
        body[name] = [shown(entry) for entry in page.entries]
        headers = {
            "X-TAXII-Date-Added-First": stamp(page.entries[0].added),
            "X-TAXII-Date-Added-Last": stamp(page.entries[-1].added),
        }
    return _answer(body, headers=headers)


def _answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body, separators=(",", ":")), status, headers, media_type=MEDIA)


def _error(error: _RefusedError) -> Response:
    body = {"title": error.title, "http_status": str(error.status)}
    if error.detail:
        body["description"] = error.detail
    headers = {"WWW-Authenticate": 'Basic realm="sixfold", charset="UTF-8"'} if error.status == 401 else None
    return _answer(body, error.status, headers)
