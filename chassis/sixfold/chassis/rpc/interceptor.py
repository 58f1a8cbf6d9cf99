"""What happens around every call: deadline, trace, allow-list, error mapping, counting."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from opentelemetry.trace import Span, SpanKind, StatusCode

from sixfold.chassis.ledger import (
    LedgerConflictError,
    LedgerRepeatedError,
    LedgerUnavailableError,
    NotActiveError,
)
from sixfold.chassis.messaging import BusUnavailableError
from sixfold.chassis.rpc.errors import AlreadyExists, Internal, PermissionDenied, RpcError, Unavailable
from sixfold.chassis.rpc.settings import RpcSettings
from sixfold.chassis.telemetry import Telemetry, extract

log = logging.getLogger(__name__)
_TRY_AGAIN = (LedgerConflictError, LedgerUnavailableError, NotActiveError, BusUnavailableError)
Context = Any


class CallInterceptor(grpc.aio.ServerInterceptor):
    def __init__(self, settings: RpcSettings, telemetry: Telemetry | None) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._calls = (
            telemetry.counter("rpc_calls_total", "gRPC calls by method and status") if telemetry else None
        )
        self._seconds = telemetry.histogram("rpc_duration", "gRPC call duration") if telemetry else None
        self._handlers: dict[str, Any] = {}
        """By method: a server has few, and each is wrapped once."""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        method = handler_call_details.method
        wrapped = self._handlers.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._handlers[method] = self._wrap(method, handler)
        return wrapped

    def _wrap(self, method: str, handler: Any) -> Any:
        if handler.response_streaming:
            inner_stream = handler.unary_stream or handler.stream_stream

            async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
                with self._span(method, context) as call:
                    try:
                        self._allow(method, context)
                        async for response in inner_stream(request, context):
                            yield response
                    except Exception as error:
                        await call.abort(context, error)

            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
            return make(stream, handler.request_deserializer, handler.response_serializer)
        inner = handler.unary_unary or handler.stream_unary

        async def unary(request: Any, context: Context) -> Any:
            with self._span(method, context) as call:
                try:
                    self._allow(method, context)
                    limit = None if context.time_remaining() is not None else self._settings.default_deadline
                    async with asyncio.timeout(limit):
                        return await inner(request, context)
                except TimeoutError:
                    await call.end(
                        context, grpc.StatusCode.DEADLINE_EXCEEDED, "no answer within the deadline"
                    )
                except Exception as error:
                    await call.abort(context, error)

        make_unary = (
            grpc.stream_unary_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        return make_unary(unary, handler.request_deserializer, handler.response_serializer)

    def _span(self, method: str, context: Context) -> "_Call":
        metadata = {
            key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
        }
        return _Call(self._telemetry, self._calls, self._seconds, method, metadata)

    def _allow(self, method: str, context: Context) -> None:
        allowed = self._settings.allow.get(method, self._settings.allow.get("*"))
        if not allowed:
            return
        identities = _identities(context)
        if not identities & set(allowed):
            raise PermissionDenied(
                f"{', '.join(sorted(identities)) or 'a caller without a certificate'} may not call {method}",
                reason="CALLER_NOT_ALLOWED",
            )


def _identities(context: Context) -> set[str]:
    """What the caller's verified certificate names: common name and subject alternative names."""
    found = context.auth_context()
    names = (*found.get("x509_common_name", ()), *found.get("x509_subject_alternative_name", ()))
    return {name.decode(errors="replace") for name in names}


class _Call:
    """One call's span and numbers."""

    def __init__(
        self, telemetry: Telemetry | None, calls: Any, seconds: Any, method: str, metadata: dict[str, str]
    ) -> None:
        self._telemetry, self._calls, self._seconds = telemetry, calls, seconds
        self._method, self._metadata = method, metadata
        self._status = "OK"
        self._started = time.monotonic()
        self._manager: Any = None
        self._span: Span | None = None

    def __enter__(self) -> "_Call":
        if self._telemetry is not None:
            self._manager = self._telemetry.tracer.start_as_current_span(
                self._method.lstrip("/"), context=extract(self._metadata), kind=SpanKind.SERVER
            )
            self._span = self._manager.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if self._status == "OK" and kind is not None:
            # The caller has gone, or the server is stopping: nothing of ours has set a status.
            self._status = (
                "CANCELLED" if issubclass(kind, asyncio.CancelledError | GeneratorExit) else "UNKNOWN"
            )
        if self._manager is not None:
            # An abort is how a status is sent, no failure of this span.
            self._manager.__exit__(None, None, None)
        labels = {"method": self._method, "status": self._status}
        if self._calls is not None:
            self._calls.add(1, labels)
            self._seconds.record(time.monotonic() - self._started, {"method": self._method})

    async def abort(self, context: Context, error: Exception) -> None:
        """End the call with the status of `error`; an error nobody expected gets an id that stands in the log."""
        if isinstance(error, grpc.aio.AbortError):
            raise error
        if isinstance(error, _TRY_AGAIN):
            error = Unavailable(str(error), reason=type(error).__name__.removesuffix("Error").upper())
        if isinstance(error, LedgerRepeatedError):
            error = AlreadyExists("this idempotency key was used for another call", reason="KEY_USED")
        if isinstance(error, RpcError):
            await self.end(context, error.code, error.description, error.status().SerializeToString())
        if isinstance(error, grpc.aio.AioRpcError):
            # Another service answered us with an error: the caller learns its code.
            await self.end(context, error.code(), error.details() or "")
        error_id = secrets.token_hex(6)
        log.error("%s failed, error id %s", self._method, error_id, exc_info=error)
        if self._span is not None:
            self._span.record_exception(error)
        shown = Internal(f"internal error {error_id}: see the service's log", metadata={"error_id": error_id})
        await self.end(context, shown.code, shown.description, shown.status().SerializeToString())

    async def end(
        self, context: Context, code: grpc.StatusCode, text: str, details: bytes | None = None
    ) -> None:
        self._status = code.name
        if self._span is not None:
            self._span.set_status(StatusCode.ERROR, text)
        trailing = (("grpc-status-details-bin", details),) if details else ()
        await context.abort(code, text, trailing_metadata=trailing)
