import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Command(_message.Message):
    __slots__ = ("id", "gateway", "issued", "expires", "deliver_alert", "cancel_alert")
    ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    ISSUED_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    DELIVER_ALERT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_ALERT_FIELD_NUMBER: _ClassVar[int]
    id: str
    gateway: str
    issued: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    deliver_alert: DeliverAlert
    cancel_alert: CancelAlert
    def __init__(self, id: _Optional[str] = ..., gateway: _Optional[str] = ..., issued: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deliver_alert: _Optional[_Union[DeliverAlert, _Mapping]] = ..., cancel_alert: _Optional[_Union[CancelAlert, _Mapping]] = ...) -> None: ...

class SignedCommand(_message.Message):
    __slots__ = ("command", "signature", "issuer")
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    command: bytes
    signature: bytes
    issuer: str
    def __init__(self, command: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., issuer: _Optional[str] = ...) -> None: ...

class DeliverAlert(_message.Message):
    __slots__ = ("alert_id", "cap", "expires", "headline", "severity", "language")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    HEADLINE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    cap: bytes
    expires: _timestamp_pb2.Timestamp
    headline: str
    severity: str
    language: str
    def __init__(self, alert_id: _Optional[str] = ..., cap: _Optional[bytes] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., headline: _Optional[str] = ..., severity: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class CancelAlert(_message.Message):
    __slots__ = ("alert_id",)
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    def __init__(self, alert_id: _Optional[str] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("command_id", "alert_id", "gateway", "outcome", "cause", "time")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[Receipt.Outcome]
        OUTCOME_DELIVERED: _ClassVar[Receipt.Outcome]
        OUTCOME_REFUSED: _ClassVar[Receipt.Outcome]
        OUTCOME_DUPLICATE: _ClassVar[Receipt.Outcome]
        OUTCOME_EXPIRED: _ClassVar[Receipt.Outcome]
    OUTCOME_UNSPECIFIED: Receipt.Outcome
    OUTCOME_DELIVERED: Receipt.Outcome
    OUTCOME_REFUSED: Receipt.Outcome
    OUTCOME_DUPLICATE: Receipt.Outcome
    OUTCOME_EXPIRED: Receipt.Outcome
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    alert_id: str
    gateway: str
    outcome: Receipt.Outcome
    cause: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, command_id: _Optional[str] = ..., alert_id: _Optional[str] = ..., gateway: _Optional[str] = ..., outcome: _Optional[_Union[Receipt.Outcome, str]] = ..., cause: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("gateway", "agent_version", "time", "started", "epoch", "flow_schema", "listeners", "spool", "counters", "troubles", "exporters", "templates")
    class CountersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FLOW_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    LISTENERS_FIELD_NUMBER: _ClassVar[int]
    SPOOL_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    TROUBLES_FIELD_NUMBER: _ClassVar[int]
    EXPORTERS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    agent_version: str
    time: _timestamp_pb2.Timestamp
    started: _timestamp_pb2.Timestamp
    epoch: str
    flow_schema: str
    listeners: _containers.RepeatedCompositeFieldContainer[Listener]
    spool: Spool
    counters: _containers.ScalarMap[str, int]
    troubles: _containers.RepeatedScalarFieldContainer[str]
    exporters: int
    templates: int
    def __init__(self, gateway: _Optional[str] = ..., agent_version: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., epoch: _Optional[str] = ..., flow_schema: _Optional[str] = ..., listeners: _Optional[_Iterable[_Union[Listener, _Mapping]]] = ..., spool: _Optional[_Union[Spool, _Mapping]] = ..., counters: _Optional[_Mapping[str, int]] = ..., troubles: _Optional[_Iterable[str]] = ..., exporters: _Optional[int] = ..., templates: _Optional[int] = ...) -> None: ...

class Listener(_message.Message):
    __slots__ = ("protocol", "address", "port", "datagrams", "kernel_drops", "receive_buffer_bytes")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    DATAGRAMS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_DROPS_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_BUFFER_BYTES_FIELD_NUMBER: _ClassVar[int]
    protocol: str
    address: str
    port: int
    datagrams: int
    kernel_drops: int
    receive_buffer_bytes: int
    def __init__(self, protocol: _Optional[str] = ..., address: _Optional[str] = ..., port: _Optional[int] = ..., datagrams: _Optional[int] = ..., kernel_drops: _Optional[int] = ..., receive_buffer_bytes: _Optional[int] = ...) -> None: ...

class Spool(_message.Message):
    __slots__ = ("batches", "bytes", "limit_bytes", "dropped_batches", "dropped_flows")
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_BATCHES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FLOWS_FIELD_NUMBER: _ClassVar[int]
    batches: int
    bytes: int
    limit_bytes: int
    dropped_batches: int
    dropped_flows: int
    def __init__(self, batches: _Optional[int] = ..., bytes: _Optional[int] = ..., limit_bytes: _Optional[int] = ..., dropped_batches: _Optional[int] = ..., dropped_flows: _Optional[int] = ...) -> None: ...
