"""What a servicer raises; each becomes its status code with `google.rpc.ErrorInfo` and, for arguments, `BadRequest`.

RpcError
  InvalidArgument     a field is wrong: which, and what is allowed
  NotFound            there is no such thing
  AlreadyExists       there is one already
  FailedPrecondition  not in this state (a stale version, a pool that is not empty)
  ResourceExhausted   a pool or a quota is used up
  PermissionDenied    this caller may not
  Unavailable         try again later
  Internal            nobody expected it; made by the server for every other exception, with an `error_id`
"""

from collections.abc import Mapping

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

DOMAIN = "sixfold"


class RpcError(Exception):
    """`reason` is a short stable word in capitals, as in ErrorInfo: POOL_EXHAUSTED."""

    code = grpc.StatusCode.UNKNOWN

    def __init__(
        self, description: str, *, reason: str = "", metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.description = description
        self.reason = reason or self.code.name
        self.metadata = dict(metadata or {})

    def status(self) -> Status:
        details: list[ErrorInfo | BadRequest] = [
            ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata)
        ]
        details += self.more_details()
        packed = []
        for detail in details:
            wrapped = AnyMessage()
            wrapped.Pack(detail)
            packed.append(wrapped)
        return Status(code=self.code.value[0], message=self.description, details=packed)

    def more_details(self) -> list[BadRequest]:
        return []


class InvalidArgument(RpcError):  # noqa: N818 - the names of the status codes
    code = grpc.StatusCode.INVALID_ARGUMENT

    def __init__(self, field: str, description: str, reason: str = "") -> None:
        super().__init__(f"{field}: {description}", reason=reason, metadata={"field": field})
        self.field = field
        self.violation = description

    def more_details(self) -> list[BadRequest]:
        violation = BadRequest.FieldViolation(
            field=self.field, description=self.violation, reason=self.reason
        )
        return [BadRequest(field_violations=[violation])]


class NotFound(RpcError):  # noqa: N818
    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(RpcError):  # noqa: N818
    code = grpc.StatusCode.ALREADY_EXISTS


class FailedPrecondition(RpcError):  # noqa: N818
    code = grpc.StatusCode.FAILED_PRECONDITION


class ResourceExhausted(RpcError):  # noqa: N818
    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class PermissionDenied(RpcError):  # noqa: N818
    code = grpc.StatusCode.PERMISSION_DENIED


class Unavailable(RpcError):  # noqa: N818
    code = grpc.StatusCode.UNAVAILABLE


class Internal(RpcError):  # noqa: N818
    code = grpc.StatusCode.INTERNAL
