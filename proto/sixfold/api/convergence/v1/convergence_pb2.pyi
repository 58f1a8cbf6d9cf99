import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sixfold.api.convergence.v1 import events_pb2 as _events_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetTrafficRequest(_message.Message):
    __slots__ = ("start_time", "end_time", "gateway")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    gateway: str
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., gateway: _Optional[str] = ...) -> None: ...

class GetTrafficResponse(_message.Message):
    __slots__ = ("minutes", "totals")
    MINUTES_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    minutes: _containers.RepeatedCompositeFieldContainer[TrafficMinute]
    totals: _containers.RepeatedCompositeFieldContainer[_events_pb2.TrafficCell]
    def __init__(self, minutes: _Optional[_Iterable[_Union[TrafficMinute, _Mapping]]] = ..., totals: _Optional[_Iterable[_Union[_events_pb2.TrafficCell, _Mapping]]] = ...) -> None: ...

class TrafficMinute(_message.Message):
    __slots__ = ("gateway", "minute", "cells", "closed", "revision")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    MINUTE_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    minute: _timestamp_pb2.Timestamp
    cells: _containers.RepeatedCompositeFieldContainer[_events_pb2.TrafficCell]
    closed: bool
    revision: int
    def __init__(self, gateway: _Optional[str] = ..., minute: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cells: _Optional[_Iterable[_Union[_events_pb2.TrafficCell, _Mapping]]] = ..., closed: _Optional[bool] = ..., revision: _Optional[int] = ...) -> None: ...

class WatchTrafficRequest(_message.Message):
    __slots__ = ("gateway",)
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    def __init__(self, gateway: _Optional[str] = ...) -> None: ...

class WatchTrafficResponse(_message.Message):
    __slots__ = ("minute", "sequence")
    MINUTE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    minute: TrafficMinute
    sequence: int
    def __init__(self, minute: _Optional[_Union[TrafficMinute, _Mapping]] = ..., sequence: _Optional[int] = ...) -> None: ...

class Service(_message.Message):
    __slots__ = ("service_id", "name", "network", "service_class", "prefixes", "ports", "provider", "registered")
    SERVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    SERVICE_CLASS_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    service_id: str
    name: str
    network: _events_pb2.Network
    service_class: str
    prefixes: _containers.RepeatedScalarFieldContainer[str]
    ports: _containers.RepeatedCompositeFieldContainer[_events_pb2.PortRange]
    provider: str
    registered: _timestamp_pb2.Timestamp
    def __init__(self, service_id: _Optional[str] = ..., name: _Optional[str] = ..., network: _Optional[_Union[_events_pb2.Network, str]] = ..., service_class: _Optional[str] = ..., prefixes: _Optional[_Iterable[str]] = ..., ports: _Optional[_Iterable[_Union[_events_pb2.PortRange, _Mapping]]] = ..., provider: _Optional[str] = ..., registered: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RegisterServiceRequest(_message.Message):
    __slots__ = ("name", "network", "service_class", "prefixes", "ports", "provider", "idempotency_key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    SERVICE_CLASS_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    network: _events_pb2.Network
    service_class: str
    prefixes: _containers.RepeatedScalarFieldContainer[str]
    ports: _containers.RepeatedCompositeFieldContainer[_events_pb2.PortRange]
    provider: str
    idempotency_key: str
    def __init__(self, name: _Optional[str] = ..., network: _Optional[_Union[_events_pb2.Network, str]] = ..., service_class: _Optional[str] = ..., prefixes: _Optional[_Iterable[str]] = ..., ports: _Optional[_Iterable[_Union[_events_pb2.PortRange, _Mapping]]] = ..., provider: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class RegisterServiceResponse(_message.Message):
    __slots__ = ("service",)
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    service: Service
    def __init__(self, service: _Optional[_Union[Service, _Mapping]] = ...) -> None: ...

class ListServicesRequest(_message.Message):
    __slots__ = ("network", "page_size", "page_token")
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    network: _events_pb2.Network
    page_size: int
    page_token: str
    def __init__(self, network: _Optional[_Union[_events_pb2.Network, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListServicesResponse(_message.Message):
    __slots__ = ("services", "next_page_token")
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    services: _containers.RepeatedCompositeFieldContainer[Service]
    next_page_token: str
    def __init__(self, services: _Optional[_Iterable[_Union[Service, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
