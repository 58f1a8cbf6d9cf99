"""The ASGI application: /ping, and statements at /."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from sixfold.local.clickhouse.engine import Answer, EngineError, Sessions
from sixfold.local.clickhouse.protocol import (
    CONTENT_TYPES,
    STATUS,
    Statement,
    body_of,
    credentials,
    statement_of,
)
from sixfold.local.clickhouse.users import User, authenticate

PIECE: Final = 1 << 20


def application(known: Mapping[str, User], sessions: Mapping[str, Sessions], *, name: str) -> Starlette:
    """`sessions` by the name of their user."""

    async def handle(request: Request) -> Response:
        parameters = dict(request.query_params)
        if request.method == "GET" and "query" not in parameters:
            return PlainTextResponse("Ok.\n")
        query_id = parameters.get("query_id") or secrets.token_hex(16)
        headers = {
            "X-ClickHouse-Server-Display-Name": name,
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": "UTC",
        }
        started = time.perf_counter()
        try:
            user = authenticate(known, *credentials(request))
            statement = statement_of(parameters, request.headers, await body_of(request))
            answer = await _answer(user, sessions[user.name], statement, parameters)
        except EngineError as error:
            headers["X-ClickHouse-Exception-Code"] = str(error.code)
            if error.code == 516:
                headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
            return PlainTextResponse(f"{error}\n", STATUS.get(error.code, 500), headers)
        headers["X-ClickHouse-Summary"] = _summary(statement, answer, time.perf_counter() - started)
        headers["X-ClickHouse-Format"] = statement.format
        kind = CONTENT_TYPES.get(statement.format, "application/octet-stream")
        headers["content-length"] = str(len(answer.data))
        return StreamingResponse(_pieces(answer.data), headers=headers, media_type=kind)

    async def ping(_: Request) -> Response:
        return PlainTextResponse("Ok.\n")

    routes = [
        Route("/ping", ping),
        Route("/replicas_status", ping),
        Route("/", handle, methods=["GET", "POST"]),
    ]
    return Starlette(routes=routes)


async def _answer(
    user: User, sessions: Sessions, statement: Statement, parameters: Mapping[str, str]
) -> Answer:
    user.check(statement.sql)
    return await sessions.run(
        statement.sql,
        statement.format,
        settings=user.statement_settings(parameters),
        parameters={
            key.removeprefix("param_"): value for key, value in parameters.items() if key.startswith("param_")
        },
        database=statement.database,
        data=statement.data,
    )


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for offset in range(0, len(data), PIECE):
        yield data[offset : offset + PIECE]


def _summary(statement: Statement, answer: Answer, seconds: float) -> str:
    written = answer.rows_read if statement.data is not None else 0
    summary: dict[str, Any] = {
        "read_rows": str(answer.rows_read),
        "read_bytes": "0",
        "written_rows": str(written),
        "written_bytes": str(len(statement.data or b"")),
        "total_rows_to_read": "0",
        "result_rows": "0",
        "result_bytes": str(len(answer.data)),
        "elapsed_ns": str(int(seconds * 1e9)),
    }
    return json.dumps(summary)
