"""The ASGI application: statements at `/`, and what monitors ask."""

import base64
import binascii
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sixfold.local.clickhouse import compression
from sixfold.local.clickhouse.answer import About, Answer, summary
from sixfold.local.clickhouse.body import Body, form_fields
from sixfold.local.clickhouse.connection import Job
from sixfold.local.clickhouse.engine import Engine
from sixfold.local.clickhouse.errors import QueryError, refused
from sixfold.local.clickhouse.policy import check, readonly_level, session_settings
from sixfold.local.clickhouse.statement import InsertHead, insert_head, parse
from sixfold.local.clickhouse.users import User, authenticate

SERVER: Final = "sixfold"
MAX_STATEMENT: Final = 16 << 20
HEAD: Final = 1 << 20
"""Bytes in which an INSERT's data must begin."""
_PLAIN: Final = "TabSeparated"
_POINTER: Final = "This is the warehouse's HTTP port: send SQL to / as ?query=… or as the body of a POST.\n"


def application(engine: Engine, known: Mapping[str, User]) -> Starlette:
    """ClickHouse's HTTP interface over `engine`, for the users of `known`."""

    async def ok(_: Request) -> Response:
        return PlainTextResponse("Ok.\n")

    async def play(_: Request) -> Response:
        return PlainTextResponse(_POINTER)

    async def root(request: Request) -> Response:
        if request.method in ("GET", "HEAD") and "query" not in request.query_params:
            return PlainTextResponse("Ok.\n")
        parameters = dict(request.query_params)
        about = About(
            SERVER,
            engine.version,
            parameters.get("query_id") or secrets.token_hex(16),
            parameters.get("session_timezone") or "UTC",
        )
        try:
            user = authenticate(known, *credentials(request))
            with Body() as body:
                await body.receive(request, user.body_bytes)
                return await _Request(engine, user, request, parameters, about).respond(body)
        except QueryError as error:
            answer = about.error(error)
            if error.status == 413:
                # What the client still sends is not read.
                answer.headers["connection"] = "close"
            return answer

    routes = [
        Route("/ping", ok),
        Route("/replicas_status", ok),
        Route("/play", play),
        Route("/", root, methods=["GET", "POST", "HEAD", "PUT"]),
    ]
    return Starlette(routes=routes)


def credentials(request: Request) -> tuple[str, str]:
    """(user, password) of the Authorization header, ClickHouse's own headers, or the URL. Raises QueryError (516)."""
    header = request.headers.get("authorization", "")
    if header:
        kind, _, rest = header.partition(" ")
        if kind.lower() != "basic":
            raise refused(
                516, "AUTHENTICATION_FAILED", f"Authorization by {kind!r} is not known here: use Basic"
            )
        try:
            user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise refused(516, "AUTHENTICATION_FAILED", "The Authorization header cannot be read") from error
        return user, password
    names, query = request.headers, request.query_params
    user = names.get("x-clickhouse-user", query.get("user", ""))
    return user, names.get("x-clickhouse-key", query.get("password", ""))


@dataclass(frozen=True, slots=True)
class _Request:
    engine: Engine
    user: User
    request: Request
    parameters: Mapping[str, str]
    about: About

    async def respond(self, body: Body) -> Response:
        """Raises QueryError."""
        given = dict(self.parameters)
        headers = self.request.headers
        query = given.get("query", "").encode()
        kind = headers.get("content-type", "")
        pieces = compression.decoded(
            body.pieces(),
            headers.get("content-encoding", ""),
            frames=given.get("decompress") == "1",
            most=self.user.body_bytes * 4,
        )
        if kind.lower().startswith("multipart/form-data"):
            fields = form_fields(kind, b"".join(pieces))
            query += fields.get("query", b"")
            given |= {name: text.decode() for name, text in fields.items() if name.startswith("param_")}
            pieces = iter(())
        text, rest = _text(query, pieces)
        head = insert_head(text)
        if head is not None:
            return await self._insert(text, head, rest, given)
        return self._ask(b"".join([text, *_bounded(rest, MAX_STATEMENT - len(text))]), given)

    async def _insert(
        self, text: bytes, head: InsertHead, rest: Iterator[bytes], given: Mapping[str, str]
    ) -> Response:
        sql = _decoded(head.sql)
        check(self.user, parse(sql), self.engine.table_functions)
        job = self._job(sql, head.format, session_settings(self.user, given, None), given, readonly=0)
        progress = await self.engine.insert(job, chain([text[head.data_at :]], rest))
        headers = {
            **self.about.headers(),
            "X-ClickHouse-Summary": summary(progress, 0),
        }
        return Response(b"", 200, headers, "text/plain; charset=UTF-8")

    def _ask(self, text: bytes, given: Mapping[str, str]) -> Response:
        statement = parse(_decoded(text))
        if not statement.verb:
            raise refused(62, "SYNTAX_ERROR", "Syntax error: Empty query")
        check(self.user, statement, self.engine.table_functions)
        settings = session_settings(self.user, given, statement)
        output = (
            statement.format or given.get("default_format") or self.request.headers.get("x-clickhouse-format")
        )
        output = output or _PLAIN
        level = readonly_level(self.user, statement)
        if self.request.method in ("GET", "HEAD"):
            level = level or 1
            if settings.get("readonly"):
                del settings["readonly"]
        job = self._job(
            statement.sql,
            output,
            settings,
            given,
            readonly=level,
            streams=statement.selects and not statement.totals and settings.get("extremes", "0") == "0",
            bare=statement.bare,
        )
        if self.user.limits is not None:
            job = replace(job, whole_bytes=self.user.limits.whole_bytes)
        lane = self.engine.writers if self.user.limits is None else self.engine.readers
        return Answer(
            partial(self.engine.pieces, lane, job),
            self.about,
            format=output if statement.reads else None,
            encoder=compression.encoder(given, self.request.headers.get("accept-encoding", "")),
            wait=given.get("wait_end_of_query") == "1",
        )

    def _job(
        self,
        sql: str,
        output: str,
        settings: Mapping[str, str],
        given: Mapping[str, str],
        *,
        readonly: int,
        streams: bool = False,
        bare: str = "",
    ) -> Job:
        return Job(
            sql=sql,
            format=output,
            identity=secrets.token_hex(16),
            database=self.request.headers.get("x-clickhouse-database") or given.get("database", ""),
            settings=settings,
            parameters={
                name.removeprefix("param_"): value
                for name, value in given.items()
                if name.startswith("param_")
            },
            readonly=readonly,
            streams=streams,
            bare=bare,
        )


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise refused(62, "SYNTAX_ERROR", f"Syntax error: the statement is no UTF-8: {error}") from error


def _text(query: bytes, pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The query parameter and the beginning of the body as one text, and the rest of the body."""
    parts, size = [], 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= HEAD:
            break
    body = b"".join(parts)
    return (query + b"\n" + body if query and body else query or body), pieces


def _bounded(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    for piece in pieces:
        most -= len(piece)
        if most < 0:
            raise refused(307, "TOO_MANY_BYTES", f"The statement is larger than {MAX_STATEMENT} bytes")
        yield piece
