"""Channels to other services: a deadline and the current trace on every call."""

from collections.abc import Callable
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from sixfold.chassis.rpc.settings import ClientSettings
from sixfold.chassis.telemetry import inject


def _prepared(details: Any, deadline: float | None) -> grpc.aio.ClientCallDetails:
    headers: dict[str, str] = {}
    inject(headers)
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    for key, value in headers.items():
        metadata.add(key, value)
    return grpc.aio.ClientCallDetails(
        details.method,
        details.timeout if details.timeout is not None else deadline,
        metadata,
        details.credentials,
        details.wait_for_ready,
    )


class _Unary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    async def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Any], client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_prepared(client_call_details, self._deadline), request)


class _Stream(grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Callable[[Any, Any], Any], client_call_details: Any, request: Any
    ) -> Any:
        # A stream may be watched for ever: its deadline is the caller's business.
        return await continuation(_prepared(client_call_details, None), request)


def connect(target: str, settings: ClientSettings | None = None) -> grpc.aio.Channel:
    """A channel to host:port; connects when it is first used, and again after a loss. Close it when done."""
    chosen = settings or ClientSettings()
    interceptors = [_Unary(chosen.default_deadline), _Stream()]
    options = [
        ("grpc.max_receive_message_length", chosen.max_message_bytes),
        ("grpc.max_send_message_length", chosen.max_message_bytes),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    if chosen.tls is None:
        return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)
    return grpc.aio.secure_channel(
        target, chosen.tls.for_client(), options=options, interceptors=interceptors
    )


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The `reason` of the ErrorInfo that a service sent, or the name of the status code."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in Status.FromString(value if isinstance(value, bytes) else value.encode()).details:
                info = ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return str(error.code().name)
