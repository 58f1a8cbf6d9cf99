import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sixfold.api.emergency.v1 import events_pb2 as _events_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AlertState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALERT_STATE_UNSPECIFIED: _ClassVar[AlertState]
    ALERT_STATE_ACTIVE: _ClassVar[AlertState]
    ALERT_STATE_CANCELLED: _ClassVar[AlertState]
    ALERT_STATE_SUPERSEDED: _ClassVar[AlertState]
    ALERT_STATE_EXPIRED: _ClassVar[AlertState]
    ALERT_STATE_DONE: _ClassVar[AlertState]

class DeliveryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_STATE_UNSPECIFIED: _ClassVar[DeliveryState]
    DELIVERY_STATE_SENT: _ClassVar[DeliveryState]
    DELIVERY_STATE_DELIVERED: _ClassVar[DeliveryState]
    DELIVERY_STATE_REFUSED: _ClassVar[DeliveryState]
    DELIVERY_STATE_EXPIRED: _ClassVar[DeliveryState]
    DELIVERY_STATE_WITHDRAWAL_SENT: _ClassVar[DeliveryState]
    DELIVERY_STATE_WITHDRAWN: _ClassVar[DeliveryState]
ALERT_STATE_UNSPECIFIED: AlertState
ALERT_STATE_ACTIVE: AlertState
ALERT_STATE_CANCELLED: AlertState
ALERT_STATE_SUPERSEDED: AlertState
ALERT_STATE_EXPIRED: AlertState
ALERT_STATE_DONE: AlertState
DELIVERY_STATE_UNSPECIFIED: DeliveryState
DELIVERY_STATE_SENT: DeliveryState
DELIVERY_STATE_DELIVERED: DeliveryState
DELIVERY_STATE_REFUSED: DeliveryState
DELIVERY_STATE_EXPIRED: DeliveryState
DELIVERY_STATE_WITHDRAWAL_SENT: DeliveryState
DELIVERY_STATE_WITHDRAWN: DeliveryState

class Alert(_message.Message):
    __slots__ = ("alert_id", "identifier", "sender", "sent", "status", "message_type", "state", "expires", "accepted", "headline", "event", "severity", "language", "geocodes", "signature", "findings", "referenced")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    HEADLINE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    GEOCODES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    REFERENCED_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    identifier: str
    sender: str
    sent: _timestamp_pb2.Timestamp
    status: str
    message_type: str
    state: AlertState
    expires: _timestamp_pb2.Timestamp
    accepted: _timestamp_pb2.Timestamp
    headline: str
    event: str
    severity: str
    language: str
    geocodes: _containers.RepeatedCompositeFieldContainer[_events_pb2.Geocode]
    signature: str
    findings: _containers.RepeatedCompositeFieldContainer[_events_pb2.Finding]
    referenced: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, alert_id: _Optional[str] = ..., identifier: _Optional[str] = ..., sender: _Optional[str] = ..., sent: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., status: _Optional[str] = ..., message_type: _Optional[str] = ..., state: _Optional[_Union[AlertState, str]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., accepted: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., headline: _Optional[str] = ..., event: _Optional[str] = ..., severity: _Optional[str] = ..., language: _Optional[str] = ..., geocodes: _Optional[_Iterable[_Union[_events_pb2.Geocode, _Mapping]]] = ..., signature: _Optional[str] = ..., findings: _Optional[_Iterable[_Union[_events_pb2.Finding, _Mapping]]] = ..., referenced: _Optional[_Iterable[str]] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("alert_id", "gateway", "state", "sent", "receipt", "cause")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    gateway: str
    state: DeliveryState
    sent: _timestamp_pb2.Timestamp
    receipt: _timestamp_pb2.Timestamp
    cause: str
    def __init__(self, alert_id: _Optional[str] = ..., gateway: _Optional[str] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., sent: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., receipt: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cause: _Optional[str] = ...) -> None: ...

class SubmitAlertRequest(_message.Message):
    __slots__ = ("cap", "lenient")
    CAP_FIELD_NUMBER: _ClassVar[int]
    LENIENT_FIELD_NUMBER: _ClassVar[int]
    cap: bytes
    lenient: bool
    def __init__(self, cap: _Optional[bytes] = ..., lenient: _Optional[bool] = ...) -> None: ...

class SubmitAlertResponse(_message.Message):
    __slots__ = ("alert", "repeated_call")
    ALERT_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    repeated_call: bool
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ..., repeated_call: _Optional[bool] = ...) -> None: ...

class GetAlertRequest(_message.Message):
    __slots__ = ("alert_id",)
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    def __init__(self, alert_id: _Optional[str] = ...) -> None: ...

class GetAlertResponse(_message.Message):
    __slots__ = ("alert", "cap")
    ALERT_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    cap: bytes
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ..., cap: _Optional[bytes] = ...) -> None: ...

class ListAlertsRequest(_message.Message):
    __slots__ = ("state", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: AlertState
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[AlertState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAlertsResponse(_message.Message):
    __slots__ = ("alerts", "next_page_token")
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    alerts: _containers.RepeatedCompositeFieldContainer[Alert]
    next_page_token: str
    def __init__(self, alerts: _Optional[_Iterable[_Union[Alert, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelAlertRequest(_message.Message):
    __slots__ = ("alert_id", "reason")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    reason: str
    def __init__(self, alert_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelAlertResponse(_message.Message):
    __slots__ = ("alert",)
    ALERT_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ...) -> None: ...

class GetDeliveryRequest(_message.Message):
    __slots__ = ("alert_id",)
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    def __init__(self, alert_id: _Optional[str] = ...) -> None: ...

class GetDeliveryResponse(_message.Message):
    __slots__ = ("deliveries",)
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[Delivery]
    def __init__(self, deliveries: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ...) -> None: ...

class WatchDeliveriesRequest(_message.Message):
    __slots__ = ("alert_id",)
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    def __init__(self, alert_id: _Optional[str] = ...) -> None: ...

class WatchDeliveriesResponse(_message.Message):
    __slots__ = ("delivery",)
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    delivery: Delivery
    def __init__(self, delivery: _Optional[_Union[Delivery, _Mapping]] = ...) -> None: ...
