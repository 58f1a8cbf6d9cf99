import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Finding(_message.Message):
    __slots__ = ("path", "rule", "detail")
    PATH_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    path: str
    rule: str
    detail: str
    def __init__(self, path: _Optional[str] = ..., rule: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Geocode(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class AlertAccepted(_message.Message):
    __slots__ = ("alert_id", "identifier", "sender", "sent", "status", "message_type", "cap", "expires", "headline", "event", "severity", "language", "geocodes", "signature", "findings", "referenced", "accepted")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    HEADLINE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    GEOCODES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    REFERENCED_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    identifier: str
    sender: str
    sent: _timestamp_pb2.Timestamp
    status: str
    message_type: str
    cap: bytes
    expires: _timestamp_pb2.Timestamp
    headline: str
    event: str
    severity: str
    language: str
    geocodes: _containers.RepeatedCompositeFieldContainer[Geocode]
    signature: str
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    referenced: _containers.RepeatedScalarFieldContainer[str]
    accepted: _timestamp_pb2.Timestamp
    def __init__(self, alert_id: _Optional[str] = ..., identifier: _Optional[str] = ..., sender: _Optional[str] = ..., sent: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., status: _Optional[str] = ..., message_type: _Optional[str] = ..., cap: _Optional[bytes] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., headline: _Optional[str] = ..., event: _Optional[str] = ..., severity: _Optional[str] = ..., language: _Optional[str] = ..., geocodes: _Optional[_Iterable[_Union[Geocode, _Mapping]]] = ..., signature: _Optional[str] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., referenced: _Optional[_Iterable[str]] = ..., accepted: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AlertFannedOut(_message.Message):
    __slots__ = ("alert_id", "gateways", "time", "withdrawal")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWAL_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    gateways: _containers.RepeatedScalarFieldContainer[str]
    time: _timestamp_pb2.Timestamp
    withdrawal: bool
    def __init__(self, alert_id: _Optional[str] = ..., gateways: _Optional[_Iterable[str]] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., withdrawal: _Optional[bool] = ...) -> None: ...

class ReceiptRecorded(_message.Message):
    __slots__ = ("alert_id", "gateway", "command_id", "outcome", "cause", "time")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    gateway: str
    command_id: str
    outcome: str
    cause: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, alert_id: _Optional[str] = ..., gateway: _Optional[str] = ..., command_id: _Optional[str] = ..., outcome: _Optional[str] = ..., cause: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReceiptsRecorded(_message.Message):
    __slots__ = ("receipts",)
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    receipts: _containers.RepeatedCompositeFieldContainer[ReceiptRecorded]
    def __init__(self, receipts: _Optional[_Iterable[_Union[ReceiptRecorded, _Mapping]]] = ...) -> None: ...

class AlertCancelled(_message.Message):
    __slots__ = ("alert_id", "by_alert_id", "superseded", "reason", "time")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    BY_ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    by_alert_id: str
    superseded: bool
    reason: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, alert_id: _Optional[str] = ..., by_alert_id: _Optional[str] = ..., superseded: _Optional[bool] = ..., reason: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AlertExpired(_message.Message):
    __slots__ = ("alert_id", "time")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, alert_id: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
