"""gRPC of a service: server with health and reflection, client channels, errors with their reasons."""

from sixfold.chassis.rpc.client import connect, reason_of
from sixfold.chassis.rpc.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    RpcError,
    Unavailable,
)
from sixfold.chassis.rpc.server import RpcServer
from sixfold.chassis.rpc.settings import ClientSettings, RpcSettings, TlsSettings

__all__ = [
    "AlreadyExists",
    "ClientSettings",
    "FailedPrecondition",
    "InvalidArgument",
    "NotFound",
    "PermissionDenied",
    "ResourceExhausted",
    "RpcError",
    "RpcServer",
    "RpcSettings",
    "TlsSettings",
    "Unavailable",
    "connect",
    "reason_of",
]
